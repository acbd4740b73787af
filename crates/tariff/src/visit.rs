//! Every condition and every counter of a plan version, wherever it stands.
//! Relies on nothing; a new item of plans that has either is added here.
//! Never skips one: what is not visited would be numbered wrongly, or not found out.

use crate::allowance::Refill;
use crate::model::{Period, PlanVersion, Shared};
use crate::rate_model::{Pricing, RoundOver};
use crate::sets::Conditions;
use crate::tiers::Model;
use caudal_usage::CounterId;

/// Shows every condition.
pub fn conditions(version: &PlanVersion, visit: &mut dyn FnMut(&Conditions)) {
    version.rates.iter().for_each(|rate| visit(&rate.when));
    version.allowances.iter().for_each(|allowance| visit(&allowance.when));
    version.discounts.iter().for_each(|discount| visit(&discount.when));
    let meters = version.capacities.iter().flat_map(|capacity| &capacity.meters);
    meters.for_each(|meter| visit(&meter.when));
}

/// Counters whose use events show by themselves: plain allowances of one owner, graduated tiers of a cycle.
pub fn said(version: &PlanVersion) -> Vec<CounterId> {
    let own = |shared: Shared| shared == Shared::Subscription;
    let allowances = version.allowances.iter().filter(|allowance| {
        let whole = allowance.ratio == caudal_usage::Decimal::ONE && allowance.unit.is_some();
        allowance.is_plain()
            && own(allowance.shared)
            && whole
            && allowance.refill == Refill::Each(Period::Cycle)
    });
    let tiers = version.rates.iter().filter_map(|rate| rate.tiers.as_ref()).filter(|tiers| {
        matches!(tiers.model, Model::Graduated(_)) && own(tiers.shared) && tiers.over == Period::Cycle
    });
    allowances.map(|allowance| allowance.counter).chain(tiers.map(|tiers| tiers.counter)).collect()
}

/// Lets every counter be changed.
pub fn counters(version: &mut PlanVersion, visit: &mut dyn FnMut(&mut CounterId)) {
    for rate in &mut version.rates {
        if let Some(tiers) = &mut rate.tiers {
            visit(&mut tiers.counter);
        }
        if let RoundOver::Session(pair) | RoundOver::Day(pair) | RoundOver::Cycle(pair) = &mut rate.round_over
        {
            pair.iter_mut().for_each(&mut *visit);
        }
        if let Pricing::Amount(crate::rate_model::AmountPricing::Percentage(percentage)) = &mut rate.pricing {
            percentage.counters.iter_mut().for_each(&mut *visit);
        }
        if let Some(cap) = rate.more.as_mut().and_then(|more| more.cap.as_mut()) {
            visit(&mut cap.counter);
        }
    }
    version.allowances.iter_mut().for_each(|allowance| visit(&mut allowance.counter));
    for discount in &mut version.discounts {
        let all = [&mut discount.used, &mut discount.spend, &mut discount.quantity, &mut discount.redeemed];
        all.into_iter().for_each(&mut *visit);
    }
    version.caps.iter_mut().for_each(|cap| visit(&mut cap.counter));
    version.commitments.iter_mut().for_each(|commitment| visit(&mut commitment.counter));
    let meters = version.capacities.iter_mut().flat_map(|capacity| &mut capacity.meters);
    meters.for_each(|meter| visit(&mut meter.counter));
}
