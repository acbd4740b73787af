//! `exchange.csv`: what one unit of a currency is worth in another, by day.
//! Relies on validities being disjoint, which is checked as the table is read.
//! Never multiplies two rates: what has no row of its own has no rate.

use crate::model::Days;
use crate::read::Report;
use crate::rows::Rows;
use caudal_usage::{Currency, Decimal, Diagnostic};

/// One row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ExchangeRow {
    /// The amount's currency.
    pub from: Currency,
    /// The plan's.
    pub to: Currency,
    /// What one unit of `from` is worth in `to`.
    pub rate: Decimal,
    /// When it holds.
    pub days: Days,
    /// Line in the file, from 1, header included.
    pub line: u32,
}

/// The table.
#[derive(Debug, Default)]
pub struct ExchangeTable {
    /// By currencies, then first day.
    rows: Box<[ExchangeRow]>,
    /// Content hash of the file, 16 hex digits.
    pub version: Box<str>,
}

impl ExchangeTable {
    /// The row that holds on a local day.
    pub fn find(&self, from: Currency, to: Currency, day: i32) -> Option<&ExchangeRow> {
        self.rows.iter().find(|row| row.from == from && row.to == to && row.days.contains(day))
    }

    /// True when there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

/// Reads `from,to,rate,valid_from,valid_to`.
pub fn read(report: &mut Report) -> ExchangeTable {
    let mut list = Vec::<ExchangeRow>::new();
    let columns = &["from", "to", "rate", "valid_from", "valid_to"];
    let Some(mut rows) = Rows::open(report, columns, &["valid_from", "valid_to"]) else {
        return ExchangeTable::default();
    };
    while rows.next(report) {
        let mut currency = |column| {
            let found = Currency::parse(rows.get(column));
            if found.is_none() {
                rows.wrong(report, column, "an ISO 4217 code such as EUR");
            }
            found
        };
        let (from, to) = (currency("from"), currency("to"));
        let rate = crate::grammar::decimal(rows.get("rate")).ok();
        let rate = rate.filter(|rate| !rate.is_zero() && !rate.is_sign_negative());
        if rate.is_none() {
            rows.wrong(report, "rate", "what one unit of `from` is worth in `to`, above zero");
        }
        let days = rows.days(report);
        if let (Some(from), Some(to), Some(rate)) = (from, to, rate) {
            list.push(ExchangeRow { from, to, rate, days, line: rows.line });
        }
    }
    list.sort_by_key(|row| (row.from, row.to, row.days.from));
    for pair in list.windows(2) {
        let [earlier, later] = pair else { continue };
        if (earlier.from, earlier.to) == (later.from, later.to) && earlier.days.overlaps(later.days) {
            let message =
                format!("{} to {} stands twice for a day, see line {}", later.from, later.to, earlier.line);
            let line = usize::try_from(later.line).unwrap_or(0);
            report.push(Diagnostic::error_in_line(report.file, line, message));
        }
    }
    ExchangeTable { rows: list.into_boxed_slice(), version: "".into() }
}
