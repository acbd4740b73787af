//! Notifications: when usage passes so many percent of an allowance or a bound.
//! Relies on a balance that keeps the highest percent told of, beside those that count.
//! Never tells of a percent twice in a period, whatever was taken back or came in since; what is bought begins anew.

use crate::balances::{AccountBalances, Draft};
use crate::ground::{Ground, Place};
use crate::steps::exact;
use caudal_tariff::Allowance;
use caudal_usage::money::{add_exact, mul_exact};
use caudal_usage::{Balance, BalanceKey, Decimal, Fault, Notification};

/// Instance of the highest percent told of, beside what is counted.
const TOLD: u64 = 3;
/// In the place of a percent: something was bought since.
const ANEW: Decimal = Decimal::NEGATIVE_ONE;

/// What is counted, and how far it went.
#[derive(Clone, Copy, Debug)]
pub struct Passage<'a> {
    /// `allowance` or `cap`.
    pub kind: &'static str,
    /// Its id.
    pub id: &'a str,
    /// Used before and after.
    pub used: (Decimal, Decimal),
    /// Of how much.
    pub of: Decimal,
    /// The balance of its period.
    pub key: BalanceKey,
}

/// Adds a notification for each threshold reached that was not told of. Usage that takes back tells of none.
pub fn passed(passage: &Passage, thresholds: &[u32], draft: &mut Draft, out: &mut Vec<Notification>) {
    let (before, after) = passage.used;
    if thresholds.is_empty() || after <= before {
        return;
    }
    let key = BalanceKey { instance: TOLD, ..passage.key };
    let known = draft.used(key);
    let told = if known == ANEW { reached(thresholds, before, passage.of) } else { known };
    let now = reached(thresholds, after, passage.of).max(told);
    if now != known {
        draft.set(key, now);
    }
    for &percent in thresholds {
        if told < Decimal::from(percent) && Decimal::from(percent) <= now {
            let Passage { kind, id, of, .. } = *passage;
            out.push(Notification { kind, id: id.into(), percent, used: after, of, owner: key.owner });
        }
    }
}

/// An allowance gave `taken`, with so much used before, of so much.
pub fn gave(
    allowance: &Allowance,
    (ground, place): (&Ground, &Place),
    (used, taken, of): (Decimal, Decimal, Decimal),
    draft: &mut Draft,
    out: &mut Vec<Notification>,
) -> Result<(), Fault> {
    let Some(more) = allowance.more.as_ref().filter(|more| !more.thresholds.is_empty()) else {
        return Ok(());
    };
    let used = (used, exact(add_exact(used, taken), "allowance")?);
    let key = ground.allowance_key(allowance, place);
    passed(&Passage { kind: "allowance", id: &allowance.id, used, of, key }, &more.thresholds, draft, out);
    Ok(())
}

/// The highest of the thresholds that `used` is not below; zero where there is none. Of nothing, nothing is reached.
fn reached(thresholds: &[u32], used: Decimal, of: Decimal) -> Decimal {
    let highest = thresholds.iter().rev().map(|&percent| Decimal::from(percent)).find(|&percent| {
        // Multiplied on both sides: nothing is divided, so nothing is rounded.
        let (at, used) = (mul_exact(of, percent), mul_exact(used, Decimal::ONE_HUNDRED));
        of > Decimal::ZERO && at.is_ok_and(|at| used.is_ok_and(|used| at <= used))
    });
    highest.unwrap_or_default()
}

/// Something was bought into a counter: of what there is now, what lies ahead is told of again.
pub fn begin_anew(balances: &mut AccountBalances, bought: BalanceKey) {
    let known = balances.of_counter(bought.owner, bought.counter).map(|balance| balance.key);
    for key in known.filter(|key| key.instance == TOLD).collect::<Vec<_>>() {
        balances.set(Balance { key, used: ANEW });
    }
}
