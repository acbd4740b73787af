//! The close of a cycle: what depends on all of it, promised minimums, and the rounding of its total.
//! Relies on the sums that rating left in the balances.
//! Never looks at a usage again.

use super::adjust::{Due, after_bounds};
use super::balances::{members, name, owner};
use super::calendar;
use super::cover::part_of_period;
use super::lines::{Ledger, Line, packages, whole};
use super::matching::{clock, holds};
use super::notes::Note;
use super::number::{Mode, Point, Q, q, round, zero};
use super::plan::*;
use super::rater::{Event, PartOf, Rater};
use super::world::Use;
use chrono::NaiveDate;

/// One charge of a close.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Closing {
    /// Id of the rate, capacity or commitment; empty for the rounding of the total.
    pub id: String,
    /// The subscription that stands for whoever the sum is of.
    pub subscription: &'static str,
    pub lines: Vec<Line>,
    pub discounts: Vec<(String, Q)>,
    pub notes: Vec<Note>,
    pub amount: Q,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Closed {
    pub charges: Vec<Closing>,
    pub total: Q,
    pub rounding: Q,
}

impl Rater<'_> {
    /// Counts billed units of a part for capacities.
    pub fn meter(&mut self, of: &PartOf, counted: Unit, billed: i64) {
        let wall = clock(self.payer, of.used, [self.plan.time_zone, None]);
        for capacity in &self.plan.capacities {
            for (meter, when, unit) in &capacity.meters {
                if *unit == counted && holds(when, &of.facts, wall, of.part.start_ms) {
                    let owner = owner(self.payer, of.used.member, capacity.shared);
                    let id = format!("{}/{meter}", capacity.id);
                    self.balances.add(&name("meter", &id, &owner, Some(of.cycle)), &q(billed));
                }
            }
        }
    }

    /// Everyone whose sums are kept apart, with a member that stands for them.
    fn owners(&self, shared: Word, cycle: NaiveDate) -> Vec<(String, usize)> {
        let mut owners: Vec<(String, usize)> = Vec::new();
        for member in 0..self.payer.subscriptions.len() {
            let owner = owner(self.payer, member, shared);
            if self.lives_in(member, cycle) && !owners.iter().any(|(known, _)| *known == owner) {
                owners.push((owner, member));
            }
        }
        owners
    }

    pub fn lives_in(&self, member: usize, cycle: NaiveDate) -> bool {
        let wall = self.payer.wall();
        let next = calendar::next_cycle(cycle, self.payer.anchor);
        let of = &self.payer.subscriptions[member];
        of.from_ms < calendar::start_of(wall, next) && of.to_ms > calendar::start_of(wall, cycle)
    }

    pub fn close(&mut self, cycle: NaiveDate) -> Closed {
        let mut charges = Vec::new();
        let plan = self.plan;
        // One subscription after the other: what a cap lets pass depends on it.
        for member in 0..self.payer.subscriptions.len() {
            for rate in plan.rates.iter().chain(&plan.base) {
                if let Pricing::Tiers(tiers) = &rate.pricing {
                    self.close_tiers(rate, tiers, (cycle, member), &mut charges);
                }
            }
        }
        for capacity in &plan.capacities {
            self.close_capacity(capacity, cycle, &mut charges);
        }
        for commitment in &plan.commitments {
            self.close_commitment(commitment, cycle, &mut charges);
        }
        let before = self.charged.get(&cycle).cloned().unwrap_or_else(zero);
        let exact = before + charges.iter().map(|charge| &charge.amount).sum::<Q>();
        let total = round(&exact, self.cycle_point());
        Closed { charges, rounding: &total - exact, total }
    }

    fn cycle_point(&self) -> Point {
        let places = match self.plan.currency {
            "JPY" => 0,
            "KWD" => 3,
            _ => 2,
        };
        self.plan.cycle.unwrap_or(Point { places, mode: Mode::HalfUp })
    }

    /// Volume, stair-step, the minimum of packages, and what is charged without usage.
    fn close_tiers(
        &mut self,
        rate: &Rate,
        tiers: &Tiers,
        (cycle, at): (NaiveDate, usize),
        charges: &mut Vec<Closing>,
    ) {
        if !matches!(tiers.over, None | Some("cycle")) {
            return;
        }
        for (owner, member) in
            self.owners(tiers.shared, cycle).into_iter().filter(|(_, member)| *member == at)
        {
            let sum = self.balances.get(&name("tier", &rate.id, &owner, Some(cycle)));
            let mut lines = Vec::new();
            let mut ledger = Ledger { rate, point: self.point(), lines: &mut lines };
            let nothing = sum == zero();
            let charged_all_the_same = tiers.zero_usage == Some("charge");
            match (&tiers.package, tiers.model) {
                _ if nothing && !charged_all_the_same => {}
                (Some(package), _) => {
                    let least = package.minimum.unwrap_or(0).max(i64::from(nothing));
                    ledger.packages(package, &(q(least) - packages(package, &sum)));
                }
                (None, "graduated_percentage") => {}
                (None, _) if nothing => {
                    if let Some(fee) = tiers.steps[0].flat_fee {
                        ledger.line("flat_fee", 1, &fee.q()).step = Some(1);
                    }
                }
                (None, "volume" | "stair_step") => ledger.at_once(tiers, whole(&sum)),
                _ => {}
            }
            if !lines.is_empty() {
                charges.push(self.settle(rate, member, cycle, lines));
            }
        }
    }

    /// What a rate charges at the close is due like usage: discounts, caps, commitments and money. Conditions about usage
    /// do not hold, but for the service.
    fn settle(&mut self, rate: &Rate, member: usize, cycle: NaiveDate, lines: Vec<Line>) -> Closing {
        let wall = self.payer.wall();
        let last_ms = calendar::start_of(wall, calendar::next_cycle(cycle, self.payer.anchor)) - 1;
        let mut drafts = Vec::new();
        super::rater::draft_of(&mut drafts, cycle, false);
        let mut draft = drafts.remove(0);
        let service = rate.when.0["service"][0].clone();
        let mut due = Due {
            rate: rate.id.clone(),
            facts: [("service", service), ("account", self.payer.id.to_owned())].into(),
            start_ms: last_ms,
            due: zero(),
            lines: Vec::new(),
            unit: rate.unit,
            measured: 1,
            billed: 0,
        };
        due.take_in(&lines);
        draft.dues.push(due);
        draft.event.lines = lines;
        let used = super::answers::used(Service::Voice, last_ms, 0);
        after_bounds(self, &Use { member, ..used }, &mut draft);
        let Event { lines, discounts, notes, amount, .. } = draft.event;
        Closing {
            id: rate.id.clone(),
            subscription: self.payer.subscriptions[member].id,
            lines,
            discounts,
            notes,
            amount,
        }
    }

    fn close_capacity(&mut self, capacity: &Capacity, cycle: NaiveDate, charges: &mut Vec<Closing>) {
        for (owner, member) in self.owners(capacity.shared, cycle) {
            let shows: Vec<Q> = capacity
                .meters
                .iter()
                .map(|(meter, ..)| {
                    self.balances.get(&name(
                        "meter",
                        &format!("{}/{meter}", capacity.id),
                        &owner,
                        Some(cycle),
                    ))
                })
                .collect();
            let holds_all =
                |step: &CapacityStep| step.holds.iter().zip(&shows).all(|(held, shown)| *shown <= q(*held));
            let index = capacity.steps.iter().position(holds_all).expect("the last step holds all");
            let exact = capacity.steps[index].price.q();
            let line = self.line_of("flat_fee", &capacity.id, Some(index as u32 + 1), &exact);
            let payer = super::balances::owner(self.payer, member, None);
            self.balances.add(&name("charged", "/capacity", &payer, Some(cycle)), &line.amount);
            charges.push(self.plain(&capacity.id, member, line));
        }
    }

    fn line_of(&self, kind: &'static str, id: &str, step: Option<u32>, exact: &Q) -> Line {
        let amount = round(exact, self.point());
        Line { step, ..super::adjust::amount_line(kind, id, amount) }
    }

    fn plain(&self, id: &str, member: usize, line: Line) -> Closing {
        let (subscription, amount) = (self.payer.subscriptions[member].id, line.amount.clone());
        let id = id.to_owned();
        Closing { id, subscription, lines: vec![line], discounts: Vec::new(), notes: Vec::new(), amount }
    }

    fn close_commitment(&mut self, commitment: &Commitment, cycle: NaiveDate, charges: &mut Vec<Closing>) {
        for (_, member) in self.owners(commitment.shared, cycle) {
            let mut charged = zero();
            let sharers = members(self.payer, member, commitment.shared);
            for &other in &sharers {
                let subscription = super::balances::owner(self.payer, other, None);
                if commitment.scope.is_empty() {
                    charged += self.balances.get(&name("charged", "/capacity", &subscription, Some(cycle)));
                }
                for rate in self.plan.rates.iter().chain(&self.plan.base) {
                    if commitment.scope.is_empty() || commitment.scope.contains(&rate.id) {
                        charged += self.balances.get(&name("charged", &rate.id, &subscription, Some(cycle)));
                    }
                }
            }
            let prorated = commitment.prorated == Some(true);
            let part = if prorated { part_of_period(self.payer, &sharers, None, Some(cycle)) } else { q(1) };
            // What is promised for a part of a cycle is an amount of that cycle.
            let exact = commitment.amount.q() * part;
            let promised = if prorated { round(&exact, self.cycle_point()) } else { exact };
            let missing = promised - charged;
            if missing > zero() {
                let line = self.line_of("minimum", &commitment.id, None, &missing);
                charges.push(self.plain(&commitment.id, member, line));
            }
        }
    }
}
