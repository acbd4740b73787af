//! The close of a cycle: what depends on all of it, promised minimums, and the rounding of its total.
//! Relies on the sums that rating left in the balances.
//! Never looks at a usage again.

use super::balances::{members, name, owner};
use super::calendar;
use super::cover::part_of_cycle;
use super::lines::{Ledger, Line, packages, whole};
use super::matching::{clock, holds};
use super::number::{Mode, Point, Q, q, round, zero};
use super::plan::*;
use super::rater::{PartOf, Rater};
use chrono::NaiveDate;

/// One charge of a close.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Closing {
    /// Id of the rate, capacity or commitment; empty for the rounding of the total.
    pub id: String,
    /// Whose sum it was.
    pub owner: String,
    pub lines: Vec<Line>,
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
    pub fn meter(&mut self, of: &PartOf, billed: i64) {
        let wall = clock(self.payer, of.used, [self.plan.time_zone, None]);
        for capacity in &self.plan.capacities {
            for (meter, when, unit) in &capacity.meters {
                if *unit == of.rate.unit && holds(when, &of.facts, wall, of.part.start_ms) {
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

    fn lives_in(&self, member: usize, cycle: NaiveDate) -> bool {
        let wall = self.payer.wall();
        let next = calendar::next_cycle(cycle, self.payer.anchor);
        let of = &self.payer.subscriptions[member];
        of.from_ms < calendar::start_of(wall, next) && of.to_ms > calendar::start_of(wall, cycle)
    }

    pub fn close(&mut self, cycle: NaiveDate) -> Closed {
        let mut charges = Vec::new();
        let plan = self.plan;
        for rate in plan.rates.iter().chain(&plan.base) {
            if let Pricing::Tiers(tiers) = &rate.pricing {
                self.close_tiers(rate, tiers, cycle, &mut charges);
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
        let places = match plan.currency {
            "JPY" => 0,
            "KWD" => 3,
            _ => 2,
        };
        let total = round(&exact, plan.cycle.unwrap_or(Point { places, mode: Mode::HalfUp }));
        Closed { charges, rounding: &total - exact, total }
    }

    /// Volume, stair-step, the minimum of packages, and what is charged without usage.
    fn close_tiers(&mut self, rate: &Rate, tiers: &Tiers, cycle: NaiveDate, charges: &mut Vec<Closing>) {
        if !matches!(tiers.over, None | Some("cycle")) {
            return;
        }
        for (owner, member) in self.owners(tiers.shared, cycle) {
            let sum = self.balances.get(&name("tier", &rate.id, &owner, Some(cycle)));
            let mut lines = Vec::new();
            let mut ledger = Ledger { rate, point: self.point(), lines: &mut lines };
            let without_usage = sum == zero();
            match (&tiers.package, tiers.model) {
                _ if without_usage && tiers.zero_usage != Some("charge") => {}
                (Some(package), _) if without_usage => _ = ledger.line("package", 1, &package.price.q()),
                (None, _) if without_usage => {
                    if let Some(fee) = tiers.steps[0].flat_fee {
                        ledger.line("flat_fee", 1, &fee.q()).step = Some(1);
                    }
                }
                (Some(package), _) => {
                    let missing = q(package.minimum.unwrap_or(0)) - packages(package, &sum);
                    if missing > zero() {
                        ledger.line("package", whole(&missing), &(missing * package.price.q()));
                    }
                }
                (None, "volume" | "stair_step") => ledger.at_once(tiers, whole(&sum)),
                _ => {}
            }
            if !lines.is_empty() {
                let amount: Q = lines.iter().map(|line| &line.amount).sum();
                let subscription = super::balances::owner(self.payer, member, None);
                self.balances.add(&name("charged", &rate.id, &subscription, Some(cycle)), &amount);
                charges.push(Closing { id: rate.id.clone(), owner, lines, amount });
            }
        }
    }

    fn close_capacity(&mut self, capacity: &Capacity, cycle: NaiveDate, charges: &mut Vec<Closing>) {
        for (owner, _) in self.owners(capacity.shared, cycle) {
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
            let step = capacity.steps.iter().find(|step| holds_all(step)).expect("the last step holds all");
            let amount = round(&step.price.q(), self.point());
            charges.push(Closing { id: capacity.id.clone(), owner, lines: Vec::new(), amount });
        }
    }

    fn close_commitment(&mut self, commitment: &Commitment, cycle: NaiveDate, charges: &mut Vec<Closing>) {
        for (owner, member) in self.owners(commitment.shared, cycle) {
            let mut charged = zero();
            for other in members(self.payer, member, commitment.shared) {
                let subscription = super::balances::owner(self.payer, other, None);
                for rate in self.plan.rates.iter().chain(&self.plan.base) {
                    if commitment.scope.is_empty() || commitment.scope.contains(&rate.id) {
                        charged += self.balances.get(&name("charged", &rate.id, &subscription, Some(cycle)));
                    }
                }
            }
            let prorated = commitment.prorated == Some(true);
            let part = if prorated { part_of_cycle(self.payer, member, Some(cycle)) } else { q(1) };
            let missing = round(&(commitment.amount.q() * part), self.point()) - charged;
            if missing > zero() {
                charges.push(Closing {
                    id: commitment.id.clone(),
                    owner,
                    lines: Vec::new(),
                    amount: missing,
                });
            }
        }
    }
}
