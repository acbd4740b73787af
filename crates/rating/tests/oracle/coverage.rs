//! Which options met in one case, and which two never did.
//! Relies on names of options; all options that were ever seen are those that there are.
//! Never lets a pair pass that could stand together and was seen too seldom.

use super::options::Options;
use std::collections::{BTreeMap, BTreeSet};

/// Options that are words of one key which a plan of a case says once.
const ONE_OF: [(&str, &str); 9] = [
    ("plan.currency=", "a plan has one currency"),
    ("plan.time_zone=", "the head of a plan says it once"),
    ("plan.consume=", "the head of a plan says it once"),
    ("plan.line=", "a rounding point has one mode"),
    ("plan.event=", "a rounding point has one mode"),
    ("plan.cycle=", "a rounding point has one mode"),
    ("plan.exchange=", "a rounding point has one mode"),
    ("commitment.shared=", "a case has one commitment"),
    ("capacity.shared=", "a case has one capacity price"),
];

#[derive(Default)]
pub struct Coverage {
    names: Vec<String>,
    numbers: BTreeMap<String, usize>,
    pairs: BTreeMap<(usize, usize), u32>,
    pub cases: u32,
}

/// Why two options cannot stand together; `None` where they can.
pub fn excluded(one: &str, other: &str) -> Option<&'static str> {
    if one == other {
        return Some("an option is no pair with itself");
    }
    let same = ONE_OF.iter().find(|(key, _)| one.starts_with(key) && other.starts_with(key));
    same.map(|(_, reason)| *reason)
}

impl Coverage {
    fn number(&mut self, name: &str) -> usize {
        if let Some(&number) = self.numbers.get(name) {
            return number;
        }
        self.names.push(name.to_owned());
        self.numbers.insert(name.to_owned(), self.names.len() - 1);
        self.names.len() - 1
    }

    pub fn add(&mut self, options: &Options) {
        let numbers: BTreeSet<usize> = options.iter().map(|name| self.number(name)).collect();
        self.cases += 1;
        for &one in &numbers {
            for &other in numbers.range(one + 1..) {
                *self.pairs.entry((one, other)).or_default() += 1;
            }
        }
    }

    /// Pairs that can stand together and were seen less than `least` times.
    pub fn seldom(&self, least: u32) -> Vec<(String, String, u32)> {
        let mut seldom = Vec::new();
        for (one, first) in self.names.iter().enumerate() {
            for (other, second) in self.names.iter().enumerate().skip(one + 1) {
                let seen = self.pairs.get(&(one, other)).copied().unwrap_or(0);
                if seen < least && excluded(first, second).is_none() {
                    seldom.push((first.clone(), second.clone(), seen));
                }
            }
        }
        seldom.sort_by_key(|(.., seen)| *seen);
        seldom
    }

    pub fn options(&self) -> usize {
        self.names.len()
    }
}
