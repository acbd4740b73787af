//! The pipeline folder that reads a generated set: configuration, plans, rates, zones, accounts, subscriptions.
//! Relies on the numbers of `tariff` and `numbering`, from which the expected amounts are made as well.
//! Never keeps a table in memory: one line for each prefix and each subscription is written as it is made.

use crate::numbering::{self, NATIONAL, Prefixes, ZONES, Zone};
use crate::options::Options;
use crate::reckon::ACCOUNT_ZONE;
use crate::tariff::{self, Free, PLANS, Plan, STEP_OCTETS, TIER_STEPS, Voice, decimal};
use anyhow::Context;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

/// First day of everything: plans, prices, accounts, subscriptions.
const VALID_FROM: &str = "2026-01-01";

const BANDS: &str = r#"{ name = "day", days = "mon-fri", hours = "08:00-20:00""#;

/// Writes `options.out`/pipeline with this `pipeline.toml`.
pub fn write(options: &Options, configuration: &str) -> anyhow::Result<()> {
    write_with(options, configuration, "")
}

/// The same with prices by rating group in the plans.
pub fn write_by_groups(options: &Options, configuration: &str) -> anyhow::Result<()> {
    write_with(options, configuration, &groups())
}

fn write_with(options: &Options, configuration: &str, more: &str) -> anyhow::Result<()> {
    let folder = options.out.join("pipeline");
    for name in ["plans", "rates", "reference"] {
        let path = folder.join(name);
        fs::create_dir(&path).with_context(|| format!("cannot create {}", path.display()))?;
    }
    text(&folder.join("pipeline.toml"), configuration)?;
    for plan in &PLANS {
        text(&folder.join(format!("plans/{}.toml", plan.id)), &(plan_toml(plan) + more))?;
    }
    let prefixes = Prefixes::new(options.prefixes);
    let used = zones(&folder.join("zones.csv"), &prefixes)?;
    text(&folder.join("rates/international.csv"), &rates(&used))?;
    accounts(&folder.join("reference/accounts.csv"), options.subscriptions)?;
    subscriptions(&folder.join("reference/subscriptions.csv"), options.subscriptions)
}

fn text(path: &Path, content: &str) -> anyhow::Result<()> {
    fs::write(path, content).with_context(|| format!("cannot write {}", path.display()))
}

