//! A window of a file to blocks of whole records, and a block to its records.
//! Relies on the window starting where a record starts; the cut depends on the content and that start alone.
//! Never joins lines: telecom CDR lines hold no line end inside quotes, and a stray quote must not swallow a file.

use memchr::{memchr, memchr_iter};

/// Most octets of a block. Large enough that a block's fixed costs vanish, small enough for many in memory.
pub const BLOCK_MAX: usize = 256 * 1024;

/// Most octets of a record without its line end. Real CDR lines stay under 8 KiB; longer is no CDR file.
pub const RECORD_MAX: usize = 64 * 1024;

/// How the records of a format stand in its files.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Framing {
    /// A record is a line, ended by LF or CRLF, or by the end of the file. Empty lines are no records.
    Lines,
}

/// What comes behind a window.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WindowEnd {
    /// More octets may follow.
    More,
    /// The file ends here.
    EndOfFile,
}

/// What the window begins with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cut {
    /// `len` octets of whole records, line ends and empty lines included. Both are 0 at the end of the file.
    Block {
        /// Octets.
        len: usize,
        /// Records in them.
        records: u32,
    },
    /// The window must hold more than [`BLOCK_MAX`] octets, or reach the end of the file.
    NeedMore,
    /// A record longer than [`RECORD_MAX`]. Skip by [`Framing::resync`]; what was skipped is one item, `bad_length`.
    Oversize,
}

/// A record in its block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FramedRecord<'a> {
    /// Octets of the block before it.
    pub offset: usize,
    /// The record without its line end.
    pub bytes: &'a [u8],
}

impl Framing {
    /// Cuts the next block off the front of `window`: up to the last line end within the first [`BLOCK_MAX`] octets,
    /// but not past a record that is too long.
    pub fn cut(&self, window: &[u8], end: WindowEnd) -> Cut {
        let Self::Lines = self;
        // One octet more than a block is asked for, so that a file of exactly a block cuts the same way whether or
        // not its end was seen yet.
        let whole = window.len() <= BLOCK_MAX;
        if whole && end == WindowEnd::More {
            return Cut::NeedMore;
        }
        let area = window.get(..BLOCK_MAX).unwrap_or(window);
        let mut records = 0;
        let mut start = 0;
        for line_end in memchr_iter(b'\n', area) {
            match line_kind(area, start, line_end) {
                Line::Empty => {}
                Line::Record => records += 1,
                Line::TooLong if start == 0 => return Cut::Oversize,
                Line::TooLong => return Cut::Block { len: start, records },
            }
            start = line_end + 1;
        }
        if !whole {
            // The rest is part of a line that the next block begins with. Without any line end it is too long.
            return if start == 0 { Cut::Oversize } else { Cut::Block { len: start, records } };
        }
        match line_kind(area, start, area.len()) {
            Line::Empty => Cut::Block { len: area.len(), records },
            Line::Record => Cut::Block { len: area.len(), records: records + 1 },
            Line::TooLong if start == 0 => Cut::Oversize,
            Line::TooLong => Cut::Block { len: start, records },
        }
    }

    /// Octets up to and including the next place where a record may start; `None` when the window has none.
    pub fn resync(&self, window: &[u8]) -> Option<usize> {
        let Self::Lines = self;
        memchr(b'\n', window).map(|line_end| line_end + 1)
    }

    /// The records of a block. Their number equals that of [`Cut::Block`]: the books compare the two.
    pub fn records<'a>(&self, block: &'a [u8]) -> Records<'a> {
        let Self::Lines = self;
        Records { block, offset: 0 }
    }
}

enum Line {
    Empty,
    Record,
    TooLong,
}

/// The line in `[start, end)`; `end` is its LF or the end of the file.
fn line_kind(area: &[u8], start: usize, end: usize) -> Line {
    let carriage_return = end > start && area.get(end - 1) == Some(&b'\r');
    match end - start - usize::from(carriage_return) {
        0 => Line::Empty,
        1..=RECORD_MAX => Line::Record,
        _ => Line::TooLong,
    }
}

/// Iterates over the records of a block.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    block: &'a [u8],
    offset: usize,
}

