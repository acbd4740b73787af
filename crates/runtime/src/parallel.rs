//! Work of one phase on the threads of the line: independent items, results in the order of the items.
//! Relies on phases being long against waking a thread (an epoch is tens of thousands of records).
//! Never shares anything mutable: each thread has workers or shards of its own.

use anyhow::Context;
use crossbeam_channel::Receiver;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// The threads for intake and shards. They live as long as the line: what the allocator has from a thread it gives to the
/// same thread again, where a new one would begin with memory that nobody has touched.
pub struct Threads(ThreadPool);

/// How long threads go on with items once their shards are done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Until {
    /// Until the shards of all are done.
    Stepped,
    /// Until the items end, which they do when their sender goes.
    Ended,
}

/// What came of shards and items.
pub struct Done<R, P> {
    /// In the order of the shards.
    pub stepped: Vec<R>,
    /// Each with its number, in no order.
    pub worked: Vec<(usize, P)>,
}

impl Threads {
    /// Starts `count` of them; at least one.
    pub fn start(count: usize) -> anyhow::Result<Self> {
        let pool = ThreadPoolBuilder::new()
            .num_threads(count.max(1))
            .thread_name(|index| format!("line {index}"))
            .start_handler(|_| stand_behind());
        Ok(Self(pool.build().context("cannot start the threads of the line")?))
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.current_num_threads()
    }

    /// Runs `work` over all shards.
    pub fn each<S: Send, R: Send>(&self, shards: &mut [S], work: impl Fn(&mut S) -> R + Sync) -> Vec<R> {
        let run = |shards: &mut [S]| shards.iter_mut().map(&work).collect::<Vec<_>>();
        self.on_all(self.shares(shards).collect(), run).into_iter().flatten().collect()
    }

    /// Steps all shards; a thread whose share is done works on items, so that none waits for the shards of another. Each
    /// thread has a worker of its own.
    pub fn each_and<S: Send, R: Send, W: Send, T: Send, P: Send>(
        &self,
        (shards, step): (&mut [S], impl Fn(&mut S) -> R + Sync),
        (workers, work): (&mut [W], impl Fn(&mut W, T) -> P + Sync),
        (items, until): (&Receiver<(usize, T)>, Until),
    ) -> Done<R, P> {
        assert_eq!(workers.len(), self.count(), "each thread has a worker");
        let ahead = AtomicUsize::new(shards.len());
        let next = || match until {
            Until::Stepped if ahead.load(Ordering::Relaxed) == 0 => None,
            Until::Stepped => items.try_recv().ok(),
            Until::Ended => items.recv().ok(),
        };
        let run = |(worker, shards): (&mut W, &mut [S])| {
            let step = |shard| {
                let stepped = step(shard);
                ahead.fetch_sub(1, Ordering::Relaxed);
                stepped
            };
            let stepped: Vec<_> = shards.iter_mut().map(step).collect();
            let work = |(number, item)| (number, work(worker, item));
            (stepped, std::iter::from_fn(next).map(work).collect::<Vec<_>>())
        };
        let shares = self.shares(shards).chain(std::iter::repeat_with(Default::default));
        let (stepped, worked): (Vec<_>, Vec<_>) =
            self.on_all(workers.iter_mut().zip(shares).collect(), run).into_iter().unzip();
        Done {
            stepped: stepped.into_iter().flatten().collect(),
            worked: worked.into_iter().flatten().collect(),
        }
    }

    /// The shards of each thread: the same at every call.
    fn shares<'s, S>(&self, shards: &'s mut [S]) -> std::slice::ChunksMut<'s, S> {
        let share = shards.len().div_ceil(self.count()).max(1);
        shards.chunks_mut(share)
    }

    /// Runs `work` over `parts`, the first on the first thread and so on.
    fn on_all<T: Send, R: Send>(&self, parts: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
        assert!(parts.len() <= self.count(), "{} parts for {} threads", parts.len(), self.count());
        let parts: Vec<_> = parts.into_iter().map(|part| Mutex::new(Some(part))).collect();
        let run = |index: usize| {
            let part = parts.get(index)?.lock().unwrap_or_else(PoisonError::into_inner).take();
            part.map(&work)
        };
        self.0.broadcast(|thread| run(thread.index())).into_iter().flatten().collect()
    }
}

/// How nice the threads of a phase are to others: each has a tenth of the weight of one that is not.
const NICE: i32 = 10;

/// Lets the threads that commit an epoch, and those of the Kafka client, go before the calling one, which works on the
/// next. Messages are sent one after the other: while that waits for a core that a shard has, nothing is gained, and
/// when the shards are done the core idles. Only Linux tells threads of one process apart; a refusal changes no result.
fn stand_behind() {
    if cfg!(target_os = "linux") {
        let _ = rustix::process::setpriority_process(None, NICE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps eight shards, and works on a thousand items.
    fn check(count: usize, until: Until) -> Vec<(usize, usize)> {
        let threads = Threads::start(count).unwrap();
        let mut counts = vec![0; count];
        let mut shards: Vec<u64> = (0..8).collect();
        let (sender, items) = crossbeam_channel::unbounded();
        (0..1000).for_each(|item| sender.send((item, item)).unwrap());
        drop(sender);
        let double = |count: &mut usize, item| {
            *count += 1;
            item * 2
        };
        let Done { stepped, mut worked } =
            threads.each_and((&mut shards, |shard| *shard + 1), (&mut counts, double), (&items, until));
        assert_eq!(stepped, (1..9).collect::<Vec<_>>());
        assert_eq!(counts.iter().sum::<usize>(), worked.len());
        assert_eq!(worked.len() + items.len(), 1000, "an item is lost");
        assert_eq!(threads.each(&mut shards, |shard| *shard + 1), (1..9).collect::<Vec<_>>());
        worked.sort_unstable();
        worked
    }

    #[test]
    fn results_keep_the_order_of_shards_and_the_numbers_of_items() {
        for threads in [1, 2, 5, 20] {
            let doubled: Vec<_> = (0..1000).map(|item| (item, item * 2)).collect();
            assert_eq!(check(threads, Until::Ended), doubled);
            let begun = check(threads, Until::Stepped);
            assert_eq!(begun, doubled[..begun.len()]);
        }
        assert_eq!(check(1, Until::Stepped), [], "nobody is left to wait for");
    }
}
