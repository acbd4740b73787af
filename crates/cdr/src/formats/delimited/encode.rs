//! Values by column to a line of the feed: for generators and tests.
//! Relies on values without line ends; with a quote they may hold anything else.
//! Never used on the line: it is the inverse of the splitter.

use super::{ColumnSource, Delimited};

impl Delimited {
    /// Appends one line of `values`, in the order of the columns, and a line feed. In an unquoted feed a separator
    /// inside a value cannot be written: `false`, and nothing is appended.
    pub fn write_row(&self, values: &[&[u8]], out: &mut Vec<u8>) -> bool {
        let begin = out.len();
        for value in values {
            if !self.write_value(value, out) {
                out.truncate(begin);
                return false;
            }
            out.push(self.dialect.separator);
        }
        out.pop();
        out.push(b'\n');
        true
    }

    /// The columns in order, where the pipeline names them; `None` where each file's header does.
    pub fn names(&self) -> Option<&[String]> {
        match &self.columns {
            ColumnSource::Named(names) => Some(names),
            ColumnSource::Header => None,
        }
    }

    fn write_value(&self, value: &[u8], out: &mut Vec<u8>) -> bool {
        let Some(quote) = self.dialect.quote else {
            out.extend_from_slice(value);
            return !value.contains(&self.dialect.separator);
        };
        let plain = !value.contains(&quote) && !value.contains(&self.dialect.separator);
        if plain && !value.is_empty() {
            out.extend_from_slice(value);
            return true;
        }
        out.push(quote);
        for octet in value {
            if *octet == quote {
                out.push(quote);
            }
            out.push(*octet);
        }
        out.push(quote);
        true
    }
}
