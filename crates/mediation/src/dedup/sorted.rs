//! Turns a delta into its claims in the order of a spill.
//! Relies on the delta's chunks as they stand; sorts 16-octet keys, not the claims.
//! Never holds a claim twice.

use super::delta::CHUNK;
use caudal_usage::Claim;
use caudal_usage::claim::Reach;

/// The claims of a delta, each once: for [`Reach::Day`] by day, then fingerprint; for [`Reach::Window`] by fingerprint.
/// Takes 56 octets a claim until it is dropped.
pub struct SortedClaims {
    chunks: Vec<Vec<Claim>>,
    order: std::vec::IntoIter<Key>,
    /// The next few claims, in reverse. Copied together, so that the waiting for memory overlaps.
    ready: Vec<Claim>,
}

/// Claims copied at a time.
const READY: usize = 128;

#[derive(Clone, Copy)]
struct Key {
    word: u64,
    day: i32,
    index: u32,
}

impl SortedClaims {
    pub(super) fn new(chunks: Vec<Vec<Claim>>, reach: Reach) -> Self {
        let mut order = Vec::with_capacity(chunks.iter().map(Vec::len).sum());
        for (claim, index) in chunks.iter().flatten().zip(0u32..) {
            let day = match reach {
                Reach::Day => claim.day,
                Reach::Window => 0,
            };
            order.push(Key { word: claim.fingerprint[0], day, index });
        }
        let second = |key: &Key| at(&chunks, key.index).fingerprint[1];
        order.sort_unstable_by(|one, other| {
            let first = (one.day, one.word).cmp(&(other.day, other.word));
            first.then_with(|| second(one).cmp(&second(other)))
        });
        Self { chunks, order: order.into_iter(), ready: Vec::with_capacity(READY) }
    }
}

fn at(chunks: &[Vec<Claim>], index: u32) -> &Claim {
    let index = index as usize;
    &chunks[index / CHUNK][index % CHUNK]
}

impl Iterator for SortedClaims {
    type Item = Claim;

    fn next(&mut self) -> Option<Claim> {
        if self.ready.is_empty() {
            let next = self.order.by_ref().take(READY);
            self.ready.extend(next.map(|key| *at(&self.chunks, key.index)));
            self.ready.reverse();
        }
        self.ready.pop()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.order.len() + self.ready.len();
        (left, Some(left))
    }
}

impl ExactSizeIterator for SortedClaims {}
