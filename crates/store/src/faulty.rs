//! Disks for tests: one in memory that can crash, and a wrapper that fills up or fails to sync.
//! Relies on the worst that POSIX allows: what was not synced may be lost, in part or whole.
//! Never used by the shipped line.

use crate::SharedDisk;
use caudal_engine::disk::{Disk, DiskFile, DiskLock};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a crash leaves of bytes that were written and not synced.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unsynced {
    /// Nothing.
    Lost,
    /// The first so many octets of each file's tail.
    Torn(usize),
}

/// A disk in memory. Clones are the same disk.
#[derive(Clone, Default)]
pub struct MemDisk {
    state: Arc<Mutex<MemState>>,
}

#[derive(Default)]
struct MemState {
    contents: Vec<Content>,
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    folders: BTreeSet<PathBuf>,
    locks: BTreeSet<PathBuf>,
    /// Counts crashes: handles of a dead process work no more.
    life: u64,
}

#[derive(Default, Clone)]
struct Content {
    live: Vec<u8>,
    synced: Vec<u8>,
}

impl MemDisk {
    /// An empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    /// The machine stops: names and bytes that were not synced go as `unsynced` says; open files and locks are gone.
    pub fn crash(&self, unsynced: Unsynced) {
        let mut state = self.state();
        state.life += 1;
        state.locks.clear();
        state.names = state.durable_names.clone();
        for content in &mut state.contents {
            let tail = content.live.strip_prefix(content.synced.as_slice()).unwrap_or_default();
            let kept = match unsynced {
                Unsynced::Lost => 0,
                Unsynced::Torn(octets) => octets.min(tail.len()),
            };
            let mut left = content.synced.clone();
            left.extend_from_slice(&tail[..kept]);
            *content = Content { live: left.clone(), synced: left };
        }
    }

    /// The process stops: what was written stays, open files and locks are gone.
    pub fn kill(&self) {
        let mut state = self.state();
        state.life += 1;
        state.locks.clear();
    }

    /// Changes the bytes of a file behind everyone's back.
    pub fn damage(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.state();
        if let Some(index) = state.names.get(path).copied() {
            let content = &mut state.contents[index];
            change(&mut content.live);
            content.synced = content.live.clone();
        }
    }

    fn state(&self) -> MutexGuard<'_, MemState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn handle(&self, index: usize, life: u64) -> Box<dyn DiskFile> {
        Box::new(MemFile { disk: self.clone(), index, life })
    }
}

struct MemFile {
    disk: MemDisk,
    index: usize,
    life: u64,
}

impl MemFile {
    fn with<T>(&self, act: impl FnOnce(&mut Content) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.disk.state();
        if state.life != self.life {
            return Err(io::Error::other("the process of this file is dead"));
        }
        act(&mut state.contents[self.index])
    }
}

impl DiskFile for MemFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.with(|content| {
            content.live.extend_from_slice(bytes);
            Ok(())
        })
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.with(|content| {
            let short = || io::Error::from(io::ErrorKind::UnexpectedEof);
            let start = usize::try_from(offset).map_err(|_| short())?;
            let end = start.checked_add(buffer.len()).ok_or_else(short)?;
            buffer.copy_from_slice(content.live.get(start..end).ok_or_else(short)?);
            Ok(())
        })
    }

    fn sync(&mut self) -> io::Result<()> {
        self.with(|content| {
            content.synced = content.live.clone();
            Ok(())
        })
    }

    fn len(&self) -> io::Result<u64> {
        self.with(|content| Ok(content.live.len() as u64))
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.with(|content| {
            content.live.truncate(usize::try_from(len).unwrap_or(usize::MAX));
            Ok(())
        })
    }
}

impl Disk for MemDisk {
    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.state();
        let life = state.life;
        let index = match state.names.get(path) {
            Some(index) => *index,
            None => {
                state.contents.push(Content::default());
                let index = state.contents.len() - 1;
                state.names.insert(path.to_owned(), index);
                index
            }
        };
        Ok(self.handle(index, life))
    }

    fn open_read(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let state = self.state();
        let index = *state.names.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(self.handle(index, state.life))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let state = self.state();
        let index = *state.names.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(state.contents[index].live.clone())
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        let state = self.state();
        let here = |path: &&PathBuf| path.parent() == Some(folder);
        let paths = state.names.keys().chain(&state.folders).filter(here);
        let names: BTreeSet<_> = paths.filter_map(|path| path.file_name().map(PathBuf::from)).collect();
        Ok(names.into_iter().collect())
    }

    fn exists(&self, path: &Path) -> bool {
        let state = self.state();
        state.names.contains_key(path) || state.folders.contains(path)
    }

    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        self.state().folders.extend(folder.ancestors().map(Path::to_owned));
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        let index = state.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        state.names.insert(to.to_owned(), index);
        Ok(())
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        let index = *state.names.get(from).ok_or(io::ErrorKind::NotFound)?;
        state.names.entry(to.to_owned()).or_insert(index);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.state().names.remove(path);
        Ok(())
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        let mut state = self.state();
        let inside = |path: &Path| path.parent() == Some(folder);
        state.durable_names.retain(|path, _| !inside(path));
        let now: Vec<_> = state.names.iter().filter(|(path, _)| inside(path)).collect();
        let now: Vec<_> = now.into_iter().map(|(path, index)| (path.clone(), *index)).collect();
        state.durable_names.extend(now);
        Ok(())
    }

    fn lock(&self, path: &Path) -> io::Result<DiskLock> {
        let mut state = self.state();
        if !state.locks.insert(path.to_owned()) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(Box::new(MemLock { disk: self.clone(), path: path.to_owned(), life: state.life }))
    }
}

