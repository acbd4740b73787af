//! A path to a reader of its content, decompressed where need be.
//! Relies on the directory source: the same bounds and the same blocks as in a run.
//! Never opens what is no regular file.

use anyhow::{Context, ensure};
use caudal_cdr::Framing;
use caudal_connect::directory::{After, Complete, DirectoryConfig, DirectorySource, is_compressed};
use caudal_engine::source::{BlockReader, FileClaim, FileProgress, FoundFile, HEAD_LEN, Source};
use caudal_usage::FileOrdinal;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// An open file.
pub struct Opened {
    /// Gives its blocks.
    pub reader: Box<dyn BlockReader>,
    /// Octets on disk.
    pub size_on_disk: u64,
    /// True when the content was compressed.
    pub compressed: bool,
}

/// Opens a file at its beginning.
pub fn open(path: &Path, framing: Framing) -> anyhow::Result<Opened> {
    let path = path.canonicalize().with_context(|| format!("cannot find {}", path.display()))?;
    let metadata = path.metadata()?;
    ensure!(metadata.is_file(), "{} is no regular file", path.display());
    let mut head = Vec::new();
    std::fs::File::open(&path)
        .and_then(|file| file.take(HEAD_LEN as u64).read_to_end(&mut head))
        .with_context(|| format!("cannot read {}", path.display()))?;
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        anyhow::bail!("{} is no regular file", path.display());
    };
    let found = FoundFile {
        source: 0,
        name: name.as_bytes().to_vec(),
        size: metadata.len(),
        inode: metadata.ino(),
        mtime_ns: 0,
        head_hash: xxhash_rust::xxh3::xxh3_64(&head),
    };
    let source = DirectorySource::new(DirectoryConfig {
        source: 0,
        directory: folder.to_owned(),
        complete: Complete::Renamed,
        after: After::Keep,
        ignore: Vec::new(),
        silent_after_ms: None,
        framing,
    });
    let claim = FileClaim { found, ordinal: FileOrdinal(0), arrival_ms: 0, continued: None };
    let reader = source.open(&claim, FileProgress::default())?;
    Ok(Opened { reader, size_on_disk: metadata.len(), compressed: is_compressed(&head) })
}
