//! Writes one run, claim by claim in the order of fingerprints.
//! Relies on its caller for the order and for making the folder durable.
//! Never shows a run under its name before all of it is durable; holds a few pages and the keys of one filter.

use super::filter::{FILTER_PAGES, Filter};
use super::format::{Footer, PAGE_ENTRIES, encode_page};
use super::manifest::RunMeta;
use super::run::{Resident, Run};
use crate::SharedDisk;
use crate::bytes::len64;
use crate::error::{Doing, StoreError};
use caudal_engine::disk::DiskFile;
use caudal_usage::Claim;
use caudal_usage::claim::Reach;
use std::path::{Path, PathBuf};

/// Octets that are gathered before they are written.
const BUFFER_BYTES: usize = 256 << 10;

/// A run that is being written, under a passing name.
pub(super) struct RunWriter {
    disk: SharedDisk,
    path: PathBuf,
    part: PathBuf,
    file: Box<dyn DiskFile>,
    buffer: Vec<u8>,
    page: Vec<Claim>,
    /// The keys since the last filter.
    keys: Vec<[u64; 2]>,
    resident: Resident,
    id: u64,
    reach: Reach,
    days: Option<(i32, i32)>,
    claims: u64,
}

impl RunWriter {
    /// Begins run `id`.
    pub(super) fn create(
        disk: &SharedDisk,
        folder: &Path,
        id: u64,
        reach: Reach,
    ) -> Result<Self, StoreError> {
        let path = run_path(folder, id);
        let part = path.with_extension("part");
        disk.remove(&part).doing("remove", &part)?;
        let file = disk.open(&part).doing("create", &part)?;
        Ok(Self {
            disk: disk.clone(),
            path,
            part,
            file,
            buffer: Vec::with_capacity(BUFFER_BYTES + 4096),
            page: Vec::with_capacity(PAGE_ENTRIES),
            keys: Vec::new(),
            resident: Resident { index: Vec::new(), filters: Vec::new() },
            id,
            reach,
            days: None,
            claims: 0,
        })
    }

    /// Adds a claim whose fingerprint is greater than the last one's.
    pub(super) fn push(&mut self, claim: Claim) -> Result<(), StoreError> {
        let last = self.page.last().map(|last| last.fingerprint);
        assert!(last.is_none_or(|last| last < claim.fingerprint), "claims of a run must ascend");
        if self.page.len() == PAGE_ENTRIES {
            self.seal_page_before(claim.fingerprint[0])?;
        }
        self.page.push(claim);
        self.claims += 1;
        let (first, last) = self.days.unwrap_or((claim.day, claim.day));
        self.days = Some((first.min(claim.day), last.max(claim.day)));
        Ok(())
    }

    /// Makes the run durable and opens it. The folder is for the caller to sync, once for all runs.
    pub(super) fn finish(mut self) -> Result<Run, StoreError> {
        assert!(!self.page.is_empty(), "a run holds at least one claim");
        self.seal_page()?;
        self.seal_filter();
        let mut index = Vec::with_capacity(self.resident.index.len() * 8);
        self.resident.index.iter().for_each(|word| index.extend_from_slice(&word.to_le_bytes()));
        let mut filters = Vec::new();
        self.resident.filters.iter().for_each(|filter| filter.encode(&mut filters));
        let (first_day, last_day) = self.days.unwrap_or_default();
        let footer = Footer {
            reach: self.reach,
            first_day,
            last_day,
            pages: self.pages()?,
            claims: self.claims,
            id: self.id,
            index_crc: crc32c::crc32c(&index),
            filters_crc: crc32c::crc32c(&filters),
            filters_len: len64(filters.len()),
        };
        self.flush()?;
        for bytes in [&index[..], &filters, &footer.encode()] {
            self.file.append(bytes).doing("append", &self.part)?;
        }
        self.file.sync().doing("sync", &self.part)?;
        self.disk.rename(&self.part, &self.path).doing("rename", &self.part)?;
        let meta = RunMeta {
            id: self.id,
            reach: self.reach,
            first_day,
            last_day,
            claims: self.claims,
            bytes: footer.file_len(),
            check: footer.check(),
        };
        Run::new(&self.disk, self.path, meta, self.resident)
    }

    /// Pages so far. A run of more than 2^32 pages would be 16 TiB.
    fn pages(&self) -> Result<u32, StoreError> {
        u32::try_from(self.resident.index.len()).map_err(|_| StoreError::Bound {
            path: self.path.clone(),
            what: "pages of a dedup run",
            found: len64(self.resident.index.len()),
            limit: u64::from(u32::MAX),
        })
    }

    /// Ends the page before a claim whose fingerprint starts with `word`. Entries with the same first word go over to
    /// the next page: a look-up reads only one.
    fn seal_page_before(&mut self, word: u64) -> Result<(), StoreError> {
        let stay = self.page.partition_point(|claim| claim.fingerprint[0] < word);
        if stay == 0 {
            return Err(StoreError::Bound {
                path: self.path.clone(),
                what: "claims with one fingerprint word",
                found: len64(self.page.len()) + 1,
                limit: len64(PAGE_ENTRIES),
            });
        }
        let over = self.page.split_off(stay);
        self.seal_page()?;
        self.page.extend(over);
        Ok(())
    }

    fn seal_page(&mut self) -> Result<(), StoreError> {
        if self.resident.index.len().is_multiple_of(FILTER_PAGES) && !self.keys.is_empty() {
            self.seal_filter();
        }
        encode_page(self.id, self.pages()?, &self.page, &mut self.buffer);
        self.resident.index.extend(self.page.first().map(|claim| claim.fingerprint[0]));
        self.keys.extend(self.page.iter().map(|claim| claim.fingerprint));
        self.page.clear();
        if self.buffer.len() >= BUFFER_BYTES { self.flush() } else { Ok(()) }
    }

    fn seal_filter(&mut self) {
        self.resident.filters.push(Filter::build(&self.keys));
        self.keys.clear();
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        self.file.append(&self.buffer).doing("append", &self.part)?;
        self.buffer.clear();
        Ok(())
    }
}

/// Where run `id` lies.
pub(super) fn run_path(folder: &Path, id: u64) -> PathBuf {
    folder.join(format!("{id:016}.run"))
}
