//! Lines of usage or archived events to the tally of both sides, one line in memory at a time.
//! Relies on the two desks being given the same usages in the same order; balances of each are its own.
//! Never stops at a line: what neither side prices is counted by its code.

use super::archived::{Archived, Charged};
use super::batch::{Batch, Event, Pending};
use super::check::Check;
use super::sums::{Row, Side, Sums};
use crate::config::Pipeline;
use crate::explain::Originals;
use crate::usage_lines::{Desk, Line, OnClose, Outcome};
use caudal_usage::money::{MoneyError, add_exact};
use caudal_usage::{BillableEvent, Code, Currency, Fault, UsageRecord};
use compact_str::CompactString;
use std::collections::BTreeMap;

/// Where a line stands.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// Its file.
    pub file: &'a str,
    /// Its number, from 1.
    pub line: u64,
}

/// Usages that miss a price for one reason.
#[derive(Debug)]
pub struct Missing {
    /// How many.
    pub usages: u64,
    /// What the side that prices them charges.
    pub amounts: BTreeMap<Currency, Row>,
    /// What was found in the first, and where that stands.
    pub found: CompactString,
    /// File and line of the first.
    pub first: String,
}

/// Why a usage has no price, and which side has one; `None` when neither has.
pub type Reason = (Option<Side>, Code, CompactString);

/// What was read.
#[derive(Debug, Default)]
pub struct Tally {
    /// Usages that both sides price.
    pub both: u64,
    /// Usages without a price on a side.
    pub missing: BTreeMap<Reason, Missing>,
    /// Usages that are not billed.
    pub filtered: BTreeMap<Code, u64>,
    /// The money.
    pub sums: Sums,
    /// The replay of what was archived.
    pub check: Check,
}

impl Tally {
    /// Usages that only `side` prices, or with `None` neither.
    pub fn priced_by(&self, side: Option<Side>) -> u64 {
        let ours = self.missing.iter().filter(|((priced_by, ..), _)| *priced_by == side);
        ours.map(|(_, missing)| missing.usages).sum()
    }

    /// All usages.
    pub fn usages(&self) -> u64 {
        let missing: u64 = self.missing.values().map(|missing| missing.usages).sum();
        self.both + missing + self.filtered.values().sum::<u64>()
    }

    fn take(
        &mut self,
        present: Outcome<'_, '_>,
        other: Outcome<'_, '_>,
        place: Place<'_>,
    ) -> Result<(), MoneyError> {
        use Outcome::{Accepted, Filtered, Rated, Suspended};
        match (present, other) {
            (Rated { events: present, .. }, Rated { events: other, .. }) => {
                self.both += 1;
                self.sums.add(present, other)
            }
            (Rated { events, .. }, Suspended(fault)) => {
                self.one_sided(Side::Present, events, (fault, place))?;
                self.sums.add(events, &[])
            }
            (Suspended(fault), Rated { events, .. }) => {
                self.one_sided(Side::Other, events, (fault, place))?;
                self.sums.add(&[], events)
            }
            (Suspended(fault), Suspended(_)) => {
                self.missing(None, (fault, place));
                Ok(())
            }
            // A purchase is no usage; one that a side does not take is told like usage that it does not price.
            (Accepted(_), Suspended(fault)) | (Suspended(fault), Accepted(_)) => {
                self.missing(None, (fault, place));
                Ok(())
            }
            (Accepted(_), Accepted(_) | Rated { .. }) | (Rated { .. }, Accepted(_)) => Ok(()),
            // What is billed is said by the pipeline, for both sides.
            (Filtered(code), _) | (_, Filtered(code)) => {
                *self.filtered.entry(code).or_default() += 1;
                Ok(())
            }
        }
    }

