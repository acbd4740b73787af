//! What usage must cost: allowances, tiers, bands, increments and fees walked one increment at a time.
//! Relies on usage being handed over in the recorded order, because balances depend on it.
//! Never clever: it is the slow, plain twin against which the line is compared, in integers throughout.

use crate::numbering::Zone;
use crate::row::{Row, Service};
use crate::tariff::{self, CURRENCIES, Free, Plan, STEP_OCTETS, TIER_STEPS, Voice};
use caudal_usage::Date;

/// Accounts live one hour east of Greenwich, all year.
pub const ACCOUNT_OFFSET_S: i64 = 3_600;

/// The zone with that offset, by name.
pub const ACCOUNT_ZONE: &str = "Africa/Algiers";

const DAY_S: i64 = 86_400;

/// Cycles that the generated time touches for one account.
const CYCLES: usize = 3;

/// What a subscription has used in one cycle.
#[derive(Clone, Copy, Default, Debug)]
struct Used {
    voice_s: u32,
    data_steps: u32,
    messages: u32,
    tier_steps: u32,
}

/// Running balances and totals.
#[derive(Debug)]
pub struct Reckoning {
    used: Vec<[Used; CYCLES]>,
    /// Millionths by currency and service.
    totals: [[u64; Service::ALL.len()]; CURRENCIES.len()],
}

impl Reckoning {
    /// Nothing used, nothing charged.
    pub fn new(subscriptions: u32) -> Self {
        Self { used: vec![[Used::default(); CYCLES]; subscriptions as usize], totals: Default::default() }
    }

    /// Charges one usage and returns its amount in millionths. `quantity` is that of the row, or of the whole session.
    pub fn charge(&mut self, row: &Row, quantity: u64) -> u64 {
        let plan = tariff::plan_of(row.subscription);
        let local_s = row.start_s + ACCOUNT_OFFSET_S;
        let cycle = cycle(local_s, tariff::anchor_of(row.subscription));
        let used = &mut self.used[row.subscription as usize][cycle];
        let micros = match (row.service, row.called.zone) {
            (Service::Voice, Zone::Abroad(zone)) => {
                call(&Call { voice: tariff::abroad(zone), local_s, seconds: quantity }, &mut 0)
            }
            (Service::Voice, _) => national(plan, &mut used.voice_s, local_s, quantity),
            (Service::Sms, _) => message(plan, &mut used.messages),
            (Service::Data, _) => data(plan, used, quantity.div_ceil(STEP_OCTETS)),
        };
        let currency = CURRENCIES.iter().position(|&code| code == plan.currency).unwrap_or(0);
        self.totals[currency][row.service as usize] += micros;
        micros
    }

    /// Charges one container of packet data: a rating group and octets, at the time when it began.
    pub fn container(&mut self, subscription: u32, from_s: i64, (group, octets): (Option<u32>, u64)) {
        let plan = tariff::plan_of(subscription);
        let local_s = from_s + ACCOUNT_OFFSET_S;
        let cycle = cycle(local_s, tariff::anchor_of(subscription));
        let used = &mut self.used[subscription as usize][cycle];
        let steps = octets.div_ceil(STEP_OCTETS);
        let price = match group {
            Some(tariff::VIDEO) if is_day(local_s) => Some(tariff::VIDEO_DAY_MICROS),
            Some(tariff::VIDEO) => Some(tariff::VIDEO_OTHER_MICROS),
            Some(tariff::CHAT) => Some(0),
            _ => None,
        };
        let micros = match price {
            Some(price) => (steps - free_steps(plan, used, steps)) * price,
            None => data(plan, used, steps),
        };
        let currency = CURRENCIES.iter().position(|&code| code == plan.currency).unwrap_or(0);
        self.totals[currency][Service::Data as usize] += micros;
    }

    /// Millionths by currency and service.
    pub fn totals(&self) -> &[[u64; Service::ALL.len()]; CURRENCIES.len()] {
        &self.totals
    }
}

/// Number of the cycle since the one that holds 2026-08-31, for an account whose cycles begin on day `anchor`.
fn cycle(local_s: i64, anchor: u8) -> usize {
    let date = Date::from_days(i32::try_from(local_s.div_euclid(DAY_S)).unwrap_or(0));
    let month = usize::from(date.month) + usize::from(date.day >= anchor);
    month.saturating_sub(9).min(CYCLES - 1)
}

fn left(free: Option<Free>, of: fn(Free) -> u64, used: u32) -> u64 {
    free.map_or(0, of).saturating_sub(u64::from(used))
}

fn grow(used: &mut u32, by: u64) {
    *used = used.saturating_add(u32::try_from(by).unwrap_or(u32::MAX));
}

fn national(plan: &Plan, used: &mut u32, local_s: i64, seconds: u64) -> u64 {
    let before = left(plan.free, |free| free.voice_s, *used);
    let mut free_s = before;
    let micros = call(&Call { voice: plan.national, local_s, seconds }, &mut free_s);
    grow(used, before - free_s);
    micros
}

struct Call {
    voice: Voice,
    local_s: i64,
    seconds: u64,
}

/// One increment after the other, each free while the allowance has a whole one left, else at the price of the band
/// in which it begins. The fee is due in any case.
fn call(call: &Call, free_s: &mut u64) -> u64 {
    let voice = call.voice;
    let mut micros = voice.fee_micros;
    let mut position_s = 0;
    let mut covering = true;
    while position_s < call.seconds {
        let increment_s = if position_s == 0 { voice.first_s } else { voice.next_s };
        covering = covering && *free_s >= increment_s;
        if covering {
            *free_s -= increment_s;
        } else {
            let day = is_day(call.local_s + i64::try_from(position_s).unwrap_or(0));
            let price = if day { voice.day_micros } else { voice.other_micros };
            micros += price * increment_s / 60;
        }
        position_s += increment_s;
    }
    micros
}

