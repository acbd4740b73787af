//! A window of a file to blocks of whole records, and a block to its records.
//! Relies on the window starting where a record or the file starts; the cut depends on content and place alone.
//! Never gives up at damage: it is passed over to the next border that is proven, in bounded memory.

mod ber;
mod chain;
mod lines;
pub mod ts32297;
pub mod values;

use caudal_usage::Code;

/// Most octets of a block. Large enough that a block's fixed costs vanish, small enough for many in memory.
pub const BLOCK_MAX: usize = 256 * 1024;

/// Most octets of a record: of a line without its end, of a BER element with its tag, of a CDR without its CDR header.
/// Real CDRs stay under 8 KiB; longer is no CDR.
pub const RECORD_MAX: usize = 64 * 1024;

/// How the records of a format stand in its files.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Framing {
    /// A record is a line, ended by LF or CRLF, or by the end of the file. Empty lines are no records.
    Lines,
    /// A record is a constructed BER element. Octets `00` and `FF` between records are fill.
    Ber,
    /// TS 32.297: a file header, then CDRs, each behind a CDR header that belongs to the framed record.
    Ts32297,
    /// A record is a value behind its length in four octets, most significant first: the messages of a topic.
    Values,
}

/// Where a window or a block stands in its file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// At its start, where a file header stands if the framing has one.
    FileStart,
    /// Behind other blocks.
    Inside,
}

impl Place {
    /// By the octets of the file before it.
    pub const fn at(offset: u64) -> Self {
        if offset == 0 { Self::FileStart } else { Self::Inside }
    }
}

/// What comes behind a window.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WindowEnd {
    /// More octets may follow.
    More,
    /// The file ends here.
    EndOfFile,
    /// More would follow, but cannot be read: a record that is not whole is not given.
    Lost,
}

/// What the window begins with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cut {
    /// `len` octets of whole records, and of what is none: line ends, fill, a file header. Both are 0 only at the end
    /// of the file.
    Block {
        /// Octets.
        len: usize,
        /// Records in them.
        records: u32,
    },
    /// The window must hold more than [`BLOCK_MAX`] octets, or reach the end of the file. At [`WindowEnd::Lost`]:
    /// nothing of the window is whole.
    NeedMore,
    /// No record stands here. Pass over at least one octet, then by [`Framing::resync`]; what was passed over is one
    /// item of this code: `bad_length`, or `truncated` when the last record is cut by the end of the file.
    Damage(Code),
}

/// Where records go on behind damage.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Resync {
    /// Behind so many octets.
    At(usize),
    /// Not within so many octets. What is left of the window is to be shown again with what follows it.
    Skip(usize),
}

/// A record in its block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FramedRecord<'a> {
    /// Octets of the block before it.
    pub offset: usize,
    /// The record: a line without its end, a BER element, a CDR with its CDR header, a value without its length.
    pub bytes: &'a [u8],
}

impl Framing {
    /// Cuts the next block off the front of `window`, up to damage or about [`BLOCK_MAX`] octets.
    pub fn cut(&self, place: Place, window: &[u8], end: WindowEnd) -> Cut {
        match (self, place) {
            (Self::Lines, _) => lines::cut(window, end),
            (Self::Ber, _) => chain::cut(&ber::Elements, window, end),
            (Self::Ts32297, Place::FileStart) => ts32297::cut_start(window, end),
            (Self::Ts32297, Place::Inside) => chain::cut(&ts32297::Cdrs, window, end),
            (Self::Values, _) => chain::cut(&values::Values, window, end),
        }
    }

    /// Looks for the next place where a record may start.
    pub fn resync(&self, window: &[u8], end: WindowEnd) -> Resync {
        match self {
            Self::Lines => lines::resync(window),
            Self::Ber => chain::resync(&ber::Elements, window, end),
            Self::Ts32297 => chain::resync(&ts32297::Cdrs, window, end),
            Self::Values => chain::resync(&values::Values, window, end),
        }
    }

    /// Octets that [`Self::resync`] must see behind a place to decide over it.
    pub const fn look_ahead(&self) -> usize {
        match self {
            Self::Lines | Self::Values => 0,
            Self::Ber | Self::Ts32297 => chain::LOOK_AHEAD,
        }
    }

    /// The records of a block. Their number equals that of [`Cut::Block`]: the books compare the two.
    pub fn records<'a>(&self, place: Place, block: &'a [u8]) -> Records<'a> {
        Records { framing: *self, block, offset: self.file_header(place, block) }
    }

    /// Octets of the file header that a block begins with; 0 where there is none.
    pub fn file_header(&self, place: Place, block: &[u8]) -> usize {
        match (self, place) {
            (Self::Ts32297, Place::FileStart) => ts32297::header_octets(block).unwrap_or(0),
            (Self::Lines | Self::Ber | Self::Ts32297 | Self::Values, _) => 0,
        }
    }
}

/// Iterates over the records of a block.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    framing: Framing,
    block: &'a [u8],
    offset: usize,
}

impl<'a> Iterator for Records<'a> {
    type Item = FramedRecord<'a>;

    // A record is handed over in registers: once for each of millions.
    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        let (record, offset) = match self.framing {
            Framing::Lines => lines::next(self.block, self.offset),
            Framing::Ber => chain::next(&ber::Elements, self.block, self.offset),
            Framing::Ts32297 => chain::next(&ts32297::Cdrs, self.block, self.offset),
            Framing::Values => chain::next(&values::Values, self.block, self.offset),
        }?;
        self.offset = offset;
        Some(record)
    }
}

#[cfg(test)]
mod tests;
