//! A folder tree to the complete files in it, ordered by the bytes of their names, in batches.
//! Relies on the previous pass to see what stands still, and on the caller to know what was claimed.
//! Never lists without a bound, never refuses in silence: what is refused is told with its reason.

use super::beneath::{self, shown};
use super::error::DirectoryError;
use super::growth::{self, Since};
use super::{Complete, DirectoryConfig};
use caudal_engine::source::{FileStat, Find, FoundFile, Refused, Scan, Standing};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::{DirEntry, File, Metadata};
use std::ops::Bound;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Folders below the source's own that are looked into. Deeper ones are refused: trees of collectors are shallow.
pub const MAX_DEPTH: usize = 8;

/// Names that one scan looks at. A folder with more should be archived or divided.
pub const MAX_ENTRIES: usize = 1_000_000;

/// Why something was left out although it lies in the folder.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Refusal {
    /// Neither regular file nor folder: says what it is.
    Kind(&'static str),
    /// A folder deeper than [`MAX_DEPTH`].
    TooDeep,
    /// It could not be opened or read; other files are not held up by it.
    Unreadable,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kind(kind) => write!(f, "found {kind}, expected a regular file"),
            Self::TooDeep => write!(f, "lies deeper than {MAX_DEPTH} folders"),
            Self::Unreadable => f.write_str("cannot be opened or read"),
        }
    }
}

/// What a file looked like when it was last seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Look {
    inode: u64,
    size: u64,
    mtime_ns: i128,
}

impl Look {
    fn of(metadata: &Metadata) -> Self {
        let mtime_ns = i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec());
        Self { inode: metadata.ino(), size: metadata.len(), mtime_ns }
    }

    /// As the state keeps it.
    fn mtime_ns(&self) -> i64 {
        i64::try_from(self.mtime_ns).unwrap_or(i64::MAX)
    }
}

/// A look, and when a scan last saw it change, UTC milliseconds; `None` when no scan did.
#[derive(Clone, Copy, Debug)]
struct Seen {
    look: Look,
    changed_ms: Option<i64>,
}

/// What scans did, in operations: known files must not cost more than a look each.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Work {
    /// Walks through the tree.
    pub walks: u64,
    /// Names looked at.
    pub looks: u64,
    /// Files opened.
    pub opens: u64,
}

/// What is remembered from scan to scan.
#[derive(Default, Debug)]
pub(super) struct Memory {
    /// What is not known yet or still changes, by name; only where completeness is told by standing still.
    seen: BTreeMap<Vec<u8>, Seen>,
    /// Ended files whose time changed and whose content did not.
    touched: BTreeMap<Vec<u8>, Look>,
    /// What the last whole pass refused; `None` before the first.
    refused: Option<BTreeMap<Vec<u8>, Refusal>>,
    /// The walk that is being handed out in batches.
    pass: Option<Pass>,
    work: Work,
}

/// A walk whose files are handed out.
#[derive(Debug)]
struct Pass {
    files: BTreeSet<Vec<u8>>,
    /// The last name that was dealt with.
    behind: Option<Vec<u8>>,
    refused: BTreeMap<Vec<u8>, Refusal>,
}

impl Memory {
    pub(super) fn refused(&self) -> Option<Vec<Refused>> {
        let refused = self.refused.as_ref()?.iter();
        Some(refused.map(|(name, why)| Refused { name: name.clone(), why: why.to_string() }).collect())
    }

    pub(super) const fn work(&self) -> Work {
        self.work
    }

    /// A pass is over: what is not there any more is forgotten.
    fn end(&mut self, pass: Pass) {
        self.seen.retain(|name, _| pass.files.contains(name));
        self.touched.retain(|name, _| pass.files.contains(name));
        self.refused = Some(pass.refused);
    }
}

/// One walk through the tree.
struct Walk {
    entries: usize,
    /// Regular files by name, in order.
    files: BTreeSet<Vec<u8>>,
    refused: BTreeMap<Vec<u8>, Refusal>,
}