struct MemLock {
    disk: MemDisk,
    path: PathBuf,
    life: u64,
}

impl Drop for MemLock {
    fn drop(&mut self) {
        let mut state = self.disk.state();
        if state.life == self.life {
            state.locks.remove(&self.path);
        }
    }
}

/// A disk that goes wrong at a chosen place. Clones share their counters.
#[derive(Clone)]
pub struct FaultyDisk {
    inner: SharedDisk,
    plan: Arc<Plan>,
}

struct Plan {
    /// Octets that still fit; an append that does not fit writes what does.
    room: AtomicU64,
    /// Syncs until one fails, of files and folders alike.
    syncs_left: AtomicU64,
}

impl FaultyDisk {
    /// A disk that works like `inner` until told otherwise.
    pub fn new(inner: SharedDisk) -> Self {
        let plan = Plan { room: AtomicU64::new(u64::MAX), syncs_left: AtomicU64::new(u64::MAX) };
        Self { inner, plan: Arc::new(plan) }
    }

    /// From now on only `octets` more fit.
    pub fn fill_after(&self, octets: u64) {
        self.plan.room.store(octets, Ordering::SeqCst);
    }

    /// From now on `syncs` more succeed and the next fails, once.
    pub fn fail_sync_after(&self, syncs: u64) {
        self.plan.syncs_left.store(syncs, Ordering::SeqCst);
    }

    fn wrap(&self, inner: Box<dyn DiskFile>) -> Box<dyn DiskFile> {
        Box::new(FaultyFile { inner, plan: Arc::clone(&self.plan), poisoned: false })
    }
}

impl Plan {
    fn sync(&self) -> io::Result<()> {
        let left = self.syncs_left.load(Ordering::SeqCst);
        let next = if left == 0 || left == u64::MAX { u64::MAX } else { left - 1 };
        self.syncs_left.store(next, Ordering::SeqCst);
        if left == 0 { Err(io::Error::other("injected sync failure")) } else { Ok(()) }
    }

    /// How many of `wanted` octets fit.
    fn take(&self, wanted: usize) -> usize {
        let room = self.room.load(Ordering::SeqCst);
        let fits = usize::try_from(room).unwrap_or(usize::MAX).min(wanted);
        if room != u64::MAX {
            self.room.store(room - fits as u64, Ordering::SeqCst);
        }
        fits
    }
}

struct FaultyFile {
    inner: Box<dyn DiskFile>,
    plan: Arc<Plan>,
    poisoned: bool,
}

impl FaultyFile {
    fn check(&self) -> io::Result<()> {
        if self.poisoned { Err(io::Error::other("poisoned")) } else { Ok(()) }
    }
}

impl DiskFile for FaultyFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.check()?;
        let fits = self.plan.take(bytes.len());
        self.inner.append(&bytes[..fits])?;
        if fits < bytes.len() {
            self.poisoned = true;
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.check()?;
        self.inner.read_exact_at(buffer, offset)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.check()?;
        let result = self.plan.sync().and_then(|()| self.inner.sync());
        self.poisoned = result.is_err();
        result
    }

    fn len(&self) -> io::Result<u64> {
        self.check()?;
        self.inner.len()
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.check()?;
        self.inner.truncate(len)
    }
}

impl Disk for FaultyDisk {
    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(self.wrap(self.inner.open(path)?))
    }

    fn open_read(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(self.wrap(self.inner.open_read(path)?))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.inner.read(path)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        self.inner.list(folder)
    }

    fn exists(&self, path: &Path) -> bool {
        self.inner.exists(path)
    }

    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        self.inner.create_folder(folder)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.inner.rename(from, to)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.inner.link(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.inner.remove(path)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.plan.sync()?;
        self.inner.sync_folder(folder)
    }

    fn lock(&self, path: &Path) -> io::Result<DiskLock> {
        self.inner.lock(path)
    }
}
