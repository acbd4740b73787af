//! Purchases and redemptions: what is bought into an allowance, and codes that make a discount hold.
//! Relies on the caller for exactness across accounts: how often a code was redeemed in all is counted there.
//! Never prices anything: what was bought is used by usage that comes later.

use crate::balances::{AccountBalances, Grant};
use crate::ground::{Ground, Place};
use crate::notify::begin_anew;
use crate::rate::Rater;
use crate::steps::buckets::BOUGHT;
use crate::steps::discounts::redemption_key;
use caudal_tariff::{Allowance, Period};
use caudal_usage::{
    Account, Balance, BalanceKey, Code, Decimal, Fault, Identity, Roster, Subscription, Unit,
};
use std::collections::HashMap;

/// Something bought into an allowance.
#[derive(Clone, Copy)]
pub struct TopUp<'a> {
    /// What names the purchase.
    pub identity: Identity,
    /// When it was bought.
    pub at_ms: i64,
    /// The account.
    pub account: &'a Account,
    /// The subscription.
    pub subscription: &'a Subscription,
    /// The subscriptions of all accounts.
    pub roster: &'a dyn Roster,
    /// Id of the allowance.
    pub allowance: &'a str,
    /// How much, with its base unit; of money, an amount. Absent: what one refill gives.
    pub quantity: Option<(Decimal, Option<Unit>)>,
    /// When it expires, where that is said.
    pub until_ms: Option<i64>,
}

/// A code that a customer redeems.
#[derive(Clone, Copy)]
pub struct Redeem<'a> {
    /// When.
    pub at_ms: i64,
    /// The account.
    pub account: &'a Account,
    /// The subscription.
    pub subscription: &'a Subscription,
    /// The subscriptions of all accounts.
    pub roster: &'a dyn Roster,
    /// The code.
    pub code: &'a str,
}

impl<'t> Rater<'t> {
    fn ground<'a>(
        &mut self,
        (account, subscription, roster): (&'a Account, &'a Subscription, &'a dyn Roster),
        at_ms: i64,
    ) -> Result<(Ground<'a>, Place), Fault>
    where
        't: 'a,
    {
        let tariff: &'a caudal_tariff::Tariff = self.tariff;
        let place = self.clocks.place(account, at_ms);
        let version = tariff.plan_version(subscription.plan, place.day);
        let version = version.ok_or_else(|| Fault::new(Code::NoRate, "plan", b"no version on that day"))?;
        Ok((Ground { tariff, version, account, subscription, roster }, place))
    }

    /// Adds what was bought. The same purchase again changes nothing.
    pub fn top_up<'a>(&mut self, top_up: &TopUp<'a>, balances: &mut AccountBalances) -> Result<Grant, Fault>
    where
        't: 'a,
    {
        let who = (top_up.account, top_up.subscription, top_up.roster);
        let (ground, place) = self.ground(who, top_up.at_ms)?;
        let allowance = find(&ground, top_up.allowance)?;
        let quantity = match top_up.quantity {
            None => allowance.quantity,
            Some((quantity, unit)) if unit == allowance.unit => quantity,
            Some((_, unit)) => {
                let word = |unit: Option<Unit>| unit.map_or("money", Unit::as_str);
                let found = format!("{}, and {} counts {}", word(unit), allowance.id, word(allowance.unit));
                return Err(Fault::new(Code::BadField, "unit", found.as_bytes()));
            }
        };
        let lasts = allowance.more.as_ref().and_then(|more| more.expires_ms);
        let until_ms = top_up.until_ms.or(lasts.map(|lasts| top_up.at_ms.saturating_add(lasts)));
        let key = grant_key(&ground, allowance, (&place, top_up.identity));
        let grant = Grant { key, quantity, from_ms: top_up.at_ms, until_ms: until_ms.unwrap_or(i64::MAX) };
        if balances.grant(grant) {
            begin_anew(balances, key);
        }
        Ok(grant)
    }

    /// Takes back what was bought; what was used of it stays used. `false` when nothing of that name stands.
    pub fn void<'a>(&mut self, top_up: &TopUp<'a>, balances: &mut AccountBalances) -> Result<bool, Fault>
    where
        't: 'a,
    {
        let who = (top_up.account, top_up.subscription, top_up.roster);
        let (ground, place) = self.ground(who, top_up.at_ms)?;
        let key = grant_key(&ground, find(&ground, top_up.allowance)?, (&place, top_up.identity));
        Ok(balances.void(key))
    }

    /// Redeems a code. `in_all` counts redemptions by all accounts, by the name of the discount's counter, and is moved on
    /// where nothing speaks against it.
    pub fn redeem<'a>(
        &mut self,
        redeem: &Redeem<'a>,
        balances: &mut AccountBalances,
        in_all: &mut HashMap<String, u64>,
    ) -> Result<Vec<&'a str>, Fault>
    where
        't: 'a,
    {
        let who = (redeem.account, redeem.subscription, redeem.roster);
        let (ground, place) = self.ground(who, redeem.at_ms)?;
        let discounts = ground.version.discounts.iter();
        let coded: Vec<_> =
            discounts.filter(|discount| discount.code.as_deref() == Some(redeem.code)).collect();
        if coded.is_empty() {
            return Err(Fault::new(Code::NotRedeemable, "code", redeem.code.as_bytes()));
        }
        for discount in &coded {
            let key = redemption_key(&ground, discount, &place);
            let mine: Decimal = balances.of_counter(key.owner, key.counter).map(|balance| balance.used).sum();
            if discount.per_customer.is_some_and(|most| mine >= Decimal::from(most)) {
                let found = format!("{} is redeemed {mine} times by this customer", discount.id);
                return Err(Fault::new(Code::NotRedeemable, "redemptions", found.as_bytes()));
            }
        }
        for discount in &coded {
            let seen = in_all.get(self.tariff.counter_name(discount.redeemed)).copied().unwrap_or(0);
            if discount.in_total.is_some_and(|most| seen >= u64::from(most)) {
                let found = format!("{} is redeemed {seen} times in all", discount.id);
                return Err(Fault::new(Code::NotRedeemable, "redemptions", found.as_bytes()));
            }
        }
        for discount in &coded {
            let key = redemption_key(&ground, discount, &place);
            balances.set(Balance { key, used: balances.get(key) + Decimal::ONE });
            *in_all.entry(self.tariff.counter_name(discount.redeemed).to_owned()).or_insert(0) += 1;
        }
        Ok(coded.iter().map(|discount| discount.id.as_ref()).collect())
    }
}

fn find<'a>(ground: &Ground<'a>, id: &str) -> Result<&'a Allowance, Fault> {
    let found = ground.version.allowances.iter().find(|allowance| allowance.id.as_ref() == id);
    found.ok_or_else(|| Fault::new(Code::BadField, "allowance", id.as_bytes()))
}

fn grant_key(ground: &Ground, allowance: &Allowance, (place, identity): (&Place, Identity)) -> BalanceKey {
    let key = ground.key(allowance.counter, (allowance.shared, Period::Ever), place);
    let instance = u64::try_from(identity.0 & u128::from(u64::MAX)).unwrap_or(0).max(BOUGHT);
    BalanceKey { instance, ..key }
}
