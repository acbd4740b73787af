//! What was used, as a map from readable names to numbers.
//! Relies on names saying whose, of what and when.
//! Never forgets anything.

use super::calendar;
use super::number::{Q, zero};
use super::plan::Word;
use super::world::{Payer, Use};
use chrono::NaiveDate;
use std::collections::BTreeMap;

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Balances(pub BTreeMap<String, Q>);

impl Balances {
    pub fn get(&self, name: &str) -> Q {
        self.0.get(name).cloned().unwrap_or_else(zero)
    }

    pub fn add(&mut self, name: &str, more: &Q) {
        let sum = self.get(name) + more;
        self.0.insert(name.to_owned(), sum);
    }

    pub fn set(&mut self, name: &str, value: Q) {
        self.0.insert(name.to_owned(), value);
    }
}

/// Whose usage is summed. A subscription in no group is its own group.
pub fn owner(payer: &Payer, member: usize, shared: Word) -> String {
    let of = &payer.subscriptions[member];
    match shared {
        Some("account") => "account".to_owned(),
        Some("group") if of.group != 0 => format!("group {}", of.group),
        _ => format!("subscription {}", of.id),
    }
}

/// The members that `owner` stands for.
pub fn members(payer: &Payer, member: usize, shared: Word) -> Vec<usize> {
    let mine = owner(payer, member, shared);
    (0..payer.subscriptions.len()).filter(|&other| owner(payer, other, shared) == mine).collect()
}

/// First day of the period in which an instant lies, by the account's clock; `None` where there is but one.
pub fn period(payer: &Payer, word: Word, start_ms: i64) -> Option<NaiveDate> {
    let day = calendar::date(payer.wall(), start_ms);
    match word {
        None | Some("cycle") => Some(calendar::cycle(payer.wall(), payer.anchor, start_ms)),
        Some("day") => Some(day),
        Some("week") => Some(calendar::monday(day)),
        Some("once" | "event") => None,
        Some(days) => {
            let every = days.split(' ').next().and_then(|count| count.parse().ok()).expect("N days");
            Some(calendar::stretch(calendar::ymd(2026, 1, 5), every, day))
        }
    }
}

/// The period after (or before) one.
pub fn neighbour(payer: &Payer, word: Word, first: NaiveDate, forward: bool) -> NaiveDate {
    let days = match word {
        None | Some("cycle") if forward => return calendar::next_cycle(first, payer.anchor),
        None | Some("cycle") => return calendar::previous_cycle(first, payer.anchor),
        Some("day") => 1,
        Some("week") => 7,
        Some(days) => days.split(' ').next().and_then(|count| count.parse().ok()).expect("N days"),
    };
    calendar::plus(first, if forward { days } else { -days })
}

/// Name of a counter.
pub fn name(kind: &str, id: &str, owner: &str, period: Option<NaiveDate>) -> String {
    let period = period.map_or("ever".to_owned(), |first| first.to_string());
    format!("{kind}/{id}/{owner}/{period}")
}

/// When the first of some members began.
pub fn since(payer: &Payer, used: &Use, shared: Word) -> i64 {
    let members = members(payer, used.member, shared);
    members.iter().map(|&at| payer.subscriptions[at].from_ms).min().expect("at least the member itself")
}
