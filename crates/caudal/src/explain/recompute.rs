//! An event's original bytes to the event, by the stages of a run: intake, join, guide, rate, encode.
//! Relies on the kept version for every rule, and on the events before for balances.
//! Never decides again what dedup decided: the record was the first of its kind.

use super::balances;
use super::data::DataFiles;
use super::originals::{self, Original};
use super::{Difference, Loaded, name_of};
use caudal_engine::ledger::Ledger;
use caudal_engine::setup::{Names, Setup};
use caudal_mediation::assemble::{Assembler, Offered, OnGap, Released};
use caudal_mediation::guide::Guided;
use caudal_rating::{Rater, RatingInput};
use caudal_usage::{Date, EventId, Fault, HeldPartial, Party, Run, UsageRecord};
use caudal_wire::event::{self, EventSource};
use serde_json::Value;

/// What recomputing needs.
pub struct Context<'a> {
    /// The kept version.
    pub loaded: &'a Loaded,
    /// What the state knows of files.
    pub ledger: &'a Ledger,
    /// Names of files.
    pub names: &'a Names,
    /// The rated lines.
    pub rated: &'a DataFiles,
}

/// Why an event could not be computed anew.
pub enum Stuck {
    /// Something that it needs is gone.
    Gone(String),
    /// It would not become an event today.
    Differs(Difference),
}

/// An event computed anew.
pub struct Recomputed {
    /// Its line.
    pub line: Vec<u8>,
    /// Its records.
    pub records: Vec<Original>,
    /// Key columns of its source.
    pub keys: Vec<String>,
    /// Name of the version used.
    pub version: String,
    /// Who pays, and why.
    pub guided: GuidedTo,
    /// The prefix that gave the zone.
    pub prefix: Option<String>,
    /// Data files before it that are gone: balances may be incomplete.
    pub gone: usize,
}

/// Who pays.
pub struct GuidedTo {
    /// What named the subscription.
    pub by: String,
    /// Since when that holds; `None` when it always did.
    pub since: Option<String>,
}

/// Computes the event of `line` anew.
pub fn recompute(context: &Context<'_>, line: &[u8], stored: &Value) -> Result<Recomputed, Stuck> {
    let setup = &context.loaded.setup;
    let records = originals::read(context, stored)?;
    let (usage, members) = join(setup, &records)?;
    let (run, guided, by) = guide(setup, &usage, stored)?;
    let subscription = setup.reference.subscription(guided.subscription);
    let account = setup.reference.account(guided.account);
    let before = balances::before(context.rated, (line, stored), (setup, subscription));
    let mut before = before.map_err(|error| Stuck::Gone(format!("earlier events do not read: {error:#}")))?;
    let roster = &setup.reference;
    let input = RatingInput { usage: &usage, run, account, subscription, roster };
    let mut rater = Rater::new(&setup.tariff);
    let events = rater.rate(&input, &mut before).map_err(suspended)?;
    let id = stored["id"].as_str().and_then(EventId::parse);
    let cycle =
        |event: &&caudal_usage::BillableEvent<'_>| stored["cycle"] == event.cycle.to_string().as_str();
    // Another identity under the same cycle is a difference to be shown, not an event that is missing.
    let event = events.iter().find(|event| Some(event.id) == id).or_else(|| events.iter().find(cycle));
    let event = event.ok_or_else(|| {
        let computed = format!("{} events, none in cycle {}", events.len(), stored["cycle"]);
        Stuck::Differs(Difference { field: "event".into(), stored: "1".into(), computed })
    })?;
    let mut encoded = Vec::new();
    encode(&mut encoded, event, (&usage, &members), context.names);
    Ok(Recomputed {
        line: encoded,
        keys: context.loaded.keys.get(usize::from(usage.source)).cloned().unwrap_or_default(),
        version: context.loaded.name.clone(),
        guided: guided_to(setup, guided, by),
        prefix: prefix(setup, &usage, (guided, event.zone)),
        records,
        gone: context.rated.gone(),
    })
}

fn suspended(fault: Fault) -> Stuck {
    let computed = format!("suspended {} {} {:?}", fault.code, fault.field, fault.found);
    Stuck::Differs(Difference { field: "outcome".into(), stored: "rated".into(), computed })
}

