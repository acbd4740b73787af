//! Appends to a file past the page cache: whole blocks from one aligned buffer.
//! Relies on Linux `O_DIRECT`. Copying events through the page cache and writing them back costs more than rating them.
//! Never leaves the file longer than its content after a sync: the padding of the last block is cut off.

use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Alignment of offsets, lengths and memory: covers every block size in use.
const BLOCK: usize = 4096;

/// Octets gathered before they are written: one write keeps the device busy for about a millisecond.
const GATHER: usize = 1 << 20;

/// A file that is appended to past the page cache.
pub struct DirectFile {
    /// For writing.
    direct: File,
    /// For reading, through the page cache.
    plain: File,
    /// Room for [`GATHER`] aligned octets.
    room: Vec<u8>,
    /// Where the aligned octets begin in `room`.
    begin: usize,
    /// Octets gathered.
    gathered: usize,
    /// Octets of the file before the gathered ones; a multiple of [`BLOCK`].
    settled: u64,
}

impl DirectFile {
    /// Opens for appending; creates the file when it is not there. `EINVAL` where the file system has no direct writes.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mode = Mode::RUSR | Mode::WUSR | Mode::RGRP | Mode::ROTH;
        let flags = OFlags::CREATE | OFlags::WRONLY | OFlags::DIRECT | OFlags::CLOEXEC;
        let direct = File::from(rustix::fs::open(path, flags, mode)?);
        let plain = File::open(path)?;
        let room = vec![0; GATHER + BLOCK];
        let begin = room.as_ptr().align_offset(BLOCK);
        let len = plain.metadata()?.len();
        let mut file = Self { direct, plain, room, begin, gathered: 0, settled: 0 };
        file.settle_at(len)?;
        Ok(file)
    }

    /// Takes the octets of the last, partial block back into memory: it is written again with what follows.
    fn settle_at(&mut self, len: u64) -> io::Result<()> {
        self.settled = len - len % BLOCK as u64;
        self.gathered = (len - self.settled) as usize;
        self.plain.read_exact_at(&mut self.room[self.begin..self.begin + self.gathered], self.settled)
    }

    /// Appends.
    pub fn append(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let take = bytes.len().min(GATHER - self.gathered);
            let (head, rest) = bytes.split_at(take);
            let to = self.begin + self.gathered;
            self.room[to..to + take].copy_from_slice(head);
            self.gathered += take;
            bytes = rest;
            if self.gathered == GATHER {
                self.direct.write_all_at(&self.room[self.begin..self.begin + GATHER], self.settled)?;
                self.settled += GATHER as u64;
                self.gathered = 0;
            }
        }
        Ok(())
    }

    /// Writes what is gathered and makes the file durable. The last block is padded, written, and cut to its content;
    /// until the next block is full it stays gathered. Writing it again later does not endanger what it holds: those
    /// octets are the same.
    pub fn sync(&mut self) -> io::Result<()> {
        let len = self.len();
        if self.gathered > 0 {
            let padded = self.gathered.next_multiple_of(BLOCK);
            self.room[self.begin + self.gathered..self.begin + padded].fill(0);
            self.direct.write_all_at(&self.room[self.begin..self.begin + padded], self.settled)?;
            self.direct.set_len(len)?;
            let whole = self.gathered - self.gathered % BLOCK;
            self.room.copy_within(self.begin + whole..self.begin + self.gathered, self.begin);
            self.settled += whole as u64;
            self.gathered -= whole;
        }
        Ok(rustix::fs::fdatasync(&self.direct)?)
    }

    /// Octets, those not yet written included.
    pub fn len(&self) -> u64 {
        self.settled + self.gathered as u64
    }

    /// Cuts to `len`, which is not beyond what was synced.
    pub fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.direct.set_len(len)?;
        self.settle_at(len)
    }

    /// Reads what was synced.
    pub fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.plain.read_exact_at(buffer, offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Appends pieces of these lengths, syncing after each that is marked; the file must hold exactly the content.
    fn check(pieces: &[(usize, bool)]) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data");
        let mut expected = Vec::new();
        let mut file = match DirectFile::open(&path) {
            // The temporary folder may lie on a file system without direct writes; then there is nothing to test.
            Err(error) if error.raw_os_error() == Some(22) => return,
            file => file.unwrap(),
        };
        for (index, &(len, sync)) in pieces.iter().enumerate() {
            let piece: Vec<u8> = (0..len).map(|at| (at * 7 + index) as u8).collect();
            file.append(&piece).unwrap();
            expected.extend_from_slice(&piece);
            assert_eq!(file.len(), expected.len() as u64);
            if sync {
                file.sync().unwrap();
                assert!(std::fs::read(&path).unwrap() == expected, "after piece {index}");
            }
        }
        file.sync().unwrap();
        drop(file);
        assert!(std::fs::read(&path).unwrap() == expected);
        let mut file = DirectFile::open(&path).unwrap();
        let cut = expected.len() / 3;
        file.truncate(cut as u64).unwrap();
        file.append(b"end").unwrap();
        file.sync().unwrap();
        expected.truncate(cut);
        expected.extend_from_slice(b"end");
        assert!(std::fs::read(&path).unwrap() == expected);
        let mut tail = [0; 3];
        file.read_exact_at(&mut tail, cut as u64).unwrap();
        assert_eq!(&tail, b"end");
    }

    #[test]
    fn the_file_holds_what_was_appended_whatever_the_pieces() {
        check(&[(0, true)]);
        check(&[(1, true), (1, true), (4094, true), (1, true), (4096, true), (5000, false), (3, true)]);
        check(&[(GATHER - 1, true), (1, true), (GATHER, true), (GATHER + 1, false), (3 * GATHER + 77, true)]);
        check(&[(BLOCK, false), (BLOCK, true), (GATHER - 2 * BLOCK, true), (10, true)]);
    }
}
