//! Amounts of both sides to their exact sums, by currency, plan, service and account.
//! Relies on events for every amount; what a close adds by rounding is kept apart.
//! Never holds a usage: one row for each plan, service and account.

use crate::usage_lines::Closed;
use caudal_usage::money::{MoneyError, add_exact};
use caudal_usage::{BillableEvent, Currency, Decimal};
use hashbrown::HashMap;
use std::collections::BTreeMap;

/// Whose price it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Side {
    /// The pipeline's own plans.
    Present,
    /// The plans of the other folder.
    Other,
}

impl Side {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Present => "present",
            Self::Other => "other",
        }
    }
}

/// An amount on each side.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Pair {
    /// By the pipeline's own plans.
    pub present: Decimal,
    /// By the plans of the other folder.
    pub other: Decimal,
}

impl Pair {
    /// Adds to one side.
    pub fn add(&mut self, side: Side, amount: Decimal) -> Result<(), MoneyError> {
        let sum = match side {
            Side::Present => &mut self.present,
            Side::Other => &mut self.other,
        };
        *sum = add_exact(*sum, amount)?;
        Ok(())
    }

    /// The amount of one side.
    pub const fn of(self, side: Side) -> Decimal {
        match side {
            Side::Present => self.present,
            Side::Other => self.other,
        }
    }

    /// Adds to both sides.
    pub fn add_pair(&mut self, pair: Self) -> Result<(), MoneyError> {
        self.add(Side::Present, pair.present)?;
        self.add(Side::Other, pair.other)
    }

    /// What the other side costs more.
    pub fn difference(self) -> Result<Decimal, MoneyError> {
        add_exact(self.other, -self.present)
    }
}

/// A row of a table.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Row {
    /// Usages that at least one side prices.
    pub usages: u64,
    /// What they cost.
    pub pair: Pair,
}

/// The sums of one currency.
#[derive(Debug, Default)]
pub struct Book {
    /// By plan.
    pub plans: BTreeMap<Box<str>, Row>,
    /// By service.
    pub services: BTreeMap<Box<str>, Row>,
    /// By account, what its cycles are rounded by included.
    pub accounts: HashMap<String, Pair>,
    /// What the rounding of cycles adds.
    pub rounding: Pair,
}

impl Book {
    fn account(&mut self, id: &str) -> &mut Pair {
        self.accounts.entry_ref(id).or_default()
    }
}

/// The row of a name, made where it is new.
fn row<'m>(rows: &'m mut BTreeMap<Box<str>, Row>, name: &str) -> &'m mut Row {
    if !rows.contains_key(name) {
        rows.insert(name.into(), Row::default());
    }
    // panics: it was put there if it was absent.
    rows.get_mut(name).expect("the row is there")
}

/// The sums of every currency.
#[derive(Debug, Default)]
pub struct Sums {
    /// By currency.
    pub books: BTreeMap<Currency, Book>,
}

impl Sums {
    /// Adds a usage: the events of each side, none where that side does not price it.
    pub fn add(
        &mut self,
        present: &[BillableEvent<'_>],
        other: &[BillableEvent<'_>],
    ) -> Result<(), MoneyError> {
        match present.first() {
            Some(first) => self.count(first),
            None => other.first().map_or((), |first| self.count(first)),
        }
        self.add_side(Side::Present, present)?;
        self.add_side(Side::Other, other)
    }

    /// Counts a usage once, whatever its events.
    fn count(&mut self, first: &BillableEvent<'_>) {
        let book = self.books.entry(first.currency).or_default();
        row(&mut book.plans, first.plan).usages += 1;
        row(&mut book.services, first.service.as_str()).usages += 1;
    }

    fn add_side(&mut self, side: Side, events: &[BillableEvent<'_>]) -> Result<(), MoneyError> {
        for event in events {
            let book = self.books.entry(event.currency).or_default();
            row(&mut book.plans, event.plan).pair.add(side, event.amount)?;
            row(&mut book.services, event.service.as_str()).pair.add(side, event.amount)?;
            book.account(event.account).add(side, event.amount)?;
        }
        Ok(())
    }

    /// Rounds the cycles of one side: accounts then hold what they would be billed.
    pub fn close(&mut self, side: Side, cycles: &[Closed<'_>]) -> Result<(), MoneyError> {
        for cycle in cycles {
            let (_, rounding) = cycle.rounded.ok_or(MoneyError::Overflow)?;
            let book = self.books.entry(cycle.currency).or_default();
            book.rounding.add(side, rounding)?;
            book.account(cycle.account).add(side, rounding)?;
        }
        Ok(())
    }
}
