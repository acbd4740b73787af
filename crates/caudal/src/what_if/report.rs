//! A tally to the figures that are shown: totals, rows, classes of accounts, the accounts that change most.
//! Relies on exact sums; an account counts once, whatever its subscriptions.
//! Never rounds: that is for those who print.

use super::compare::Tally;
use super::sums::{Book, Pair, Row};
use crate::config::Pipeline;
use crate::config::against::Against;
use caudal_usage::money::MoneyError;
use caudal_usage::{Currency, Decimal};
use std::cmp::Reverse;

/// Classes of accounts by what they pay under the present plans: up to so much, in the account's currency; then the rest.
pub const CLASSES: [i64; 4] = [0, 10, 50, 100];

/// What a comparison was asked for.
#[derive(Debug)]
pub struct Setting {
    /// The pipeline's name.
    pub pipeline: String,
    /// The other folder.
    pub against: String,
    /// Files that come from there.
    pub taken: Vec<String>,
    /// True when they say what the pipeline's say, to the byte.
    pub is_same: bool,
    /// True when a plan of either side has recurring charges, which no usage pays.
    pub has_fees: bool,
    /// True when cycles were closed.
    pub is_closed: bool,
    /// Files that were not read because they are not final.
    pub not_final: usize,
    /// Accounts shown that change most, each way.
    pub top: usize,
}

impl Setting {
    /// Of two pipelines.
    pub fn new(present: &Pipeline, (against, folder): (&Against, String)) -> Self {
        Self {
            pipeline: present.name.clone(),
            against: folder,
            taken: against.taken.clone(),
            is_same: present.generation == against.pipeline.generation,
            has_fees: has_fees(present) || has_fees(&against.pipeline),
            is_closed: false,
            not_final: 0,
            top: 0,
        }
    }
}

fn has_fees(pipeline: &Pipeline) -> bool {
    let mut versions = pipeline.tariff.plans().iter().flat_map(|plan| &plan.versions);
    versions.any(|version| !version.recurring.is_empty())
}

/// An account that pays something else.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mover {
    /// Its id.
    pub account: String,
    /// What it pays.
    pub pair: Pair,
    /// What it pays more.
    pub difference: Decimal,
}

/// Accounts and what they pay.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Accounts {
    /// Accounts that pay more.
    pub more: u64,
    /// That pay less.
    pub less: u64,
    /// That pay the same.
    pub same: u64,
    /// What all of them pay.
    pub pair: Pair,
}

impl Accounts {
    /// All.
    pub const fn count(&self) -> u64 {
        self.more + self.less + self.same
    }

    fn add(&mut self, pair: Pair, difference: Decimal) -> Result<(), MoneyError> {
        let count = if difference.is_zero() {
            &mut self.same
        } else if difference > Decimal::ZERO {
            &mut self.more
        } else {
            &mut self.less
        };
        *count += 1;
        self.pair.add_pair(pair)
    }
}

/// The figures of one currency.
#[derive(Debug)]
pub struct Figures {
    /// Which.
    pub currency: Currency,
    /// All usages, what rounding adds included.
    pub total: Row,
    /// Of these, usages that one side only prices.
    pub one_sided: Row,
    /// What the rounding of cycles adds.
    pub rounding: Pair,
    /// By plan.
    pub plans: Vec<(Box<str>, Row)>,
    /// By service.
    pub services: Vec<(Box<str>, Row)>,
    /// By class, with its bound; the last has none.
    pub classes: Vec<(Option<i64>, Accounts)>,
    /// All accounts.
    pub accounts: Accounts,
    /// Accounts that pay most more.
    pub up: Vec<Mover>,
    /// Accounts that pay most less.
    pub down: Vec<Mover>,
}

/// Everything that is shown.
#[derive(Debug)]
pub struct Report {
    /// What was asked for.
    pub setting: Setting,
    /// What was read.
    pub tally: Tally,
    /// The money, by currency.
    pub currencies: Vec<Figures>,
}

impl Report {
    /// The figures of a tally.
    pub fn new(setting: Setting, mut tally: Tally) -> Result<Self, MoneyError> {
        let books = std::mem::take(&mut tally.sums.books);
        let mut currencies = Vec::with_capacity(books.len());
        for (currency, book) in books {
            let mut figures = figures(currency, book, setting.top)?;
            for row in tally.missing.values().filter_map(|missing| missing.amounts.get(&currency)) {
                figures.one_sided.usages += row.usages;
                figures.one_sided.pair.add_pair(row.pair)?;
            }
            currencies.push(figures);
        }
        Ok(Self { setting, tally, currencies })
    }
}

fn figures(currency: Currency, book: Book, top: usize) -> Result<Figures, MoneyError> {
    let mut total = Row { usages: 0, pair: book.rounding };
    for row in book.plans.values() {
        total.usages += row.usages;
        total.pair.add_pair(row.pair)?;
    }
    let mut classes: Vec<(Option<i64>, Accounts)> = CLASSES
        .iter()
        .map(|bound| Some(*bound))
        .chain([None])
        .map(|bound| (bound, Accounts::default()))
        .collect();
    let mut accounts = Accounts::default();
    let mut movers = Vec::new();
    for (account, pair) in book.accounts {
        let difference = pair.difference()?;
        accounts.add(pair, difference)?;
        let fits = |bound: Option<i64>| bound.is_none_or(|bound| pair.present <= Decimal::from(bound));
        if let Some((_, class)) = classes.iter_mut().find(|(bound, _)| fits(*bound)) {
            class.add(pair, difference)?;
        }
        if !difference.is_zero() {
            movers.push(Mover { account, pair, difference });
        }
    }
    movers.sort_unstable_by(|a, b| (a.difference, &a.account).cmp(&(b.difference, &b.account)));
    let down =
        movers.iter().take_while(|mover| mover.difference < Decimal::ZERO).take(top).cloned().collect();
    movers.retain(|mover| mover.difference > Decimal::ZERO);
    movers.sort_by_key(|mover| Reverse(mover.difference));
    movers.truncate(top);
    Ok(Figures {
        currency,
        total,
        one_sided: Row::default(),
        rounding: book.rounding,
        plans: book.plans.into_iter().collect(),
        services: book.services.into_iter().collect(),
        classes,
        accounts,
        up: movers,
        down,
    })
}
