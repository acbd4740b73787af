//! Faults that a person might make in the engine: a file, a text that stands there once, and what would be wrong instead.
//! Relies on nothing: where the engine is written anew, the list is too.
//! Never holds one that changes no charge and no notification.

/// A file of the crate, a text in it, and what stands there instead.
pub struct Fault {
    pub file: &'static str,
    pub right: &'static str,
    pub wrong: &'static str,
}

const fn fault(file: &'static str, right: &'static str, wrong: &'static str) -> Fault {
    Fault { file, right, wrong }
}

pub const FAULTS: [Fault; 21] = [
    // A second minimum in every band.
    fault(
        "steps/increments.rs",
        "let head = (increments.first - position).max(0);",
        "let head = increments.first;",
    ),
    // The end of a band is not seen.
    fault("steps/increments.rs", "let limit = band_end.min(self.span.end);", "let limit = self.span.end;"),
    // Portions that were only begun are whole.
    fault("steps/increments.rs", "stop = stop.min(self.span.end);", "stop = stop.min(i64::MAX);"),
    // One unit too many at the price of a step.
    fault("steps/increments.rs", "stop.min(here.until);", "stop.min(here.until.saturating_add(1));"),
    // A step ends one unit early.
    fault("steps/match_rate.rs", "|step| step.up_to <= position", "|step| step.up_to <= position + 1"),
    // Grace of less than so much.
    fault("steps/measure.rs", "let graced = if all <= more.grace", "let graced = if all < more.grace"),
    // A minimum of nothing.
    fault("steps/measure.rs", "let lacking = if all > 0 && first", "let lacking = if first"),
    // What was rounded up is charged again.
    fault("steps/measure.rs", "from: billed.max(before)", "from: before"),
    // Only the rest should be rounded.
    fault("steps/cover.rs", "if exact { open } else { portions(open) }", "portions(open)"),
    // An event for each part.
    fault(
        "steps/cover.rs",
        "let cost = if known { Decimal::ZERO } else { ratio };",
        "let cost = if known { ratio } else { ratio };",
    ),
    // A tier that does not hold its bound.
    fault(
        "steps/tiers.rs",
        "tier.up_to.unwrap_or(i64::MAX).min(end)",
        "tier.up_to.map_or(i64::MAX, |bound| bound - 1).min(end)",
    ),
    // The flat fee with every usage.
    fault("steps/tiers.rs", "if position == lower && !tier", "if !tier"),
    // A package more when the last one is full.
    fault("steps/tiers.rs", "(beyond - 1) / package.size + 1", "beyond / package.size + 1"),
    // The next tier at its bound.
    fault("steps/tiers.rs", "|bound| units <= bound", "|bound| units < bound"),
    // A minimum charge of zero usage.
    fault("steps/bounds.rs", "|least| measured && sum < *least", "|least| sum < *least"),
    // A cap that only notifies cuts.
    fault("steps/caps.rs", "match (cap.notify_only, mirrored)", "match (false, mirrored)"),
    // Money does not go below zero.
    fault("steps/payment.rs", "charge.due.min(may)", "charge.due.min(before.max(Decimal::ZERO))"),
    // A rest that does not reach its least.
    fault(
        "steps/buckets.rs",
        "left.clamp(refill.bound(rollover.min)?, refill.bound(rollover.max)?)",
        "left.min(refill.bound(rollover.max)?)",
    ),
    // Free units with every usage.
    fault("steps/discounts.rs", "(units - used).clamp(0, line.quantity)", "units.clamp(0, line.quantity)"),
    // One free event more.
    fault("steps/amounts.rs", "|free| seen < free", "|free| seen <= free"),
    // A threshold told of again, once usage was taken back.
    fault("notify.rs", "if known == ANEW {", "if known >= ANEW {"),
];
