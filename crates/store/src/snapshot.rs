//! Turns the state after an epoch into a file of checked chunks, and the newest good one back into state.
//! Relies on the log to hold every frame after the older of the two snapshots that are kept.
//! Never shows a snapshot under its name before all of it is durable.
//!
//! `state/snapshots/<16-digit epoch>.snap`, numbers little-endian:
//!
//! | octets | header                          |   | octets | chunk, one after another              |
//! |-------:|---------------------------------|---|-------:|---------------------------------------|
//! |      8 | `CAUDSNP\n`                     |   |      4 | length; 0 in the last chunk           |
//! |      1 | version, 1                      |   |      4 | CRC-32C of the chunk's number, length and content |
//! |      7 | zero                            |   |        | content                               |
//! |      8 | epoch                           |   |        |                                       |
//! |      4 | CRC-32C of octets 0 to 23       |   |        |                                       |
//! |      4 | zero                            |   |        |                                       |
//!
//! The file ends with the last chunk. What the content means is the writer's business.

use crate::SharedDisk;
use crate::bytes::{len_usize, len64, u32_at};
use crate::error::{Doing, StoreError};
use caudal_engine::disk::DiskFile;
use std::path::{Path, PathBuf};

const MAGIC: &[u8; 8] = b"CAUDSNP\n";
const VERSION: u8 = 1;
const HEADER_LEN: usize = 32;
const CHUNK_HEADER_LEN: usize = 8;

/// Octets of content in a chunk: what a writer and a reader hold in memory.
pub const CHUNK_BYTES: usize = 1 << 20;

/// Snapshots that are kept.
pub const KEPT: usize = 2;

/// The snapshots of a state folder.
pub struct Snapshots {
    disk: SharedDisk,
    folder: PathBuf,
}

impl Snapshots {
    /// Opens `folder`, created when it is not there; parts that a crash left are removed.
    pub fn open(disk: SharedDisk, folder: &Path) -> Result<Self, StoreError> {
        disk.create_folder(folder).doing("create", folder)?;
        for name in disk.list(folder).doing("list", folder)? {
            if name.extension().is_some_and(|extension| extension == "part") {
                let path = folder.join(name);
                disk.remove(&path).doing("remove", &path)?;
            }
        }
        Ok(Self { disk, folder: folder.to_owned() })
    }

    /// Epochs of the snapshots that are there, ascending. The log must hold every frame after the first of them.
    pub fn epochs(&self) -> Result<Vec<u64>, StoreError> {
        let names = self.disk.list(&self.folder).doing("list", &self.folder)?;
        let epoch = |name: &PathBuf| {
            let stem = (name.extension()? == "snap").then(|| name.file_stem())??;
            stem.to_str()?.parse::<u64>().ok()
        };
        let mut epochs: Vec<_> = names.iter().filter_map(epoch).collect();
        epochs.sort_unstable();
        Ok(epochs)
    }

    /// The newest snapshot that is whole, checked to its end before any of it is given out. One that is damaged is put
    /// aside as `.damaged` and told of in the second part: an operator should look at the disk.
    pub fn newest(&self) -> Result<(Option<SnapshotReader>, Vec<StoreError>), StoreError> {
        let mut damaged = Vec::new();
        for epoch in self.epochs()?.into_iter().rev() {
            let path = self.path(epoch);
            match self.checked(epoch) {
                Ok(reader) => return Ok((Some(reader), damaged)),
                Err(error @ StoreError::Corrupt { .. }) => damaged.push(error),
                Err(other) => return Err(other),
            }
            let aside = path.with_extension("damaged");
            self.disk.rename(&path, &aside).doing("rename", &path)?;
            self.sync_folder()?;
        }
        Ok((None, damaged))
    }

