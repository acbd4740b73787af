//! A folder tree to the complete files in it, ordered by the bytes of their names.
//! Relies on the previous scan to see what stands still, and on the caller to know what was claimed.
//! Never lists without a bound, never refuses in silence: each refusal is an alarm, once while it lasts.

use super::beneath::{self, shown};
use super::error::DirectoryError;
use super::{Complete, DirectoryConfig};
use caudal_engine::source::FoundFile;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::DirEntry;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Folders below the source's own that are looked into. Deeper ones are refused: trees of collectors are shallow.
pub const MAX_DEPTH: usize = 8;

/// Names that one scan looks at. A folder with more should be archived or divided.
pub const MAX_ENTRIES: usize = 1_000_000;

/// New files that one scan returns; the next ones follow at the next scan.
pub const MAX_FOUND: usize = 100_000;

/// Why something was left out although it lies in the folder.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Refusal {
    /// Neither regular file nor folder: says what it is.
    Kind(&'static str),
    /// A folder deeper than [`MAX_DEPTH`].
    TooDeep,
    /// More new files than [`MAX_FOUND`]: the first in order were taken.
    TooMany,
    /// It could not be opened or read; other files are not held up by it.
    Unreadable,
}

/// Something that was refused.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Alarm {
    /// Index of the source in the pipeline.
    pub source: u16,
    /// Name relative to the source's directory; empty when it is the folder as a whole.
    pub name: Vec<u8>,
    /// Why.
    pub refusal: Refusal,
}

impl fmt::Display for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = shown(&self.name);
        match self.refusal {
            Refusal::Kind(kind) => write!(f, "{name}: left out: found {kind}, expected a regular file"),
            Refusal::TooDeep => write!(f, "{name}: left out: lies deeper than {MAX_DEPTH} folders"),
            Refusal::TooMany => {
                write!(f, "more than {MAX_FOUND} new files: the rest waits for the next scan")
            }
            Refusal::Unreadable => write!(f, "{name}: left out: cannot be opened or read"),
        }
    }
}

/// What a file looked like when it was last seen.
#[derive(Clone, Copy, Debug)]
struct Seen {
    inode: u64,
    size: u64,
    mtime_ns: i128,
    head_hash: u64,
    /// When a scan last saw it change, UTC milliseconds; `None` when no scan did.
    changed_ms: Option<i64>,
}

/// What is remembered from scan to scan.
#[derive(Default, Debug)]
pub(super) struct Memory {
    seen: BTreeMap<Vec<u8>, Seen>,
    refused: BTreeSet<Alarm>,
    alarms: Vec<Alarm>,
}

impl Memory {
    pub(super) fn take_alarms(&mut self) -> Vec<Alarm> {
        std::mem::take(&mut self.alarms)
    }
}

/// One walk through the tree.
struct Walk<'a> {
    config: &'a DirectoryConfig,
    entries: usize,
    /// Regular files by name, in order.
    files: BTreeSet<Vec<u8>>,
    refused: BTreeSet<Alarm>,
}

impl Walk<'_> {
    fn refuse(&mut self, name: &[u8], refusal: Refusal) {
        self.refused.insert(Alarm { source: self.config.source, name: name.to_vec(), refusal });
    }

    /// Looks through one folder; `prefix` is its name with a slash, empty for the source's own.
    fn folder(&mut self, path: &Path, prefix: &[u8], depth: usize) -> Result<(), DirectoryError> {
        let failed = |error| DirectoryError::io("list", path.display(), error);
        let listing = match std::fs::read_dir(path) {
            Ok(listing) => listing,
            Err(error) if depth == 0 => return Err(failed(error)),
            // A folder may vanish or be closed while its neighbours are read.
            Err(_) => {
                self.refuse(prefix, Refusal::Unreadable);
                return Ok(());
            }
        };
        for entry in listing {
            self.entries += 1;
            if self.entries > MAX_ENTRIES {
                let name = path.display().to_string();
                return Err(DirectoryError::Bound {
                    name,
                    what: "names in the tree",
                    bound: MAX_ENTRIES as u64,
                });
            }
            self.entry(&entry.map_err(failed)?, prefix, depth)?;
        }
        Ok(())
    }

    fn entry(&mut self, entry: &DirEntry, prefix: &[u8], depth: usize) -> Result<(), DirectoryError> {
        let own = entry.file_name();
        let name = [prefix, own.as_bytes()].concat();
        // Hidden names are the work of copying tools, under every rule of completeness.
        if own.as_bytes().starts_with(b".") {
            return Ok(());
        }
        let Ok(kind) = entry.file_type() else {
            self.refuse(&name, Refusal::Unreadable);
            return Ok(());
        };
        if kind.is_dir() {
            if depth == MAX_DEPTH {
                self.refuse(&name, Refusal::TooDeep);
                return Ok(());
            }
            return self.folder(&entry.path(), &[&name, b"/".as_slice()].concat(), depth + 1);
        }
        if kind.is_file() {
            self.files.insert(name);
        } else {
            self.refuse(&name, Refusal::Kind(beneath::kind_word(kind)));
        }
        Ok(())
    }
}

