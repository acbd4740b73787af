//! Joins sorted claims from several sources into one order, and chooses which runs to join.
//! Relies on each source to be in order itself; of claims under one fingerprint the highest attempt stays.
//! Never holds more than one claim of each source.

use crate::error::StoreError;
use caudal_usage::Claim;
use caudal_usage::claim::Reach;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

/// Place in the order, and the source.
type Head = Reverse<((i32, [u64; 2]), usize)>;

/// Joins sources.
pub(super) struct Merge<I> {
    sources: Vec<I>,
    claims: Vec<Option<Claim>>,
    heads: BinaryHeap<Head>,
    by: Reach,
}

impl<I: Iterator<Item = Result<Claim, StoreError>>> Merge<I> {
    /// Sources in the order of `by`: [`Reach::Day`] by day, then fingerprint; [`Reach::Window`] by fingerprint.
    pub(super) fn new(sources: Vec<I>, by: Reach) -> Result<Self, StoreError> {
        let claims = vec![None; sources.len()];
        let mut merge = Self { sources, claims, heads: BinaryHeap::new(), by };
        for source in 0..merge.sources.len() {
            if let Some(claim) = merge.sources[source].next().transpose()? {
                merge.claims[source] = Some(claim);
                merge.heads.push(Reverse((merge.place(&claim), source)));
            }
        }
        Ok(merge)
    }

    /// The next claim; each fingerprint comes once.
    pub(super) fn next_claim(&mut self) -> Result<Option<Claim>, StoreError> {
        let Some(mut best) = self.pop()? else { return Ok(None) };
        let place = self.place(&best);
        while self.heads.peek().is_some_and(|Reverse((next, _))| *next == place) {
            if let Some(other) = self.pop()?
                && other.attempt > best.attempt
            {
                best = other;
            }
        }
        Ok(Some(best))
    }

    fn place(&self, claim: &Claim) -> (i32, [u64; 2]) {
        match self.by {
            Reach::Day => (claim.day, claim.fingerprint),
            Reach::Window => (0, claim.fingerprint),
        }
    }

    /// Takes the least claim and moves its source on.
    fn pop(&mut self) -> Result<Option<Claim>, StoreError> {
        let Some(Reverse((_, source))) = self.heads.peek().copied() else { return Ok(None) };
        let next = self.sources[source].next().transpose()?;
        let claim = std::mem::replace(&mut self.claims[source], next);
        let place = next.map(|next| self.place(&next));
        if let Some(mut head) = self.heads.peek_mut() {
            match place {
                Some(place) => *head = Reverse((place, source)),
                None => {
                    PeekMut::pop(head);
                }
            }
        }
        Ok(claim)
    }
}

/// Chooses runs to join when there are more than `most`: the two smallest, and the next larger while they are no larger
/// than all before them together. So a claim is written anew about log2 of the number of spills times.
/// `runs` are (claims, index); gives indexes.
pub(super) fn choose(mut runs: Vec<(u64, u32)>, most: usize) -> Option<Vec<u32>> {
    if runs.len() <= most {
        return None;
    }
    runs.sort_unstable();
    let mut sum = 0u64;
    let mut chosen = Vec::new();
    for (claims, index) in runs {
        if chosen.len() >= 2 && claims > sum {
            break;
        }
        sum = sum.saturating_add(claims);
        chosen.push(index);
    }
    Some(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smaller_runs_are_chosen() {
        let check = |sizes: &[u64], expected: Option<&[u32]>| {
            let runs = sizes.iter().copied().zip(0..).collect();
            assert_eq!(choose(runs, 4).as_deref(), expected, "{sizes:?}");
        };
        check(&[], None);
        check(&[5, 5, 5, 5], None);
        check(&[5, 5, 5, 5, 5], Some(&[0, 1, 2, 3, 4]));
        check(&[1000, 1, 4, 64, 16], Some(&[1, 2]));
        check(&[1000, 1, 2, 3, 400], Some(&[1, 2, 3]));
    }
}
