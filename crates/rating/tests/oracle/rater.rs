//! **The order of evaluation** of one usage, and everything that is remembered between two.
//! Relies on the modules beside it for each step; here stands only what follows what.
//! Never keeps half a usage: where one part cannot be rated, balances are as they were.

use super::adjust::{self, Due};
use super::balances::Balances;
use super::calendar::{self, Wall};
use super::lines::Line;
use super::matching::{self, Facts};
use super::notes::Note;
use super::number::{Mode, Point, Q, zero};
use super::plan::*;
use super::portions::Position;
use super::world::{Payer, Use, UsePart};
use chrono::NaiveDate;
use std::collections::BTreeMap;

/// What an allowance gave.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Used {
    pub allowance: String,
    pub period: Option<NaiveDate>,
    pub quantity: Q,
    pub before: Q,
    pub after: Q,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    pub cycle: NaiveDate,
    pub raw: i64,
    pub billed: i64,
    pub lines: Vec<Line>,
    pub uses: Vec<Used>,
    pub discounts: Vec<(String, Q)>,
    pub notes: Vec<Note>,
    pub amount: Q,
}

/// An event while parts of its usage come in.
pub struct Draft {
    pub event: Event,
    /// What each rate charges.
    pub dues: Vec<Due>,
    /// Units that are priced once all parts are in, by the rate's id.
    pub at_once: BTreeMap<String, i64>,
    /// True when usage is taken back: until the end everything is as of the same usage above zero.
    pub mirrored: bool,
}

pub const NO_RATE: &str = "no_rate";

pub struct Rater<'p> {
    pub plan: &'p Plan,
    pub payer: &'p Payer,
    pub grain: i64,
    pub balances: Balances,
    /// Amounts of events, for the close: by cycle.
    pub charged: BTreeMap<NaiveDate, Q>,
    /// Number of the usage at hand.
    number: usize,
}

/// What is remembered between the parts of one usage.
#[derive(Default)]
pub struct Within {
    pub drafts: Vec<Draft>,
    /// What was rounded together so far, by rate, rating group and cycle.
    pub positions: BTreeMap<(String, Option<u32>, NaiveDate), Position>,
    /// Rates and rating groups of which a part was seen.
    pub seen: Vec<(String, Option<u32>)>,
    /// Those that were counted as one event.
    pub counted: Vec<(String, Option<u32>)>,
    /// Allowances that gave to parts in a cycle: those of events give one for all of them.
    pub paid: Vec<(usize, NaiveDate)>,
}

/// One part on its way.
pub struct PartOf<'a> {
    pub used: &'a Use,
    pub part: &'a UsePart,
    pub rate: &'a Rate,
    pub wall: Wall,
    pub facts: Facts,
    pub cycle: NaiveDate,
    pub lines: Vec<Line>,
    /// Number of the usage, which tells events apart.
    pub number: usize,
    /// True when the usage is taken back; its quantity is above zero here.
    pub mirrored: bool,
}

pub fn is_negative(used: &Use) -> bool {
    used.parts.iter().any(|part| part.quantity < 0)
}

impl<'p> Rater<'p> {
    pub fn new(plan: &'p Plan, payer: &'p Payer, grain: i64) -> Self {
        Self { plan, payer, grain, balances: Balances::default(), charged: BTreeMap::new(), number: 0 }
    }

    pub fn rate(&mut self, used: &Use) -> Result<Vec<Event>, &'static str> {
        let (balances, charged) = (self.balances.clone(), self.charged.clone());
        self.number += 1;
        let rated = self.evaluate(used);
        if rated.is_err() {
            (self.balances, self.charged) = (balances, charged);
        }
        rated
    }

    /// The plan's own clock.
    pub fn wall(&self, used: &Use) -> Wall {
        matching::clock(self.payer, used, [self.plan.time_zone, None])
    }

    pub fn point(&self) -> Point {
        self.plan.line.unwrap_or(Point { places: 6, mode: Mode::HalfUp })
    }

    fn evaluate(&mut self, used: &Use) -> Result<Vec<Event>, &'static str> {
        let mut within = Within::default();
        let parts = match used.service {
            Service::Data => used.parts.clone(),
            _ => {
                let quantity = used.parts.iter().map(|part| part.quantity).sum();
                vec![UsePart { start_ms: used.start_ms, quantity, group: None }]
            }
        };
        for part in &parts {
            self.part(used, part, &mut within)?;
        }
        let mut events = Vec::new();
        for mut draft in within.drafts {
            self.price_at_once(&mut draft);
            adjust::finish(self, used, &mut draft);
            *self.charged.entry(draft.event.cycle).or_insert_with(zero) += &draft.event.amount;
            events.push(draft.event);
        }
        Ok(events)
    }

    /// Match; then the amount, or the quantity; lines go to the event of the part's cycle.
    fn part(&mut self, used: &Use, part: &UsePart, within: &mut Within) -> Result<(), &'static str> {
        let facts = matching::facts(self.payer, used, part.group);
        let found = matching::winner(self.plan, self.payer, used, &facts, part.start_ms);
        let (rate, wall) = found.ok_or(NO_RATE)?;
        if is_by_amount(rate) != used.charged.is_some() {
            return Err(NO_RATE);
        }
        let cycle = calendar::cycle(self.payer.wall(), self.payer.anchor, part.start_ms);
        let magnitude = UsePart { quantity: part.quantity.abs(), ..part.clone() };
        let (mirrored, number) = (is_negative(used), self.number);
        let mut of =
            PartOf { used, part: &magnitude, rate, wall, facts, cycle, lines: Vec::new(), number, mirrored };
        let at = draft_of(&mut within.drafts, cycle, is_negative(used));
        let (billed, unit) = match used.charged {
            Some(charged) => (self.amount(&mut of, charged)?, Unit::Event),
            None => self.quantity(&mut of, within, at),
        };
        self.meter(&of, unit, if mirrored { -billed } else { billed });
        let draft = &mut within.drafts[at];
        draft.event.raw += part.quantity;
        draft.event.billed += billed;
        adjust::add_due(draft, &of, unit, billed);
        draft.event.lines.append(&mut of.lines);
        Ok(())
    }
}

fn is_by_amount(rate: &Rate) -> bool {
    match &rate.pricing {
        Pricing::PassThrough { .. } | Pricing::Percentage(_) => true,
        Pricing::Tiers(tiers) => tiers.model == "graduated_percentage",
        _ => false,
    }
}

pub fn draft_of(drafts: &mut Vec<Draft>, cycle: NaiveDate, mirrored: bool) -> usize {
    if let Some(at) = drafts.iter().position(|draft| draft.event.cycle == cycle) {
        return at;
    }
    let event = Event {
        cycle,
        raw: 0,
        billed: 0,
        lines: Vec::new(),
        uses: Vec::new(),
        discounts: Vec::new(),
        notes: Vec::new(),
        amount: zero(),
    };
    drafts.push(Draft { event, dues: Vec::new(), at_once: BTreeMap::new(), mirrored });
    drafts.len() - 1
}
