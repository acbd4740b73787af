//! The one recorded order of input: claimed files to a sequence of blocks, and event times to watermarks.
//! Relies on sources taking turns by a fixed quantum of blocks; epochs only cut the sequence.
//! Never looks at a clock: idling is running out of claimed files, which the order itself records.

use caudal_mediation::dedup::Window;
use caudal_usage::commit::{NO_TIME_MS, OpenFile};
use caudal_usage::time::DAY_MS;
use caudal_usage::{Cursor, FileClaim, FileEntry, FileOrdinal, FileProgress, SourceCursor};
use std::collections::{BTreeMap, VecDeque};

/// Blocks that a source gives before the next one has its turn.
pub const QUANTUM_BLOCKS: u16 = 4;

/// The block that comes next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pick {
    /// Index of the source.
    pub source: u16,
    /// The file.
    pub file: FileOrdinal,
    /// Where the block stands in it.
    pub from: FileProgress,
    /// Number of the block.
    pub block: u64,
    /// Records of it that earlier epochs took.
    pub taken: u32,
}

/// What a taken slice shows about time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seen {
    /// Index of the source.
    pub source: u16,
    /// Greatest event time in the slice; [`NO_TIME_MS`] when there is none.
    pub max_event_ms: i64,
    /// True when the slice ends its block.
    pub ends_block: bool,
    /// True when it ends its file.
    pub ends_file: bool,
}

/// A claimed file that waits.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    ordinal: FileOrdinal,
    /// Where it is read from: its start, or the end from which it goes on.
    from: FileProgress,
}

impl Waiting {
    fn of(claim: &FileClaim) -> Self {
        Self { ordinal: claim.ordinal, from: claim.from() }
    }
}

/// The schedule: the cursor, and the claimed files that wait.
#[derive(Clone, Debug)]
pub struct Schedule {
    cursor: Cursor,
    waiting: Vec<VecDeque<Waiting>>,
    /// Files claimed and not yet ended in the order of what was *seen*, which trails what was read.
    unseen: Vec<u32>,
    window: Window,
}