impl<'a> Iterator for Records<'a> {
    type Item = FramedRecord<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        while let Some(rest) = self.block.get(self.offset..).filter(|rest| !rest.is_empty()) {
            let offset = self.offset;
            let line = match memchr(b'\n', rest) {
                Some(line_end) => {
                    self.offset += line_end + 1;
                    &rest[..line_end]
                }
                None => {
                    self.offset = self.block.len();
                    rest
                }
            };
            let bytes = line.strip_suffix(b"\r").unwrap_or(line);
            if !bytes.is_empty() {
                return Some(FramedRecord { offset, bytes });
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(content: &[u8], expect: &[&[u8]]) {
        let cut = Framing::Lines.cut(content, WindowEnd::EndOfFile);
        assert_eq!(cut, Cut::Block { len: content.len(), records: expect.len() as u32 });
        let records: Vec<_> = Framing::Lines.records(content).map(|record| record.bytes).collect();
        assert_eq!(records, expect);
    }

    #[test]
    fn lines() {
        check(b"", &[]);
        check(b"\n\r\n\n", &[]);
        check(b"a", &[b"a"]);
        check(b"a\r", &[b"a"]);
        check(b"a\nb\r\n\nc", &[b"a", b"b", b"c"]);
        check(b"\"a\nb\"\n", &[b"\"a", b"b\""]);
        check(b" \n\0\n", &[b" ", b"\0"]);
    }

    #[test]
    fn a_window_that_may_go_on_is_not_cut() {
        let window = vec![b'\n'; BLOCK_MAX + 1];
        let cut = |len: usize, end| Framing::Lines.cut(&window[..len], end);
        assert_eq!(cut(0, WindowEnd::More), Cut::NeedMore);
        assert_eq!(cut(BLOCK_MAX, WindowEnd::More), Cut::NeedMore);
        assert_eq!(cut(BLOCK_MAX, WindowEnd::EndOfFile), Cut::Block { len: BLOCK_MAX, records: 0 });
        assert_eq!(cut(BLOCK_MAX + 1, WindowEnd::More), Cut::Block { len: BLOCK_MAX, records: 0 });
    }

    /// Reads a file to its end: (octets, records) of blocks, and 0 records for what was skipped.
    fn read(content: &[u8]) -> Vec<(usize, u32)> {
        let mut parts = Vec::new();
        let mut rest = content;
        while !rest.is_empty() {
            let (len, records) = match Framing::Lines.cut(rest, WindowEnd::EndOfFile) {
                Cut::Block { len, records } => (len, records),
                Cut::Oversize => (Framing::Lines.resync(rest).unwrap_or(rest.len()), 0),
                Cut::NeedMore => panic!("the whole file is there"),
            };
            if records > 0 {
                assert_eq!(Framing::Lines.records(&rest[..len]).count(), records as usize);
            }
            parts.push((len, records));
            rest = &rest[len..];
        }
        parts
    }

    #[test]
    fn a_line_that_is_too_long_is_damage_wherever_it_stands() {
        for long in [RECORD_MAX + 1, BLOCK_MAX - 5, BLOCK_MAX, 10_000_000] {
            let mut content = b"first\n".to_vec();
            content.resize(6 + long, b'x');
            content.extend_from_slice(b"\r\nlast");
            assert_eq!(read(&content), [(6, 1), (long + 2, 0), (4, 1)], "{long}");
            content.truncate(6 + long);
            assert_eq!(read(&content), [(6, 1), (long, 0)], "{long}, cut");
        }
        let mut content = vec![b'x'; RECORD_MAX];
        assert_eq!(read(&content), [(RECORD_MAX, 1)]);
        content.extend_from_slice(b"\r\n");
        assert_eq!(read(&content), [(RECORD_MAX + 2, 1)]);
    }

    proptest! {
        #[test]
        fn cut_and_split_count_alike(lines in prop::collection::vec("[a\r]{0,3}\n?", 0..200)) {
            let content = lines.concat().into_bytes();
            let Cut::Block { len, records } = Framing::Lines.cut(&content, WindowEnd::EndOfFile) else {
                panic!("a small file is one block");
            };
            prop_assert_eq!(len, content.len());
            prop_assert_eq!(Framing::Lines.records(&content).count(), records as usize);
        }

        #[test]
        fn big_files_lose_nothing(line in 1usize..3000, lines in 1usize..400) {
            let mut content = vec![b'y'; line];
            content.push(b'\n');
            let content = content.repeat(lines);
            let parts = read(&content);
            prop_assert_eq!(parts.iter().map(|part| part.0).sum::<usize>(), content.len());
            prop_assert_eq!(parts.iter().map(|part| part.1 as usize).sum::<usize>(), lines);
            prop_assert!(parts.iter().all(|part| part.0 <= BLOCK_MAX));
        }
    }
}
