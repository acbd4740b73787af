//! Opens a state folder for one process of one pipeline, and keeps the secret of its fingerprints.
//! Relies on the disk's lock to end with the process.
//! Never gives a folder that holds state a new secret: every key would be new and be billed again.
//!
//! `state/IDENTITY` is text, five lines: `caudal state`, `format 1`, `pipeline <name>`, `secret <32 hex digits>`,
//! `check <8 hex digits>`, the CRC-32C of the lines before. `state/LOCK` is empty and locked while a process runs.

use crate::SharedDisk;
use crate::error::{Doing, StoreError};
use caudal_engine::disk::DiskLock;
use caudal_usage::KeySecret;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Format of the state folder as a whole.
pub const FORMAT: &str = "1";

/// A state folder that this process holds.
pub struct StateFolder {
    /// The folder.
    pub path: PathBuf,
    /// Keys the fingerprints and slots of this folder.
    pub secret: KeySecret,
    pipeline: String,
    _lock: DiskLock,
}

impl StateFolder {
    /// Locks `folder`, creating it and its identity when it holds nothing yet. `pipeline` must be the name it was
    /// created with.
    pub fn open(disk: &SharedDisk, folder: &Path, pipeline: &str) -> Result<Self, StoreError> {
        disk.create_folder(folder).doing("create", folder)?;
        let lock = folder.join("LOCK");
        let held = match disk.lock(&lock) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Err(StoreError::Locked { path: lock });
            }
            other => other.doing("lock", &lock)?,
        };
        let identity = folder.join("IDENTITY");
        let secret = match disk.read(&identity) {
            Ok(bytes) => parse(&identity, &bytes, pipeline)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                refuse_if_used(disk, folder, &identity)?;
                create(disk, folder, pipeline)?
            }
            Err(error) => return Err(error).doing("read", &identity),
        };
        Ok(Self { path: folder.to_owned(), secret, pipeline: pipeline.to_owned(), _lock: held })
    }

    /// True when the folder holds state.
    pub fn is_used(&self, disk: &SharedDisk) -> Result<bool, StoreError> {
        Ok(used(disk, &self.path)?.is_some())
    }

    /// Gives a folder that holds no state yet the secret of the log that it will follow.
    pub fn adopt(&mut self, disk: &SharedDisk, secret: KeySecret) -> Result<(), StoreError> {
        refuse_if_used(disk, &self.path, &self.path.join("IDENTITY"))?;
        write(disk, &self.path, &self.pipeline, secret)?;
        self.secret = secret;
        Ok(())
    }
}