    /// The newest whole snapshot in a folder that another process may be writing to. Nothing is changed: a damaged one
    /// is passed over where it stands.
    pub fn peek(disk: &SharedDisk, folder: &Path) -> Result<Option<SnapshotReader>, StoreError> {
        let snapshots = Self { disk: disk.clone(), folder: folder.to_owned() };
        for epoch in snapshots.epochs()?.into_iter().rev() {
            match snapshots.checked(epoch) {
                Ok(reader) => return Ok(Some(reader)),
                Err(StoreError::Corrupt { .. }) => {}
                // Two newer ones have been finished since the folder was listed.
                Err(StoreError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {}
                Err(other) => return Err(other),
            }
        }
        Ok(None)
    }

    /// Begins the snapshot of the state after `epoch`.
    pub fn begin(&self, epoch: u64) -> Result<SnapshotWriter<'_>, StoreError> {
        let part = self.path(epoch).with_extension("part");
        self.disk.remove(&part).doing("remove", &part)?;
        let mut file = self.disk.open(&part).doing("create", &part)?;
        file.append(&header(epoch)).doing("append", &part)?;
        Ok(SnapshotWriter { snapshots: self, epoch, part, file, chunk: Vec::new(), chunks: 0 })
    }

    fn checked(&self, epoch: u64) -> Result<SnapshotReader, StoreError> {
        let mut reader = SnapshotReader::open(&self.disk, &self.path(epoch), epoch)?;
        while reader.next_chunk()?.is_some() {}
        reader.rewind();
        Ok(reader)
    }

    fn path(&self, epoch: u64) -> PathBuf {
        self.folder.join(format!("{epoch:016}.snap"))
    }

    fn sync_folder(&self) -> Result<(), StoreError> {
        self.disk.sync_folder(&self.folder).doing("sync", &self.folder)
    }

    /// Removes all but the newest [`KEPT`].
    fn prune(&self) -> Result<(), StoreError> {
        let epochs = self.epochs()?;
        let surplus = epochs.len().saturating_sub(KEPT);
        for epoch in &epochs[..surplus] {
            let path = self.path(*epoch);
            self.disk.remove(&path).doing("remove", &path)?;
        }
        self.sync_folder()
    }
}

fn header(epoch: u64) -> [u8; HEADER_LEN] {
    let mut header = [0; HEADER_LEN];
    header[..8].copy_from_slice(MAGIC);
    header[8] = VERSION;
    header[16..24].copy_from_slice(&epoch.to_le_bytes());
    let crc = crc32c::crc32c(&header[..24]);
    header[24..28].copy_from_slice(&crc.to_le_bytes());
    header
}

/// Header of the chunk with number `number`. A chunk holds at most [`CHUNK_BYTES`].
fn chunk_header(number: u64, content: &[u8]) -> [u8; CHUNK_HEADER_LEN] {
    let len = u32::try_from(content.len()).unwrap_or(u32::MAX).to_le_bytes();
    let crc = crc32c::crc32c_append(crc32c::crc32c(&number.to_le_bytes()), &len);
    let crc = crc32c::crc32c_append(crc, content);
    let mut header = [0; CHUNK_HEADER_LEN];
    header[..4].copy_from_slice(&len);
    header[4..].copy_from_slice(&crc.to_le_bytes());
    header
}

/// Writes one snapshot. Dropped before [`SnapshotWriter::finish`], it leaves only a part that the next start removes.
pub struct SnapshotWriter<'a> {
    snapshots: &'a Snapshots,
    epoch: u64,
    part: PathBuf,
    file: Box<dyn DiskFile>,
    chunk: Vec<u8>,
    chunks: u64,
}

