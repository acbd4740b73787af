//! `Disk` on the real file system.
//! Relies on Linux: fdatasync covers the length, flock ends with the process, rename is atomic.
//! Never retries a failed sync: the file is poisoned and every later call on it fails.

use crate::direct::DirectFile;
use caudal_engine::disk::{Disk, DiskFile, DiskLock};
use rustix::fs::FlockOperation;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The file system of this machine. Clones share their count of syncs.
#[derive(Clone, Default, Debug)]
pub struct RealDisk {
    syncs: Arc<AtomicU64>,
}

impl RealDisk {
    /// A disk that has synced nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Syncs of files and folders so far.
    pub fn syncs(&self) -> u64 {
        self.syncs.load(Ordering::Relaxed)
    }

    fn handle(&self, file: File) -> Box<dyn DiskFile> {
        Box::new(Guarded { file, poisoned: false, syncs: Arc::clone(&self.syncs) })
    }

    fn count_sync(&self) {
        self.syncs.fetch_add(1, Ordering::Relaxed);
    }
}

/// A file that refuses everything once an append, cut or sync of it has failed.
struct Guarded<F> {
    file: F,
    poisoned: bool,
    syncs: Arc<AtomicU64>,
}

impl<F> Guarded<F> {
    fn check(&self) -> io::Result<()> {
        if self.poisoned {
            return Err(io::Error::other("an earlier append or sync of this file failed"));
        }
        Ok(())
    }

    /// Runs `act`; its failure poisons the file.
    fn or_poison(&mut self, act: impl FnOnce(&mut F) -> io::Result<()>) -> io::Result<()> {
        self.check()?;
        let result = act(&mut self.file);
        self.poisoned = result.is_err();
        result
    }
}

/// What differs between a file written through the page cache and one written past it.
trait Content: Send + Sync {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
    fn sync(&mut self) -> io::Result<()>;
    fn len(&self) -> io::Result<u64>;
    fn truncate(&mut self, len: u64) -> io::Result<()>;
}

impl<F: Content> DiskFile for Guarded<F> {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.or_poison(|file| file.append(bytes))
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.check()?;
        self.file.read_exact_at(buffer, offset)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.or_poison(F::sync)?;
        self.syncs.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        self.check()?;
        self.file.len()
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.or_poison(|file| file.truncate(len))
    }
}

impl Content for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        FileExt::read_exact_at(self, buffer, offset)
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(rustix::fs::fdatasync(&*self)?)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.set_len(len)
    }
}

impl Content for DirectFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.append(bytes)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.read_exact_at(buffer, offset)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync()
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.len())
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.truncate(len)
    }
}

impl Disk for RealDisk {
    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let file = OpenOptions::new().append(true).read(true).create(true).open(path)?;
        Ok(self.handle(file))
    }

    fn open_data(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        match DirectFile::open(path) {
            Ok(file) => Ok(Box::new(Guarded { file, poisoned: false, syncs: Arc::clone(&self.syncs) })),
            // Some file systems have no direct writes: the page cache serves as well, only slower.
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::INVAL.raw_os_error()) => {
                self.open(path)
            }
            Err(error) => Err(error),
        }
    }

    fn open_read(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(self.handle(File::open(path)?))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let names = entries.map(|entry| Ok(PathBuf::from(entry?.file_name())));
        let mut names = names.collect::<io::Result<Vec<_>>>()?;
        names.sort();
        Ok(names)
    }

    fn exists(&self, path: &Path) -> bool {
        path.exists()
    }

    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        if folder.as_os_str().is_empty() || folder.is_dir() {
            return Ok(());
        }
        let parent = folder.parent().unwrap_or(Path::new(""));
        self.create_folder(parent)?;
        match fs::create_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => {}
            other => other?,
        }
        self.sync_folder(parent)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        match fs::hard_link(from, to) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(error),
            Ok(()) => Ok(()),
            // Another file system, or one without hard links: a copy under a passing name, durable before it counts.
            Err(_) => {
                let mut part: OsString = to.as_os_str().to_owned();
                part.push(".copy");
                fs::copy(from, &part)?;
                rustix::fs::fsync(File::open(&part)?)?;
                self.count_sync();
                fs::rename(&part, to)
            }
        }
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        match fs::remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        rustix::fs::fsync(File::open(folder)?)?;
        self.count_sync();
        Ok(())
    }

    fn lock(&self, path: &Path) -> io::Result<DiskLock> {
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
        rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Box::new(file))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_appended_read_cut_and_counted() {
        let folder = tempfile::tempdir().unwrap();
        let disk = RealDisk::new();
        let deep = folder.path().join("a/b");
        disk.create_folder(&deep).unwrap();
        let path = deep.join("f");
        let mut file = disk.open(&path).unwrap();
        file.append(b"hello ").unwrap();
        file.append(b"world").unwrap();
        let before = disk.syncs();
        file.sync().unwrap();
        assert_eq!(disk.syncs(), before + 1);
        let mut buffer = [0; 5];
        file.read_exact_at(&mut buffer, 6).unwrap();
        assert_eq!(&buffer, b"world");
        assert!(file.read_exact_at(&mut buffer, 7).is_err());
        file.truncate(5).unwrap();
        assert_eq!(file.len().unwrap(), 5);
        assert_eq!(disk.list(&deep).unwrap(), [PathBuf::from("f")]);
        assert!(disk.list(&deep.join("none")).unwrap().is_empty());
    }

    #[test]
    fn a_failed_append_poisons_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        let disk = RealDisk::new();
        disk.open(&path).unwrap().append(b"x").unwrap();
        let mut read_only = disk.open_read(&path).unwrap();
        assert!(read_only.append(b"y").is_err());
        assert!(read_only.len().unwrap_err().to_string().contains("earlier"));
        assert!(read_only.sync().is_err());
    }

    #[test]
    fn linking_never_replaces() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        let disk = RealDisk::new();
        disk.open(&from).unwrap().append(b"1").unwrap();
        disk.open(&to).unwrap().append(b"2").unwrap();
        disk.link(&from, &to).unwrap();
        assert_eq!(disk.read(&to).unwrap(), b"2");
        assert!(disk.link(&folder.path().join("none"), &to.with_extension("x")).is_err());
    }
}
