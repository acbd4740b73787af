//! One run: what it keeps in memory, the look-up of a key, the reading in order.
//! Relies on the manifest for what the file must be.
//! Never changes: a run is written once.

use super::filter::{FILTER_PAGES, Filter};
use super::format::{FOOTER_BYTES, Footer, PAGE_BYTES, Page};
use super::manifest::RunMeta;
use crate::SharedDisk;
use crate::bytes::{len_usize, len64, u64_at};
use crate::error::{Doing, StoreError};
use caudal_engine::disk::DiskFile;
use caudal_usage::Claim;
use std::mem::size_of;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Pages read at once when a run is read in order.
const SCAN_PAGES: u32 = 16;

/// An open run.
pub(super) struct Run {
    pub meta: RunMeta,
    path: PathBuf,
    file: Box<dyn DiskFile>,
    /// First word of each page's first fingerprint.
    index: Box<[u64]>,
    /// The same of each filter's first page: a short list to choose the filter by.
    starts: Box<[u64]>,
    filters: Box<[Filter]>,
}

/// What a run keeps in memory.
pub(super) struct Resident {
    pub index: Vec<u64>,
    pub filters: Vec<Filter>,
}

impl Run {
    /// The run at `path` with what it keeps in memory.
    pub(super) fn new(
        disk: &SharedDisk,
        path: PathBuf,
        meta: RunMeta,
        resident: Resident,
    ) -> Result<Self, StoreError> {
        let file = disk.open_read(&path).doing("open", &path)?;
        let starts = resident.index.iter().step_by(FILTER_PAGES).copied().collect();
        let (index, filters) = (resident.index.into_boxed_slice(), resident.filters.into_boxed_slice());
        Ok(Self { meta, path, file, index, starts, filters })
    }

    /// Opens the run that `meta` names, checking all but its pages.
    pub(super) fn open(disk: &SharedDisk, path: PathBuf, meta: RunMeta) -> Result<Self, StoreError> {
        let file = disk.open_read(&path).doing("open", &path)?;
        let footer = read_footer(&*file, &path, &meta)?;
        let mut index = vec![0; len_usize(u64::from(footer.pages) * 8).unwrap_or(usize::MAX)];
        file.read_exact_at(&mut index, footer.index_at()).doing("read", &path)?;
        if crc32c::crc32c(&index) != footer.index_crc {
            return Err(StoreError::corrupt(&path, footer.index_at(), "the index's checksum", "another"));
        }
        let index: Vec<_> = index.chunks_exact(8).filter_map(|word| u64_at(word, 0)).collect();
        let filters = read_filters(&*file, &path, &footer)?;
        if filters.len() != index.len().div_ceil(FILTER_PAGES) {
            let (found, pages) = (format!("{} filters", filters.len()), index.len());
            return Err(StoreError::corrupt(
                &path,
                footer.filters_at(),
                format!("those of {pages} pages"),
                found,
            ));
        }
        Self::new(disk, path, meta, Resident { index, filters })
    }

    /// Octets in memory.
    pub(super) fn memory_bytes(&self) -> u64 {
        let words = (self.index.len() + self.starts.len()) * size_of::<u64>();
        let filters: usize = self.filters.iter().map(Filter::memory_bytes).sum();
        len64(words + filters + size_of::<Self>())
    }

    /// The filter that knows of a key; `None` when the key is less than all of the run.
    #[inline]
    pub(super) fn stretch_of(&self, word: u64) -> Option<u32> {
        // Fingerprints spread evenly, so the place of a word tells its page, near enough for the filter.
        let page = (u128::from(word) * self.index.len() as u128) >> 64;
        let guess = page as usize / FILTER_PAGES;
        let starts_before = self.starts.get(guess).is_some_and(|start| *start <= word);
        let ends_after = self.starts.get(guess + 1).is_none_or(|next| word < *next);
        let stretch = if starts_before && ends_after {
            guess
        } else {
            self.starts.partition_point(|start| *start <= word).checked_sub(1)?
        };
        // There are no more filters than pages, which were counted in 32 bits.
        Some(stretch as u32)
    }

    /// A filter that [`Run::stretch_of`] named.
    #[inline]
    pub(super) fn filter(&self, stretch: u32) -> &Filter {
        &self.filters[stretch as usize]
    }

    /// The last page of the stretch that starts at or before `word`: the one page that may hold the key.
    pub(super) fn page_of(&self, stretch: u32, word: u64) -> u32 {
        let start = stretch as usize * FILTER_PAGES;
        let end = (start + FILTER_PAGES).min(self.index.len());
        let inside = self.index[start..end].partition_point(|first| *first <= word);
        // The number of pages was counted in 32 bits.
        (start + inside).saturating_sub(1) as u32
    }