impl SnapshotWriter<'_> {
    /// Adds content. At most a chunk of it waits in memory.
    pub fn write(&mut self, mut bytes: &[u8]) -> Result<(), StoreError> {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(CHUNK_BYTES - self.chunk.len()));
            self.chunk.extend_from_slice(now);
            bytes = later;
            if self.chunk.len() == CHUNK_BYTES {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// Makes the snapshot durable under its name and removes those that are no longer kept.
    pub fn finish(mut self) -> Result<(), StoreError> {
        if !self.chunk.is_empty() {
            self.flush()?;
        }
        self.flush()?;
        self.file.sync().doing("sync", &self.part)?;
        let path = self.snapshots.path(self.epoch);
        self.snapshots.disk.rename(&self.part, &path).doing("rename", &self.part)?;
        self.snapshots.sync_folder()?;
        self.snapshots.prune()
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        let header = chunk_header(self.chunks, &self.chunk);
        self.file.append(&header).doing("append", &self.part)?;
        self.file.append(&self.chunk).doing("append", &self.part)?;
        self.chunk.clear();
        self.chunks += 1;
        Ok(())
    }
}

/// Reads one snapshot, checking each chunk.
pub struct SnapshotReader {
    file: Box<dyn DiskFile>,
    path: PathBuf,
    epoch: u64,
    len: u64,
    at: u64,
    chunks: u64,
    ended: bool,
    chunk: Vec<u8>,
}

impl SnapshotReader {
    fn open(disk: &SharedDisk, path: &Path, epoch: u64) -> Result<Self, StoreError> {
        let file = disk.open_read(path).doing("open", path)?;
        let len = file.len().doing("measure", path)?;
        let mut found = [0; HEADER_LEN];
        if len < len64(HEADER_LEN) {
            return Err(StoreError::corrupt(path, 0, "a header", format!("{len} octets")));
        }
        file.read_exact_at(&mut found, 0).doing("read", path)?;
        if found != header(epoch) {
            let expected = format!("header of version {VERSION} and epoch {epoch}");
            return Err(StoreError::corrupt(path, 0, expected, format!("{found:02x?}")));
        }
        let mut reader = Self {
            file,
            path: path.to_owned(),
            epoch,
            len,
            at: 0,
            chunks: 0,
            ended: false,
            chunk: Vec::new(),
        };
        reader.rewind();
        Ok(reader)
    }

    /// The epoch whose state this is.
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Goes back to the first chunk.
    pub fn rewind(&mut self) {
        self.at = len64(HEADER_LEN);
        self.chunks = 0;
        self.ended = false;
    }

    /// The next piece of the content, at most [`CHUNK_BYTES`]; `None` after the last.
    pub fn next_chunk(&mut self) -> Result<Option<&[u8]>, StoreError> {
        if self.ended {
            return Ok(None);
        }
        let mut header = [0; CHUNK_HEADER_LEN];
        let room = self.len - self.at;
        if room < len64(CHUNK_HEADER_LEN) {
            return Err(self.bad(format!("{room} octets")));
        }
        self.file.read_exact_at(&mut header, self.at).doing("read", &self.path)?;
        let len = u64::from(u32_at(&header, 0).unwrap_or_default());
        let fits = len <= len64(CHUNK_BYTES) && len <= room - len64(CHUNK_HEADER_LEN);
        let (Some(len), true) = (len_usize(len), fits) else {
            return Err(self.bad(format!("length {len} where {room} octets are left")));
        };
        self.chunk.resize(len, 0);
        let content = self.at + len64(CHUNK_HEADER_LEN);
        self.file.read_exact_at(&mut self.chunk, content).doing("read", &self.path)?;
        if header != chunk_header(self.chunks, &self.chunk) {
            return Err(self.bad("another checksum".into()));
        }
        self.at = content + len64(len);
        self.chunks += 1;
        self.ended = len == 0;
        if !self.ended {
            return Ok(Some(&self.chunk));
        }
        if self.at != self.len {
            let surplus = format!("{} octets more", self.len - self.at);
            return Err(StoreError::corrupt(&self.path, self.at, "the end", surplus));
        }
        Ok(None)
    }

    /// The whole content at once, for states known to be small.
    pub fn read_to_end(&mut self) -> Result<Vec<u8>, StoreError> {
        let mut all = Vec::new();
        while let Some(chunk) = self.next_chunk()? {
            all.extend_from_slice(chunk);
        }
        Ok(all)
    }

