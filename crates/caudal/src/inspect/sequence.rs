//! File sequence numbers of a folder to what is missing among them and what is there twice.
//! Relies on the numbers of one node counting up by one, and wrapping to 0 behind the largest.
//! Never looks across nodes or folders: each has a stream of its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Most ranges and numbers that are listed; the others are counted.
const LISTED: usize = 20;

/// The streams of a folder.
#[derive(Default)]
pub struct Sequences {
    streams: BTreeMap<(PathBuf, String), Vec<u32>>,
}

/// One stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stream {
    /// Folder of its files.
    pub folder: PathBuf,
    /// Node that wrote them.
    pub node: String,
    /// Files.
    pub files: u64,
    /// First and last number.
    pub span: (u32, u32),
    /// Ranges of numbers that are missing, both ends included.
    pub gaps: Vec<(u32, u32)>,
    /// Numbers that are there more than once.
    pub duplicates: Vec<u32>,
}

impl Sequences {
    /// Adds a file.
    pub fn add(&mut self, path: &Path, node: String, sequence: u32) {
        let folder = path.parent().unwrap_or(path).to_owned();
        self.streams.entry((folder, node)).or_default().push(sequence);
    }

    /// Every stream, by folder and node.
    pub fn streams(&self) -> Vec<Stream> {
        self.streams.iter().map(|((folder, node), numbers)| stream(folder, node, numbers)).collect()
    }
}

fn stream(folder: &Path, node: &str, numbers: &[u32]) -> Stream {
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable();
    let mut duplicates: Vec<u32> =
        sorted.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
    duplicates.dedup();
    sorted.dedup();
    // The stream begins behind its widest gap, which may be the one around the wrap.
    let next = |at: usize| sorted.get((at + 1) % sorted.len()).copied().unwrap_or_default();
    let gap = |at: usize| sorted.get(at).map_or(0, |number| next(at).wrapping_sub(*number));
    let last = (0..sorted.len()).max_by_key(|at| (gap(*at).wrapping_sub(1), *at)).unwrap_or_default();
    let first = (last + 1) % sorted.len().max(1);
    sorted.rotate_left(first);
    let gaps = sorted
        .windows(2)
        .filter(|pair| pair[1].wrapping_sub(pair[0]) > 1)
        .map(|pair| (pair[0].wrapping_add(1), pair[1].wrapping_sub(1)))
        .collect();
    let span = (sorted.first().copied().unwrap_or_default(), sorted.last().copied().unwrap_or_default());
    Stream {
        folder: folder.to_owned(),
        node: node.to_owned(),
        files: numbers.len() as u64,
        span,
        gaps,
        duplicates,
    }
}

impl Stream {
    /// True when no number is missing or there twice.
    pub const fn is_whole(&self) -> bool {
        self.gaps.is_empty() && self.duplicates.is_empty()
    }

    /// What is missing and what is there twice, in words.
    pub fn story(&self) -> String {
        let range =
            |(from, to): &(u32, u32)| if from == to { from.to_string() } else { format!("{from}–{to}") };
        let list = |parts: Vec<String>, all: usize| match all.checked_sub(LISTED) {
            Some(more @ 1..) => format!("{} and {more} more", parts.join(", ")),
            _ => parts.join(", "),
        };
        let mut parts = Vec::new();
        if !self.gaps.is_empty() {
            let gaps = self.gaps.iter().take(LISTED).map(range).collect();
            parts.push(format!("missing {}", list(gaps, self.gaps.len())));
        }
        if !self.duplicates.is_empty() {
            let twice = self.duplicates.iter().take(LISTED).map(u32::to_string).collect();
            parts.push(format!("more than once {}", list(twice, self.duplicates.len())));
        }
        if parts.is_empty() { "none missing".into() } else { parts.join("; ") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_and_duplicates() {
        let check = |numbers: &[u32], span: (u32, u32), expect: &str| {
            let mut sequences = Sequences::default();
            numbers
                .iter()
                .for_each(|number| sequences.add(Path::new("in/x.cdr"), "10.0.0.1".into(), *number));
            let streams = sequences.streams();
            let [stream] = streams.as_slice() else { panic!("one stream") };
            assert_eq!((stream.span, stream.story().as_str()), (span, expect), "{numbers:?}");
            assert_eq!(stream.is_whole(), expect == "none missing");
        };
        check(&[41], (41, 41), "none missing");
        check(&[41, 43, 42], (41, 43), "none missing");
        check(&[1, 2, 5, 6, 8], (1, 8), "missing 3–4, 7");
        check(&[7, 7, 8, 7], (7, 8), "more than once 7");
        check(&[u32::MAX, 0, 1, u32::MAX - 1], (u32::MAX - 1, 1), "none missing");
        check(&[u32::MAX - 1, 1], (u32::MAX - 1, 1), "missing 4294967295–0");
        let mut sequences = Sequences::default();
        sequences.add(Path::new("a/1"), "n".into(), 1);
        sequences.add(Path::new("b/1"), "n".into(), 9);
        assert!(sequences.streams().iter().all(Stream::is_whole));
    }
}