/// Names that show by their ending that they are not final.
const UNFINISHED: [&str; 2] = [".part", ".tmp"];

/// True when the name itself says that the file is no complete usage file.
fn left_out(config: &DirectoryConfig, name: &[u8]) -> bool {
    let ends = |suffix: &str| !suffix.is_empty() && name.ends_with(suffix.as_bytes());
    let marker = matches!(&config.complete, Complete::Marker(suffix) if ends(suffix));
    marker || UNFINISHED.iter().any(|suffix| ends(suffix)) || config.ignore.iter().any(|suffix| ends(suffix))
}

/// Complete files that are there now and are not `known`, in order of their names.
pub(super) fn scan(
    config: &DirectoryConfig,
    memory: &mut Memory,
    now_ms: i64,
    known: &dyn Fn(&FoundFile) -> bool,
) -> Result<Vec<FoundFile>, DirectoryError> {
    let mut walk = Walk { config, entries: 0, files: BTreeSet::new(), refused: BTreeSet::new() };
    walk.folder(&config.directory, b"", 0)?;
    let files = std::mem::take(&mut walk.files);
    let mut seen = BTreeMap::new();
    let mut found = Vec::new();
    for name in &files {
        if left_out(config, name) {
            continue;
        }
        let state = match look(config, memory.seen.get(name), name, now_ms) {
            Ok(state) => state,
            Err(error) => {
                // Gone since it was listed: nothing to say. Anything else is refused and said.
                if !is_gone(&error) {
                    walk.refuse(name, Refusal::Unreadable);
                }
                continue;
            }
        };
        seen.insert(name.clone(), state);
        if !is_complete(config, &files, name, (&state, now_ms)) {
            continue;
        }
        let file = FoundFile {
            source: config.source,
            name: name.clone(),
            size: state.size,
            inode: state.inode,
            mtime_ns: i64::try_from(state.mtime_ns).unwrap_or(i64::MAX),
            head_hash: state.head_hash,
        };
        if known(&file) {
            continue;
        }
        if found.len() == MAX_FOUND {
            walk.refuse(b"", Refusal::TooMany);
            break;
        }
        found.push(file);
    }
    memory.alarms.extend(walk.refused.difference(&memory.refused).cloned());
    memory.refused = walk.refused;
    memory.seen = seen;
    Ok(found)
}

fn is_gone(error: &DirectoryError) -> bool {
    matches!(error, DirectoryError::Io { error, .. } if error.kind() == std::io::ErrorKind::NotFound)
}

/// What the file looks like now. Its head is read only when it changed since the last scan.
fn look(
    config: &DirectoryConfig,
    before: Option<&Seen>,
    name: &[u8],
    now_ms: i64,
) -> Result<Seen, DirectoryError> {
    let path = beneath::path_of(&config.directory, name)?;
    let metadata =
        std::fs::symlink_metadata(path).map_err(|error| DirectoryError::io("look at", shown(name), error))?;
    let same = |seen: &&Seen| {
        (seen.inode, seen.size, seen.mtime_ns) == (metadata.ino(), metadata.len(), mtime_ns(&metadata))
    };
    if let Some(seen) = before.filter(same) {
        return Ok(*seen);
    }
    let mut file = beneath::open(&config.directory, name)?;
    let metadata = beneath::metadata(&file, name)?;
    let size = metadata.len();
    let mtime_ns = mtime_ns(&metadata);
    // A modification time ahead of our clock says nothing; then only what the scans see counts.
    let ahead = mtime_ns > i128::from(now_ms) * 1_000_000;
    Ok(Seen {
        inode: metadata.ino(),
        size,
        mtime_ns,
        head_hash: beneath::head_hash(&mut file, name, size)?,
        changed_ms: (before.is_some() || ahead).then_some(now_ms),
    })
}

fn mtime_ns(metadata: &std::fs::Metadata) -> i128 {
    i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec())
}

/// True when the writer is done with the file, by the source's rule.
fn is_complete(
    config: &DirectoryConfig,
    files: &BTreeSet<Vec<u8>>,
    name: &[u8],
    (state, now_ms): (&Seen, i64),
) -> bool {
    match &config.complete {
        Complete::Renamed => true,
        Complete::Marker(suffix) => files.contains(&[name, suffix.as_bytes()].concat()),
        Complete::StableFor(ms) => {
            let modified_ms = i64::try_from(state.mtime_ns.div_euclid(1_000_000)).unwrap_or(i64::MAX);
            let since_ms = match state.changed_ms {
                Some(changed_ms) if modified_ms > changed_ms => changed_ms,
                Some(changed_ms) => changed_ms.max(modified_ms),
                None => modified_ms,
            };
            now_ms.saturating_sub(since_ms) >= *ms
        }
    }
}
