//! The CSV tables of a pipeline: rate tables, zones by prefix, holidays.
//! Relies on the row reader for positions; zones are interned as the prefix table is read.
//! Never guesses a unit: a bare number in a rate table is seconds, and only in a table priced by time.

use crate::bands::{Calendars, gaps};
use crate::grammar::{self, Increments};
use crate::model::{Days, ZoneId};
use crate::prefix::{PrefixEntry, PrefixTable};
use crate::rate_model::Terms;
use crate::read::Report;
use crate::rows::Rows;
use crate::sets::ZoneSet;
use caudal_usage::{Date, Decimal, Digits, Price, Unit};
use hashbrown::HashMap;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Longest zone, band or calendar name, in bytes.
pub const NAME_MAX: usize = 64;

/// One rate table.
#[derive(Debug)]
pub struct RateTable {
    /// Its file, relative to the pipeline folder.
    pub path: Box<str>,
    /// Base unit of its prices.
    pub unit: Unit,
    /// Names of the bands that its rows name, by index.
    pub bands: Box<[Box<str>]>,
    /// Zones that it has rows for.
    pub zones: ZoneSet,
    /// True when a price or a fee is below zero.
    pub has_negative: bool,
    /// True when a row names the zone of the near party.
    pub has_origins: bool,
    rows: Box<[Row]>,
    /// By zone: index of its first row and number of its rows.
    by_zone: Box<[(u32, u32)]>,
}

/// One row of a rate table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Row {
    /// The zone that it prices.
    pub zone: ZoneId,
    /// The zone of the near party; absent: all zones without a row of their own.
    pub origin: Option<ZoneId>,
    /// Band, index into the table's names; absent: all bands without a row of their own.
    pub band: Option<u32>,
    /// When it holds.
    pub days: Days,
    /// What it charges.
    pub terms: Terms,
    /// Line in the file, from 1, header included.
    pub line: u32,
}

impl RateTable {
    /// The row for a zone, the near party's zone and a band on a local day. A row of that near zone comes before one for
    /// all, then a row of that band before one for all.
    #[inline]
    pub fn row(&self, zone: ZoneId, origin: Option<ZoneId>, band: Option<u32>, day: i32) -> Option<&Row> {
        let mut best = None;
        let mut rank = 0;
        for row in self.rows_of(zone).iter().filter(|row| row.days.contains(day)) {
            let fits =
                (row.origin.is_none() || row.origin == origin) && (row.band.is_none() || row.band == band);
            let here = 1 + 2 * u8::from(row.origin.is_some()) + u8::from(row.band.is_some());
            if fits && here > rank {
                (best, rank) = (Some(row), here);
            }
        }
        best
    }

    /// All rows of a zone.
    pub fn rows_of(&self, zone: ZoneId) -> &[Row] {
        let (from, count) = self.by_zone.get(zone.0 as usize).copied().unwrap_or((0, 0));
        self.rows.get(from as usize..from as usize + count as usize).unwrap_or(&[])
    }

    fn new(path: &str, unit: Unit, bands: Vec<Box<str>>, mut rows: Vec<Row>) -> Self {
        rows.sort_by_key(|row| (row.zone, row.origin, row.band, row.days.from));
        let narrow = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        let width = rows.last().map_or(0, |row| row.zone.0 as usize + 1);
        let mut by_zone = vec![(0, 0); width];
        for (index, row) in rows.iter().enumerate() {
            if let Some((from, count)) = by_zone.get_mut(row.zone.0 as usize) {
                if *count == 0 {
                    *from = narrow(index);
                }
                *count += 1;
            }
        }
        Self {
            path: path.into(),
            unit,
            bands: bands.into_boxed_slice(),
            zones: ZoneSet::of(rows.iter().map(|row| row.zone)),
            has_negative: rows.iter().any(|row| {
                let below = |amount: Decimal| amount.is_sign_negative() && !amount.is_zero();
                below(row.terms.price.amount) || below(row.terms.connection_fee)
            }),
            has_origins: rows.iter().any(|row| row.origin.is_some()),
            rows: rows.into_boxed_slice(),
            by_zone: by_zone.into_boxed_slice(),
        }
    }
}

