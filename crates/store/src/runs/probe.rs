//! Probes the filters of many keys at once.
//! Relies on the processor to wait for many blocks at the same time when their places are known beforehand.
//! Never reads a disk.
//!
//! Be advised. A probe reads a block of a filter that is seldom in a cache. Done key by key, each waits for its own; so
//! the places of a few hundred probes are worked out first, and then one word of each block is read in a loop so short
//! that many reads are under way at once.

use super::{Candidate, RunSet, Scope};
use std::hint::black_box;

/// Probes whose places are held at a time: 24 KiB.
const HELD: usize = 512;

/// Room for probes, kept by a shard from batch to batch.
#[derive(Default)]
pub struct Probes {
    held: Vec<Probe>,
}

#[derive(Clone, Copy)]
struct Probe {
    key: usize,
    fingerprint: [u64; 2],
    block: usize,
    run: u32,
    stretch: u32,
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
                if let Some(stretch) = self.runs[run as usize].stretch_of(fingerprint[0]) {
                    let block = self.runs[run as usize].filter(stretch).block_of(&fingerprint);
                    probes.held.push(Probe { key, fingerprint, block, run, stretch });
                }
            });
            if probes.held.len() >= HELD {
                self.drain(probes, &mut take);
            }
        }
        self.drain(probes, &mut take);
    }

    fn drain(&self, probes: &mut Probes, take: &mut impl FnMut(usize, Candidate)) {
        let touched = probes.held.iter().fold(0, |all, probe| {
            all ^ self.runs[probe.run as usize].filter(probe.stretch).touch(probe.block)
        });
        black_box(touched);
        for probe in probes.held.drain(..) {
            let run = &self.runs[probe.run as usize];
            if run.filter(probe.stretch).may_hold(probe.block, &probe.fingerprint) {
                let page = run.page_of(probe.stretch, probe.fingerprint[0]);
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
