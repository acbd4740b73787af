//! A stream of octets to lines of bounded length.
//! Relies on the reader's own buffer; one line is in memory at a time.
//! Never keeps more of a line than its bound: the rest is passed over.

use std::io::{self, BufRead, BufReader, Read};

/// Longest line, in octets without its end: a hundred times what a usage with many attributes takes.
pub const LINE_MAX: usize = 1 << 20;

/// Octets read at once.
const BUFFER: usize = 1 << 18;

/// What the next line is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Taken {
    /// A line, without its end.
    Line,
    /// More than [`LINE_MAX`] octets; what was read of it is of no use.
    TooLong,
    /// There is none.
    End,
}

/// Lines of a stream.
pub struct Lines<R: Read> {
    reader: BufReader<R>,
    number: u64,
}

impl<R: Read> Lines<R> {
    /// Lines of `reader`.
    pub fn new(reader: R) -> Self {
        Self { reader: BufReader::with_capacity(BUFFER, reader), number: 0 }
    }

    /// Reads the next line into `line`, which is emptied first.
    pub fn next(&mut self, line: &mut Vec<u8>) -> io::Result<Taken> {
        line.clear();
        let most = LINE_MAX as u64 + 1;
        if self.reader.by_ref().take(most).read_until(b'\n', line)? == 0 {
            return Ok(Taken::End);
        }
        self.number += 1;
        if line.last() == Some(&b'\n') {
            line.pop();
        } else if line.len() > LINE_MAX {
            self.reader.skip_until(b'\n')?;
            return Ok(Taken::TooLong);
        }
        Ok(Taken::Line)
    }

    /// Number of the line last read, from 1.
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// True when the next read may wait for whoever writes.
    pub fn may_wait(&self) -> bool {
        self.reader.buffer().is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_bounded_and_the_last_needs_no_end() {
        let long = "x".repeat(LINE_MAX + 1);
        let fits = "y".repeat(LINE_MAX);
        let text = format!("a\n\n{long}\n{fits}\n{long}{long}\nb");
        let mut lines = Lines::new(text.as_bytes());
        let mut line = Vec::new();
        let mut found = Vec::new();
        loop {
            match lines.next(&mut line).unwrap() {
                Taken::End => break,
                taken => found.push((lines.number(), taken == Taken::Line, line.len().min(LINE_MAX))),
            }
        }
        let expected = [
            (1, true, 1),
            (2, true, 0),
            (3, false, LINE_MAX),
            (4, true, LINE_MAX),
            (5, false, LINE_MAX),
            (6, true, 1),
        ];
        assert_eq!(found, expected);
    }
}
