//! What to generate: format, amount, seed, and how much of it is repeated or broken.
//! Relies on the command line for the words; checks their bounds.
//! Never reads a clock or an environment variable: options are all there is.

use anyhow::{bail, ensure};
use std::path::PathBuf;
use std::str::FromStr;

/// A format that can be generated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// Lines of 240 bytes with 20 columns, as a switch or a charging gateway exports them.
    Delimited,
    /// Rows of Asterisk's `Master.csv`, of all its column counts.
    Asterisk,
    /// TS 32.297 files of PGWRecords, about 350 octets each, as packet gateways write them.
    Pgw,
    /// Records of a 5G charging function, in BER.
    Chf,
}

impl Format {
    /// All, with their words on the command line.
    pub const WORDS: [(&str, Self); 4] = [
        ("delimited", Self::Delimited),
        ("asterisk", Self::Asterisk),
        ("pgw", Self::Pgw),
        ("chf", Self::Chf),
    ];

    /// The word on the command line.
    pub fn as_str(self) -> &'static str {
        Self::WORDS.iter().find(|(_, format)| *format == self).map_or("", |(word, _)| word)
    }
}

impl FromStr for Format {
    type Err = anyhow::Error;

    fn from_str(word: &str) -> anyhow::Result<Self> {
        match Self::WORDS.iter().find(|(known, _)| *known == word) {
            Some((_, format)) => Ok(*format),
            None => bail!("format {word:?} cannot be generated, expected one of {}", words()),
        }
    }
}

fn words() -> String {
    Format::WORDS.map(|(word, _)| word).join(", ")
}

/// A share of all records, in millionths.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Share(pub u32);

impl Share {
    const WHOLE: u32 = 1_000_000;
}

impl FromStr for Share {
    type Err = anyhow::Error;

    /// Reads `1%`, `0.1 %` or `0.01`.
    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (number, places) = match text.strip_suffix('%') {
            Some(number) => (number.trim_end(), 4),
            None => (text, 6),
        };
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        ensure!(
            !number.is_empty() && digits(whole) && digits(part) && part.len() <= places && whole.len() <= 3,
            "share {text:?}: expected a percentage like 1% or a fraction like 0.01"
        );
        let value: u32 = format!("{whole}{part:0<places$}").parse()?;
        ensure!(value <= Self::WHOLE / 2, "share {text:?}: expected at most 50%");
        Ok(Self(value))
    }
}

/// Everything that decides what is generated.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    /// What the files look like.
    pub format: Format,
    /// Records in all files together, 1 to 1,000,000,000.
    pub records: u64,
    /// The seed: another seed, other records.
    pub seed: u64,
    /// Folder to fill; created when absent.
    pub out: PathBuf,
    /// Subscriptions in the reference data, 1 to 10,000,000.
    pub subscriptions: u32,
    /// Prefixes in the zone table, 100 to 1,000,000.
    pub prefixes: u32,
    /// Records delivered a second time.
    pub duplicates: Share,
    /// Records with broken lines.
    pub damaged: Share,
}

impl Options {
    /// The usual sizes: 10,000 subscriptions, 1,000 prefixes, 1 % duplicates, 0.1 % damaged.
    pub fn new(format: Format, records: u64, seed: u64, out: PathBuf) -> Self {
        Self {
            format,
            records,
            seed,
            out,
            subscriptions: 10_000,
            prefixes: 1_000,
            duplicates: Share(10_000),
            damaged: Share(1_000),
        }
    }

    /// Checks the bounds.
    pub fn check(&self) -> anyhow::Result<()> {
        let within = |name: &str, value: u64, range: std::ops::RangeInclusive<u64>| {
            ensure!(range.contains(&value), "{name} {value}: expected {} to {}", range.start(), range.end());
            Ok(())
        };
        within("records", self.records, 1..=1_000_000_000)?;
        within("subscriptions", u64::from(self.subscriptions), 1..=10_000_000)?;
        within("prefixes", u64::from(self.prefixes), 100..=1_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_percentages_or_fractions() {
        for (text, millionths) in
            [("1%", 10_000), ("0.1 %", 1_000), ("0.01", 10_000), ("0", 0), ("0.0001%", 1), ("50%", 500_000)]
        {
            assert_eq!(text.parse::<Share>().unwrap(), Share(millionths), "{text}");
        }
        for text in ["", "%", "60%", "1e-2", "-1%", "0.0000001", "1,5%"] {
            assert!(text.parse::<Share>().is_err(), "{text}");
        }
    }

    #[test]
    fn formats_read_back() {
        assert_eq!("delimited".parse::<Format>().unwrap(), Format::Delimited);
        let error = "tap".parse::<Format>().unwrap_err().to_string();
        assert!(error.contains("\"tap\"") && error.contains("delimited"), "{error}");
    }
}