impl Schedule {
    /// The cursor of a new state, for sources in the order of their names.
    pub fn start<'a>(names: impl IntoIterator<Item = &'a str>) -> Cursor {
        let source = |name: &str| SourceCursor {
            name: name.into(),
            active: false,
            watermark_ms: NO_TIME_MS,
            block_max_ms: NO_TIME_MS,
            open: None,
        };
        Cursor {
            next_block: 0,
            next_ordinal: 0,
            turn: 0,
            quantum_left: QUANTUM_BLOCKS,
            watermark_ms: NO_TIME_MS,
            floor_day: i32::MIN,
            sources: names.into_iter().map(source).collect(),
        }
    }

    /// Resumes at `cursor`. Files that are claimed and not finished wait again, in the order of their claims. Those of
    /// a source that the cursor does not name are passed over: recovery refuses a pipeline that has lost such a source.
    pub fn resume(cursor: Cursor, files: &BTreeMap<FileOrdinal, FileEntry>, window_days: i32) -> Self {
        let count = cursor.sources.len();
        let window = Window::new(window_days, cursor.floor_day);
        let mut schedule =
            Self { cursor, waiting: vec![VecDeque::new(); count], unseen: vec![0; count], window };
        let mut unfinished: Vec<_> = files.values().filter(|entry| entry.finished.is_none()).collect();
        unfinished.sort_by_key(|entry| entry.claim.order());
        for entry in unfinished {
            let ordinal = entry.claim.ordinal;
            let index = schedule.cursor.sources.iter().position(|source| source.name == entry.source);
            let Some(index) = index else { continue };
            schedule.unseen[index] += 1;
            if schedule.cursor.sources[index].open.is_none_or(|open| open.ordinal != ordinal) {
                schedule.waiting[index].push_back(Waiting::of(&entry.claim));
            }
        }
        schedule
    }

    /// The input position: everything picked and seen so far.
    pub const fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    /// Numbers a claimed file of `source` and queues it.
    pub fn claim(&mut self, source: u16) -> FileOrdinal {
        let ordinal = FileOrdinal(self.cursor.next_ordinal);
        self.cursor.next_ordinal += 1;
        self.queue(source, Waiting { ordinal, from: FileProgress::default() });
        ordinal
    }

    /// Queues a file that goes on from an earlier end. Those found together come before the new ones, in the order of
    /// their ordinals.
    pub fn claim_again(&mut self, source: u16, claim: &FileClaim) {
        self.queue(source, Waiting::of(claim));
    }

    /// The ordinal that the next new file gets.
    pub const fn next_ordinal(&self) -> FileOrdinal {
        FileOrdinal(self.cursor.next_ordinal)
    }

    fn queue(&mut self, source: u16, waiting: Waiting) {
        let index = usize::from(source);
        self.waiting[index].push_back(waiting);
        self.unseen[index] += 1;
        self.cursor.sources[index].active = true;
    }

    /// The next block of the sequence; `None` when no claimed file is left.
    pub fn pick(&mut self) -> Option<Pick> {
        let count = self.cursor.sources.len();
        let stood = (self.cursor.turn, self.cursor.quantum_left);
        for _ in 0..=count {
            let index = usize::from(self.cursor.turn);
            if self.cursor.quantum_left > 0 && self.open(index) {
                return self.current(index);
            }
            self.cursor.turn = ((index + 1) % count.max(1)) as u16;
            self.cursor.quantum_left = QUANTUM_BLOCKS;
        }
        // Looking for input in vain leaves no trace: how often that happens depends on the clock and on epochs.
        (self.cursor.turn, self.cursor.quantum_left) = stood;
        None
    }

    /// Makes sure that a file of the source is open; false when none is left.
    fn open(&mut self, index: usize) -> bool {
        let Some(source) = self.cursor.sources.get_mut(index) else { return false };
        if source.open.is_none() {
            source.open = self.waiting[index].pop_front().map(|waiting| OpenFile {
                ordinal: waiting.ordinal,
                progress: waiting.from,
                taken: 0,
                block: 0,
            });
        }
        source.open.is_some()
    }

    fn current(&mut self, index: usize) -> Option<Pick> {
        let open = self.cursor.sources[index].open.as_mut()?;
        if open.taken == 0 {
            open.block = self.cursor.next_block;
        }
        Some(Pick {
            source: index as u16,
            file: open.ordinal,
            from: open.progress,
            block: open.block,
            taken: open.taken,
        })
    }

    /// Takes part of the picked block: up to record `taken` of it.
    pub fn took_part(&mut self, pick: &Pick, taken: u32) {
        if let Some(open) = self.cursor.sources[usize::from(pick.source)].open.as_mut() {
            // The number is spent when the block is begun, so that no later block of another source gets it.
            if open.taken == 0 {
                self.cursor.next_block += 1;
            }
            open.taken = taken;
        }
    }

    /// Takes the rest of the picked block. `next` is where the file goes on; `None` at its end.
    pub fn took_block(&mut self, pick: &Pick, next: Option<FileProgress>) {
        if pick.taken == 0 {
            self.cursor.next_block += 1;
        }
        self.cursor.quantum_left = self.cursor.quantum_left.saturating_sub(1);
        let source = &mut self.cursor.sources[usize::from(pick.source)];
        source.open = next.map(|progress| OpenFile { ordinal: pick.file, progress, taken: 0, block: 0 });
    }

    /// Notes the event times of a taken slice, in the order of the sequence. Returns the overall watermark when the
    /// end of a block moved it.
    pub fn see(&mut self, seen: &Seen) -> Option<i64> {
        let index = usize::from(seen.source);
        let source = &mut self.cursor.sources[index];
        source.block_max_ms = source.block_max_ms.max(seen.max_event_ms);
        if !seen.ends_block {
            return None;
        }
        source.watermark_ms = source.watermark_ms.max(source.block_max_ms);
        source.block_max_ms = NO_TIME_MS;
        let before = self.cursor.watermark_ms;
        self.settle();
        if seen.ends_file {
            self.unseen[index] -= 1;
            if self.unseen[index] == 0 {
                self.cursor.sources[index].active = false;
                self.settle();
            }
        }
        (self.cursor.watermark_ms > before).then_some(self.cursor.watermark_ms)
    }

    /// The least watermark over active sources, never falling; the floor follows it.
    fn settle(&mut self) {
        let active = self.cursor.sources.iter().filter(|source| source.active);
        let Some(least) = active.map(|source| source.watermark_ms).min() else { return };
        if least > self.cursor.watermark_ms {
            self.cursor.watermark_ms = least;
            let day = i32::try_from(least.div_euclid(DAY_MS)).unwrap_or(i32::MIN);
            self.window.advance(day);
            self.cursor.floor_day = self.window.floor();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use caudal_usage::{Continued, Finished, FoundFile};

    /// Runs a schedule over `files[source] = blocks of each file`; every block is taken in `parts` parts.
    fn sequence(files: &[&[u32]], parts: u32) -> Vec<(u16, u32, u64)> {
        let names = ["a", "b", "c"];
        let cursor = Schedule::start(names.into_iter().take(files.len()));
        let mut schedule = Schedule::resume(cursor, &BTreeMap::new(), 90);
        let mut blocks = BTreeMap::new();
        for (source, files) in files.iter().enumerate() {
            for &count in *files {
                blocks.insert(schedule.claim(source as u16), count);
            }
        }
        let mut taken = Vec::new();
        while let Some(pick) = schedule.pick() {
            if pick.taken + 1 < parts {
                schedule.took_part(&pick, pick.taken + 1);
                continue;
            }
            let done = u32::try_from(pick.from.offset).unwrap() + 1;
            let next = FileProgress { offset: u64::from(done), ..pick.from };
            let end = done == blocks[&pick.file];
            schedule.took_block(&pick, (!end).then_some(next));
            taken.push((pick.source, pick.file.0, pick.block));
            let time = i64::from(done) * 1000;
            let seen = Seen { source: pick.source, max_event_ms: time, ends_block: true, ends_file: end };
            schedule.see(&seen);
        }
        assert!(schedule.cursor().sources.iter().all(|source| !source.active && source.open.is_none()));
        taken
    }

    #[test]
    fn sources_take_turns_and_cuts_change_nothing() {
        let files: &[&[u32]] = &[&[3, 6], &[5], &[1]];
        let straight = sequence(files, 1);
        let sources: Vec<_> = straight.iter().map(|taken| taken.0).collect();
        assert_eq!(sources, [0, 0, 0, 0, 1, 1, 1, 1, 2, 0, 0, 0, 0, 1, 0]);
        assert_eq!(straight.iter().map(|taken| taken.2).collect::<Vec<_>>(), (0..15).collect::<Vec<_>>());
        assert_eq!(sequence(files, 2), straight);
        assert_eq!(sequence(files, 5), straight);
    }

    #[test]
    fn looking_in_vain_moves_no_turn() {
        let order = |looks: u32| {
            let mut schedule = Schedule::resume(Schedule::start(["a", "b"]), &BTreeMap::new(), 90);
            let mut taken = Vec::new();
            for _ in 0..3 {
                schedule.claim(1);
                schedule.claim(0);
                while let Some(pick) = schedule.pick() {
                    schedule.took_block(&pick, None);
                    taken.push((pick.source, pick.file.0, pick.block));
                }
                (1..looks).for_each(|_| assert_eq!(schedule.pick(), None));
            }
            taken
        };
        assert_eq!(order(2), order(1));
        assert_eq!(order(3), order(1));
    }

    #[test]
    fn a_source_that_wakes_holds_the_watermark_back_and_lowers_nothing() {
        let mut schedule = Schedule::resume(Schedule::start(["a", "b"]), &BTreeMap::new(), 1);
        let see = |schedule: &mut Schedule, source, day, ends_file| {
            schedule.see(&Seen { source, max_event_ms: day * DAY_MS, ends_block: true, ends_file })
        };
        schedule.claim(0);
        schedule.claim(1);
        assert_eq!(see(&mut schedule, 0, 2, true), None);
        assert_eq!(see(&mut schedule, 1, 5, false), Some(5 * DAY_MS));
        schedule.claim(0);
        assert_eq!(see(&mut schedule, 1, 6, false), None);
        assert_eq!(see(&mut schedule, 0, 3, false), None);
        assert_eq!((schedule.cursor().watermark_ms, schedule.cursor().floor_day), (5 * DAY_MS, 4));
        assert_eq!(see(&mut schedule, 0, 7, false), Some(6 * DAY_MS));
    }

    /// A file without records, or of nothing but its header, shows no time: its end may still free the others.
    #[test]
    fn a_file_without_times_ends_like_any_other() {
        let mut schedule = Schedule::resume(Schedule::start(["a", "b"]), &BTreeMap::new(), 1);
        schedule.claim(0);
        schedule.claim(1);
        let pick = schedule.pick().unwrap();
        schedule.took_block(&pick, None);
        let mut end = Seen { source: 1, max_event_ms: DAY_MS, ends_block: true, ends_file: false };
        assert_eq!(schedule.see(&end), None);
        end = Seen { source: 0, max_event_ms: NO_TIME_MS, ends_block: true, ends_file: true };
        assert_eq!(schedule.see(&end), Some(DAY_MS));
        assert!(!schedule.cursor().sources[0].active);
        assert_eq!(schedule.pick().map(|pick| (pick.source, pick.block)), Some((1, 1)));
    }

    #[test]
    fn a_resumed_schedule_goes_on_inside_a_block_and_then_with_what_waits() {
        let entry = |source: &str, ordinal| {
            let found = FoundFile {
                source: 0,
                name: b"f".to_vec(),
                size: 1,
                inode: u64::from(ordinal),
                mtime_ns: 0,
                head_hash: 0,
            };
            let claim = FileClaim { found, ordinal: FileOrdinal(ordinal), arrival_ms: 0, continued: None };
            let entry = FileEntry { source: source.into(), claim, finished: None, released: false };
            (FileOrdinal(ordinal), entry)
        };
        let mut schedule = Schedule::resume(Schedule::start(["a", "b"]), &BTreeMap::new(), 1);
        let files: BTreeMap<_, _> = [entry("a", schedule.claim(0).0), entry("b", schedule.claim(1).0)].into();
        let pick = schedule.pick().unwrap();
        schedule.took_part(&pick, 7);
        let mut resumed = Schedule::resume(schedule.cursor().clone(), &files, 1);
        assert_eq!(resumed.cursor(), schedule.cursor());
        for schedule in [&mut schedule, &mut resumed] {
            let rest = schedule.pick().unwrap();
            assert_eq!(rest, Pick { taken: 7, ..pick });
            schedule.took_block(&rest, None);
            let end = Seen { source: 0, max_event_ms: NO_TIME_MS, ends_block: true, ends_file: true };
            schedule.see(&end);
            assert_eq!(schedule.pick().map(|pick| (pick.file.0, pick.block)), Some((1, 1)));
        }
        assert_eq!(resumed.cursor(), schedule.cursor());
    }

    /// Files 0 and 1 ended; 2 and 3 wait; then 1 is found grown, together with 4. A stop in between changes no order.
    #[test]
    fn a_file_that_goes_on_has_its_turn_by_its_last_claim_and_starts_at_its_end() {
        let found =
            || FoundFile { source: 0, name: b"f".to_vec(), size: 1, inode: 1, mtime_ns: 0, head_hash: 0 };
        let claim = |ordinal, continued| FileClaim {
            found: found(),
            ordinal: FileOrdinal(ordinal),
            arrival_ms: 0,
            continued,
        };
        let end = Finished { octets: 100, framed: 7, content_hash: 9, damaged: false };
        let goes_on = claim(1, Some(Continued { end, ends: 1, before: FileOrdinal(4) }));
        let mut straight = Schedule::resume(Schedule::start(["a"]), &BTreeMap::new(), 1);
        for _ in 0..2 {
            straight.claim(0);
            let pick = straight.pick().unwrap();
            straight.took_block(&pick, None);
        }
        straight.claim(0);
        straight.claim(0);
        assert_eq!(straight.next_ordinal(), FileOrdinal(4));
        straight.claim_again(0, &goes_on);
        straight.claim(0);
        let waiting = [claim(2, None), claim(3, None), goes_on, claim(4, None)];
        let files = waiting.map(|claim| {
            (claim.ordinal, FileEntry { source: "a".into(), claim, finished: None, released: false })
        });
        let resumed = Schedule::resume(straight.cursor().clone(), &files.into(), 1);
        for mut schedule in [straight, resumed] {
            let mut order = Vec::new();
            while let Some(pick) = schedule.pick() {
                order.push((pick.file.0, pick.from.offset, pick.from.records));
                schedule.took_block(&pick, None);
            }
            assert_eq!(order, [(2, 0, 0), (3, 0, 0), (1, 100, 7), (4, 0, 0)]);
        }
    }

    #[test]
    fn the_watermark_is_the_least_of_the_active_sources_and_never_falls() {
        let mut schedule = Schedule::resume(Schedule::start(["a", "b"]), &BTreeMap::new(), 1);
        schedule.claim(0);
        schedule.claim(1);
        let see = |schedule: &mut Schedule, source, max_event_ms, ends_file| {
            schedule.see(&Seen { source, max_event_ms, ends_block: true, ends_file })
        };
        assert_eq!(see(&mut schedule, 0, 5 * DAY_MS, false), None);
        assert_eq!(see(&mut schedule, 1, 3 * DAY_MS, false), Some(3 * DAY_MS));
        assert_eq!(schedule.cursor().floor_day, 2);
        assert_eq!(see(&mut schedule, 1, DAY_MS, false), None);
        assert_eq!(see(&mut schedule, 1, NO_TIME_MS, true), Some(5 * DAY_MS));
        assert_eq!(see(&mut schedule, 0, 6 * DAY_MS, true), Some(6 * DAY_MS));
        assert_eq!(schedule.cursor().floor_day, 5);
    }
}
