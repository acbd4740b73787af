//! Which rate prices a part of a usage, and whether conditions hold.
//! Relies on facts as texts by the key of the condition that asks for them.
//! Never orders rates beforehand: every rate is held against every other.

use super::calendar::{self, Wall};
use super::plan::{Plan, Pricing, Rate, Row, When};
use super::world::{self, Payer, Use};
use chrono::FixedOffset;
use std::collections::BTreeMap;

/// What conditions ask for, by their keys.
pub type Facts = BTreeMap<&'static str, String>;

/// The fact that there is an instant: what was priced by a whole cycle has none.
const MOMENT: &str = "moment";

/// What is known of a part that began at `start_ms`.
pub fn facts(payer: &Payer, used: &Use, group: Option<u32>) -> Facts {
    let mut facts = Facts::new();
    let mut put = |key, value: Option<&str>| value.and_then(|value| facts.insert(key, value.to_owned()));
    put("service", Some(used.service.word()));
    put("direction", Some(if used.incoming { "in" } else { "out" }));
    let serving = used.network.and_then(world::network);
    let is_data = used.service == super::plan::Service::Data;
    put("zone", if is_data { serving } else { world::zone(used.far) });
    put("origin_zone", world::zone(used.near));
    put("roaming_zone", serving);
    put("on_net", Some(if world::is_ours(used.far) { "true" } else { "false" }));
    put("special", world::special(used.far));
    put("account", Some(payer.id));
    put(MOMENT, Some("known"));
    for (name, value) in &used.attributes {
        match *name {
            "trunk" => put("attribute", Some(value)),
            "rat_type" => put("rat", Some(value)),
            name => put(name, Some(value)),
        };
    }
    if let Some(group) = group.filter(|_| is_data) {
        facts.insert("rating_group", group.to_string());
    }
    facts
}

/// The clock by which days and bands are read.
pub fn clock(payer: &Payer, used: &Use, words: [Option<&str>; 2]) -> Wall {
    match words.into_iter().flatten().next() {
        None | Some("account") => payer.wall(),
        Some("visited") => Wall::Offset(FixedOffset::east_opt(used.offset_s).expect("an offset of a day")),
        Some(zone) => calendar::wall(zone),
    }
}

/// True when every condition holds. A band is not asked for here.
pub fn holds(when: &When, facts: &Facts, wall: Wall, start_ms: i64) -> bool {
    when.0.iter().all(|(key, values)| match *key {
        "band" => true,
        "days" | "hours" if !facts.contains_key(MOMENT) => false,
        "days" => calendar::is_among(&values[0], calendar::weekday(calendar::date(wall, start_ms))),
        "hours" => within(&values[0], calendar::minute(wall, start_ms)),
        key => facts.get(key).is_some_and(|fact| values.contains(fact)),
    })
}

/// True when a minute of the day lies in `08:00-20:00`.
fn within(hours: &str, minute: u32) -> bool {
    let read = |clock: &str| -> u32 {
        let (hour, minute) = clock.split_once(':').expect("hh:mm");
        hour.parse::<u32>().expect("an hour") * 60 + minute.parse::<u32>().expect("a minute")
    };
    let (from, to) = hours.split_once('-').expect("from-to");
    (read(from)..read(to)).contains(&minute)
}

/// All that one condition allows, one by one.
fn allowed(key: &str, values: &[String]) -> Vec<String> {
    match key {
        "days" => calendar::kinds(&values[0]).into_iter().map(str::to_owned).collect(),
        // Conditions of a case name whole hours.
        "hours" => {
            (0..24).filter(|hour| within(&values[0], hour * 60)).map(|hour| hour.to_string()).collect()
        }
        _ => values.to_vec(),
    }
}

/// The conditions of a rate; one with a table also asks for the table's zones.
fn conditions(plan: &Plan, rate: &Rate) -> BTreeMap<&'static str, Vec<String>> {
    let mut all: BTreeMap<_, _> =
        rate.when.0.iter().map(|(key, values)| (*key, allowed(key, values))).collect();
    if matches!(rate.pricing, Pricing::Table) {
        let rows = plan.table.iter().map(|row| row.zone.to_owned());
        let zones = all.remove("zone");
        all.insert(
            "zone",
            rows.filter(|zone| zones.as_ref().is_none_or(|zones| zones.contains(zone))).collect(),
        );
    }
    all
}

/// True when whatever `narrow` holds for, `wide` holds for too, and not the other way round.
fn is_strict_subset(narrow: &BTreeMap<&str, Vec<String>>, wide: &BTreeMap<&str, Vec<String>>) -> bool {
    let inside = |a: &BTreeMap<&str, Vec<String>>, b: &BTreeMap<&str, Vec<String>>| {
        b.iter()
            .all(|(key, values)| a.get(key).is_some_and(|some| some.iter().all(|one| values.contains(one))))
    };
    inside(narrow, wide) && !inside(wide, narrow)
}

fn beats(plan: &Plan, rate: &Rate, other: &Rate) -> bool {
    let (own, others) = (conditions(plan, rate), conditions(plan, other));
    let narrower = is_strict_subset(&own, &others);
    let wider = is_strict_subset(&others, &own);
    narrower || (!wider && rate.priority.unwrap_or(100) < other.priority.unwrap_or(100))
}

/// The row of the table for a zone pair and a band.
pub fn row<'p>(plan: &'p Plan, facts: &Facts, band: Option<&str>) -> Option<(usize, &'p Row)> {
    let rows = plan
        .table
        .iter()
        .enumerate()
        .filter(|(_, row)| facts.get("zone").is_some_and(|zone| zone == row.zone));
    let fitting = rows.filter(|(_, row)| {
        let origin =
            row.origin_zone.is_none_or(|zone| facts.get("origin_zone").is_some_and(|fact| fact == zone));
        origin && row.band.is_none_or(|name| band == Some(name))
    });
    fitting.max_by_key(|(_, row)| (row.origin_zone.is_some(), row.band.is_some()))
}

fn is_priced(plan: &Plan, rate: &Rate, facts: &Facts) -> bool {
    if !matches!(rate.pricing, Pricing::Table) {
        return true;
    }
    if rate.bands.is_empty() {
        return row(plan, facts, None).is_some();
    }
    rate.bands.iter().all(|band| row(plan, facts, Some(band.name)).is_some())
}

/// The rate that wins, with the clock that its bands hang on.
pub fn winner<'p>(
    plan: &'p Plan,
    payer: &Payer,
    used: &Use,
    facts: &Facts,
    start_ms: i64,
) -> Option<(&'p Rate, Wall)> {
    let has_account = |rate: &&Rate| rate.when.0.contains_key("account");
    let levels: [Vec<&'p Rate>; 4] = [
        plan.rates.iter().filter(has_account).collect(),
        plan.base.iter().filter(has_account).collect(),
        plan.rates.iter().filter(|rate| !has_account(rate)).collect(),
        plan.base.iter().filter(|rate| !has_account(rate)).collect(),
    ];
    levels.into_iter().find_map(|level| {
        let clock_of = |rate: &Rate| clock(payer, used, [rate.time_zone, plan.time_zone]);
        let fitting = level.into_iter().filter(|rate| holds(&rate.when, facts, clock_of(rate), start_ms));
        let fitting: Vec<&Rate> = fitting.filter(|rate| is_priced(plan, rate, facts)).collect();
        let best = fitting.iter().find(|rate| !fitting.iter().any(|other| beats(plan, other, rate)));
        best.map(|rate| (*rate, clock_of(rate)))
    })
}
