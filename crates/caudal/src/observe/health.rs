//! What a run is at to the answers of `/livez` and `/readyz`.
//! Relies on the run to say when it turns and when it goes from one stage to the next.
//! Never takes being alive for being ready: a process that drains is alive and wants no traffic.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Longest time between two turns of a run that works: one epoch with its commit, or a snapshot with the merging of
/// claims on disk.
const WORKS_WITHIN: Duration = Duration::from_mins(15);

/// Longest time that a start may take: a snapshot and a gigabyte of log are read, and claims are opened.
const STARTS_WITHIN: Duration = Duration::from_hours(1);

/// What a run is at. A stop that is asked for while it starts makes it drain as well; a commit in doubt makes it restore
/// the state again.
///
/// ```text
///   Starting ──▶ Restoring ◀──▶ Ready ──▶ Draining ──▶ Stopped
///      │             │            │          │ ▲          ▲
///      ├─────────────┼────────────┼──────────┼─┘          │
///      │             │            └──────────┼────────────┘
///      └─────────────┴────────────┴──────────┴──▶ Failed
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// The configuration is checked and reference data is loaded; the state folder is being opened.
    Starting,
    /// The state is read back: snapshot, log, outputs.
    Restoring,
    /// Input is taken.
    Ready,
    /// A stop was asked for; what is in flight is committed.
    Draining,
    /// The last commit stands.
    Stopped,
    /// An error ended the run.
    Failed,
}

impl Stage {
    const ALL: [Self; 6] =
        [Self::Starting, Self::Restoring, Self::Ready, Self::Draining, Self::Stopped, Self::Failed];

    fn of(number: u8) -> Self {
        Self::ALL.get(usize::from(number)).copied().unwrap_or(Self::Failed)
    }

    /// True when the diagram has an arrow to `next`.
    pub const fn may_become(self, next: Self) -> bool {
        match self {
            Self::Starting => matches!(next, Self::Restoring | Self::Draining | Self::Failed),
            Self::Restoring => matches!(next, Self::Ready | Self::Draining | Self::Failed),
            Self::Ready => matches!(next, Self::Restoring | Self::Draining | Self::Stopped | Self::Failed),
            Self::Draining => matches!(next, Self::Stopped | Self::Failed),
            Self::Stopped | Self::Failed => false,
        }
    }

    /// The stage in a few words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Restoring => "restoring the state",
            Self::Ready => "ready",
            Self::Draining => "draining",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }

    const fn turns_within(self) -> Option<Duration> {
        match self {
            Self::Starting | Self::Restoring => Some(STARTS_WITHIN),
            Self::Ready | Self::Draining => Some(WORKS_WITHIN),
            // The process is about to end.
            Self::Stopped | Self::Failed => None,
        }
    }
}

/// The health of one run, shared between the run and those who ask.
#[derive(Debug)]
pub struct Health {
    stage: AtomicU8,
    begin: Instant,
    /// Milliseconds from `begin` to the last turn.
    turned_ms: AtomicU64,
    /// Set by the signals that ask for a stop.
    stop: Arc<AtomicBool>,
}

impl Health {
    /// The health of a run that begins, and ends when `stop` is set.
    pub fn new(stop: Arc<AtomicBool>) -> Self {
        let stage = AtomicU8::new(Stage::Starting as u8);
        Self { stage, begin: Instant::now(), turned_ms: AtomicU64::new(0), stop }
    }

    /// The stage. From the moment that a stop is asked for the run drains, whatever it is still busy with.
    pub fn stage(&self) -> Stage {
        let stage = Stage::of(self.stage.load(Ordering::Acquire));
        let drains = self.stop.load(Ordering::Relaxed) && stage.may_become(Stage::Draining);
        if drains { Stage::Draining } else { stage }
    }

    /// Goes to `next`, when the diagram has that arrow; otherwise the stage stays what it is.
    pub fn become_stage(&self, next: Stage) {
        let step = |number: u8| Stage::of(number).may_become(next).then_some(next as u8);
        // A move that is not legal comes too late, as *ready* after a stop: nothing changes.
        let _ = self.stage.fetch_update(Ordering::AcqRel, Ordering::Acquire, step);
        self.turned();
    }

    /// The run turned: it looked for input, or committed.
    pub fn turned(&self) {
        self.turned_ms.store(self.since_begin_ms(), Ordering::Relaxed);
    }

