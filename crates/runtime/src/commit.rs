//! The three steps of a commit: *prepare* makes data durable, *commit* is the one atomic act, *finish* is idempotent.
//! Relies on the epoch's books having been checked; checks the lines that it writes against them.
//! Never acknowledges before the log is synced, and never retries a failed sync: the line stops and recovers.

use crate::feed::Sources;
use crate::outputs::{Outputs, Roll};
use anyhow::Context;
use caudal_engine::topics::{InputOffset, Topics};
use caudal_engine::{books, fail};
use caudal_store::log::Log;
use caudal_usage::{Commit, FileClaim, FileOrdinal, FileProgress, Stream};
use caudal_wire::Encoder;
use caudal_wire::frame::put_commit;
use crossbeam_channel::{Receiver, Sender, bounded};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Lines for one stream, in pieces, and how many items the stages counted for it.
#[derive(Debug, Default)]
pub struct StreamLines {
    /// The lines.
    pub pieces: Vec<Vec<u8>>,
    /// Items, counted where they were made.
    pub items: u64,
}

/// A section of state changes: pieces of stored form, and how many entries.
#[derive(Debug, Default)]
pub struct Section {
    /// The entries.
    pub pieces: Vec<Vec<u8>>,
    /// Their number.
    pub entries: u32,
}

/// An epoch, ready to be committed.
#[derive(Debug)]
pub struct Prepared {
    /// The commit, but for its receipts.
    pub commit: Commit,
    /// Lines by stream.
    pub lines: [StreamLines; Stream::ALL.len()],
    /// Claims, sessions, balances.
    pub sections: [Section; 3],
    /// Files whose end the epoch holds.
    pub ended: Vec<FileClaim>,
    /// Files that are being read, where that has changed.
    pub standing: Vec<(FileClaim, FileProgress)>,
    /// What becomes of the data files.
    pub roll: Roll,
    /// Offsets of input topics that the epoch has used up.
    pub offsets: Vec<InputOffset>,
}

/// What a commit did.
#[derive(Debug)]
pub struct Committed {
    /// The commit, with its receipts.
    pub commit: Commit,
    /// Files that *finish* has dealt with.
    pub released: Vec<FileOrdinal>,
    /// Octets of the frame.
    pub frame_bytes: u64,
    /// Wall time of the three steps.
    pub took: Duration,
}

/// The log, shared with whoever takes snapshots between commits.
pub type SharedLog = Arc<Mutex<Log>>;

/// Where an epoch is committed.
pub enum Target {
    /// Data files, and the local log: the sync of the log is the commit.
    Folder(Outputs),
    /// Topics: the end of the transaction is the commit. The local log follows it, and is where a start begins.
    Topics(Box<dyn Topics>),
}

/// Commits epochs, one at a time.
pub struct Committer {
    target: Target,
    log: SharedLog,
    sources: Sources,
}

impl Committer {
    /// A committer on an open target and log.
    pub fn new(target: Target, log: SharedLog, sources: Sources) -> Self {
        Self { target, log, sources }
    }

    /// Commits one epoch.
    pub fn commit(&mut self, mut prepared: Prepared) -> anyhow::Result<Committed> {
        let clock = Instant::now();
        self.prepare(&mut prepared)?;
        let frame_bytes = self.make(&prepared)?;
        let (commit, released) = self.finish(prepared)?;
        Ok(Committed { commit, released, frame_bytes, took: clock.elapsed() })
    }

    /// *prepare*: every line is sent, or stands durably in its data file, before the commit says so.
    fn prepare(&mut self, prepared: &mut Prepared) -> anyhow::Result<()> {
        fail::at("commit.prepare.before")?;
        for (stream, lines) in Stream::ALL.into_iter().zip(&mut prepared.lines) {
            let mut written = 0;
            for piece in lines.pieces.drain(..) {
                for _ in 0..fail::times("write") {
                    written += match &mut self.target {
                        Target::Folder(outputs) => outputs.append(stream, &piece)?,
                        Target::Topics(topics) => topics.append(stream, &piece)?,
                    };
                }
                fail::at("commit.prepare.write")?;
            }
            books::lines(stream.as_str(), written, lines.items)?;
        }
        fail::at("commit.prepare.sync")?;
        if let Target::Folder(outputs) = &mut self.target {
            prepared.commit.receipts = outputs.prepare(prepared.roll)?;
        }
        fail::at("commit.prepare.after")?;
        Ok(())
    }