    fn bad(&self, found: String) -> StoreError {
        let expected = format!("chunk {} with its checksum", self.chunks);
        StoreError::corrupt(&self.path, self.at, expected, found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faulty::{FaultyDisk, MemDisk, Unsynced};
    use std::sync::Arc;

    fn open(disk: &MemDisk) -> Snapshots {
        Snapshots::open(Arc::new(disk.clone()), Path::new("snapshots")).unwrap()
    }

    fn content(epoch: u64, len: usize) -> Vec<u8> {
        (0..len).map(|index| (index as u64 * 31 + epoch) as u8).collect()
    }

    fn write(snapshots: &Snapshots, epoch: u64, len: usize) -> Result<(), StoreError> {
        let mut writer = snapshots.begin(epoch)?;
        for piece in content(epoch, len).chunks(70_001) {
            writer.write(piece)?;
        }
        writer.finish()
    }

    fn check(disk: &MemDisk, epoch: u64, len: usize) {
        let (reader, damaged) = open(disk).newest().unwrap();
        let mut reader = reader.unwrap();
        assert!(damaged.is_empty());
        assert_eq!(reader.epoch(), epoch);
        assert!(reader.read_to_end().unwrap() == content(epoch, len));
    }

    #[test]
    fn any_size_comes_back() {
        for len in [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES] {
            let disk = MemDisk::new();
            write(&open(&disk), 7, len).unwrap();
            disk.crash(Unsynced::Lost);
            check(&disk, 7, len);
        }
    }

    #[test]
    fn two_are_kept() {
        let disk = MemDisk::new();
        let snapshots = open(&disk);
        assert!(snapshots.newest().unwrap().0.is_none());
        for epoch in [3, 9, 12, 20] {
            write(&snapshots, epoch, 1000).unwrap();
        }
        assert_eq!(snapshots.epochs().unwrap(), [12, 20]);
        check(&disk, 20, 1000);
    }

    #[test]
    fn damage_anywhere_falls_back_to_the_one_before() {
        let len = 40;
        let size = HEADER_LEN + CHUNK_HEADER_LEN + len + CHUNK_HEADER_LEN;
        for at in 0..2 * size {
            let disk = MemDisk::new();
            let snapshots = open(&disk);
            write(&snapshots, 5, len).unwrap();
            write(&snapshots, 6, len).unwrap();
            disk.damage(&snapshots.path(6), |bytes| {
                assert_eq!(bytes.len(), size);
                match bytes.get_mut(at) {
                    Some(byte) => *byte ^= 1,
                    None => bytes.truncate(at - size),
                }
            });
            let (reader, damaged) = snapshots.newest().unwrap();
            assert_eq!(reader.unwrap().epoch(), 5, "{at}");
            assert_eq!(damaged.len(), 1);
            assert_eq!(snapshots.epochs().unwrap(), [5]);
            check(&disk, 5, len);
        }
    }

    #[test]
    fn what_was_not_finished_does_not_exist() {
        let disk = MemDisk::new();
        write(&open(&disk), 5, 100).unwrap();
        for syncs in 0..2 {
            let faulty = FaultyDisk::new(Arc::new(disk.clone()));
            let snapshots = Snapshots::open(Arc::new(faulty.clone()), Path::new("snapshots")).unwrap();
            faulty.fail_sync_after(syncs);
            assert!(write(&snapshots, 6, 100).is_err());
            disk.crash(Unsynced::Torn(usize::MAX));
            check(&disk, 5, 100);
        }
        let faulty = FaultyDisk::new(Arc::new(disk.clone()));
        let snapshots = Snapshots::open(Arc::new(faulty.clone()), Path::new("snapshots")).unwrap();
        faulty.fill_after(60);
        assert!(write(&snapshots, 6, 100).is_err());
        disk.kill();
        check(&disk, 5, 100);
        assert_eq!(open(&disk).epochs().unwrap(), [5]);
    }
}
