//! A file, read to its end as the reader of the pipeline does, to the claim that nothing of it was lost.
//! Relies on files of less than a block, so that each window reaches to the end.
//! Never looks into a record.

use caudal_cdr::{Cut, Framing, Place, Resync, WindowEnd};
use caudal_usage::Code;

/// A piece of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Piece {
    /// Octets before it.
    pub start: usize,
    /// Octets up to its end.
    pub end: usize,
    /// `None` for records, else the code of one damaged item.
    pub damage: Option<Code>,
}

/// Holds that every octet is record, fill or damage, that records are counted alike by those who cut and those who
/// read, and that reading resumes alike. Gives each record, with the octets before it.
pub fn check(framing: Framing, content: &[u8], mut record: impl FnMut(usize, &[u8])) -> Vec<Piece> {
    let pieces = read(framing, content, 0);
    assert_eq!(pieces.last().map_or(0, |piece| piece.end), content.len(), "the file was read to its end");
    for piece in pieces.iter().filter(|piece| piece.damage.is_none()) {
        records(framing, content, piece, &mut record);
    }
    let middle = pieces.len() / 2;
    if let Some(piece) = pieces.get(middle) {
        assert_eq!(read(framing, content, piece.end), pieces[middle + 1..], "resumed at {}", piece.end);
    }
    lost(framing, &content[..content.len() / 2]);
    pieces
}

fn read(framing: Framing, content: &[u8], start: usize) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut at = start;
    while at < content.len() {
        let (end, damage) = match framing.cut(Place::at(at as u64), &content[at..], WindowEnd::EndOfFile) {
            Cut::Block { len, records } => {
                let block = content.get(at..at + len);
                let found = block.map(|block| framing.records(Place::at(at as u64), block).count());
                assert_eq!(found, Some(records as usize), "cut and records count alike at {at}");
                (at + len, None)
            }
            Cut::Damage(code) => (border(framing, content, at + 1), Some(code)),
            Cut::NeedMore => panic!("at {at}, more is asked for than the file has"),
        };
        assert!(end > at && end <= content.len(), "from {at} to {end}");
        pieces.push(Piece { start: at, end, damage });
        at = end;
    }
    pieces
}

/// Where damage ends that was passed over up to `at`.
fn border(framing: Framing, content: &[u8], mut at: usize) -> usize {
    while at < content.len() {
        match framing.resync(&content[at..], WindowEnd::EndOfFile) {
            Resync::At(octets) => return at + octets,
            Resync::Skip(octets) => {
                assert!(octets > 0, "no progress in damage at {at}");
                at += octets;
            }
        }
    }
    content.len()
}

/// Records do not overlap, and what stands between them is what may stand there.
fn records(framing: Framing, content: &[u8], piece: &Piece, record: &mut impl FnMut(usize, &[u8])) {
    let place = Place::at(piece.start as u64);
    let block = &content[piece.start..piece.end];
    let mut at = framing.file_header(place, block);
    for found in framing.records(place, block) {
        assert!(is_between(framing, &block[at..found.offset]), "{at} to {}", found.offset);
        at = found.offset + found.bytes.len();
        assert_eq!(block.get(found.offset..at), Some(found.bytes), "the record is where it is said to be");
        record(piece.start + found.offset, found.bytes);
    }
    assert!(is_between(framing, &block[at..]), "{at} to the end of the block");
}

/// True for fill, line ends, or the length before a value.
fn is_between(framing: Framing, octets: &[u8]) -> bool {
    match framing {
        Framing::Lines => octets.iter().all(|octet| matches!(octet, b'\r' | b'\n')),
        Framing::Ber | Framing::Ts32297 => octets.iter().all(|octet| matches!(octet, 0x00 | 0xFF)),
        Framing::Values => matches!(octets.len(), 0 | 4),
    }
}

/// A window behind which the file cannot be read.
fn lost(framing: Framing, window: &[u8]) {
    if let Cut::Block { len, records } = framing.cut(Place::FileStart, window, WindowEnd::Lost) {
        let block = window.get(..len).map(|block| framing.records(Place::FileStart, block).count());
        assert_eq!(block, Some(records as usize), "cut and records count alike where the rest is lost");
    }
}