    /// *commit*: the frame in the log. Before its sync nothing has happened, after it everything has.
    fn make(&mut self, prepared: &Prepared) -> anyhow::Result<u64> {
        let frame = frame(prepared);
        fail::at("commit.log.before")?;
        if let Target::Topics(topics) = &mut self.target {
            topics.commit(prepared.commit.epoch, &frame, &prepared.offsets)?;
        }
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.append(prepared.commit.epoch, &frame).context("cannot append to the log")?;
        fail::at("commit.log.sync")?;
        log.sync().context("cannot sync the log")?;
        fail::at("commit.log.after")?;
        Ok(frame.len() as u64)
    }

    /// *finish*: acts outside that may be repeated: final names, and telling the sources.
    fn finish(&mut self, prepared: Prepared) -> anyhow::Result<(Commit, Vec<FileOrdinal>)> {
        if let Target::Folder(outputs) = &mut self.target {
            outputs.finish(&prepared.commit.receipts)?;
        }
        fail::at("commit.finish.outputs")?;
        let mut released = Vec::with_capacity(prepared.ended.len());
        for claim in &prepared.ended {
            finish_file(&self.sources, claim)?;
            fail::at("commit.finish.source")?;
            released.push(claim.ordinal);
        }
        Ok((prepared.commit, released))
    }
}

/// The offsets of input topics that an epoch has used up: of each partition the last.
pub fn input_offsets(sources: &Sources, prepared: &Prepared) -> Vec<InputOffset> {
    let ended = prepared.ended.iter().map(|claim| (claim, None));
    let standing = prepared.standing.iter().map(|(claim, progress)| (claim, Some(*progress)));
    let mut last = BTreeMap::new();
    for (claim, progress) in ended.chain(standing) {
        let Some(source) = sources.get(usize::from(claim.found.source)) else { continue };
        let source = source.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(InputOffset { topic, partition, next }) = source.input_offset(claim, progress) {
            let known = last.entry((topic, partition)).or_insert(next);
            *known = next.max(*known);
        }
    }
    let offset = |((topic, partition), next)| InputOffset { topic, partition, next };
    last.into_iter().map(offset).collect()
}

/// The stored form of an epoch: its commit and the sections of state changes.
fn frame(prepared: &Prepared) -> Vec<u8> {
    let sections = prepared.sections.iter().flat_map(|section| &section.pieces);
    let mut frame = Encoder::default();
    frame.bytes.reserve(4096 + sections.map(Vec::len).sum::<usize>());
    put_commit(&mut frame, &prepared.commit);
    for section in &prepared.sections {
        frame.u32(section.entries);
        section.pieces.iter().for_each(|piece| frame.bytes.extend_from_slice(piece));
    }
    frame.bytes
}

/// Tells the source of a file that it is done. May be repeated.
pub fn finish_file(sources: &Sources, claim: &FileClaim) -> anyhow::Result<()> {
    let source = sources[usize::from(claim.found.source)].lock().unwrap_or_else(PoisonError::into_inner);
    let name = String::from_utf8_lossy(&claim.found.name).into_owned();
    source.finish(claim).with_context(|| format!("cannot archive {name}"))
}

/// The committer on a thread of its own: while it works, the next epoch goes through the shards.
pub struct CommitThread {
    epochs: Sender<Prepared>,
    verdicts: Receiver<anyhow::Result<Committed>>,
    waiting: bool,
}

impl CommitThread {
    /// Starts the thread. One epoch at a time: the channels hold one item.
    pub fn start<'scope>(scope: &'scope std::thread::Scope<'scope, '_>, committer: Committer) -> Self {
        let (epochs, work) = bounded::<Prepared>(1);
        let (answer, verdicts) = bounded(1);
        scope.spawn(move || {
            let mut committer = committer;
            for prepared in work {
                let verdict = committer.commit(prepared);
                let failed = verdict.is_err();
                if answer.send(verdict).is_err() || failed {
                    return;
                }
            }
        });
        Self { epochs, verdicts, waiting: false }
    }

    /// Hands over an epoch. The verdict of the one before must have been waited for.
    pub fn send(&mut self, prepared: Prepared) -> anyhow::Result<()> {
        self.epochs.send(prepared).ok().context("the commit thread has stopped")?;
        self.waiting = true;
        Ok(())
    }

    /// Waits for the verdict of the epoch that was handed over, if there is one.
    pub fn verdict(&mut self) -> anyhow::Result<Option<Committed>> {
        if !std::mem::take(&mut self.waiting) {
            return Ok(None);
        }
        self.verdicts.recv().context("the commit thread has stopped")?.map(Some)
    }
}