/// Zone names and their dense numbers.
#[derive(Debug, Default)]
pub struct ZoneNames {
    /// By number.
    pub names: Vec<Box<str>>,
    numbers: HashMap<Box<str>, ZoneId>,
}

impl ZoneNames {
    /// The zone of a name.
    pub fn get(&self, name: &str) -> Option<ZoneId> {
        self.numbers.get(name).copied()
    }

    fn intern(&mut self, name: &str) -> ZoneId {
        if let Some(zone) = self.get(name) {
            return zone;
        }
        let zone = ZoneId(u32::try_from(self.names.len()).unwrap_or(u32::MAX));
        self.names.push(name.into());
        self.numbers.insert(name.into(), zone);
        zone
    }
}

/// What leads to a zone: a column of prefixes.
struct Leading {
    columns: &'static [&'static str],
    column: &'static str,
    lengths: std::ops::RangeInclusive<usize>,
    expected: &'static str,
}

const NUMBERS: Leading = Leading {
    columns: &["prefix", "zone", "valid_from", "valid_to"],
    column: "prefix",
    lengths: 1..=caudal_usage::digits::MAX_DIGITS,
    expected: "1 to 15 digits beginning with the country code, without + or 00",
};

const NETWORKS: Leading = Leading {
    columns: &["network", "zone", "valid_from", "valid_to"],
    column: "network",
    lengths: 3..=6,
    expected: "the 3 digits of a country (MCC), or the 5 or 6 of a network (MCC and MNC)",
};

/// Reads `prefix,zone,valid_from,valid_to`.
pub fn read_zones(report: &mut Report) -> (ZoneNames, PrefixTable) {
    let mut names = ZoneNames::default();
    let table = read_prefixes(report, &mut names, &NUMBERS);
    lint_reach(report, &table);
    (names, table)
}

/// Reads `network,zone,valid_from,valid_to`: MCC, or MCC and MNC, of serving networks. Its zones join those of numbers.
pub fn read_networks(report: &mut Report, names: &mut ZoneNames) -> PrefixTable {
    read_prefixes(report, names, &NETWORKS)
}

fn read_prefixes(report: &mut Report, names: &mut ZoneNames, leading: &Leading) -> PrefixTable {
    let mut entries = Vec::new();
    let Some(mut rows) = Rows::open(report, leading.columns, &["valid_from", "valid_to"]) else {
        return PrefixTable::default();
    };
    while rows.next(report) {
        let prefix = Digits::parse(rows.get(leading.column).as_bytes());
        let prefix = prefix.filter(|prefix| leading.lengths.contains(&prefix.len()));
        let zone = rows.get("zone");
        if prefix.is_none() {
            rows.wrong(report, leading.column, leading.expected);
        }
        if zone.is_empty() || zone.len() > NAME_MAX {
            rows.wrong(report, "zone", "a zone name of 1 to 64 characters");
            continue;
        }
        let zone = names.intern(zone);
        let days = rows.days(report);
        if let Some(prefix) = prefix {
            entries.push(PrefixEntry { prefix, zone, days, line: rows.line });
        }
    }
    let table = PrefixTable::build(entries);
    lint_prefixes(report, &table);
    table
}

/// Ten longer prefixes, one for each digit.
const ALL_DIGITS: u16 = 0x3FF;

/// A prefix whose ten longer ones all stand there for always is never the longest of a full number.
fn lint_reach(report: &mut Report, table: &PrefixTable) {
    let mut followed: HashMap<u64, u16> = HashMap::new();
    for entry in table.entries().iter().filter(|entry| entry.days == Days::ALWAYS && entry.prefix.len() > 1) {
        let last = entry.prefix.len() - 1;
        *followed.entry(entry.prefix.prefix(last).packed()).or_default() |= 1 << entry.prefix.digit(last);
    }
    for entry in table.entries() {
        if followed.get(&entry.prefix.packed()) == Some(&ALL_DIGITS) {
            let message =
                format!("prefix {} is never reached: all ten longer ones stand here too", entry.prefix);
            let line = usize::try_from(entry.line).unwrap_or(0);
            report.push(caudal_usage::Diagnostic::error_in_line(report.file, line, message).as_warning());
        }
    }
}

