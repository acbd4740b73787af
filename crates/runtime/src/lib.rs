//! Epochs on threads: the feed, the shards, the three steps of the commit, recovery, the report of a run.
//! Relies on the engine for every decision about a record; adds order of work, threads and durability.
//! Never knows a format, a tariff or a stage by name.

pub mod alarms;
pub mod commit;
pub mod epoch;
pub mod feed;
pub mod line;
pub mod outputs;
pub mod parallel;
pub mod peek;
pub mod report;
pub mod run;
pub mod runs;
pub mod standing;

pub use feed::{EpochBound, Sources};
pub use line::Layout;
pub use report::Report;
pub use run::{Options, Until, Watcher, World, run};
pub use runs::RunSums;
pub use standing::{SourceStanding, Standing};