/// Writes a table row by row.
fn table(
    path: &Path,
    header: &str,
    rows: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>,
) -> anyhow::Result<()> {
    let write = || {
        let mut out = BufWriter::with_capacity(1 << 20, File::create_new(path)?);
        writeln!(out, "{header}")?;
        rows(&mut out)?;
        out.flush()
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

fn zone_name(zone: Zone) -> String {
    match zone {
        Zone::Fixed => "es-fixed".to_owned(),
        Zone::Mobile => "es-mobile".to_owned(),
        Zone::Abroad(zone) => format!("z{zone:02}"),
        Zone::Nowhere => String::new(),
    }
}

/// Writes all prefixes and returns the zones abroad that occur.
fn zones(path: &Path, prefixes: &Prefixes) -> anyhow::Result<Vec<u32>> {
    let mut used = [false; ZONES as usize];
    table(path, "prefix,zone,valid_from,valid_to", |out| {
        for (prefix, zone) in NATIONAL {
            writeln!(out, "{prefix},{},{VALID_FROM},", zone_name(zone))?;
        }
        for index in 0..prefixes.abroad() {
            let prefix = prefixes.get(index);
            let zone = prefixes.zone(prefix);
            used[zone as usize] = true;
            writeln!(out, "{},{},{VALID_FROM},", prefixes.digits(prefix), zone_name(Zone::Abroad(zone)))?;
        }
        Ok(())
    })?;
    Ok((0..ZONES).filter(|&zone| used[zone as usize]).collect())
}

fn rates(zones: &[u32]) -> String {
    let mut out = String::from("zone,band,price,per,first,next,connection_fee,valid_from,valid_to\n");
    for &zone in zones {
        let Voice { day_micros, other_micros, first_s, next_s, fee_micros } = tariff::abroad(zone);
        for (band, micros) in [("day", day_micros), ("other", other_micros)] {
            let name = zone_name(Zone::Abroad(zone));
            let (price, fee) = (decimal(micros), decimal(fee_micros));
            // Writing to a String cannot fail.
            let _ = writeln!(out, "{name},{band},{price},60 s,{first_s},{next_s},{fee},{VALID_FROM},");
        }
    }
    out
}

fn accounts(path: &Path, subscriptions: u32) -> anyhow::Result<()> {
    table(path, "account,currency,time_zone,cycle_anchor,valid_from,valid_to", |out| {
        for index in 0..subscriptions {
            let currency = tariff::plan_of(index).currency;
            let anchor = tariff::anchor_of(index);
            writeln!(out, "A-{index:07},{currency},{ACCOUNT_ZONE},{anchor},{VALID_FROM},")?;
        }
        Ok(())
    })
}

fn subscriptions(path: &Path, subscriptions: u32) -> anyhow::Result<()> {
    table(path, "subscription,account,plan,msisdn,imsi,valid_from,valid_to", |out| {
        for index in 0..subscriptions {
            let (msisdn, imsi) = (numbering::msisdn(index), numbering::imsi(index));
            let plan = tariff::plan_of(index).id;
            writeln!(out, "S-{index:07},A-{index:07},{plan},34{msisdn},{imsi:015},{VALID_FROM},")?;
        }
        Ok(())
    })
}

fn plan_toml(plan: &Plan) -> String {
    let Plan { id, name, currency, .. } = plan;
    let mut out =
        format!("id = \"{id}\"\nname = \"{name}\"\ncurrency = \"{currency}\"\nvalid_from = {VALID_FROM}\n");
    if let Some(free) = plan.free {
        out += &allowances(free);
    }
    let Voice { day_micros, other_micros, first_s, next_s, fee_micros } = plan.national;
    out += &format!(
        r#"
[[rate]]
id = "national"
applies_to = {{ service = "voice", zone = ["es-fixed", "es-mobile"] }}
price = "{} per 60 s"
increments = "{first_s}/{next_s}"
connection_fee = "{}"
bands = [
  {BANDS} }},
  {{ name = "other", price = "{} per 60 s" }},
]

[[rate]]
id = "international"
applies_to = {{ service = "voice", direction = "out" }}
table = "rates/international.csv"
bands = [ {BANDS} }}, {{ name = "other" }} ]

[[rate]]
id = "sms"
applies_to = {{ service = "sms" }}
price = "{} per event"

[[rate]]
id = "data"
applies_to = {{ service = "data" }}
tiers = {{ model = "graduated", over = "cycle", steps = [
  {{ up_to = "{} MB", price = "{} per 100 kB" }},
  {{ price = "{} per 100 kB" }},
] }}
increments = "100 kB"
round_over = "part"
"#,
        decimal(day_micros),
        decimal(fee_micros),
        decimal(other_micros),
        decimal(plan.sms_micros),
        TIER_STEPS * STEP_OCTETS / 1_000_000,
        decimal(plan.data_low_micros),
        decimal(plan.data_high_micros),
    );
    out
}

fn groups() -> String {
    format!(
        r#"
[[rate]]
id = "video"
applies_to = {{ service = "data", rating_group = {} }}
price = "{} per 100 kB"
increments = "100 kB"
round_over = "part"
bands = [
  {BANDS} }},
  {{ name = "other", price = "{} per 100 kB" }},
]

[[rate]]
id = "chat"
applies_to = {{ service = "data", rating_group = {} }}
price = "0 per 100 kB"
increments = "100 kB"
round_over = "part"
"#,
        tariff::VIDEO,
        decimal(tariff::VIDEO_DAY_MICROS),
        decimal(tariff::VIDEO_OTHER_MICROS),
        tariff::CHAT,
    )
}

fn allowances(free: Free) -> String {
    format!(
        r#"
[[allowance]]
id = "minutes"
quantity = "{} s"
applies_to = {{ service = "voice", zone = ["es-fixed", "es-mobile"] }}

[[allowance]]
id = "data"
quantity = "{} MB"
applies_to = {{ service = "data" }}

[[allowance]]
id = "messages"
quantity = "{} events"
applies_to = {{ service = "sms" }}
"#,
        free.voice_s,
        free.data_steps * STEP_OCTETS / 1_000_000,
        free.messages,
    )
}
