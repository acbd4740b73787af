//! Work of one phase on several threads: independent items, results in the order of the items.
//! Relies on phases being long against starting a thread (an epoch is tens of thousands of records).
//! Never shares anything mutable: each thread has workers or shards of its own.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Runs `work` over `items` on one thread per worker; each thread takes the next item when it is free.
pub fn map<W: Send, T: Send, R: Send>(
    workers: &mut [W],
    items: Vec<T>,
    work: impl Fn(&mut W, T) -> R + Sync,
) -> Vec<R> {
    let count = items.len();
    assert!(!workers.is_empty() || count == 0, "{count} items and nobody to work on them");
    if workers.len() == 1 || count <= 1 {
        let Some(worker) = workers.first_mut() else { return Vec::new() };
        return items.into_iter().map(|item| work(worker, item)).collect();
    }
    let items: Vec<_> = items.into_iter().map(|item| Mutex::new(Some(item))).collect();
    let next = AtomicUsize::new(0);
    let run = |worker: &mut W| {
        stand_behind();
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(cell) = items.get(index) else { return done };
            let item = cell.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(item) = item {
                done.push((index, work(worker, item)));
            }
        }
    };
    let mut results: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = workers.iter_mut().map(|worker| scope.spawn(|| run(worker))).collect();
        threads.into_iter().flat_map(join).collect()
    });
    assert_eq!(results.len(), count, "each item has one result");
    results.sort_unstable_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

/// Runs `work` over all shards, spread over at most `threads` threads.
pub fn each<S: Send, R: Send>(threads: usize, shards: &mut [S], work: impl Fn(&mut S) -> R + Sync) -> Vec<R> {
    if threads <= 1 || shards.len() <= 1 {
        return shards.iter_mut().map(work).collect();
    }
    let share = shards.len().div_ceil(threads);
    let run = |chunk: &mut [S]| {
        stand_behind();
        chunk.iter_mut().map(&work).collect::<Vec<_>>()
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = shards.chunks_mut(share).map(|chunk| scope.spawn(|| run(chunk))).collect();
        threads.into_iter().flat_map(join).collect()
    })
}

/// How nice the threads of a phase are to others: each has a third of the weight of one that is not.
const NICE: i32 = 5;

/// Lets the threads that commit an epoch, and those of the Kafka client, go before the calling one, which works on the
/// next. Messages are sent one after the other: while that waits for a core that a shard has, nothing is gained, and
/// when the shards are done the core idles. Only Linux tells threads of one process apart; a refusal changes no result.
fn stand_behind() {
    if cfg!(target_os = "linux") {
        let _ = rustix::process::setpriority_process(None, NICE);
    }
}

/// A panic of a worker is a panic of the phase.
fn join<T>(thread: std::thread::ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_keep_the_order_of_the_items() {
        for workers in [1, 2, 5] {
            let mut counts = vec![0; workers];
            let items: Vec<u64> = (0..1000).collect();
            let doubled = map(&mut counts, items, |count, item| {
                *count += 1;
                item * 2
            });
            assert_eq!(doubled, (0..1000).map(|item| item * 2).collect::<Vec<_>>());
            assert_eq!(counts.iter().sum::<i32>(), 1000);
            let mut shards: Vec<u64> = (0..8).collect();
            assert_eq!(each(workers, &mut shards, |shard| *shard + 1), (1..9).collect::<Vec<_>>());
        }
    }
}
