//! Findings over a whole plan: overlapping rates, rates that can never win, allowances nothing consumes.
//! Relies on conditions being sets, so every question here is one of subset and intersection.
//! Never changes what is priced, but for the order in which rates are tried.

use crate::allowance::Gives;
use crate::model::PlanVersion;
use crate::plan::Draft;
use crate::rate_model::Rate;
use crate::read::Report;
use crate::sets::Conditions;
use caudal_usage::Service;

/// Overlaps without a winner are errors; a rate that another hides is a warning.
pub fn rates(report: &mut Report, draft: &Draft) {
    let rates = &draft.version.rates;
    for (index, one) in rates.iter().enumerate() {
        let at = draft.rates_at.get(index).copied().unwrap_or(0);
        if one.when.zones.as_ref().is_some_and(crate::sets::ZoneSet::is_empty) {
            let message = format!("rate `{}` can never apply: no zone fulfils it", one.id);
            report.warning(at, message, "its table has no row for the zones of `applies_to`");
        }
        for other in rates.iter().take(index).filter(|other| meet(one, other)) {
            let same = one.priority == other.priority;
            if same && !one.when.beats(&other.when) && !other.when.beats(&one.when) {
                let message =
                    format!("rates `{}` and `{}` overlap and neither is more specific", other.id, one.id);
                report.hinted(at, message, "give one of them a `priority`: 1 comes first");
            }
        }
        let hides = |other: &&Rate| wins(other, one) && meet(one, other) && one.when.within(&other.when);
        if let Some(hider) = rates.iter().find(hides) {
            let message = format!("rate `{}` is never reached: `{}` always comes first", one.id, hider.id);
            report.warning(at, message, "");
        }
    }
}

/// True when some usage may be priced by either. Rates of accounts come before all others, so they do not meet them.
fn meet(one: &Rate, other: &Rate) -> bool {
    one.when.of_accounts() == other.when.of_accounts() && one.when.overlaps(&other.when)
}

/// True when `one` is tried before `other` although they overlap.
fn wins(one: &Rate, other: &Rate) -> bool {
    one.priority < other.priority || (one.priority == other.priority && one.when.beats(&other.when))
}

/// Allowances that no rate of the plan leads to. A plan with a base is not judged: its rates may stand there.
pub fn allowances(report: &mut Report, draft: &Draft) {
    if draft.base.is_some() {
        return;
    }
    for (allowance, &at) in draft.version.allowances.iter().zip(&draft.allowances_at) {
        let used = draft.version.rates.iter().any(|rate| rate.when.overlaps(&allowance.when));
        if !used {
            let message = format!("nothing can consume allowance `{}`: no rate overlaps it", allowance.id);
            report.warning(at, message, "usage needs a rate even where an allowance covers it");
        }
    }
}

/// A restriction to bands takes from the middle of a usage, portions of their own from its front: one usage cannot have
/// both.
pub fn mixed(report: &mut Report, draft: &Draft) {
    let allowances = &draft.version.allowances;
    for (banded, &at) in allowances.iter().zip(&draft.allowances_at).filter(|(one, _)| one.bands.is_some()) {
        let clash = allowances.iter().find(|other| {
            let restarts = other.more.as_ref().is_some_and(|more| more.restarts);
            (matches!(other.gives, Gives::Measured { .. }) || restarts) && other.when.overlaps(&banded.when)
        });
        if let Some(clash) = clash {
            let message = format!(
                "allowance `{}` takes from bands, and `{}` in portions of its own or anew",
                banded.id, clash.id
            );
            report.hinted(at, message, "let them apply to different usage");
        }
    }
}

/// Orders rates by service so that the first whose conditions hold is the winner.
pub fn order(version: &mut PlanVersion) {
    let rates = &version.rates;
    // A strict subset lies within more rates than its superset does, so counting them sorts the subsets first.
    let depth = |rate: &Rate| rates.iter().filter(|other| rate.when.beats(&other.when)).count();
    let mut order: Vec<_> =
        rates.iter().enumerate().map(|(index, rate)| (rate, depth(rate), index)).collect();
    order.sort_by_key(|(rate, depth, index)| (rate.priority, std::cmp::Reverse(*depth), *index));
    let listed = |own: bool| {
        std::array::from_fn(|service| {
            let bit = Service::ALL.get(service).map_or(0, |service| Conditions::service_bit(*service));
            let fits = order
                .iter()
                .filter(|(rate, ..)| rate.when.services & bit != 0 && rate.when.of_accounts() == own);
            fits.filter_map(|(.., index)| u16::try_from(*index).ok()).collect()
        })
    };
    let (own_by_service, by_service) = (listed(true), listed(false));
    (version.own_by_service, version.by_service) = (own_by_service, by_service);
}
