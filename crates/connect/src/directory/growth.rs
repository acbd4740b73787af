//! An ended file that was written to since, to whether it goes on: its content must begin with all that was read.
//! Relies on the hash that its end left in the state; compressed content is compared uncompressed.
//! Never reads further than that end, but for one step that tells whether anything follows.

use super::beneath::{self, shown};
use super::content::{Bounds, Content};
use super::error::DirectoryError;
use caudal_engine::source::Finished;
use std::fs::File;
use std::io::{Read, Seek};
use xxhash_rust::xxh3::Xxh3;

/// What became of an ended file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Since {
    /// It holds what it held; at most its time changed.
    Same,
    /// It holds what it held, and more.
    Grown,
    /// It holds something else: truncated, overwritten, replaced.
    Other,
}

/// Compares a file's content with what was read to its end. Leaves the file at its start.
pub(super) fn since(file: &File, name: &[u8], end: &Finished) -> Result<Since, DirectoryError> {
    let failed = |action| move |error| DirectoryError::io(action, shown(name), error);
    let mut file = file.try_clone().map_err(failed("open"))?;
    let size = beneath::metadata(&file, name)?.len();
    let mut content =
        Content::new(file.try_clone().map_err(failed("open"))?.take(size), shown(name), Bounds::SHIPPED)?;
    let mut hasher = Xxh3::new();
    let mut left = end.octets;
    let mut step = Vec::new();
    let mut more = false;
    while left > 0 {
        step.clear();
        if content.more(&mut step)? == 0 {
            break;
        }
        let known = usize::try_from(left).map_or(step.len(), |left| left.min(step.len()));
        hasher.update(step.get(..known).unwrap_or_default());
        left -= known as u64;
        more = known < step.len();
    }
    let same = left == 0 && hasher.digest() == end.content_hash;
    let more = more || (same && content.more(&mut step)? > 0);
    file.rewind().map_err(failed("rewind"))?;
    Ok(match (same, more) {
        (false, _) => Since::Other,
        (true, true) => Since::Grown,
        (true, false) => Since::Same,
    })
}

#[cfg(test)]
mod tests;
