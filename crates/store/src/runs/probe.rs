//! Probes the filters of many keys at once.
//! Relies on the processor to wait for many words at the same time when their places are known beforehand.
//! Never reads a disk.
//!
//! Be advised. A probe reads three words of a filter that is seldom in a cache. Done key by key, each waits for its own;
//! so the places of a few hundred probes are worked out first, and then their words are read in one short loop.

use super::filter::Places;
use super::{Candidate, RunSet, Scope};

/// Probes whose places are held at a time: 20 KiB.
const HELD: usize = 512;

/// Room for probes, kept by a shard from batch to batch.
#[derive(Default)]
pub struct Probes {
    held: Vec<Probe>,
}

#[derive(Clone, Copy)]
struct Probe {
    key: usize,
    word: u64,
    run: u32,
    stretch: u32,
    places: Places,
}

impl RunSet {
    /// [`RunSet::candidates`] of many keys: gives `take` the index of a key and a page that may hold it. Several times
    /// faster than key by key; the order of the calls is that of the keys.
    pub fn candidates_of(
        &self,
        keys: impl Iterator<Item = ([u64; 2], Scope)>,
        probes: &mut Probes,
        mut take: impl FnMut(usize, Candidate),
    ) {
        probes.held.clear();
        for (key, (fingerprint, scope)) in keys.enumerate() {
            self.each_run(scope, |run| {
                let word = fingerprint[0];
                if let Some(stretch) = self.runs[run as usize].stretch_of(word) {
                    let places = self.runs[run as usize].filter(stretch).places(fingerprint[1]);
                    probes.held.push(Probe { key, word, run, stretch, places });
                }
            });
            if probes.held.len() >= HELD {
                self.drain(probes, &mut take);
            }
        }
        self.drain(probes, &mut take);
    }

    fn drain(&self, probes: &mut Probes, take: &mut impl FnMut(usize, Candidate)) {
        for probe in probes.held.drain(..) {
            let run = &self.runs[probe.run as usize];
            if run.filter(probe.stretch).cancels(&probe.places) {
                let page = run.page_of(probe.stretch, probe.word);
                take(probe.key, Candidate { run: probe.run, page });
            }
        }
    }

    /// Gives `visit` every run of a scope.
    #[inline]
    pub(super) fn each_run(&self, scope: Scope, mut visit: impl FnMut(u32)) {
        match scope {
            Scope::All => self.of_window.iter().for_each(|run| visit(*run)),
            Scope::Day(day) => {
                let start = self.of_day.partition_point(|(other, _)| *other < day);
                let same = self.of_day[start..].iter().take_while(|(other, _)| *other == day);
                same.for_each(|(_, run)| visit(*run));
                for (first, last, run) in &self.of_range {
                    if (*first..=*last).contains(&day) {
                        visit(*run);
                    }
                }
            }
        }
    }
}
