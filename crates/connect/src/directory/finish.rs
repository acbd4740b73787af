//! Puts a file away that is done: keeps, moves or removes it.
//! Relies on the claim to know the file again, so a newer file of the same name is never touched.
//! Never replaces a file, and never leaves neither copy: the new one is synced before the old one goes.

use super::beneath::{self, shown};
use super::error::DirectoryError;
use super::{After, Complete, DirectoryConfig};
use caudal_engine::source::{FileClaim, FoundFile};
use caudal_usage::Date;
use caudal_usage::time::DAY_MS;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::Xxh3;

/// Files of one name and one hash that an archive takes before it is called broken.
const MAX_CLASHES: u32 = 1_000;

/// Ending of a copy that is not complete.
const COPYING: &str = ".part";

/// Parts of an archive's name that stand for the day on which a file was claimed, UTC.
pub const ARCHIVE_DAY: [&str; 3] = ["{yyyy}", "{mm}", "{dd}"];

/// Last day that a name may show: the end of the year 9999.
const DAY_MAX: i32 = 2_932_896;

/// The archive of a file: the day in its name is that of the claim, which is recorded, so that doing it again on
/// another day leads to the same place.
pub fn archive_of(folder: &Path, arrival_ms: i64) -> PathBuf {
    let shown = folder.as_os_str().as_bytes();
    if !shown.contains(&b'{') {
        return folder.to_owned();
    }
    let day = i32::try_from(arrival_ms.div_euclid(DAY_MS)).unwrap_or_default().clamp(0, DAY_MAX);
    let date = Date::from_days(day).to_string();
    let mut parts = date.splitn(3, '-');
    let mut name = shown.to_vec();
    for placeholder in ARCHIVE_DAY {
        name = replace(&name, placeholder.as_bytes(), parts.next().unwrap_or_default().as_bytes());
    }
    PathBuf::from(std::ffi::OsString::from_vec(name))
}

fn replace(text: &[u8], what: &[u8], with: &[u8]) -> Vec<u8> {
    let mut replaced = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(octet) = rest.first() {
        match rest.strip_prefix(what) {
            Some(behind) => {
                replaced.extend_from_slice(with);
                rest = behind;
            }
            None => {
                replaced.push(*octet);
                rest = rest.get(1..).unwrap_or_default();
            }
        }
    }
    replaced
}

/// Archives, deletes or keeps. Doing it again does nothing.
pub(super) fn finish(config: &DirectoryConfig, claim: &FileClaim) -> Result<(), DirectoryError> {
    let found = &claim.found;
    let from = beneath::path_of(&config.directory, &found.name)?;
    match &config.after {
        After::Keep => Ok(()),
        After::Archive(folder) => {
            if is_there(config, found)? {
                remove_marker(config, &from)?;
                let folder = archive_of(folder, claim.arrival_ms);
                archive(&from, &beneath::path_of(&folder, &found.name)?)?;
            }
            Ok(())
        }
        After::Delete => {
            if is_there(config, found)? {
                remove_marker(config, &from)?;
                remove(&from)?;
            }
            Ok(())
        }
    }
}

/// True when the claimed file still has its name. A file that grew is not done: its rest is to be read.
fn is_there(config: &DirectoryConfig, found: &FoundFile) -> Result<bool, DirectoryError> {
    let mut file = match beneath::open(&config.directory, &found.name) {
        Ok(file) => file,
        Err(DirectoryError::Io { error, .. }) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        // What has the name now is no regular file, so it is not the one that was read.
        Err(DirectoryError::NotAFile { .. }) => return Ok(false),
        Err(error) => return Err(error),
    };
    let metadata = beneath::metadata(&file, &found.name)?;
    if (metadata.ino(), metadata.len()) != (found.inode, found.size) {
        return Ok(false);
    }
    Ok(beneath::head_hash(&mut file, &found.name, found.size)? == found.head_hash)
}

/// The marker goes first: left behind, it would call the next file of this name complete while it is written.
fn remove_marker(config: &DirectoryConfig, from: &Path) -> Result<(), DirectoryError> {
    match &config.complete {
        Complete::Marker(suffix) => remove(&with_suffix(from, suffix.as_bytes())),
        Complete::Renamed | Complete::StableFor(_) => Ok(()),
    }
}

fn with_suffix(path: &Path, suffix: &[u8]) -> PathBuf {
    PathBuf::from(std::ffi::OsString::from_vec([path.as_os_str().as_bytes(), suffix].concat()))
}