impl Walk {
    fn refuse(&mut self, name: &[u8], refusal: Refusal) {
        self.refused.insert(name.to_vec(), refusal);
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

/// Complete files that are there and not known, in order of their names; at most as many as are wanted. The next call
/// goes on behind them, and a pass that is over is followed by another.
pub(super) fn scan(
    config: &DirectoryConfig,
    memory: &mut Memory,
    scan: &Scan<'_>,
) -> Result<Vec<Find>, DirectoryError> {
    let mut pass = match memory.pass.take() {
        Some(pass) => pass,
        None => walk(config, memory)?,
    };
    let mut finds = Vec::new();
    let files = std::mem::take(&mut pass.files);
    let from = pass.behind.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
    let mut behind = None;
    for name in files.range::<Vec<u8>, _>((from, Bound::Unbounded)) {
        if finds.len() == scan.limit {
            break;
        }
        behind = Some(name);
        if left_out(config, name) {
            continue;
        }
        match candidate(config, memory, (&files, name), scan) {
            Ok(find) => finds.extend(find),
            // Gone since it was listed: nothing to say. Anything else is refused and said.
            Err(error) if is_gone(&error) => {}
            Err(_) => {
                pass.refused.insert(name.clone(), Refusal::Unreadable);
            }
        }
    }
    let over = behind.or(pass.behind.as_ref()) == files.last();
    pass.behind = behind.cloned().or(pass.behind);
    pass.files = files;
    if over {
        memory.end(pass);
    } else {
        memory.pass = Some(pass);
    }
    Ok(finds)
}

fn walk(config: &DirectoryConfig, memory: &mut Memory) -> Result<Pass, DirectoryError> {
    memory.work.walks += 1;
    let mut walk = Walk { entries: 0, files: BTreeSet::new(), refused: BTreeMap::new() };
    walk.folder(&config.directory, b"", 0)?;
    Ok(Pass { files: walk.files, behind: None, refused: walk.refused })
}

fn is_gone(error: &DirectoryError) -> bool {
    matches!(error, DirectoryError::Io { error, .. } if error.kind() == std::io::ErrorKind::NotFound)
}

/// One name: a find when it is complete and not known as it is.
fn candidate(
    config: &DirectoryConfig,
    memory: &mut Memory,
    (files, name): (&BTreeSet<Vec<u8>>, &[u8]),
    scan: &Scan<'_>,
) -> Result<Option<Find>, DirectoryError> {
    memory.work.looks += 1;
    let path = beneath::path_of(&config.directory, name)?;
    let metadata =
        std::fs::symlink_metadata(path).map_err(|error| DirectoryError::io("look at", shown(name), error))?;
    let look = Look::of(&metadata);
    let stat = FileStat { name, size: look.size, inode: look.inode, mtime_ns: look.mtime_ns() };
    let standing = (scan.standing)(&stat);
    if standing == Standing::Known || memory.touched.get(name) == Some(&look) {
        note(config, memory, name, Seen { look, changed_ms: None });
        return Ok(None);
    }
    let seen = see(memory.seen.get(name), look, scan.now_ms);
    note(config, memory, name, seen);
    if !is_complete(config, (files, name), &seen, scan.now_ms) {
        return Ok(None);
    }
    memory.work.opens += 1;
    let mut file = beneath::open(&config.directory, name)?;
    if Look::of(&beneath::metadata(&file, name)?) != look {
        // It changed since the look, so the next one decides.
        return Ok(None);
    }
    let continues = match standing {
        Standing::Written { ordinal, end } => match growth::since(&file, name, &end)? {
            Since::Grown => Some(ordinal),
            Since::Other => None,
            Since::Same => {
                memory.touched.insert(name.to_vec(), look);
                return Ok(None);
            }
        },
        Standing::New | Standing::Known => None,
    };
    Ok(Some(Find { file: found(config, name, &mut file, &look)?, continues }))
}

fn found(
    config: &DirectoryConfig,
    name: &[u8],
    file: &mut File,
    look: &Look,
) -> Result<FoundFile, DirectoryError> {
    Ok(FoundFile {
        source: config.source,
        name: name.to_vec(),
        size: look.size,
        inode: look.inode,
        mtime_ns: look.mtime_ns(),
        head_hash: beneath::head_hash(file, name, look.size)?,
    })
}

/// Remembers a look where standing still tells completeness.
fn note(config: &DirectoryConfig, memory: &mut Memory, name: &[u8], seen: Seen) {
    if matches!(config.complete, Complete::StableFor(_)) {
        match memory.seen.get_mut(name) {
            Some(before) => *before = seen,
            None => drop(memory.seen.insert(name.to_vec(), seen)),
        }
    }
}

/// A look beside the one before.
fn see(before: Option<&Seen>, look: Look, now_ms: i64) -> Seen {
    match before {
        Some(seen) if seen.look == look => *seen,
        // A modification time ahead of our clock says nothing; then only what the scans see counts.
        _ => {
            let ahead = look.mtime_ns > i128::from(now_ms) * 1_000_000;
            Seen { look, changed_ms: (before.is_some() || ahead).then_some(now_ms) }
        }
    }
}

/// True when the writer is done with the file, by the source's rule.
fn is_complete(
    config: &DirectoryConfig,
    (files, name): (&BTreeSet<Vec<u8>>, &[u8]),
    seen: &Seen,
    now_ms: i64,
) -> bool {
    match &config.complete {
        Complete::Renamed => true,
        Complete::Marker(suffix) => files.contains(&[name, suffix.as_bytes()].concat()),
        Complete::StableFor(ms) => {
            let modified_ms = i64::try_from(seen.look.mtime_ns.div_euclid(1_000_000)).unwrap_or(i64::MAX);
            let since_ms = match seen.changed_ms {
                Some(changed_ms) if modified_ms > changed_ms => changed_ms,
                Some(changed_ms) => changed_ms.max(modified_ms),
                None => modified_ms,
            };
            now_ms.saturating_sub(since_ms) >= *ms
        }
    }
}
