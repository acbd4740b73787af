//! `numbers.csv`: which numbers are ours, ported ones included, and which are special.
//! Relies on the prefix trie: the longest prefix says both, so a ported number stands there whole.
//! Never knows a price or a zone.

use crate::model::{Days, ZoneId};
use crate::prefix::{PrefixEntry, PrefixTable};
use crate::read::Report;
use crate::rows::Rows;
use caudal_usage::Digits;

/// The words of special numbers, by index.
pub const SPECIAL: [&str; 4] = ["emergency", "free", "premium", "test"];

/// What a number is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NumberClass {
    /// True when it is ours.
    pub on_net: bool,
    /// Bit of its special kind; 0 for an ordinary number.
    pub special: u8,
}

/// Classes by prefix.
#[derive(Debug, Default)]
pub struct NumberTable(PrefixTable);

impl NumberTable {
    /// The class of a number on a local day.
    #[inline]
    pub fn find(&self, number: Digits, day: i32) -> Option<NumberClass> {
        // The trie carries a small number for each prefix: here the class, bit by bit.
        let packed = self.0.find(number, day)?.zone.0;
        let special = u8::try_from(packed >> 1 & 0xFF).unwrap_or(0);
        Some(NumberClass { on_net: packed & 1 == 1, special })
    }
}

/// Reads `prefix,on_net,special,valid_from,valid_to`.
pub fn read(report: &mut Report) -> NumberTable {
    let mut entries = Vec::new();
    let columns = &["prefix", "on_net", "special", "valid_from", "valid_to"];
    let Some(mut rows) = Rows::open(report, columns, &["on_net", "special", "valid_from", "valid_to"]) else {
        return NumberTable::default();
    };
    while rows.next(report) {
        let prefix = Digits::parse(rows.get("prefix").as_bytes()).filter(|prefix| !prefix.is_empty());
        if prefix.is_none() {
            rows.wrong(report, "prefix", "1 to 15 digits: international, or a short number as it is dialled");
        }
        let class = class(report, &rows);
        let days: Days = rows.days(report);
        if let Some(prefix) = prefix {
            entries.push(PrefixEntry { prefix, zone: ZoneId(class), days, line: rows.line });
        }
    }
    let table = PrefixTable::build(entries);
    crate::table::lint_prefixes(report, &table);
    NumberTable(table)
}

fn class(report: &mut Report, rows: &Rows) -> u32 {
    let on_net = match rows.get("on_net") {
        "" | "no" => 0,
        "yes" => 1,
        _ => {
            rows.wrong(report, "on_net", "yes, no or nothing");
            0
        }
    };
    let word = rows.get("special");
    let special = SPECIAL.iter().position(|known| *known == word);
    if special.is_none() && !word.is_empty() {
        rows.wrong(report, "special", "emergency, free, premium, test or nothing");
    }
    on_net | special.map_or(0, |index| 2 << index)
}
