//! Opens names beneath a folder: a relative name to a regular file, checked against what was found or claimed.
//! Relies on `openat` with `O_NOFOLLOW` for every component, so a swapped folder cannot lead elsewhere.
//! Never blocks on a FIFO: everything is opened without waiting and looked at before it is read.

use super::error::DirectoryError;
use caudal_engine::source::{FoundFile, HEAD_LEN};
use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Component, Path, PathBuf};
use xxhash_rust::xxh3::xxh3_64;

/// A name as it may stand in messages.
pub(super) fn shown(name: &[u8]) -> String {
    String::from_utf8_lossy(name).escape_debug().to_string()
}

/// The components of a relative name; an error when one leads out of the folder.
fn components(name: &[u8]) -> Result<Vec<&std::ffi::OsStr>, DirectoryError> {
    let parts: Option<Vec<_>> = Path::new(std::ffi::OsStr::from_bytes(name))
        .components()
        .map(|part| match part {
            Component::Normal(part) => Some(part),
            _ => None,
        })
        .collect();
    match parts {
        Some(parts) if !parts.is_empty() => Ok(parts),
        _ => Err(DirectoryError::Outside { name: shown(name) }),
    }
}

/// `root` joined with a name that was checked to stay beneath it.
pub(super) fn path_of(root: &Path, name: &[u8]) -> Result<PathBuf, DirectoryError> {
    Ok(components(name)?.iter().fold(root.to_path_buf(), |path, part| path.join(part)))
}

/// Opens a regular file beneath `root` for reading.
pub(super) fn open(root: &Path, name: &[u8]) -> Result<File, DirectoryError> {
    let failed = |error: rustix::io::Errno| match error {
        rustix::io::Errno::LOOP | rustix::io::Errno::NOTDIR => {
            DirectoryError::NotAFile { name: shown(name), found: "a symlink or a changed folder" }
        }
        other => DirectoryError::io("open", shown(name), other.into()),
    };
    let parts = components(name)?;
    let folder_flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut folder: OwnedFd = rustix::fs::open(root, folder_flags, Mode::empty()).map_err(failed)?;
    let Some((last, folders)) = parts.split_last() else {
        return Err(DirectoryError::Outside { name: shown(name) });
    };
    for part in folders {
        folder = rustix::fs::openat(&folder, *part, folder_flags | OFlags::NOFOLLOW, Mode::empty())
            .map_err(failed)?;
    }
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::openat(&folder, *last, flags, Mode::empty()).map_err(failed)?);
    let kind = metadata(&file, name)?.file_type();
    if !kind.is_file() {
        return Err(DirectoryError::NotAFile { name: shown(name), found: kind_word(kind) });
    }
    Ok(file)
}

/// What a thing that is no regular file is called.
pub(super) fn kind_word(kind: std::fs::FileType) -> &'static str {
    match kind {
        _ if kind.is_symlink() => "a symlink",
        _ if kind.is_dir() => "a folder",
        _ if kind.is_fifo() => "a FIFO",
        _ if kind.is_socket() => "a socket",
        _ if kind.is_block_device() || kind.is_char_device() => "a device",
        _ => "something that is no regular file",
    }
}

/// Size, inode and times of an open file.
pub(super) fn metadata(file: &File, name: &[u8]) -> Result<std::fs::Metadata, DirectoryError> {
    file.metadata().map_err(|error| DirectoryError::io("look at", shown(name), error))
}

/// XXH3-64 of the first [`HEAD_LEN`] octets, of which there are at most `size`. Leaves the file behind them.
pub(super) fn head_hash(file: &mut File, name: &[u8], size: u64) -> Result<u64, DirectoryError> {
    let mut head = Vec::with_capacity(HEAD_LEN);
    file.take(size.min(HEAD_LEN as u64))
        .read_to_end(&mut head)
        .map_err(|error| DirectoryError::io("read", shown(name), error))?;
    Ok(xxh3_64(&head))
}

/// Opens what was claimed, or says how it differs. The file may have grown: what is read is bounded by the claim.
pub(super) fn open_claimed(root: &Path, found: &FoundFile) -> Result<std::io::Take<File>, DirectoryError> {
    use std::io::Seek;
    let name = &found.name;
    let mut file = open(root, name)?;
    let metadata = metadata(&file, name)?;
    let replaced =
        |what, found, expected| DirectoryError::Replaced { name: shown(name), what, found, expected };
    if metadata.ino() != found.inode {
        return Err(replaced("inode", metadata.ino(), found.inode));
    }
    if metadata.len() < found.size {
        return Err(replaced("size", metadata.len(), found.size));
    }
    let head = head_hash(&mut file, name, found.size)?;
    if head != found.head_hash {
        return Err(replaced("head_hash", head, found.head_hash));
    }
    file.rewind().map_err(|error| DirectoryError::io("rewind", shown(name), error))?;
    Ok(file.take(found.size))
}
