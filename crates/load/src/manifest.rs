//! What must come out of a generated set: files, records, every outcome, amounts by currency and service.
//! Relies on the story for the counts and on the reckoning for the amounts.
//! Never says how long it takes, and holds no number that depends on the machine.

use crate::options::Options;
use crate::reckon::Reckoning;
use crate::row::Service;
use crate::tariff::{CURRENCIES, decimal};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Outcomes of records, counted while the story is told.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Tally {
    /// Records framed.
    pub records_in: u64,
    /// Usages charged: single records and assembled sessions.
    pub rated: u64,
    /// Partial records absorbed by the first of their session.
    pub merged: u64,
    /// Partial records whose session is open at the end.
    pub held: u64,
    /// Records known already.
    pub duplicate: u64,
    /// Records known not to be billed, by code.
    pub filtered: BTreeMap<&'static str, u64>,
    /// Records that cannot be billed yet, by code.
    pub suspended: BTreeMap<&'static str, u64>,
}

impl Tally {
    /// Counts filtered records.
    pub fn filter(&mut self, code: &'static str, records: u64) {
        *self.filtered.entry(code).or_default() += records;
    }

    /// Counts suspended records.
    pub fn suspend(&mut self, code: &'static str, records: u64) {
        *self.suspended.entry(code).or_default() += records;
    }
}

/// The expected result of running a generated set once, into an empty state.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Manifest {
    /// Input files.
    pub files: u64,
    /// Outcomes of records.
    pub tally: Tally,
    /// Millionths by currency, then by service.
    pub amounts: BTreeMap<&'static str, BTreeMap<&'static str, u64>>,
}

impl Manifest {
    /// Puts counts and amounts together.
    pub fn new(files: u64, tally: Tally, reckoning: &Reckoning) -> Self {
        let mut amounts: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
        for (currency, services) in CURRENCIES.iter().zip(reckoning.totals()) {
            for (service, &micros) in Service::ALL.iter().zip(services) {
                if micros > 0 {
                    amounts.entry(*currency).or_default().insert(service.as_str(), micros);
                }
            }
        }
        Self { files, tally, amounts }
    }

    /// JSON with the names of `caudal run --once --json`, the options, and the breakdown by code and service.
    pub fn to_json(&self, options: &Options) -> String {
        let tally = &self.tally;
        let sum = |codes: &BTreeMap<&str, u64>| codes.values().sum::<u64>();
        let total = |services: &BTreeMap<&str, u64>| quoted(services.values().sum());
        let counts = |codes: &BTreeMap<&'static str, u64>| {
            object(codes.iter().map(|(code, n)| (*code, n.to_string())))
        };
        let lines = [
            ("format", format!("\"{}\"", options.format.as_str())),
            ("records", options.records.to_string()),
            ("seed", options.seed.to_string()),
            ("subscriptions", options.subscriptions.to_string()),
            ("prefixes", options.prefixes.to_string()),
            ("duplicates_millionths", options.duplicates.0.to_string()),
            ("damaged_millionths", options.damaged.0.to_string()),
            ("files", self.files.to_string()),
            ("records_in", tally.records_in.to_string()),
            ("rated", tally.rated.to_string()),
            ("merged", tally.merged.to_string()),
            ("held", tally.held.to_string()),
            ("duplicate", tally.duplicate.to_string()),
            ("filtered", sum(&tally.filtered).to_string()),
            ("suspended", sum(&tally.suspended).to_string()),
            ("filtered_codes", counts(&tally.filtered)),
            ("suspended_codes", counts(&tally.suspended)),
            ("amounts", object(self.amounts.iter().map(|(name, services)| (*name, total(services))))),
            ("services", self.services()),
        ];
        let mut out = String::from("{\n");
        for (index, (name, value)) in lines.iter().enumerate() {
            let comma = if index + 1 == lines.len() { "" } else { "," };
            // Writing to a String cannot fail.
            let _ = writeln!(out, "  \"{name}\": {value}{comma}");
        }
        out + "}\n"
    }

    /// Amounts by currency and service, as `caudal run` names them: `EUR voice`.
    fn services(&self) -> String {
        let entries = self.amounts.iter().flat_map(|(currency, services)| {
            services.iter().map(move |(service, &micros)| (format!("{currency} {service}"), quoted(micros)))
        });
        let entries: Vec<(String, String)> = entries.collect();
        object(entries.iter().map(|(name, value)| (name.as_str(), value.clone())))
    }
}

fn quoted(micros: u64) -> String {
    format!("\"{}\"", decimal(micros))
}

fn object<'a>(entries: impl Iterator<Item = (&'a str, String)>) -> String {
    let entries: Vec<String> = entries.map(|(name, value)| format!("\"{name}\": {value}")).collect();
    format!("{{{}}}", entries.join(", "))
}
