//! What happens to a run, as named events: each is one line of the log and what it means for the metrics.
//! Relies on the subscriber for form and level; the names and fields are listed in docs/operations.md and are stable.
//! Never holds a number of a subscriber, nor a record, nor the name of a file.

use super::meters::Meters;
use caudal_runtime::{Report, Standing};
use std::net::SocketAddr;

/// An event of a run. The levels: an error must be seen to, a warning should be, info is what an operator follows,
/// debug is for a closer look.
#[derive(Clone, Copy, Debug)]
pub enum Event<'e> {
    /// Metrics and health are served.
    Listening {
        /// Where.
        address: SocketAddr,
    },
    /// The state is restored, and input is taken.
    Restored {
        /// What was there before.
        report: &'e Report,
        /// Where the line stands.
        standing: &'e Standing,
    },
    /// Files were claimed.
    FilesClaimed {
        /// How many.
        files: u64,
        /// Their octets on disk.
        octets: u64,
    },
    /// A commit stands.
    Committed {
        /// The report so far.
        report: &'e Report,
        /// Where the line stands.
        standing: &'e Standing,
    },
    /// How far the run has come; every few seconds.
    Progress {
        /// The report so far.
        report: &'e Report,
        /// Share of the octets of claimed files that was read, 0 to 100.
        percent: u64,
    },
    /// The run ended as it should.
    Ended {
        /// Its report.
        report: &'e Report,
        /// What ended it.
        because: &'static str,
    },
}

impl Event<'_> {
    /// Writes the line of the log and sets the metrics.
    pub fn happens(self, meters: &mut Meters) {
        self.log();
        self.count(meters);
    }

    /// Only the line of the log.
    pub fn log(self) {
        match self {
            Self::Listening { address } => {
                tracing::info!(event = "listening", %address, "metrics and health are served at http://{address}/");
            }
            Self::Restored { report, standing } => {
                let (epoch, held, suspended) = (standing.epoch, report.held(), report.suspended());
                tracing::info!(event = "restored", epoch, held, suspended, "the state is restored");
            }
            Self::FilesClaimed { files, octets } => {
                tracing::info!(event = "files_claimed", files, octets, "files were claimed");
            }
            Self::Committed { report, standing } => {
                let (epoch, records, events) = (standing.epoch, report.counts.entered, report.events);
                let took_ms = standing.commit.map_or(0, millis);
                tracing::debug!(
                    event = "committed",
                    epoch,
                    records,
                    events,
                    took_ms,
                    "an epoch was committed"
                );
            }
            Self::Progress { report, percent } => {
                let (records, events) = (report.counts.entered, report.events);
                tracing::info!(event = "progress", records, events, percent, "records were committed");
            }
            Self::Ended { report, because } => {
                let (records, events, commits) = (report.counts.entered, report.events, report.epochs);
                let elapsed_ms = millis(report.elapsed);
                tracing::info!(
                    event = "ended",
                    because,
                    records,
                    events,
                    commits,
                    elapsed_ms,
                    "the run has ended"
                );
            }
        }
    }

    fn count(self, meters: &mut Meters) {
        match self {
            Self::Restored { report, standing } | Self::Committed { report, standing } => {
                meters.stands(report, standing);
            }
            // Claims count once they are committed.
            Self::Listening { .. }
            | Self::FilesClaimed { .. }
            | Self::Progress { .. }
            | Self::Ended { .. } => {}
        }
    }
}

fn millis(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
