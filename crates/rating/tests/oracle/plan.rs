//! What a plan may say, as plain structs; `None` is what the plan does not say.
//! Relies on the reference of plans, whose names and defaults it follows word by word.
//! Never holds anything worked out: whoever asks works it out again.

use super::number::{Dec, Point};
use std::collections::BTreeMap;

#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord)]
pub enum Service {
    Voice,
    Sms,
    Data,
    Content,
}

impl Service {
    pub fn word(self) -> &'static str {
        match self {
            Self::Voice => "voice",
            Self::Sms => "sms",
            Self::Data => "data",
            Self::Content => "content",
        }
    }

    pub fn unit(self) -> Unit {
        match self {
            Self::Voice => Unit::Ms,
            Self::Data => Unit::Octet,
            Self::Sms | Self::Content => Unit::Event,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord)]
pub enum Unit {
    Ms,
    Octet,
    Event,
}

impl Unit {
    pub fn word(self) -> &'static str {
        match self {
            Self::Ms => "ms",
            Self::Octet => "octets",
            Self::Event => "events",
        }
    }
}

/// A key that takes one of several words. The first is what holds when nothing is said.
pub type Word = Option<&'static str>;

#[derive(Clone, Debug, Default)]
pub struct Plan {
    pub currency: &'static str,
    pub time_zone: Word,
    pub consume: Word,
    pub allow_negative: bool,
    pub line: Option<Point>,
    pub event: Option<Point>,
    pub cycle: Option<Point>,
    pub exchange: Option<Point>,
    pub rates: Vec<Rate>,
    /// Rates of the base plan.
    pub base: Vec<Rate>,
    pub table: Vec<Row>,
    pub allowances: Vec<Allowance>,
    pub caps: Vec<Cap>,
    pub commitments: Vec<Commitment>,
    pub capacities: Vec<Capacity>,
    pub discounts: Vec<Discount>,
}

/// Conditions: each key with its values, as the plan writes them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct When(pub BTreeMap<&'static str, Vec<String>>);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Price {
    pub amount: Dec,
    pub per: i64,
    pub unit: Unit,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Increments {
    pub first: i64,
    pub next: i64,
}

#[derive(Clone, Debug)]
pub struct Step {
    pub up_to: Option<i64>,
    pub price: Price,
    pub increments: Option<Increments>,
}

#[derive(Clone, Debug, Default)]
pub struct Band {
    pub name: &'static str,
    pub days: Word,
    pub hours: Option<(u32, u32)>,
    pub price: Option<Price>,
    pub steps: Vec<Step>,
    pub increments: Option<Increments>,
    pub connection_fee: Option<Dec>,
}

#[derive(Clone, Debug)]
pub enum Pricing {
    Price(Price),
    Table,
    Steps(Vec<Step>),
    Tiers(Tiers),
    PassThrough { percent: Option<Dec>, fixed: Option<Dec> },
    Percentage(Percentage),
    InBands,
}

#[derive(Clone, Debug)]
pub struct Rate {
    pub id: String,
    pub when: When,
    pub unit: Unit,
    pub priority: Option<u32>,
    pub pricing: Pricing,
    pub increments: Option<Increments>,
    pub partial: Word,
    pub free: Option<i64>,
    pub grace: Option<i64>,
    pub minimum_quantity: Option<i64>,
    pub minimum_charge: Option<Dec>,
    pub maximum_charge: Option<Dec>,
    pub connection_fee: Option<Dec>,
    pub fee_when_covered: Option<bool>,
    pub bands: Vec<Band>,
    pub split: Word,
    pub time_zone: Word,
    pub round_over: Word,
    pub cap: Option<RateCap>,
}

#[derive(Clone, Debug)]
pub struct RateCap {
    pub amount: Dec,
    pub per: Word,
    pub then: Word,
}

/// A row of the rate table.
#[derive(Clone, Debug)]
pub struct Row {
    pub zone: &'static str,
    pub origin_zone: Option<&'static str>,
    pub band: Option<&'static str>,
    pub price: Price,
    pub increments: Increments,
    pub connection_fee: Dec,
}

