//! The small world of every case: numbers, networks, exchange rates and holidays, an account and its subscriptions.
//! Relies on tables of a few rows, searched from end to end.
//! Never a prefix tree: the longest prefix is the longest that fits.

use super::calendar::{Wall, wall};
use super::number::{Dec, dec};
use super::plan::Service;
use chrono::NaiveDate;

pub const ZONES: [(&str, &str); 6] =
    [("34", "es"), ("346", "es-mobile"), ("33", "fr"), ("336", "fr-mobile"), ("44", "uk"), ("1", "us")];

/// Serving networks.
pub const NETWORKS: [(&str, &str); 4] =
    [("214", "home"), ("208", "eu"), ("20801", "eu-partner"), ("310", "us")];

/// Numbers, who owns them and what is special about them.
pub const NUMBERS: [(&str, bool, &str); 6] = [
    ("3491", true, ""),
    ("34600", true, ""),
    ("34600999", false, ""),
    ("112", false, "emergency"),
    ("34900", false, "free"),
    ("34803", false, "premium"),
];

/// What one unit of a currency is worth in another, from a day.
pub const EXCHANGE: [(&str, &str, Dec, &str, &str); 5] = [
    ("USD", "EUR", dec(923_457, 6), "2025-01-01", "2026-03-15"),
    ("USD", "EUR", dec(871, 3), "2026-03-15", ""),
    ("USD", "JPY", dec(15_125, 2), "2025-01-01", ""),
    ("USD", "KWD", dec(30_7013, 6), "2025-01-01", ""),
    ("GBP", "EUR", dec(1_163, 3), "2026-03-01", ""),
];

pub const HOLIDAYS: [&str; 4] = ["2026-01-06", "2026-03-19", "2026-03-20", "2026-04-03"];

pub fn zones_csv() -> String {
    let rows = ZONES.iter().map(|(prefix, zone)| format!("{prefix},{zone},,\n"));
    "prefix,zone,valid_from,valid_to\n".to_owned() + &rows.collect::<String>()
}

pub fn networks_csv() -> String {
    let rows = NETWORKS.iter().map(|(prefix, zone)| format!("{prefix},{zone},,\n"));
    "network,zone,valid_from,valid_to\n".to_owned() + &rows.collect::<String>()
}

pub fn numbers_csv() -> String {
    let rows = NUMBERS.iter().map(|(prefix, ours, special)| {
        format!("{prefix},{},{special},,\n", if *ours { "yes" } else { "no" })
    });
    "prefix,on_net,special,valid_from,valid_to\n".to_owned() + &rows.collect::<String>()
}

pub fn exchange_csv() -> String {
    let row = |(from, to, rate, since, until): &(&str, &str, Dec, &str, &str)| {
        format!("{from},{to},{rate},{since},{until}\n")
    };
    "from,to,rate,valid_from,valid_to\n".to_owned() + &EXCHANGE.iter().map(row).collect::<String>()
}

pub fn holidays_csv() -> String {
    "calendar,date\n".to_owned() + &HOLIDAYS.map(|day| format!("es,{day}\n")).concat()
}

fn longest<'r, R>(rows: &'r [R], prefix: impl Fn(&R) -> &'static str, number: &str) -> Option<&'r R> {
    let fitting = rows.iter().filter(|row| number.starts_with(prefix(row)));
    fitting.max_by_key(|row| prefix(row).len())
}

pub fn zone(number: &str) -> Option<&'static str> {
    longest(&ZONES, |row| row.0, number).map(|row| row.1)
}

pub fn network(network: &str) -> Option<&'static str> {
    longest(&NETWORKS, |row| row.0, network).map(|row| row.1)
}

pub fn is_ours(number: &str) -> bool {
    longest(&NUMBERS, |row| row.0, number).is_some_and(|row| row.1)
}

pub fn special(number: &str) -> Option<&'static str> {
    longest(&NUMBERS, |row| row.0, number).map(|row| row.2).filter(|word| !word.is_empty())
}

pub fn is_holiday(day: NaiveDate) -> bool {
    HOLIDAYS.contains(&day.to_string().as_str())
}

/// The rate from one currency to another on a day.
pub fn exchange(from: &str, to: &str, day: NaiveDate) -> Option<Dec> {
    let day = day.to_string();
    let row = EXCHANGE.iter().find(|(of, into, _, since, until)| {
        *of == from && *into == to && *since <= day.as_str() && (until.is_empty() || day.as_str() < *until)
    });
    row.map(|row| row.2)
}

/// Who pays, and for whom.
#[derive(Clone, Debug)]
pub struct Payer {
    pub id: &'static str,
    pub zone: &'static str,
    pub anchor: u32,
    pub subscriptions: Vec<Member>,
}

/// One subscription of the account, always of the plan at hand.
#[derive(Clone, Debug)]
pub struct Member {
    pub id: &'static str,
    /// 0 is none.
    pub group: u32,
    pub from_ms: i64,
    pub to_ms: i64,
}

impl Payer {
    pub fn wall(&self) -> Wall {
        wall(self.zone)
    }
}

/// One usage, as simple as it can be told.
#[derive(Clone, Debug)]
pub struct Use {
    pub member: usize,
    pub service: Service,
    pub incoming: bool,
    pub start_ms: i64,
    pub offset_s: i32,
    pub parts: Vec<UsePart>,
    pub near: &'static str,
    pub far: &'static str,
    pub network: Option<&'static str>,
    /// Of calls: which session it is a leg of.
    pub session: u64,
    pub charged: Option<(&'static str, Dec)>,
    pub attributes: Vec<(&'static str, &'static str)>,
}

#[derive(Clone, Debug)]
pub struct UsePart {
    pub start_ms: i64,
    pub quantity: i64,
    pub group: Option<u32>,
}