/// One usage of several partial records; a session that was rated with a gap is joined as it stands.
pub(super) fn join(setup: &Setup, records: &[Original]) -> Result<(UsageRecord, Vec<HeldPartial>), Stuck> {
    let Some(first) = records.first() else { return Err(Stuck::Gone("the event names no records".into())) };
    if records.len() == 1 {
        return Ok((first.usage.clone(), Vec::new()));
    }
    let rules = setup.sources.get(usize::from(first.usage.source));
    let rule = rules.and_then(|source| source.assembly).unwrap_or_default();
    let mut assembler = Assembler::default();
    for record in records {
        match assembler.offer(record.usage.clone(), &record.raw, &rule, i64::MIN) {
            Ok(Offered::Complete(assembled)) => return Ok((assembled.usage, assembled.members)),
            Ok(Offered::Held) => {}
            Ok(Offered::Refused(_, fault) | Offered::Suspended(_, fault)) => return Err(suspended(fault)),
            Err(full) => return Err(Stuck::Gone(full.to_string())),
        }
    }
    match assembler.release(i64::MAX, |_| OnGap::Rate).into_iter().next() {
        Some(Released::Rated(assembled)) => Ok((assembled.usage, assembled.members)),
        Some(Released::Suspended(_, fault)) => Err(suspended(fault)),
        None => Err(Stuck::Gone("its partial records do not form a session".into())),
    }
}

fn encode(
    out: &mut Vec<u8>,
    billable: &caudal_usage::BillableEvent<'_>,
    (usage, members): (&UsageRecord, &[HeldPartial]),
    names: &Names,
) {
    let at = usage.at();
    let places = members.iter().map(|member| member.record.at());
    let (here, elsewhere): (Vec<_>, Vec<_>) = places.partition(|place| place.file == at.file);
    let mut records: Vec<_> = here.iter().map(|place| place.record).collect();
    if members.is_empty() {
        records.push(at.record);
    }
    let named: Vec<_> =
        elsewhere.iter().map(|place| (name_of(names, place.file), place.file.0, place.record)).collect();
    let elsewhere: Vec<_> = named.iter().map(|(name, id, record)| (name.as_str(), *id, *record)).collect();
    let file = name_of(names, at.file);
    let source = EventSource { file: &file, file_id: at.file.0, records: &records, elsewhere: &elsewhere };
    event::write(out, billable, &source);
}

/// Who pays in the run of the event, and what named the subscription: the usage, or in another run than the primary
/// one the subscription that was served.
fn guide(setup: &Setup, usage: &UsageRecord, stored: &Value) -> Result<(Run, Guided, String), Stuck> {
    let run = stored["run"].as_str().and_then(Run::parse).unwrap_or(Run::Retail);
    let served = setup.reference.guide(usage).map_err(suspended)?;
    if run == Run::Retail {
        return Ok((run, served, named_by(setup, usage, served)));
    }
    let id = &setup.reference.subscription(served.subscription).id;
    let payer = setup.reference.payer(served.subscription, run, usage.start.utc_ms);
    let payer = payer.ok_or_else(|| {
        let computed = format!("subscription {id} names nobody");
        Stuck::Differs(Difference { field: "run".into(), stored: run.as_str().into(), computed })
    })?;
    Ok((run, payer.map_err(suspended)?, format!("{} for {id}", run.as_str())))
}

fn named_by(setup: &Setup, usage: &UsageRecord, guided: Guided) -> String {
    let subscription = setup.reference.subscription(guided.subscription);
    let served = &usage.served;
    match (&served.subscription, served.imsi, &served.number) {
        (Some(id), ..) if **id == *subscription.id => format!("subscription {id}"),
        (_, Some(imsi), _) if imsi == subscription.imsi => format!("IMSI {imsi}"),
        (.., Party::E164(number)) => format!("+{number}"),
        (.., Party::Other(_) | Party::Absent) => "the served party".into(),
    }
}

fn guided_to(setup: &Setup, guided: Guided, by: String) -> GuidedTo {
    let subscription = setup.reference.subscription(guided.subscription);
    let zone = setup.reference.account(guided.account).time_zone;
    let from_ms = subscription.validity.from_ms;
    let since = (from_ms != i64::MIN).then(|| day(zone.at(from_ms).local_ms()).to_string());
    GuidedTo { by, since }
}

fn day(local_ms: i64) -> Date {
    let days = local_ms.div_euclid(caudal_usage::time::DAY_MS);
    Date::from_days(i32::try_from(days).unwrap_or(i32::MAX))
}

/// The longest prefix of a party that is in the event's zone.
fn prefix(setup: &Setup, usage: &UsageRecord, (guided, zone): (Guided, Option<&str>)) -> Option<String> {
    let account = setup.reference.account(guided.account);
    let day = day(account.time_zone.at(usage.start.utc_ms).local_ms()).to_days();
    let prefixes = [&usage.called, &usage.calling].into_iter().filter_map(|party| match party {
        Party::E164(number) => setup.tariff.prefixes().find(*number, day),
        Party::Other(_) | Party::Absent => None,
    });
    let mut fitting = prefixes.filter(|entry| Some(setup.tariff.zone_name(entry.zone)) == zone);
    fitting.next().map(|entry| entry.prefix.to_string())
}