    /// Reads page `page` and looks for the key.
    pub(super) fn read(&self, page: u32, fingerprint: &[u64; 2]) -> Result<Option<Claim>, StoreError> {
        let mut bytes = [0; PAGE_BYTES];
        let offset = u64::from(page) * len64(PAGE_BYTES);
        self.file.read_exact_at(&mut bytes, offset).doing("read", &self.path)?;
        Ok(self.check(page, &bytes)?.find(fingerprint))
    }

    /// The entries of a page that agrees with its checksum and with the index.
    fn check<'a>(&self, page: u32, bytes: &'a [u8]) -> Result<Page<'a>, StoreError> {
        let expected = self.index.get(page as usize);
        let entries = Page::check(self.meta.id, page, bytes);
        match entries.filter(|entries| Some(&entries.first_word(0)) == expected) {
            Some(entries) => Ok(entries),
            None => {
                let offset = u64::from(page) * len64(PAGE_BYTES);
                let expected = format!("page {page} with its checksum");
                Err(StoreError::corrupt(&self.path, offset, expected, "other bytes"))
            }
        }
    }

    /// Reads all claims in order, a few pages at a time.
    pub(super) fn scan(self: &Arc<Self>) -> Scan {
        Scan { run: Arc::clone(self), next_page: 0, claims: Vec::new().into_iter() }
    }
}

fn read_footer(file: &dyn DiskFile, path: &Path, meta: &RunMeta) -> Result<Footer, StoreError> {
    let found = file.len().doing("measure", path)?;
    if found != meta.bytes || found < len64(FOOTER_BYTES) {
        return Err(StoreError::corrupt(path, 0, format!("{} octets", meta.bytes), format!("{found}")));
    }
    let mut bytes = [0; FOOTER_BYTES];
    let at = found - len64(FOOTER_BYTES);
    file.read_exact_at(&mut bytes, at).doing("read", path)?;
    let footer = Footer::decode(&bytes).filter(|footer| {
        let same = (footer.id, footer.reach, footer.claims) == (meta.id, meta.reach, meta.claims);
        let days = (footer.first_day, footer.last_day) == (meta.first_day, meta.last_day);
        same && days && footer.check() == meta.check && footer.file_len() == found
    });
    footer.ok_or_else(|| StoreError::corrupt(path, at, "the footer that the manifest names", "another"))
}

fn read_filters(file: &dyn DiskFile, path: &Path, footer: &Footer) -> Result<Vec<Filter>, StoreError> {
    let damaged =
        |found| StoreError::corrupt(path, footer.filters_at(), "filters with their checksum", found);
    let mut bytes = vec![0; len_usize(footer.filters_len).unwrap_or(usize::MAX)];
    file.read_exact_at(&mut bytes, footer.filters_at()).doing("read", path)?;
    if crc32c::crc32c(&bytes) != footer.filters_crc {
        return Err(damaged("another checksum"));
    }
    let (mut rest, mut filters) = (bytes.as_slice(), Vec::new());
    while !rest.is_empty() {
        filters.push(Filter::decode(&mut rest).ok_or_else(|| damaged("no filter"))?);
    }
    Ok(filters)
}

/// Reads a run in order.
pub(super) struct Scan {
    run: Arc<Run>,
    next_page: u32,
    claims: std::vec::IntoIter<Claim>,
}

impl Scan {
    fn fill(&mut self) -> Result<(), StoreError> {
        let pages = u32::try_from(self.run.index.len()).unwrap_or(u32::MAX);
        let end = self.next_page.saturating_add(SCAN_PAGES).min(pages);
        let mut bytes = vec![0; (end - self.next_page) as usize * PAGE_BYTES];
        let offset = u64::from(self.next_page) * len64(PAGE_BYTES);
        self.run.file.read_exact_at(&mut bytes, offset).doing("read", &self.run.path)?;
        let mut claims = Vec::new();
        for (page, bytes) in (self.next_page..end).zip(bytes.chunks_exact(PAGE_BYTES)) {
            let entries = self.run.check(page, bytes)?;
            claims.extend((0..entries.len()).filter_map(|entry| entries.claim(entry)));
        }
        self.next_page = end;
        self.claims = claims.into_iter();
        Ok(())
    }
}

impl Iterator for Scan {
    type Item = Result<Claim, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(claim) = self.claims.next() {
            return Some(Ok(claim));
        }
        match self.fill() {
            Ok(()) => self.claims.next().map(Ok),
            Err(error) => Some(Err(error)),
        }
    }
}