/// The first of the folders of state that holds something.
fn used(disk: &SharedDisk, folder: &Path) -> Result<Option<&'static str>, StoreError> {
    for name in ["log", "snapshots", "claims"] {
        let inside = folder.join(name);
        if !disk.list(&inside).doing("list", &inside)?.is_empty() {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// State without an identity means that somebody removed the file.
fn refuse_if_used(disk: &SharedDisk, folder: &Path, identity: &Path) -> Result<(), StoreError> {
    match used(disk, folder)? {
        Some(name) => {
            let found = format!("none, although {name}/ holds files");
            Err(StoreError::corrupt(identity, 0, "the identity of this state", found))
        }
        None => Ok(()),
    }
}

fn create(disk: &SharedDisk, folder: &Path, pipeline: &str) -> Result<KeySecret, StoreError> {
    let random = Path::new("/dev/urandom");
    let mut secret = [0; 16];
    File::open(random).and_then(|mut file| file.read_exact(&mut secret)).doing("read", random)?;
    let secret = KeySecret(secret);
    write(disk, folder, pipeline, secret)?;
    Ok(secret)
}

fn write(disk: &SharedDisk, folder: &Path, pipeline: &str, secret: KeySecret) -> Result<(), StoreError> {
    let (part, path) = (folder.join("IDENTITY.part"), folder.join("IDENTITY"));
    disk.remove(&part).doing("remove", &part)?;
    let mut file = disk.open(&part).doing("create", &part)?;
    file.append(render(pipeline, secret).as_bytes()).doing("append", &part)?;
    file.sync().doing("sync", &part)?;
    disk.rename(&part, &path).doing("rename", &part)?;
    disk.sync_folder(folder).doing("sync", folder)
}

fn render(pipeline: &str, secret: KeySecret) -> String {
    let secret = u128::from_be_bytes(secret.0);
    let mut text = format!("caudal state\nformat {FORMAT}\npipeline {pipeline}\nsecret {secret:032x}\n");
    text.push_str(&format!("check {:08x}\n", crc32c::crc32c(text.as_bytes())));
    text
}

/// Reads the identity. What is found is shown without the secret.
fn parse(path: &Path, bytes: &[u8], pipeline: &str) -> Result<KeySecret, StoreError> {
    let text = String::from_utf8_lossy(bytes);
    let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key));
    let damaged = |what: &str| StoreError::corrupt(path, 0, what, "another text");
    let format = value("format ").ok_or_else(|| damaged("a line with the format"))?;
    if format != FORMAT {
        return Err(StoreError::corrupt(path, 0, format!("format {FORMAT}"), format!("format {format}")));
    }
    let found = value("pipeline ").ok_or_else(|| damaged("a line with the pipeline's name"))?;
    let secret = value("secret ").and_then(|hex| u128::from_str_radix(hex, 16).ok());
    let secret = KeySecret(secret.ok_or_else(|| damaged("a line with the secret"))?.to_be_bytes());
    if render(found, secret) != text {
        return Err(damaged("five lines, the last the checksum of the others"));
    }
    if found != pipeline {
        let (expected, found) = (pipeline.to_owned(), found.to_owned());
        return Err(StoreError::Foreign { path: path.to_owned(), expected, found });
    }
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RealDisk;
    use crate::faulty::{MemDisk, Unsynced};
    use caudal_engine::disk::Disk;
    use std::sync::Arc;

    fn shared(disk: &MemDisk) -> SharedDisk {
        Arc::new(disk.clone())
    }

    fn open(disk: &MemDisk, pipeline: &str) -> Result<StateFolder, StoreError> {
        StateFolder::open(&shared(disk), Path::new("state"), pipeline)
    }

    #[test]
    fn the_secret_stays_and_differs_between_folders() {
        let disk = MemDisk::new();
        let secret = open(&disk, "quickstart").unwrap().secret;
        disk.crash(Unsynced::Lost);
        assert!(open(&disk, "quickstart").unwrap().secret == secret);
        assert!(open(&MemDisk::new(), "quickstart").unwrap().secret != secret);
    }

    #[test]
    fn a_foreign_a_locked_and_a_damaged_folder_are_refused() {
        let disk = MemDisk::new();
        let held = open(&disk, "one").unwrap();
        assert_eq!(open(&disk, "one").err().unwrap().code(), "store_locked");
        drop(held);
        let error = open(&disk, "two").err().unwrap();
        assert!(matches!(&error, StoreError::Foreign { found, .. } if found == "one"), "{error}");
        let path = Path::new("state/IDENTITY");
        for at in 0..disk.read(path).unwrap().len() {
            disk.damage(path, |bytes| bytes[at] ^= 1);
            let code = open(&disk, "one").err().unwrap().code();
            assert_eq!(code, "store_corrupt", "{at}");
            disk.damage(path, |bytes| bytes[at] ^= 1);
        }
        open(&disk, "one").unwrap();
    }

    #[test]
    fn state_that_lost_its_identity_gets_no_new_one() {
        let disk = MemDisk::new();
        drop(open(&disk, "one").unwrap());
        disk.open(Path::new("state/log/0000000000000001.log")).unwrap();
        disk.remove(Path::new("state/IDENTITY")).unwrap();
        assert_eq!(open(&disk, "one").err().unwrap().code(), "store_corrupt");
    }

    #[test]
    fn one_holder_at_a_time_on_a_real_disk() {
        let folder = tempfile::tempdir().unwrap();
        let disk: SharedDisk = Arc::new(RealDisk::new());
        let held = StateFolder::open(&disk, folder.path(), "p").unwrap();
        assert_eq!(StateFolder::open(&disk, folder.path(), "p").err().unwrap().code(), "store_locked");
        drop(held);
        StateFolder::open(&disk, folder.path(), "p").unwrap();
    }
}
