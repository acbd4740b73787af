//! What holds for every framing, over good files, damaged files and random octets.

mod binary;
mod lines;

use super::*;

/// A piece of a file: records, or one damaged item.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Piece {
    /// Where it begins and ends, and the octets of its records by their places in the file.
    Block(usize, usize, Vec<(usize, usize)>),
    /// Where it begins and ends, and its code.
    Damage(usize, usize, Code),
}

impl Piece {
    fn end(&self) -> usize {
        match self {
            Self::Block(_, end, _) | Self::Damage(_, end, _) => *end,
        }
    }
}

/// Reads a file from `start` to its end as a reader does, `step` octets of damage at a time.
pub(super) fn read(framing: Framing, content: &[u8], start: usize, step: usize) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut at = start;
    while at < content.len() {
        let piece = match cut(framing, content, at) {
            Cut::Block { len, records } => {
                assert!(len > 0, "no progress at {at}");
                let place = Place::at(at as u64);
                let found = framing.records(place, &content[at..at + len]);
                let found: Vec<_> =
                    found.map(|it| (at + it.offset, at + it.offset + it.bytes.len())).collect();
                assert_eq!(found.len(), records as usize, "cut and records count alike");
                Piece::Block(at, at + len, found)
            }
            Cut::Damage(code) => Piece::Damage(at, border(framing, content, at, step), code),
            Cut::NeedMore => panic!("the window was large enough"),
        };
        at = piece.end();
        pieces.push(piece);
    }
    pieces
}

/// Cuts with a window of one octet more than a block, the more when it ends the file.
fn cut(framing: Framing, content: &[u8], at: usize) -> Cut {
    let rest = &content[at..];
    let place = Place::at(at as u64);
    if rest.len() <= BLOCK_MAX + 1 {
        return framing.cut(place, rest, WindowEnd::EndOfFile);
    }
    let cut = framing.cut(place, &rest[..BLOCK_MAX + 1], WindowEnd::More);
    assert_eq!(cut, framing.cut(place, rest, WindowEnd::EndOfFile), "a larger window changes nothing");
    cut
}

/// Where damage that begins at `at` ends.
fn border(framing: Framing, content: &[u8], at: usize, step: usize) -> usize {
    let mut at = at + 1;
    while at < content.len() {
        let rest = &content[at..];
        let shown = framing.look_ahead() + step;
        let found = match rest.get(..shown) {
            Some(window) if window.len() < rest.len() => framing.resync(window, WindowEnd::More),
            _ => framing.resync(rest, WindowEnd::EndOfFile),
        };
        match found {
            Resync::At(octets) => return at + octets,
            Resync::Skip(octets) => {
                assert!(octets > 0, "no progress in damage at {at}");
                at += octets;
            }
        }
    }
    content.len()
}

/// Every octet is in one piece, records do not overlap, and reading resumes alike behind every piece.
pub(super) fn check_file(framing: Framing, content: &[u8]) -> Vec<Piece> {
    let pieces = read(framing, content, 0, BLOCK_MAX);
    assert_eq!(pieces.last().map_or(0, Piece::end), content.len());
    for (index, piece) in pieces.iter().enumerate() {
        assert_eq!(read(framing, content, piece.end(), 1000), pieces[index + 1..], "resumed behind {index}");
        if let Piece::Block(start, end, records) = piece {
            let ends = records.iter().map(|record| record.1).chain([*end]);
            let mut at = *start;
            for ((from, _), end) in records.iter().chain([&(*end, *end)]).zip(ends) {
                assert!(at <= *from && from <= &end);
                at = end;
            }
        }
    }
    pieces
}
