//! Work of one phase on several threads: independent items, results in the order of the items.
//! Relies on phases being long against starting a thread (an epoch is tens of thousands of records).
//! Never shares anything mutable: each thread has workers or shards of its own.

use crossbeam_channel::Receiver;

/// Steps all shards, spread over one thread per worker; a thread whose share is done works on the items as they come, so
/// that none waits for the shards of another. Ends with the items: their sender must go. Results in the order of the
/// shards, and in that of the items by their number.
pub fn each_then<S: Send, R: Send, W: Send, T: Send, P: Send>(
    (shards, step): (&mut [S], impl Fn(&mut S) -> R + Sync),
    (workers, work): (&mut [W], impl Fn(&mut W, T) -> P + Sync),
    items: &Receiver<(usize, T)>,
) -> (Vec<R>, Vec<P>) {
    let run = |shards: &mut [S], worker: &mut W| {
        let stepped: Vec<_> = shards.iter_mut().map(&step).collect();
        let worked: Vec<_> = items.iter().map(|(number, item)| (number, work(worker, item))).collect();
        (stepped, worked)
    };
    let share = shards.len().div_ceil(workers.len()).max(1);
    let mut shares = shards.chunks_mut(share);
    let done: Vec<_> = match workers {
        [only] => vec![run(shares.next().unwrap_or_default(), only)],
        workers => std::thread::scope(|scope| {
            let start = |worker| {
                let (shards, run) = (shares.next().unwrap_or_default(), &run);
                scope.spawn(move || {
                    stand_behind();
                    run(shards, worker)
                })
            };
            let threads: Vec<_> = workers.iter_mut().map(start).collect();
            threads.into_iter().map(join).collect()
        }),
    };
    let (stepped, worked): (Vec<_>, Vec<_>) = done.into_iter().unzip();
    let mut worked: Vec<_> = worked.into_iter().flatten().collect();
    worked.sort_unstable_by_key(|(number, _)| *number);
    (stepped.into_iter().flatten().collect(), worked.into_iter().map(|(_, result)| result).collect())
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
    fn results_keep_the_order_of_shards_and_items() {
        for workers in [1, 2, 5] {
            let mut counts = vec![0; workers];
            let mut shards: Vec<u64> = (0..8).collect();
            let (sender, items) = crossbeam_channel::unbounded();
            (0..1000).for_each(|item| sender.send((item, item)).unwrap());
            drop(sender);
            let count = |count: &mut usize, item| {
                *count += 1;
                item * 2
            };
            let (stepped, worked) =
                each_then((&mut shards, |shard| *shard + 1), (&mut counts, count), &items);
            assert_eq!(stepped, (1..9).collect::<Vec<_>>());
            assert_eq!(worked, (0..1000).map(|item| item * 2).collect::<Vec<_>>());
            assert_eq!(counts.iter().sum::<usize>(), 1000);
            assert_eq!(each(workers, &mut shards, |shard| *shard + 1), (1..9).collect::<Vec<_>>());
        }
    }
}