    fn one_sided(
        &mut self,
        side: Side,
        events: &[BillableEvent<'_>],
        why: (&Fault, Place<'_>),
    ) -> Result<(), MoneyError> {
        let missing = self.missing(Some(side), why);
        for (index, event) in events.iter().enumerate() {
            let row = missing.amounts.entry(event.currency).or_default();
            row.usages += u64::from(index == 0);
            row.pair.add(side, event.amount)?;
        }
        Ok(())
    }

    fn missing(&mut self, priced_by: Option<Side>, (fault, place): (&Fault, Place<'_>)) -> &mut Missing {
        let first = || Missing {
            usages: 0,
            amounts: BTreeMap::new(),
            found: fault.found.clone(),
            first: format!("{}:{}", place.file, place.line),
        };
        let reason = (priced_by, fault.code, fault.field.clone());
        let missing = self.missing.entry(reason).or_insert_with(first);
        missing.usages += 1;
        missing
    }
}

/// Prices usage on both sides.
pub struct Comparison<'p> {
    present: Desk<'p>,
    other: Desk<'p>,
    tally: Tally,
    /// Events that wait for their originals, where these are read.
    batch: Option<Batch>,
}

impl<'p> Comparison<'p> {
    /// Both sides begin without balances.
    pub fn new(present: &'p Pipeline, other: &'p Pipeline, on_close: OnClose) -> Self {
        Self {
            present: Desk::new(present, "", on_close),
            other: Desk::new(other, "", on_close),
            tally: Tally::default(),
            batch: None,
        }
    }

    /// Takes archived usage from the original records, where they are still there.
    pub fn with_originals(mut self, originals: Originals) -> Self {
        self.batch = Some(Batch::new(originals));
        self
    }

    /// Prices a line: usage, or an event that a run wrote.
    pub fn line(&mut self, line: Line<'_>, place: Place<'_>) -> Result<(), MoneyError> {
        if let Line::Octets(octets) = line
            && let Some(event) = Archived::read(octets)
        {
            return self.archived(&event, place);
        }
        self.flush()?;
        let Self { present, other, tally, .. } = self;
        let mut result = Ok(());
        present.price(line, place.line, &mut |_, ours| {
            other.price(line, place.line, &mut |_, theirs| result = tally.take(ours, theirs, place));
        });
        result
    }

    fn archived(&mut self, event: &Archived<'_>, place: Place<'_>) -> Result<(), MoneyError> {
        if let Some(what) = event.passed_over() {
            *self.tally.check.passed_over.entry(what.to_owned()).or_default() += 1;
            return Ok(());
        }
        let line = u32::try_from(place.line).unwrap_or(u32::MAX);
        match event.usage(line).and_then(|usage| Ok((usage, event.charged()?))) {
            Ok((usage, charged)) => match &mut self.batch {
                Some(batch) => {
                    let wanted = event.wanted();
                    batch.push(Event { usage, charged, line: place.line }, wanted, place.file);
                    if batch.is_full() { self.flush() } else { Ok(()) }
                }
                None => self.replay_event(&usage, &charged, place),
            },
            Err(fault) => {
                self.tally.missing(None, (&fault, place));
                Ok(())
            }
        }
    }

    /// Prices what waits for its original.
    fn flush(&mut self) -> Result<(), MoneyError> {
        let waiting = self.batch.as_mut().map_or_else(Vec::new, Batch::take);
        for (Pending { events, file }, original) in waiting {
            match original {
                Ok(usage) => self.replay_original(&usage, (&events, &file))?,
                Err(why) => {
                    self.tally.check.gone.get_or_insert(why);
                    for event in &events {
                        let place = Place { file: &file, line: event.line };
                        self.replay_event(&event.usage, &event.charged, place)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn replay_event(
        &mut self,
        usage: &UsageRecord,
        charged: &Charged,
        place: Place<'_>,
    ) -> Result<(), MoneyError> {
        self.tally.check.from_events += 1;
        self.replay(usage, charged, place)
    }

    fn replay_original(
        &mut self,
        usage: &UsageRecord,
        (events, file): (&[Event], &str),
    ) -> Result<(), MoneyError> {
        let Some((first, more)) = events.split_first() else { return Ok(()) };
        let mut charged = first.charged.clone();
        for event in more {
            charged.amount = add_exact(charged.amount, event.charged.amount)?;
        }
        self.replay(usage, &charged, Place { file, line: first.line })
    }

    /// Prices a usage that was billed before.
    fn replay(&mut self, usage: &UsageRecord, charged: &Charged, place: Place<'_>) -> Result<(), MoneyError> {
        let Self { present, other, tally, .. } = self;
        let mut result = Ok(());
        present.price_record(usage, &mut |ours| {
            other.price_record(usage, &mut |theirs| {
                result = tally.check.take(charged, ours).and_then(|()| tally.take(ours, theirs, place));
            });
        });
        result
    }

    /// Closes the cycles of both sides, where they are summed. What was read.
    pub fn finish(mut self) -> Result<Tally, MoneyError> {
        self.flush()?;
        self.tally.sums.close(Side::Present, &self.present.closed())?;
        self.tally.sums.close(Side::Other, &self.other.closed())?;
        Ok(self.tally)
    }
}