/// Versions of one prefix must be disjoint, and should follow each other.
pub fn lint_prefixes(report: &mut Report, table: &PrefixTable) {
    for versions in table.entries().chunk_by(|left, right| left.prefix == right.prefix) {
        for pair in versions.windows(2) {
            let [earlier, later] = pair else { continue };
            let line = usize::try_from(later.line).unwrap_or(0);
            if earlier.days.overlaps(later.days) {
                let message = format!(
                    "prefix {} is valid twice at the same time, see line {}",
                    later.prefix, earlier.line
                );
                report.push(caudal_usage::Diagnostic::error_in_line(report.file, line, message));
            } else if earlier.days.to < later.days.from {
                let (from, to) = (Date::from_days(earlier.days.to), Date::from_days(later.days.from));
                let message = format!("prefix {} has no zone of its own from {from} to {to}", later.prefix);
                report.push(caudal_usage::Diagnostic::error_in_line(report.file, line, message).as_warning());
            }
        }
    }
}

/// Reads `zone,origin_zone,band,price,per,first,next,connection_fee,valid_from,valid_to`.
pub fn read_rates(report: &mut Report, zones: &ZoneNames) -> Option<RateTable> {
    let columns = &[
        "zone",
        "origin_zone",
        "band",
        "price",
        "per",
        "first",
        "next",
        "connection_fee",
        "valid_from",
        "valid_to",
    ];
    let optional = ["origin_zone", "band", "first", "next", "connection_fee", "valid_from", "valid_to"];
    let mut rows = Rows::open(report, columns, &optional)?;
    let (mut bands, mut list, mut unit) = (Vec::<Box<str>>::new(), Vec::new(), None);
    while rows.next(report) {
        let zone = zones.get(rows.get("zone"));
        if zone.is_none() {
            rows.wrong(report, "zone", "a zone of zones.csv or networks.csv");
        }
        let origin_name = rows.get("origin_zone");
        let origin = zones.get(origin_name);
        if origin.is_none() && !origin_name.is_empty() {
            rows.wrong(report, "origin_zone", "a zone of zones.csv, or nothing");
        }
        let band = intern_band(report, &rows, &mut bands);
        let terms = read_terms(report, &rows, &mut unit);
        let days = rows.days(report);
        if let (Some(zone), Some(terms)) = (zone, terms) {
            list.push(Row { zone, origin, band, days, terms, line: rows.line });
        }
    }
    if list.is_empty() {
        report.error(0, "no row found, expected at least one");
    }
    let table = RateTable::new(report.file, unit.unwrap_or(Unit::Millisecond), bands, list);
    lint_rows(report, zones, &table);
    Some(table)
}

fn intern_band(report: &mut Report, rows: &Rows, bands: &mut Vec<Box<str>>) -> Option<u32> {
    let name = rows.get("band");
    if name.is_empty() {
        return None;
    }
    let known = bands.iter().position(|known| known.as_ref() == name);
    let index = known.unwrap_or_else(|| {
        if name.len() > NAME_MAX || bands.len() >= crate::bands::BANDS_MAX {
            rows.wrong(report, "band", "a name of 1 to 64 characters, at most 64 different ones");
            return 0;
        }
        bands.push(name.into());
        bands.len() - 1
    });
    u32::try_from(index).ok()
}

fn read_terms(report: &mut Report, rows: &Rows, unit: &mut Option<Unit>) -> Option<Terms> {
    let price = match grammar::decimal(rows.get("price")) {
        Ok(price) => Some(price),
        Err(refused) => {
            rows.wrong(report, "price", refused.expected);
            None
        }
    };
    let per = grammar::per(rows.get("per"));
    if let Err(refused) = &per {
        rows.wrong(report, "per", refused.expected);
    }
    let (price, per) = (price?, per.ok()?);
    if *unit.get_or_insert(per.unit) != per.unit {
        rows.wrong(report, "per", "the same kind of unit as in the rows before");
        return None;
    }
    let smallest = default_increments(per.unit).first;
    let first = portion(report, rows, "first", per.unit).unwrap_or(smallest);
    let next = portion(report, rows, "next", per.unit).unwrap_or(first);
    Some(Terms {
        price: Price { amount: price, per: per.units },
        increments: Increments { first, next },
        connection_fee: fee(report, rows, per.unit)?,
    })
}

