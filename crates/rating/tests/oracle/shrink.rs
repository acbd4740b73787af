//! A case that differs into a smaller one that still does: usages and options are dropped one by one.
//! Relies on asking again after every step; what does not keep the difference is put back.
//! Never looks for the smallest, only for one in which nothing more can be dropped.

use super::case::Case;
use super::plan::*;

/// Drops what can be dropped while `differs` holds.
pub fn shrink(case: &Case, differs: impl Fn(&Case) -> bool) -> Case {
    let mut best = case.clone();
    loop {
        let Some(smaller) = smaller(&best).into_iter().find(|smaller| differs(smaller)) else { return best };
        best = smaller;
    }
}

/// The case with one thing less, in every way.
fn smaller(case: &Case) -> Vec<Case> {
    let mut found = Vec::new();
    let mut with = |change: &dyn Fn(&mut Case)| {
        let mut copy = case.clone();
        change(&mut copy);
        found.push(copy);
    };
    for at in 0..case.uses.len() {
        with(&|copy| _ = copy.uses.remove(at));
        for part in 1..case.uses[at].parts.len() {
            with(&|copy| _ = copy.uses[at].parts.remove(part));
        }
        for less in [
            case.uses[at].parts[0].quantity / 2 / case.grain * case.grain,
            case.uses[at].parts[0].quantity - case.grain,
        ] {
            if 0 < less && less < case.uses[at].parts[0].quantity {
                with(&|copy| copy.uses[at].parts[0].quantity = less);
            }
        }
    }
    let plan = &case.plan;
    if case.payer.subscriptions.len() > 1
        && case.uses.iter().all(|used| used.member + 1 < case.payer.subscriptions.len())
    {
        with(&|copy| _ = copy.payer.subscriptions.pop());
    }
    for at in 0..plan.rates.len() {
        with(&|copy| _ = copy.plan.rates.remove(at));
    }
    for at in 0..plan.base.len() {
        with(&|copy| _ = copy.plan.base.remove(at));
    }
    for at in 0..plan.allowances.len() {
        with(&|copy| _ = copy.plan.allowances.remove(at));
    }
    for at in 0..plan.caps.len() {
        with(&|copy| _ = copy.plan.caps.remove(at));
    }
    for at in 0..plan.discounts.len() {
        with(&|copy| _ = copy.plan.discounts.remove(at));
    }
    with(&|copy| copy.plan.commitments.clear());
    with(&|copy| copy.plan.capacities.clear());
    for change in HEAD {
        with(&|copy| change(&mut copy.plan));
    }
    for at in 0..plan.rates.len() {
        for change in RATE {
            with(&|copy| change(&mut copy.plan.rates[at]));
        }
    }
    for at in 0..plan.allowances.len() {
        for change in ALLOWANCE {
            with(&|copy| change(&mut copy.plan.allowances[at]));
        }
    }
    for at in 0..plan.caps.len() {
        for change in CAP {
            with(&|copy| change(&mut copy.plan.caps[at]));
        }
    }
    for at in 0..plan.discounts.len() {
        for change in DISCOUNT {
            with(&|copy| change(&mut copy.plan.discounts[at]));
        }
    }
    let before = format!("{:?}", (&case.plan, &case.uses, &case.payer));
    found.retain(|copy| portions_fit(copy));
    found.retain(|copy| format!("{:?}", (&copy.plan, &copy.uses, &copy.payer)) != before);
    found
}

/// True when portions are whole multiples of the units of the case, those where nothing is said included.
fn portions_fit(case: &Case) -> bool {
    let fits = |rate: &Rate| {
        let small =
            case.grain == 1 || (case.grain == 1000 && rate.unit == Unit::Ms) || rate.unit == Unit::Event;
        small || rate.increments.is_some() || matches!(rate.pricing, Pricing::Table)
    };
    case.plan.rates.iter().chain(&case.plan.base).all(fits)
}

const HEAD: &[fn(&mut Plan)] = &[
    |plan| plan.time_zone = None,
    |plan| plan.consume = None,
    |plan| plan.allow_negative = false,
    |plan| plan.line = None,
    |plan| plan.event = None,
    |plan| plan.cycle = None,
    |plan| plan.exchange = None,
    |plan| plan.commitments.iter_mut().for_each(|of| of.scope.clear()),
    |plan| plan.commitments.iter_mut().for_each(|of| of.shared = None),
    |plan| plan.commitments.iter_mut().for_each(|of| of.prorated = None),
    |plan| plan.capacities.iter_mut().for_each(|of| of.shared = None),
];

const RATE: &[fn(&mut Rate)] = &[
    |rate| rate.when.0.retain(|key, _| *key == "service"),
    |rate| rate.priority = None,
    |rate| rate.increments = None,
    |rate| rate.partial = None,
    |rate| rate.free = None,
    |rate| rate.grace = None,
    |rate| rate.minimum_quantity = None,
    |rate| rate.minimum_charge = None,
    |rate| rate.maximum_charge = None,
    |rate| rate.connection_fee = None,
    |rate| rate.fee_when_covered = None,
    |rate| rate.bands.clear(),
    |rate| rate.bands.iter_mut().for_each(|band| band.increments = None),
    |rate| rate.bands.iter_mut().for_each(|band| band.connection_fee = None),
    |rate| rate.bands.iter_mut().for_each(|band| band.steps.clear()),
    |rate| rate.split = None,
    |rate| rate.time_zone = None,
    |rate| rate.round_over = None,
    |rate| rate.cap = None,
    |rate| {
        if let Some(cap) = &mut rate.cap {
            (cap.per, cap.then) = (None, None);
        }
    },
    |rate| {
        if let Pricing::Tiers(tiers) = &mut rate.pricing {
            tiers.shared = None;
        }
    },
    |rate| {
        if let Pricing::Tiers(tiers) = &mut rate.pricing {
            tiers.zero_usage = None;
        }
    },
    |rate| {
        if let Pricing::Tiers(tiers) = &mut rate.pricing {
            tiers.over = None;
        }
    },
];

const ALLOWANCE: &[fn(&mut Allowance)] = &[
    |of| of.when.0.retain(|key, _| *key == "service"),
    |of| of.refill = None,
    |of| of.priority = None,
    |of| of.weight = None,
    |of| of.increments = None,
    |of| of.rounding = None,
    |of| of.ratio = None,
    |of| (of.shared, of.pooled) = (None, None),
    |of| of.pooled = None,
    |of| of.price = None,
    |of| of.connection_fee = None,
    |of| of.rest = None,
    |of| of.prorated = None,
    |of| of.rollover = None,
    |of| of.over_use = None,
    |of| of.floor = None,
    |of| of.thresholds.clear(),
];

const CAP: &[fn(&mut Cap)] = &[
    |cap| cap.per = None,
    |cap| cap.scope.clear(),
    |cap| cap.shared = None,
    |cap| cap.then = None,
    |cap| cap.thresholds.clear(),
];

const DISCOUNT: &[fn(&mut Discount)] = &[
    |of| of.scope.clear(),
    |of| of.applies_to = None,
    |of| of.account = None,
    |of| of.priority = None,
    |of| of.when = None,
    |of| of.lasts = None,
    |of| of.carries = None,
];
