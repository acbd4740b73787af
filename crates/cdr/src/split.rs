//! One line to its columns.
//! Relies on the framing: a line holds no line end. Quoted feeds go through the csv crate's core, unquoted ones
//! through a word-at-a-time scan that is tested against it. Never allocates once its buffers have grown.

use caudal_usage::{Code, Fault, Stage};
use csv_core::{ReadRecordResult, ReaderBuilder, Terminator};

/// Most columns of a line. Real feeds stay under 200; CUCM has 133.
pub const MAX_COLUMNS: usize = 256;

/// Most octets of one column. No field of a CDR comes near; a key built of more is a mistake.
pub const MAX_FIELD: usize = 4096;

/// How columns are told apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Dialect {
    /// Octet between columns.
    pub separator: u8,
    /// Octet around columns; doubled inside. `None` when the feed knows no quotes.
    pub quote: Option<u8>,
}

/// Buffers of one thread, reused from record to record.
#[derive(Default)]
pub struct Scratch {
    /// Columns.
    pub(crate) columns: Buffers,
    /// Texts that binary records do not hold as such.
    pub(crate) texts: crate::texts::Texts,
    /// Key, session and billed fields.
    pub(crate) keys: crate::keys::Keys,
}

impl std::fmt::Debug for Scratch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scratch(…)")
    }
}

/// Where the columns of one record are, and what stands there in another form.
pub(crate) struct Buffers {
    /// Begin and end of each column of a line without quotes: one more than a line may have.
    plain: Box<[(u32, u32); MAX_COLUMNS + 1]>,
    /// Begin and end of each column in `text`.
    pub(crate) spans: Vec<(u32, u32)>,
    /// Columns of a quoted line, or values of a JSON object, unescaped.
    pub(crate) text: Vec<u8>,
    ends: Vec<usize>,
    /// The reader for quoted lines, and the dialect that it was built for.
    reader: Option<(Dialect, csv_core::Reader)>,
}

impl Default for Buffers {
    fn default() -> Self {
        let plain = Box::new([(0, 0); MAX_COLUMNS + 1]);
        Self { plain, spans: Vec::new(), text: Vec::new(), ends: Vec::new(), reader: None }
    }
}

/// The columns of one line.
#[derive(Clone, Copy)]
pub struct Columns<'a> {
    pub(crate) text: &'a [u8],
    pub(crate) spans: &'a [(u32, u32)],
}

impl<'a> Columns<'a> {
    /// Number of columns, at least 1.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Always false: an empty line is no record.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The column at `index`; empty when there is none.
    #[inline]
    pub fn get(&self, index: usize) -> &'a [u8] {
        let span =
            self.spans.get(index).and_then(|&(start, end)| self.text.get(start as usize..end as usize));
        span.unwrap_or_default()
    }

    /// All columns, in order.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> + '_ {
        (0..self.len()).map(|index| self.get(index))
    }
}

/// Splits a line. Errors when it has too many columns, a column that is too long, or a quote that does not close.
pub fn split<'a>(dialect: Dialect, line: &'a [u8], scratch: &'a mut Scratch) -> Result<Columns<'a>, Fault> {
    columns(dialect, line, &mut scratch.columns)
}

/// The same into buffers that stand beside others of the scratch.
#[inline]
pub(crate) fn columns<'a>(
    dialect: Dialect,
    line: &'a [u8],
    scratch: &'a mut Buffers,
) -> Result<Columns<'a>, Fault> {
    // Some tools begin each file with a byte order mark, and joined files then have them inside.
    let line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
    if u32::try_from(line.len()).is_err() {
        return Err(refused(Code::BadLength, "", line));
    }
    let (text, spans) = match dialect.quote {
        None => {
            let count = split_plain(dialect.separator, line, &mut scratch.plain);
            (line, scratch.plain.get(..count).unwrap_or_default())
        }
        Some(quote) => {
            split_quoted(dialect, quote, line, scratch)?;
            (scratch.text.as_slice(), scratch.spans.as_slice())
        }
    };
    if spans.len() > MAX_COLUMNS {
        return Err(refused(Code::BadField, "columns", b"more than 256 columns"));
    }
    let columns = Columns { text, spans };
    // A short line cannot hold a long column.
    if line.len() > MAX_FIELD
        && let Some(long) = columns.iter().find(|column| column.len() > MAX_FIELD)
    {
        return Err(refused(Code::BadLength, "columns", long));
    }
    Ok(columns)
}