fn fee(report: &mut Report, rows: &Rows, unit: Unit) -> Option<Decimal> {
    let text = rows.get("connection_fee");
    if text.is_empty() {
        return Some(Decimal::ZERO);
    }
    let fee = grammar::decimal(text).ok();
    let fits = fee.is_some_and(|fee| fee.is_zero() || unit == Unit::Millisecond);
    if !fits {
        rows.wrong(report, "connection_fee", "an amount, other than zero for calls only");
    }
    fee
}

fn portion(report: &mut Report, rows: &Rows, column: &'static str, unit: Unit) -> Option<i64> {
    if rows.get(column).is_empty() {
        return None;
    }
    match grammar::quantity_or_seconds(rows.get(column)) {
        Ok(amount) if amount.unit == unit => return Some(amount.units),
        Ok(_) => rows.wrong(report, column, "the same kind of unit as `per` (a bare number is seconds)"),
        Err(refused) => rows.wrong(report, column, refused.expected),
    }
    None
}

/// Billed portions where nothing is said: whole seconds, octets, events.
pub fn default_increments(unit: Unit) -> Increments {
    let one = if unit == Unit::Millisecond { 1000 } else { 1 };
    Increments { first: one, next: one }
}

/// Rows of one zone and band must be disjoint, and should follow each other.
fn lint_rows(report: &mut Report, zones: &ZoneNames, table: &RateTable) {
    for rows in table
        .rows
        .chunk_by(|left, right| (left.zone, left.origin, left.band) == (right.zone, right.origin, right.band))
    {
        let Some(last) = rows.last() else { continue };
        let zone = zones.names.get(last.zone.0 as usize).map_or("", AsRef::as_ref);
        for pair in rows.windows(2) {
            let [earlier, later] = pair else { continue };
            if earlier.days.overlaps(later.days) {
                let line = usize::try_from(later.line).unwrap_or(0);
                let message =
                    format!("zone {zone} is priced twice at the same time, see line {}", earlier.line);
                report.push(caudal_usage::Diagnostic::error_in_line(report.file, line, message));
            }
        }
        let mut days: Vec<_> = rows.iter().map(|row| row.days).collect();
        for hole in gaps(&mut days) {
            let (from, to) = (Date::from_days(hole.from), Date::from_days(hole.to));
            let line = usize::try_from(last.line).unwrap_or(0);
            let message = format!("zone {zone} has no price from {from} to {to}");
            report.push(caudal_usage::Diagnostic::error_in_line(report.file, line, message).as_warning());
        }
    }
}

/// Reads `calendar,date`.
pub fn read_holidays(report: &mut Report) -> Calendars {
    let mut calendars: BTreeMap<Box<str>, BTreeSet<i32>> = BTreeMap::new();
    let Some(mut rows) = Rows::open(report, &["calendar", "date"], &[]) else { return Calendars::default() };
    while rows.next(report) {
        let name = rows.get("calendar");
        if name.is_empty() || name.len() > NAME_MAX {
            rows.wrong(report, "calendar", "a name of 1 to 64 characters");
            continue;
        }
        if rows.get("date").is_empty() {
            rows.wrong(report, "date", "a day such as 2026-12-25");
        }
        let Some(date) = rows.date(report, "date") else { continue };
        if !calendars.entry(name.into()).or_default().insert(date.to_days()) {
            rows.wrong(report, "date", "a day that is not in this calendar yet");
        }
    }
    Calendars(
        calendars.into_iter().map(|(name, days)| (name, days.into_iter().collect::<Arc<[i32]>>())).collect(),
    )
}