    fn since_begin_ms(&self) -> u64 {
        u64::try_from(self.begin.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Whether input is taken; otherwise why not.
    pub fn ready(&self) -> Result<(), &'static str> {
        match self.stage() {
            Stage::Ready => Ok(()),
            other => Err(other.as_str()),
        }
    }

    /// Whether the run turns; otherwise for how long it has not.
    pub fn alive(&self) -> Result<(), Duration> {
        let since = self.since_begin_ms().saturating_sub(self.turned_ms.load(Ordering::Relaxed));
        still(self.stage(), Duration::from_millis(since))
    }
}

fn still(stage: Stage, since: Duration) -> Result<(), Duration> {
    match stage.turns_within() {
        Some(bound) if since > bound => Err(since),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn health() -> (Health, Arc<AtomicBool>) {
        let stop = Arc::new(AtomicBool::new(false));
        (Health::new(Arc::clone(&stop)), stop)
    }

    /// Goes through `stages`; `expected` says after each whether it is ready, and what it says otherwise.
    fn check(stages: &[Stage], expected: &[Result<(), &str>]) {
        let (health, _) = health();
        assert_eq!(health.ready(), Err("starting"));
        let found: Vec<_> = stages
            .iter()
            .map(|&stage| {
                health.become_stage(stage);
                health.ready()
            })
            .collect();
        assert_eq!(found, expected, "{stages:?}");
    }

    #[test]
    fn only_what_takes_input_is_ready() {
        use Stage::*;
        check(
            &[Restoring, Ready, Draining, Stopped],
            &[Err("restoring the state"), Ok(()), Err("draining"), Err("stopped")],
        );
        check(&[Restoring, Ready, Stopped], &[Err("restoring the state"), Ok(()), Err("stopped")]);
        check(&[Restoring, Ready, Failed], &[Err("restoring the state"), Ok(()), Err("failed")]);
        check(
            &[Restoring, Ready, Restoring, Ready],
            &[Err("restoring the state"), Ok(()), Err("restoring the state"), Ok(())],
        );
        // Moves that the diagram does not have change nothing.
        check(&[Ready, Stopped], &[Err("starting"), Err("starting")]);
        check(&[Restoring, Draining, Ready], &[Err("restoring the state"), Err("draining"), Err("draining")]);
        check(&[Failed, Ready, Draining, Stopped], &[Err("failed"); 4]);
        check(&[Draining, Stopped, Failed], &[Err("draining"), Err("stopped"), Err("stopped")]);
    }

    #[test]
    fn every_stage_leads_to_an_end_and_only_doubt_leads_back() {
        for (at, stage) in Stage::ALL.into_iter().enumerate() {
            assert_eq!(Stage::of(stage as u8), stage);
            for (to, next) in Stage::ALL.into_iter().enumerate() {
                let again = (stage, next) == (Stage::Ready, Stage::Restoring);
                assert!(!stage.may_become(next) || again || to > at, "{stage:?} to {next:?}");
            }
            let ends = matches!(stage, Stage::Stopped | Stage::Failed);
            assert_eq!(stage.may_become(Stage::Failed), !ends, "{stage:?}");
        }
    }

    #[test]
    fn a_stop_drains_at_once_and_does_not_undo_an_end() {
        let (health, stop) = health();
        health.become_stage(Stage::Restoring);
        stop.store(true, Ordering::Relaxed);
        assert_eq!(health.ready(), Err("draining"));
        health.become_stage(Stage::Ready);
        assert_eq!(health.ready(), Err("draining"));
        health.become_stage(Stage::Stopped);
        assert_eq!(health.ready(), Err("stopped"));
    }

    #[test]
    fn a_run_that_does_not_turn_is_not_alive() {
        assert_eq!(health().0.alive(), Ok(()));
        let second = Duration::from_secs(1);
        for (stage, bound) in [
            (Stage::Starting, STARTS_WITHIN),
            (Stage::Restoring, STARTS_WITHIN),
            (Stage::Ready, WORKS_WITHIN),
            (Stage::Draining, WORKS_WITHIN),
        ] {
            assert_eq!(still(stage, bound), Ok(()), "{stage:?}");
            assert_eq!(still(stage, bound + second), Err(bound + second), "{stage:?}");
        }
        assert_eq!(still(Stage::Failed, STARTS_WITHIN * 9), Ok(()));
    }
}
