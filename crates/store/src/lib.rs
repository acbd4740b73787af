//! Turns commits, snapshots and claims into files that survive a crash, and back.
//! Relies on `Disk` for every call to the operating system, so that tests can crash it at any of them.
//! Never repairs quietly: a damaged file is either cut where the law allows it or an error that stops the process.

pub mod disk;
pub mod error;
pub mod faulty;
pub mod lock;
pub mod log;
pub mod runs;
pub mod snapshot;

mod bytes;
mod direct;

pub use disk::RealDisk;
pub use error::StoreError;
pub use lock::StateFolder;
pub use log::{Frame, Frames, Log, LogOptions};
pub use runs::{Candidate, Limits, Manifest, Probes, Reach, RunMeta, RunSet, RunStore, Scope, Spill};
pub use snapshot::{SnapshotReader, SnapshotWriter, Snapshots};

/// The disk as the modules share it.
pub type SharedDisk = std::sync::Arc<dyn caudal_engine::disk::Disk>;