/// Monday to Friday, 08:00 to 20:00. Day 0 of 1970 was a Thursday.
fn is_day(local_s: i64) -> bool {
    let weekday = (local_s.div_euclid(DAY_S) + 3).rem_euclid(7);
    let hour = local_s.rem_euclid(DAY_S) / 3_600;
    weekday < 5 && (8..20).contains(&hour)
}

fn message(plan: &Plan, used: &mut u32) -> u64 {
    if left(plan.free, |free| free.messages, *used) > 0 {
        grow(used, 1);
        return 0;
    }
    plan.sms_micros
}

/// Takes what the allowance has left of so many steps.
fn free_steps(plan: &Plan, used: &mut Used, steps: u64) -> u64 {
    let free = left(plan.free, |free| free.data_steps, used.data_steps).min(steps);
    grow(&mut used.data_steps, free);
    free
}

fn data(plan: &Plan, used: &mut Used, steps: u64) -> u64 {
    let charged = steps - free_steps(plan, used, steps);
    let low = TIER_STEPS.saturating_sub(u64::from(used.tier_steps)).min(charged);
    grow(&mut used.tier_steps, charged);
    low * plan.data_low_micros + (charged - low) * plan.data_high_micros
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRIDAY_S: i64 = 1_788_480_000;

    #[test]
    fn known_answers_of_increments() {
        let at_60 = |first_s, next_s| Voice {
            day_micros: 600_000,
            other_micros: 600_000,
            first_s,
            next_s,
            fee_micros: 0,
        };
        let table = [
            (
                at_60(30, 6),
                [
                    (0, 0),
                    (1, 300_000),
                    (30, 300_000),
                    (31, 360_000),
                    (57, 600_000),
                    (61, 660_000),
                    (75, 780_000),
                ],
            ),
            (
                at_60(60, 1),
                [
                    (0, 0),
                    (1, 600_000),
                    (60, 600_000),
                    (61, 610_000),
                    (90, 900_000),
                    (91, 910_000),
                    (120, 1_200_000),
                ],
            ),
        ];
        for (voice, cases) in table {
            for (seconds, micros) in cases {
                assert_eq!(
                    call(&Call { voice, local_s: FRIDAY_S, seconds }, &mut 0),
                    micros,
                    "{voice:?} {seconds} s"
                );
            }
        }
    }

    #[test]
    fn an_increment_ends_in_the_band_in_which_it_begins() {
        assert_eq!(Date::from_days(i32::try_from(FRIDAY_S / DAY_S).unwrap()).to_string(), "2026-09-04");
        let at = |hour: i64, minute: i64, second: i64| FRIDAY_S + hour * 3_600 + minute * 60 + second;
        let per_second = |increment| Voice {
            day_micros: 6_000_000,
            other_micros: 3_000_000,
            first_s: increment,
            next_s: increment,
            fee_micros: 0,
        };
        let cost = |voice, local_s| call(&Call { voice, local_s, seconds: 60 }, &mut 0);
        assert_eq!(cost(per_second(1), at(19, 59, 30)), 4_500_000);
        assert_eq!(cost(per_second(60), at(19, 59, 30)), 6_000_000);
        assert_eq!(cost(per_second(1), at(24, 0, 0)), 3_000_000);
        // The example of the manual: fee 0.15, 30 s by day, 66 s at night.
        let voice =
            Voice { day_micros: 600_000, other_micros: 400_000, first_s: 30, next_s: 6, fee_micros: 150_000 };
        assert_eq!(call(&Call { voice, local_s: at(19, 59, 30), seconds: 92 }, &mut 0), 890_000);
    }

    #[test]
    fn an_allowance_gives_whole_increments_and_the_rest_goes_on() {
        let voice =
            Voice { day_micros: 600_000, other_micros: 600_000, first_s: 1, next_s: 1, fee_micros: 0 };
        let mut free_s = 100;
        assert_eq!(call(&Call { voice, local_s: FRIDAY_S, seconds: 130 }, &mut free_s), 300_000);
        assert_eq!(free_s, 0);
        let voice = Voice { first_s: 30, next_s: 6, ..voice };
        let mut free_s = 65;
        assert_eq!(call(&Call { voice, local_s: FRIDAY_S, seconds: 70 }, &mut free_s), 120_000);
        assert_eq!(free_s, 5);
    }

    #[test]
    fn data_is_graduated_behind_the_allowance() {
        let mut used = Used::default();
        let basic = &tariff::PLANS[0];
        assert_eq!(data(basic, &mut used, 9_999), 9_999_000);
        assert_eq!(data(basic, &mut used, 3), 1_000 + 2 * 500);
        let mut used = Used { data_steps: 19_999, ..Used::default() };
        assert_eq!(data(&tariff::PLANS[1], &mut used, 2), 800);
    }

    #[test]
    fn cycles_begin_on_the_anchor() {
        let at = |date: &str| Date::parse(date).unwrap().local_ms() / 1000;
        assert_eq!(cycle(at("2026-09-01"), 1), 1);
        assert_eq!(cycle(at("2026-09-01"), 2), 0);
        assert_eq!(cycle(at("2026-10-09"), 9), 2);
        assert_eq!(cycle(at("2026-10-09") - 1, 9), 1);
    }
}
