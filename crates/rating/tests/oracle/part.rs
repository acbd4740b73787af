//! One part of a usage into lines: grace, minimum quantity, portions, cover, prices, connection fee.
//! Relies on the rate being matched; what was rounded together before is looked up in the usage or in the balances.
//! Never knows of bounds, discounts and caps: those are the event's.

use super::amounts::FreeCounters;
use super::balances::{name, owner, period};
use super::calendar;
use super::cover::{Around, Cover};
use super::lines::{Ledger, cost, whole};
use super::notes;
use super::number::{Mode, Point, q, round};
use super::plan::*;
use super::portions::{Begin, Cut, Portion, Position};
use super::rater::{Draft, NO_RATE, PartOf, Rater, Used, Within};
use super::world;

impl Rater<'_> {
    /// What counts of this part: units after grace and minimum quantity, which look at all parts of the record with one
    /// rating group, or one event for all of them.
    fn counted(&self, of: &PartOf, cut: &Cut, within: &mut Within) -> i64 {
        let key = (of.rate.id.clone(), of.part.group);
        let first = !within.seen.contains(&key);
        within.seen.push(key.clone());
        let quantity = of.part.quantity;
        if cut.counts_events() {
            let fresh = quantity > 0 && !within.counted.contains(&key);
            if fresh {
                within.counted.push(key);
            }
            return i64::from(fresh);
        }
        let is_data = of.used.service == Service::Data;
        let same = of.used.parts.iter().filter(|part| !is_data || part.group == of.part.group);
        let all: i64 = same.map(|part| part.quantity.abs()).sum();
        let graced = of.rate.grace.is_some_and(|grace| all <= grace);
        let least = of.rate.minimum_quantity.unwrap_or(0);
        let sum = if graced { 0 } else { all };
        // What lacks to the minimum falls on the first part.
        let lacking = if first && all > 0 { (least - sum).max(0) } else { 0 };
        lacking + if graced { 0 } else { quantity }
    }

    /// Names of the two counters of a rate that rounds over more than a record.
    fn position_names(&self, of: &PartOf) -> Option<[String; 2]> {
        let subscription = owner(self.payer, of.used.member, None);
        let group = of.part.group.map_or(String::new(), |group| format!(" group {group}"));
        let stretch = match of.rate.round_over {
            Some("session") => format!("session {} {}", of.used.session, of.cycle),
            Some("day") => calendar::date(self.payer.wall(), of.part.start_ms).to_string(),
            Some("cycle") => of.cycle.to_string(),
            _ => return None,
        };
        Some(
            ["measured", "billed"]
                .map(|what| format!("{what}/{}{group}/{subscription}/{stretch}", of.rate.id)),
        )
    }

    fn before(&self, of: &PartOf, within: &Within) -> Position {
        if let Some([measured, billed]) = self.position_names(of) {
            let get = |name: &str| whole(&self.balances.get(name));
            return Position { measured: get(&measured), billed: get(&billed) };
        }
        match of.rate.round_over {
            Some("part") => Position::default(),
            _ => {
                let key = (of.rate.id.clone(), of.part.group, of.cycle);
                within.positions.get(&key).copied().unwrap_or_default()
            }
        }
    }

    fn remember(&mut self, of: &PartOf, within: &mut Within, position: Position) {
        if let Some([measured, billed]) = self.position_names(of) {
            self.balances.set(&measured, q(position.measured));
            self.balances.set(&billed, q(position.billed));
        }
        within.positions.insert((of.rate.id.clone(), of.part.group, of.cycle), position);
    }

    /// Lines of a quantity; gives what was billed, and of what.
    pub fn quantity(&mut self, of: &mut PartOf, within: &mut Within, at: usize) -> (i64, Unit) {
        let (facts, rate) = (of.facts.clone(), of.rate);
        let cut = Cut {
            plan: self.plan,
            rate,
            facts: &facts,
            wall: of.wall,
            service: of.used.service,
            start_ms: of.part.start_ms,
            grain: if rate.unit == Unit::Event { 1 } else { self.grain },
            bands: Vec::new(),
        }
        .ready();
        let added = self.counted(of, &cut, within);
        let mut before = self.before(of, within);
        let mut cover = if of.mirrored { Cover::default() } else { self.cover(of, &cut, within) };
        let back = of.mirrored && self.position_names(of).is_some();
        if back {
            // Walking back over units is walking over them from where they began.
            let begun = (before.measured - added).max(0);
            before = cut.walk(Position::default(), begun, &mut cover).1;
        }
        let (portions, after) = cut.walk(before, before.measured + added, &mut cover);
        let after = if back { before } else { after };
        self.remember(of, within, after);
        self.spent(&cover, within, at);
        self.covered(of, &cover);
        self.prices(of, &cut, &portions, within, at);
        self.fee(of, &cut, before, added, &portions);
        let unit = if cut.counts_events() { Unit::Event } else { rate.unit };
        (portions.iter().map(|portion| portion.len).sum(), unit)
    }

    fn cover(&self, of: &PartOf, cut: &Cut, within: &Within) -> Cover {
        let unit = if cut.counts_events() { Unit::Event } else { of.rate.unit };
        let around = Around {
            plan: self.plan,
            payer: self.payer,
            used: of.used,
            facts: &of.facts,
            start_ms: of.part.start_ms,
            wall: self.wall(of.used),
            unit,
            paid: within
                .paid
                .iter()
                .filter(|(_, cycle)| *cycle == of.cycle)
                .map(|(index, _)| *index)
                .collect(),
        };
        around.cover(&self.balances, false)
    }

    /// Writes down what allowances gave.
    pub fn spent(&mut self, cover: &Cover, within: &mut Within, at: usize) {
        let cycle = within.drafts[at].event.cycle;
        for one in cover.givers() {
            if one.units > 0 {
                within.paid.push((one.index, cycle));
            }
            note(&mut self.balances, one, &mut within.drafts[at]);
        }
    }

    /// Steps and tiers on the uncovered rest.
    fn prices(&mut self, of: &mut PartOf, cut: &Cut, portions: &[Portion], within: &mut Within, at: usize) {
        let counter = self.tier_counter(of);
        let mut ledger = Ledger { rate: of.rate, point: self.point(), lines: &mut of.lines };
        let units: i64 = portions.iter().filter(|one| one.covered.is_none()).map(|one| one.len).sum();
        match &of.rate.pricing {
            Pricing::Tiers(tiers)
                if tiers.over == Some("event") && matches!(tiers.model, "volume" | "stair_step") =>
            {
                *within.drafts[at].at_once.entry(of.rate.id.clone()).or_default() += units;
            }
            Pricing::Tiers(tiers) if of.mirrored => {
                // Walking back over units is walking over them from where they began.
                let from = (self.balances.get(&counter) - q(units)).max(q(0));
                self.balances.set(&counter, from.clone());
                ledger.tiered(tiers, units, &mut self.balances, &counter);
                self.balances.set(&counter, from);
            }
            Pricing::Tiers(tiers) => ledger.tiered(tiers, units, &mut self.balances, &counter),
            _ => ledger.uncovered(cut, portions),
        }
    }

    /// Name of the sum that tiers look at.
    pub fn tier_counter(&self, of: &PartOf) -> String {
        let Pricing::Tiers(tiers) = &of.rate.pricing else { return String::new() };
        if tiers.over == Some("event") {
            return name("tier", &of.rate.id, &format!("event {}", of.number), Some(of.cycle));
        }
        let period = period(self.payer, tiers.over, of.part.start_ms);
        name("tier", &of.rate.id, &owner(self.payer, of.used.member, tiers.shared), period)
    }

    /// Covered units at the price of their allowance.
    fn covered(&self, of: &mut PartOf, cover: &Cover) {
        for one in cover.candidates.iter().filter(|one| one.units > 0) {
            if let Some(price) = one.allowance.price {
                let mut ledger = Ledger { rate: of.rate, point: self.point(), lines: &mut of.lines };
                ledger.line("covered", one.units, &cost(price, one.units)).rate = one.allowance.id.clone();
            }
        }
    }

    /// Once for each call, of the band in which it starts, or of the allowance that gave the first portion.
    fn fee(&self, of: &mut PartOf, cut: &Cut, before: Position, added: i64, portions: &[Portion]) {
        let goes_on = of.rate.round_over == Some("session") && before.measured > 0;
        if of.used.service != Service::Voice || added == 0 || goes_on {
            return;
        }
        let by =
            portions.first().and_then(|portion| portion.covered).map(|index| &self.plan.allowances[index]);
        let all_covered = !portions.is_empty() && portions.iter().all(|portion| portion.covered.is_some());
        let terms = cut.terms(cut.band(Begin { priced: 0, started: 0 }, 0));
        let fee = match by.and_then(|allowance| allowance.connection_fee) {
            Some(fee) => fee.q(),
            None if all_covered && of.rate.fee_when_covered == Some(false) => return,
            None => terms.fee.clone(),
        };
        if fee != q(0) {
            let own = by
                .filter(|allowance| allowance.connection_fee.is_some())
                .map(|allowance| allowance.id.clone());
            let mut ledger = Ledger { rate: of.rate, point: self.point(), lines: &mut of.lines };
            let line = ledger.line("connection_fee", 1, &fee);
            line.band = terms.name;
            if let Some(own) = own {
                line.rate = own;
            }
        }
    }

    /// Lines of an amount rated elsewhere; gives what was billed.
    pub fn amount(
        &mut self,
        of: &mut PartOf,
        charged: (&'static str, super::number::Dec),
    ) -> Result<i64, &'static str> {
        let (currency, amount) = charged;
        let day = calendar::date(self.payer.wall(), of.used.start_ms);
        let amount = if currency == self.plan.currency {
            amount.q()
        } else {
            let rate = world::exchange(currency, self.plan.currency, day).ok_or(NO_RATE)?;
            let point = self.plan.exchange.unwrap_or(Point { places: 6, mode: Mode::HalfUp });
            round(&(amount.q() * rate.q()), point)
        };
        let over = match &of.rate.pricing {
            Pricing::Percentage(percentage) => percentage.over,
            _ => None,
        };
        let period = period(self.payer, over, of.part.start_ms);
        let mine = owner(self.payer, of.used.member, None);
        let free = FreeCounters {
            events: name("free events", &of.rate.id, &mine, period),
            amount: name("free amount", &of.rate.id, &mine, period),
        };
        let counter = self.tier_counter(of);
        let mut ledger = Ledger { rate: of.rate, point: self.point(), lines: &mut of.lines };
        ledger.amount(&amount, &mut self.balances, &counter, &free);
        Ok(1)
    }

    /// Tiers over an event that need to know all of it.
    pub fn price_at_once(&mut self, draft: &mut Draft) {
        for (id, units) in std::mem::take(&mut draft.at_once) {
            let rate = self.rate_of(&id);
            let Pricing::Tiers(tiers) = &rate.pricing else { continue };
            let mut lines = Vec::new();
            Ledger { rate, point: self.point(), lines: &mut lines }.at_once(tiers, units.abs());
            let due = draft.dues.iter_mut().find(|due| due.rate == id).expect("its part was added");
            due.take_in(&lines);
            draft.event.lines.append(&mut lines);
        }
    }

    pub fn rate_of(&self, id: &str) -> &Rate {
        let found = self.plan.rates.iter().chain(&self.plan.base).find(|rate| rate.id == id);
        found.expect("the rate of a line stands in the plan")
    }
}

/// Moves the balances of one allowance on, and shows what it gave in the event.
pub fn note(balances: &mut super::balances::Balances, one: &super::cover::Candidate, draft: &mut Draft) {
    let (mut taken, mut used) = (q(0), q(0));
    for bucket in &one.buckets {
        used += balances.get(&bucket.counter);
        balances.add(&bucket.counter, &(&bucket.before - &bucket.left));
        taken += &bucket.before - &bucket.left;
    }
    if taken == q(0) {
        return;
    }
    let last = one.buckets.last().expect("the refill of the period");
    let (period, id) = (last.period, &one.allowance.id);
    let (of, now) = (&one.before + &used, used + &taken);
    let item = ("allowance", id.as_str(), last.counter.as_str());
    notes::tell(balances, item, (&now, &of), &one.allowance.thresholds, &mut draft.event.notes);
    let (before, after) = (one.before.clone(), &one.before - &taken);
    let known = draft.event.uses.iter_mut().find(|used| used.allowance == *id && used.period == period);
    match known {
        Some(known) => (known.quantity, known.after) = (&known.quantity + taken, after),
        None => draft.event.uses.push(Used { allowance: id.clone(), period, quantity: taken, before, after }),
    }
}
