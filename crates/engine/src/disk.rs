//! What the engine asks of a disk: the log, snapshots, dedup runs and output files go through this.
//! Relies on POSIX semantics: rename is atomic, a synced file and a synced folder survive a crash.
//! Never retried after a failed sync: the process stops and recovers.

use std::io;
use std::path::{Path, PathBuf};

/// What holds a lock: the lock ends when this is dropped or the process dies.
pub type DiskLock = Box<dyn std::any::Any + Send + Sync>;

/// A file that is written at its end and read at any place. After a failed append or sync its content is unknown, so
/// every later call fails.
#[allow(clippy::len_without_is_empty)]
pub trait DiskFile: Send + Sync {
    /// Appends all of `bytes`.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Fills `buffer` from `offset`; an error when the file is shorter.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
    /// Makes content and length durable.
    fn sync(&mut self) -> io::Result<()>;
    /// Length in octets.
    fn len(&self) -> io::Result<u64>;
    /// Cuts the file to `len` octets.
    fn truncate(&mut self, len: u64) -> io::Result<()>;
}

/// A disk.
pub trait Disk: Send + Sync {
    /// Opens for appending and reading; creates the file when it is not there.
    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// Opens a file for much data, appended in large pieces and synced seldom. What was appended and not synced may
    /// be gone when the process ends.
    fn open_data(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.open(path)
    }
    /// Opens for reading only.
    fn open_read(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// Reads a whole file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
    /// Names in a folder, sorted; empty when there is no such folder.
    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>>;
    /// True when there is such a file or folder.
    fn exists(&self, path: &Path) -> bool;
    /// Creates a folder and its parents, durably.
    fn create_folder(&self, folder: &Path) -> io::Result<()>;
    /// Renames within one file system, replacing.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Links `from` also as `to`, or copies and syncs it where the file system cannot; nothing when `to` exists.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file; nothing when it is not there.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes the entries of a folder durable.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
    /// Locks `path`, created when it is not there, for this process alone; `WouldBlock` when another holds it.
    fn lock(&self, path: &Path) -> io::Result<DiskLock>;
}