/// Removes a file and makes that durable; nothing when it is not there.
fn remove(path: &Path) -> Result<(), DirectoryError> {
    match std::fs::remove_file(path) {
        Ok(()) => sync_parent(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(DirectoryError::io("remove", path.display(), error)),
    }
}

fn sync_parent(path: &Path) -> Result<(), DirectoryError> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let folder = parent.unwrap_or(Path::new("."));
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| DirectoryError::io("sync", folder.display(), error))
}

/// Creates a folder and those above it, and makes each durable: a new day's folder that a crash takes with it would take
/// the files in it too.
fn create(folder: &Path) -> Result<(), DirectoryError> {
    let missing: Vec<_> = folder.ancestors().take_while(|folder| !is_folder(folder)).collect();
    for folder in missing.into_iter().rev() {
        match std::fs::create_dir(folder) {
            Ok(()) => sync_parent(folder)?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && is_folder(folder) => {}
            Err(error) => return Err(DirectoryError::io("create", folder.display(), error)),
        }
    }
    Ok(())
}

/// True for a folder; a path of no parts is the one that the process is in.
fn is_folder(path: &Path) -> bool {
    path.as_os_str().is_empty() || path.is_dir()
}

/// Moves `from` to `to`, or to `to-<hash>`, or to `to-<hash>-<n>`: the first that is free.
fn archive(from: &Path, to: &Path) -> Result<(), DirectoryError> {
    if let Some(folder) = to.parent() {
        create(folder)?;
    }
    if place(from, to)? {
        return Ok(());
    }
    let (hash, len) = content_hash(from)?;
    for clash in 0..MAX_CLASHES {
        let target = match clash {
            0 => to.to_path_buf(),
            1 => with_suffix(to, format!("-{:08x}", hash >> 32).as_bytes()),
            n => with_suffix(to, format!("-{:08x}-{n}", hash >> 32).as_bytes()),
        };
        // An earlier try that was cut short after its copy was complete: the copy is there already.
        let same =
            std::fs::symlink_metadata(&target).is_ok_and(|there| there.is_file() && there.len() == len);
        if same && content_hash(&target)? == (hash, len) {
            remove(&with_suffix(&target, COPYING.as_bytes()))?;
            return remove(from);
        }
        if clash > 0 && place(from, &target)? {
            return Ok(());
        }
    }
    Err(DirectoryError::Bound {
        name: shown(to.as_os_str().as_bytes()),
        what: "files of the same name and hash in the archive",
        bound: u64::from(MAX_CLASHES),
    })
}

/// Moves `from` to `to` unless something has that name; true when it was moved.
fn place(from: &Path, to: &Path) -> Result<bool, DirectoryError> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Ok(()) => {
            sync_parent(to)?;
            sync_parent(from)?;
            Ok(true)
        }
        Err(Errno::EXIST) => Ok(false),
        // Another file system, or one that knows no such rename: a synced copy, then the name, then the removal.
        Err(Errno::XDEV | Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => copy(from, to),
        Err(error) => Err(DirectoryError::io("move", from.display(), error.into())),
    }
}

/// Copies `from` beside `to`, syncs, gives it the name unless that is taken, and removes `from`.
fn copy(from: &Path, to: &Path) -> Result<bool, DirectoryError> {
    if std::fs::symlink_metadata(to).is_ok() {
        return Ok(false);
    }
    let part = with_suffix(to, COPYING.as_bytes());
    let failed = |error| DirectoryError::io("copy", from.display(), error);
    std::fs::copy(from, &part).map_err(failed)?;
    File::open(&part).and_then(|file| file.sync_all()).map_err(failed)?;
    match std::fs::hard_link(&part, to) {
        Ok(()) => remove(&part)?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            remove(&part)?;
            return Ok(false);
        }
        // No links there either. The name was free a moment ago, and the archive has one writer.
        Err(_) => std::fs::rename(&part, to).map_err(failed)?,
    }
    sync_parent(to)?;
    remove(from)?;
    Ok(true)
}

/// XXH3-64 and length of the octets on disk.
fn content_hash(path: &Path) -> Result<(u64, u64), DirectoryError> {
    let failed = |error| DirectoryError::io("read", path.display(), error);
    let mut file = File::open(path).map_err(failed)?;
    let mut hasher = Xxh3::new();
    let mut buffer = vec![0; 64 * 1024];
    let mut len = 0;
    loop {
        let count = file.read(&mut buffer).map_err(failed)?;
        if count == 0 {
            return Ok((hasher.digest(), len));
        }
        hasher.update(buffer.get(..count).unwrap_or_default());
        len += count as u64;
    }
}
