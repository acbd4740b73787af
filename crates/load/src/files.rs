//! Lines to files of a bounded number of records, named in the order in which they are to be read.
//! Relies on the caller for the line ends; each file begins with the same header.
//! Never keeps more than one buffer in memory.

use anyhow::Context;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Most records of one file.
const RECORDS_MAX: u64 = 100_000;

/// Files that even a small set is spread over, so that what happens between files happens.
const FILES_MIN: u64 = 8;

/// Fewest records of one file, unless there are fewer in all: among so many, some can be read.
const RECORDS_MIN: u64 = 10;

const BUFFER_OCTETS: usize = 1 << 20;

/// What the files are called: `stem_00001.ending`.
#[derive(Clone, Copy, Debug)]
pub struct Name {
    /// Before the number.
    pub stem: &'static str,
    /// Behind the point.
    pub ending: &'static str,
}

/// Writes records to numbered files.
pub struct Files {
    folder: PathBuf,
    name: Name,
    header: Vec<u8>,
    records_per_file: u64,
    records: u64,
    files: u64,
    out: Option<BufWriter<File>>,
}

impl Files {
    /// Files `folder/stem_00001.ending` and so on for `records` in total.
    pub fn new(folder: &Path, name: Name, header: Vec<u8>, records: u64) -> Self {
        let records_per_file = records.div_ceil(FILES_MIN).clamp(RECORDS_MIN, RECORDS_MAX);
        Self { folder: folder.to_path_buf(), name, header, records_per_file, records: 0, files: 0, out: None }
    }

    /// Appends one record with its line end.
    pub fn record(&mut self, line: &[u8]) -> anyhow::Result<()> {
        if self.records.is_multiple_of(self.records_per_file) {
            self.roll()?;
        }
        self.records += 1;
        let Some(out) = &mut self.out else { return Ok(()) };
        out.write_all(line).with_context(|| format!("cannot write to {}", self.folder.display()))
    }

    /// Closes the last file and returns how many there are.
    pub fn finish(mut self) -> anyhow::Result<u64> {
        self.close()?;
        Ok(self.files)
    }

    fn roll(&mut self) -> anyhow::Result<()> {
        self.close()?;
        self.files += 1;
        let Name { stem, ending } = self.name;
        let path = self.folder.join(format!("{stem}_{:05}.{ending}", self.files));
        let file = File::create_new(&path).with_context(|| format!("cannot create {}", path.display()))?;
        let mut out = BufWriter::with_capacity(BUFFER_OCTETS, file);
        out.write_all(&self.header).with_context(|| format!("cannot write {}", path.display()))?;
        self.out = Some(out);
        Ok(())
    }

    fn close(&mut self) -> anyhow::Result<()> {
        if let Some(mut out) = self.out.take() {
            out.flush().with_context(|| format!("cannot write to {}", self.folder.display()))?;
        }
        Ok(())
    }
}