/// Finds the columns by looking at eight octets at a time. How many there are: at most one more than [`MAX_COLUMNS`].
///
/// A function of its own, for it needs the registers. The line is shorter than 4 GiB: no sum of offsets wraps.
#[inline(never)]
fn split_plain(separator: u8, line: &[u8], spans: &mut [(u32, u32); MAX_COLUMNS + 1]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const LOW: u64 = 0x7F7F_7F7F_7F7F_7F7F;
    let pattern = ONES * u64::from(separator);
    let (mut count, mut start, mut base) = (0, 0u32, 0u32);
    let (words, tail) = line.as_chunks::<8>();
    for word in words {
        let differs = u64::from_le_bytes(*word) ^ pattern;
        // High bit of each octet: set unless the octet is zero. No carry crosses octets, so each hit is exact.
        let mut hits = !((differs & LOW).wrapping_add(LOW) | differs) & !LOW;
        while hits != 0 {
            let at = base.wrapping_add(hits.trailing_zeros() / 8);
            let Some(span) = spans.get_mut(count) else { return count };
            *span = (start, at);
            count += 1;
            start = at.wrapping_add(1);
            hits &= hits.wrapping_sub(1);
        }
        base = base.wrapping_add(8);
    }
    for octet in tail {
        if *octet == separator {
            let Some(span) = spans.get_mut(count) else { return count };
            *span = (start, base);
            count += 1;
            start = base.wrapping_add(1);
        }
        base = base.wrapping_add(1);
    }
    let Some(span) = spans.get_mut(count) else { return count };
    *span = (start, base);
    count + 1
}

fn split_quoted(dialect: Dialect, quote: u8, line: &[u8], scratch: &mut Buffers) -> Result<(), Fault> {
    // An odd number of quotes: the line was cut, or a stray quote hides separators.
    if memchr::memchr_iter(quote, line).count() % 2 == 1 {
        return Err(refused(Code::Truncated, "quote", line));
    }
    if scratch.reader.as_ref().is_none_or(|(built_for, _)| *built_for != dialect) {
        let reader = ReaderBuilder::new()
            .delimiter(dialect.separator)
            .quote(quote)
            .terminator(Terminator::Any(b'\n'))
            .build();
        scratch.reader = Some((dialect, reader));
    }
    let Some((_, reader)) = &mut scratch.reader else { return Ok(()) };
    reader.reset();
    if scratch.text.len() < line.len() {
        scratch.text.resize(line.len(), 0);
    }
    scratch.ends.resize(MAX_COLUMNS + 1, 0);
    let (result, _, written, ends) = reader.read_record(line, &mut scratch.text, &mut scratch.ends);
    let ends = match result {
        // The line is read; an empty input says that nothing follows and closes its last column.
        ReadRecordResult::InputEmpty => {
            let rest = scratch.ends.get_mut(ends..).unwrap_or_default();
            let text = scratch.text.get_mut(written..).unwrap_or_default();
            ends + reader.read_record(&[], text, rest).3
        }
        ReadRecordResult::OutputFull
        | ReadRecordResult::OutputEndsFull
        | ReadRecordResult::Record
        | ReadRecordResult::End => return Err(refused(Code::BadField, "columns", line)),
    };
    let mut start = 0;
    scratch.spans.clear();
    for end in scratch.ends.iter().take(ends) {
        let end = u32::try_from(*end).map_err(|_| refused(Code::BadLength, "", line))?;
        scratch.spans.push((start, end));
        start = end;
    }
    Ok(())
}