#[derive(Clone, Debug, Default)]
pub struct Tiers {
    pub model: &'static str,
    pub over: Word,
    pub shared: Word,
    pub steps: Vec<Tier>,
    pub maximum_in: Word,
    pub zero_usage: Word,
    pub package: Option<Package>,
}

#[derive(Clone, Debug, Default)]
pub struct Tier {
    /// In units, or in hundredths of the currency where amounts are counted.
    pub up_to: Option<i64>,
    pub blocks: Option<i64>,
    pub price: Option<Price>,
    pub percent: Option<Dec>,
    pub flat_fee: Option<Dec>,
}

#[derive(Clone, Debug)]
pub struct Package {
    pub size: i64,
    pub price: Dec,
    pub free: Option<i64>,
    pub minimum: Option<i64>,
}

#[derive(Clone, Debug, Default)]
pub struct Percentage {
    pub percent: Option<Dec>,
    pub fixed: Option<Dec>,
    pub free_events: Option<i64>,
    pub free_amount: Option<Dec>,
    pub minimum: Option<Dec>,
    pub maximum: Option<Dec>,
    pub over: Word,
}

#[derive(Clone, Copy, Debug)]
pub enum Gives {
    Units(i64, Unit),
    Money(Dec),
}

#[derive(Clone, Debug)]
pub enum AllowanceIncrements {
    Rate,
    Raw,
    Own(Increments),
}

#[derive(Clone, Debug)]
pub struct Rollover {
    pub min: Option<i64>,
    pub max: Option<i64>,
    pub cycles: Option<i64>,
}

#[derive(Clone, Debug)]
pub struct Allowance {
    pub id: String,
    pub when: When,
    pub gives: Gives,
    /// `cycle`, `day`, `week`, `once`, or `N days`, counted from 2026-01-05.
    pub refill: Word,
    pub priority: Option<u32>,
    pub weight: Option<u32>,
    pub increments: Option<AllowanceIncrements>,
    pub rounding: Word,
    pub ratio: Option<Dec>,
    pub shared: Word,
    pub pooled: Option<bool>,
    pub price: Option<Price>,
    pub connection_fee: Option<Dec>,
    pub rest: Word,
    pub prorated: Option<bool>,
    pub rollover: Option<Rollover>,
    pub over_use: Option<i64>,
    pub floor: Option<Dec>,
    pub thresholds: Vec<u32>,
}

#[derive(Clone, Debug)]
pub struct Cap {
    pub id: String,
    pub amount: Dec,
    pub per: Word,
    pub scope: Vec<String>,
    pub shared: Word,
    pub then: Word,
    pub thresholds: Vec<u32>,
}

#[derive(Clone, Debug)]
pub struct Commitment {
    pub id: String,
    pub amount: Dec,
    pub scope: Vec<String>,
    pub shared: Word,
    pub prorated: Option<bool>,
}

#[derive(Clone, Debug)]
pub struct Capacity {
    pub id: String,
    pub meters: Vec<(&'static str, When, Unit)>,
    pub shared: Word,
    pub steps: Vec<CapacityStep>,
}

#[derive(Clone, Debug)]
pub struct CapacityStep {
    /// By meter, in their order; empty: whatever they show.
    pub holds: Vec<i64>,
    pub price: Dec,
}

#[derive(Clone, Copy, Debug)]
pub enum Takes {
    Percent(Dec),
    Amount(Dec),
    Price(Price),
    Free(i64, Unit),
}

#[derive(Clone, Copy, Debug)]
pub enum OnlyWhen {
    Tenure(i64),
    Spend(Dec),
    Quantity(i64, Unit),
}

#[derive(Clone, Debug)]
pub struct Discount {
    pub id: String,
    pub takes: Takes,
    pub scope: Vec<String>,
    pub applies_to: Option<When>,
    pub account: Option<&'static str>,
    pub priority: Option<u32>,
    pub when: Option<OnlyWhen>,
    pub lasts: Word,
    pub carries: Option<bool>,
}