/// The record is framed well, so whatever is wrong with its columns is decided here.
#[cold]
fn refused(code: Code, field: &str, found: &[u8]) -> Fault {
    Fault::new(code, field, found).at(Stage::Decode)
}

#[cfg(test)]
mod tests {
    use super::*;
    use caudal_usage::Code;
    use proptest::prelude::*;

    const QUOTED: Dialect = Dialect { separator: b',', quote: Some(b'"') };
    const PLAIN: Dialect = Dialect { separator: b';', quote: None };

    fn check(dialect: Dialect, line: &str, expect: &[&str]) {
        let mut scratch = Scratch::default();
        let columns = split(dialect, line.as_bytes(), &mut scratch).unwrap();
        let columns: Vec<_> = columns.iter().map(|column| std::str::from_utf8(column).unwrap()).collect();
        assert_eq!(columns, expect, "{line}");
    }

    #[test]
    fn plain() {
        check(PLAIN, "a", &["a"]);
        check(PLAIN, ";", &["", ""]);
        check(PLAIN, "a;\"b\";;12345678;x", &["a", "\"b\"", "", "12345678", "x"]);
        check(PLAIN, "1234567;1234567;", &["1234567", "1234567", ""]);
        check(PLAIN, "\u{feff}a;b", &["a", "b"]);
    }

    #[test]
    fn quoted() {
        check(QUOTED, "a,,b", &["a", "", "b"]);
        check(QUOTED, "\"\"\"Ann, B\"\" <12>\",\"\",,x", &["\"Ann, B\" <12>", "", "", "x"]);
        check(QUOTED, "a,", &["a", ""]);
        check(QUOTED, "\"\"", &[""]);
        check(QUOTED, "\"a\rb\",c", &["a\rb", "c"]);
    }

    #[test]
    fn refused() {
        let refuse = |dialect, line: &[u8], code| {
            let fault =
                split(dialect, line, &mut Scratch::default()).map(|columns| columns.len()).unwrap_err();
            assert_eq!((fault.code, fault.stage), (code, Stage::Decode));
        };
        refuse(QUOTED, b"\"a\",\"b", Code::Truncated);
        refuse(PLAIN, &[b';'; 256], Code::BadField);
        refuse(QUOTED, &[b','; 256], Code::BadField);
        refuse(PLAIN, &[b'x'; MAX_FIELD + 1], Code::BadLength);
        assert_eq!(split(PLAIN, &[b';'; 255], &mut Scratch::default()).unwrap().len(), 256);
    }

    fn csv_columns(dialect: Dialect, line: &[u8]) -> Vec<Vec<u8>> {
        let mut builder = csv::ReaderBuilder::new();
        builder.delimiter(dialect.separator).has_headers(false).terminator(csv::Terminator::Any(b'\n'));
        match dialect.quote {
            Some(quote) => builder.quote(quote),
            None => builder.quoting(false),
        };
        let mut record = csv::ByteRecord::new();
        builder.from_reader(line).read_byte_record(&mut record).unwrap();
        record.iter().map(<[u8]>::to_vec).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn both_splitters_agree_with_csv(line in prop::collection::vec(prop::sample::select(b";,\"ab\x80\r \x3A\x3C\xBB".to_vec()), 1..70)) {
            prop_assume!(!line.starts_with(b"\xEF"));
            let mut scratch = Scratch::default();
            let plain: Vec<_> = split(PLAIN, &line, &mut scratch).unwrap().iter().map(<[u8]>::to_vec).collect();
            prop_assert_eq!(plain, csv_columns(PLAIN, &line));
            if line.iter().filter(|octet| **octet == b'"').count() % 2 == 0 {
                let quoted: Vec<_> = split(QUOTED, &line, &mut scratch).unwrap().iter().map(<[u8]>::to_vec).collect();
                prop_assert_eq!(quoted, csv_columns(QUOTED, &line));
            }
        }
    }
}
