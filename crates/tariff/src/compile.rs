//! Source files into a tariff: tables first, then plans, then the links between plans; or the findings.
//! Relies on the caller for the bytes; content hashes name what was compiled.
//! Never stops at the first finding, and never builds a tariff from sources with an error.

use crate::bands::Calendars;
use crate::exchange::{self, ExchangeTable};
use crate::lint;
use crate::model::{Plan, Tariff};
use crate::numbers::{self, NumberTable};
use crate::plan::{self, Context, Counters, Draft};
use crate::prefix::PrefixTable;
use crate::rate_model::Measure;
use crate::read::Report;
use crate::sets::{Looks, Words};
use crate::table::{self, RateTable, ZoneNames};
use crate::visit;
use caudal_usage::{Date, Diagnostic, Severity};
use std::cell::{Cell, RefCell};

/// Largest plan file: a thousand times what a large plan takes.
pub const PLAN_BYTES_MAX: usize = 4 << 20;

/// Largest CSV table: 1,000,000 prefixes take about 40 MB.
pub const TABLE_BYTES_MAX: usize = 256 << 20;

/// One file as found, with its bytes.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// Path relative to the pipeline folder, with `/`.
    pub path: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// Everything a tariff is made of.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// `plans/*.toml`.
    pub plans: Vec<SourceFile>,
    /// `rates/*.csv`.
    pub tables: Vec<SourceFile>,
    /// `zones.csv`.
    pub zones: Option<SourceFile>,
    /// `holidays.csv`.
    pub holidays: Option<SourceFile>,
    /// `networks.csv`.
    pub networks: Option<SourceFile>,
    /// `numbers.csv`.
    pub numbers: Option<SourceFile>,
    /// `exchange.csv`.
    pub exchange: Option<SourceFile>,
}

impl Sources {
    /// Every file, in no order that matters.
    pub fn all(&self) -> impl Iterator<Item = &SourceFile> {
        let single = [&self.zones, &self.holidays, &self.networks, &self.numbers, &self.exchange];
        self.plans.iter().chain(&self.tables).chain(single.into_iter().flatten())
    }
}

/// Compiles all sources. The tariff is absent when a finding is an error; warnings leave it.
pub fn compile(sources: &Sources) -> (Option<Tariff>, Vec<Diagnostic>) {
    let mut findings = Vec::new();
    let common = read_common(sources, &mut findings);
    let (counters, words) = (RefCell::new(Counters::default()), RefCell::new(Words::default()));
    let context = Context {
        zones: &common.names,
        has_networks: sources.networks.is_some(),
        tables: &common.tables,
        calendars: &common.calendars,
        counters: &counters,
        words: &words,
        holidays: None,
        uses_calendar: Cell::new(false),
    };
    let mut plans = read_plans(sources, &context, &mut findings);
    name_versions(&mut plans, sources, &common.tables);
    check_versions(&plans, &mut findings);
    link_bases(&mut plans, &mut findings);
    check_scopes(&plans, &mut findings);
    findings.sort_by(|left, right| {
        (&left.file, left.line, left.column).cmp(&(&right.file, right.line, right.column))
    });
    if findings.iter().any(|finding| finding.severity == Severity::Error) {
        return (None, findings);
    }
    let counters = renumber(&mut plans, &counters.into_inner().into_names());
    let tariff = assemble(plans, common, (counters, words.into_inner(), version_of_all(sources)));
    (Some(tariff), findings)
}

/// The tables that plans refer to.
struct Common {
    names: ZoneNames,
    zones: PrefixTable,
    networks: PrefixTable,
    numbers: NumberTable,
    exchange: ExchangeTable,
    calendars: Calendars,
    tables: Vec<RateTable>,
}

fn read_common(sources: &Sources, findings: &mut Vec<Diagnostic>) -> Common {
    let (mut names, zones) = sources.zones.as_ref().map_or_else(Default::default, |file| {
        read(file, TABLE_BYTES_MAX, findings, table::read_zones).unwrap_or_default()
    });
    let networks = sources.networks.as_ref().and_then(|file| {
        read(file, TABLE_BYTES_MAX, findings, |report| table::read_networks(report, &mut names))
    });
    let numbers =
        sources.numbers.as_ref().and_then(|file| read(file, TABLE_BYTES_MAX, findings, numbers::read));
    let exchange = sources.exchange.as_ref().and_then(|file| {
        let mut table = read(file, TABLE_BYTES_MAX, findings, exchange::read)?;
        table.version = content_hash(&[file]).into();
        Some(table)
    });
    let calendars = sources
        .holidays
        .as_ref()
        .and_then(|file| read(file, TABLE_BYTES_MAX, findings, table::read_holidays));
    let mut files: Vec<_> = sources.tables.iter().collect();
    files.sort_by(|left, right| left.path.cmp(&right.path));
    let tables = files
        .iter()
        .filter_map(|file| {
            read(file, TABLE_BYTES_MAX, findings, |report| table::read_rates(report, &names)).flatten()
        })
        .collect();
    Common {
        names,
        zones,
        networks: networks.unwrap_or_default(),
        numbers: numbers.unwrap_or_default(),
        exchange: exchange.unwrap_or_default(),
        calendars: calendars.unwrap_or_default(),
        tables,
    }
}

/// A plan version with the file it came from.
struct Read<'a> {
    file: &'a SourceFile,
    draft: Draft,
}

impl Read<'_> {
    fn id(&self) -> &str {
        &self.draft.version.plan
    }

    fn error(&self, at: usize, message: String) -> Diagnostic {
        Diagnostic::error(&self.file.path, &String::from_utf8_lossy(&self.file.bytes), at, message)
    }
}

/// Reads one file with `reader`, if it is text of a sane size.
fn read<'a, T>(
    file: &'a SourceFile,
    max: usize,
    findings: &mut Vec<Diagnostic>,
    reader: impl FnOnce(&mut Report<'a>) -> T,
) -> Option<T> {
    if file.bytes.len() > max {
        let message = format!("the file has {} bytes, expected at most {max}", file.bytes.len());
        findings.push(Diagnostic::error_in_line(&file.path, 0, message));
        return None;
    }
    match std::str::from_utf8(&file.bytes) {
        Ok(text) => {
            let mut report = Report::new(&file.path, text);
            let value = reader(&mut report);
            findings.extend(report.finish());
            Some(value)
        }
        Err(error) => {
            let head = file.bytes.get(..error.valid_up_to()).unwrap_or_default();
            let line = head.iter().filter(|byte| **byte == b'\n').count() + 1;
            let message = format!("byte {} is not UTF-8", error.valid_up_to());
            findings.push(Diagnostic::error_in_line(&file.path, line, message));
            None
        }
    }
}

/// Plans in the order of their ids, versions of one plan by their first day.
fn read_plans<'a>(sources: &'a Sources, context: &Context, findings: &mut Vec<Diagnostic>) -> Vec<Read<'a>> {
    let mut files: Vec<_> = sources.plans.iter().collect();
    files.sort_by(|left, right| left.path.cmp(&right.path));
    let mut plans = Vec::new();
    for file in files {
        let draft = read(file, PLAN_BYTES_MAX, findings, |report| {
            let mut draft = plan::read(report, context)?;
            if !report.failed() {
                lint::rates(report, &draft);
                lint::allowances(report, &draft);
                lint::mixed(report, &draft);
                lint::order(&mut draft.version);
            }
            Some(draft)
        });
        if let Some(draft) = draft.flatten() {
            plans.push(Read { file, draft });
        }
    }
    plans.sort_by(|left, right| {
        let key = |read: &Read| read.draft.version.days.from;
        (left.id(), key(left)).cmp(&(right.id(), key(right)))
    });
    plans
}

/// Gives each plan version the hash of its file and of the tables that it uses.
fn name_versions(plans: &mut [Read], sources: &Sources, tables: &[RateTable]) {
    for plan in plans {
        let used = |path: &str| {
            plan.draft
                .tables
                .iter()
                .any(|&index| tables.get(index as usize).is_some_and(|table| table.path.as_ref() == path))
        };
        let version = &plan.draft.version;
        let (mut looks, mut zoned) = (Looks::default(), false);
        visit::conditions(version, &mut |when| {
            looks.at(when);
            zoned |= when.zones.is_some();
        });
        let amounts = version.rates.iter().any(|rate| rate.measure == Measure::Amount);
        let mut files = vec![plan.file];
        let mut rates: Vec<_> = sources.tables.iter().filter(|file| used(&file.path)).collect();
        rates.sort_by(|left, right| left.path.cmp(&right.path));
        files.append(&mut rates);
        files.extend(sources.zones.as_ref().filter(|_| zoned || looks.origin));
        files.extend(sources.holidays.as_ref().filter(|_| plan.draft.uses_calendar));
        files.extend(sources.networks.as_ref().filter(|_| looks.network));
        files.extend(sources.numbers.as_ref().filter(|_| looks.number));
        files.extend(sources.exchange.as_ref().filter(|_| amounts));
        plan.draft.version.version = content_hash(&files).into();
    }
}

fn version_of_all(sources: &Sources) -> String {
    let mut files: Vec<_> = sources.all().collect();
    files.sort_by(|left, right| left.path.cmp(&right.path));
    content_hash(&files)
}

/// 16 hex digits over paths and contents, each behind its length.
fn content_hash(files: &[&SourceFile]) -> String {
    let mut hasher = blake3::Hasher::new();
    for file in files {
        for piece in [file.path.as_bytes(), &file.bytes] {
            hasher.update(&u64::try_from(piece.len()).unwrap_or(u64::MAX).to_le_bytes());
            hasher.update(piece);
        }
    }
    hasher.finalize().to_hex().chars().take(16).collect()
}

/// Versions of one plan must be disjoint and of one currency, and should follow each other.
fn check_versions(plans: &[Read], findings: &mut Vec<Diagnostic>) {
    for pair in plans.windows(2) {
        let [earlier, later] = pair else { continue };
        if earlier.id() != later.id() {
            continue;
        }
        let (first, second) = (&earlier.draft.version, &later.draft.version);
        if first.days.overlaps(second.days) {
            let message = format!("plan `{}` is valid at the same time in {}", later.id(), earlier.file.path);
            findings.push(later.error(later.draft.at, message).hint("end one with `valid_to`"));
        } else if first.days.to < second.days.from {
            let (from, to) = (Date::from_days(first.days.to), Date::from_days(second.days.from));
            let message = format!("plan `{}` has no version from {from} to {to}", later.id());
            findings.push(later.error(later.draft.at, message).as_warning());
        }
    }
}

/// Resolves base plans: they must exist, have the same currency, and not lead back.
fn link_bases(plans: &mut [Read], findings: &mut Vec<Diagnostic>) {
    let mut ids: Vec<Box<str>> = plans.iter().map(|plan| plan.id().into()).collect();
    ids.dedup();
    let base_of: Vec<Option<Box<str>>> =
        ids.iter().map(|id| bases(plans, id).next().map(Into::into)).collect();
    for plan in plans.iter() {
        let Some(base) = &plan.draft.base else { continue };
        let found = ids.binary_search(&base.value);
        if found.is_err() {
            let name: String = base.value.chars().take(60).collect();
            findings.push(plan.error(base.at, format!("`base` is {name:?}, expected the id of a plan")));
        }
        let currency = plan.draft.version.currency;
        let other = plans.iter().find(|other| *other.id() == *base.value);
        if let Some(other) =
            other.map(|other| other.draft.version.currency).filter(|other| *other != currency)
        {
            let message = format!("`base` charges in {other}, expected {currency} as in this plan");
            findings.push(plan.error(base.at, message));
        }
        let mut next = found.ok();
        for _ in 0..=ids.len() {
            next = next.and_then(|at| base_of.get(at)?.as_ref()).and_then(|id| ids.binary_search(id).ok());
        }
        if next.is_some() {
            let message = format!("`base` of plan `{}` leads in a circle", plan.id());
            findings.push(plan.error(base.at, message));
        }
    }
    for plan in plans.iter_mut() {
        let base = plan.draft.base.as_ref().and_then(|base| ids.binary_search(&base.value).ok());
        plan.draft.version.base = base.and_then(|index| u32::try_from(index).ok());
    }
}

fn bases<'p>(plans: &'p [Read], id: &'p str) -> impl Iterator<Item = &'p str> {
    plans
        .iter()
        .filter(move |plan| plan.id() == id)
        .filter_map(|plan| Some(plan.draft.base.as_ref()?.value.as_ref()))
}

/// Scopes name rates of the plan or of the plans that it falls back to.
fn check_scopes(plans: &[Read], findings: &mut Vec<Diagnostic>) {
    for plan in plans {
        let mut known: Vec<&str> = Vec::new();
        let (mut id, mut steps) = (Some(plan.id()), 0);
        while let Some(level) = id.filter(|_| steps <= plans.len()) {
            let versions = plans.iter().filter(|other| other.id() == level);
            known.extend(versions.flat_map(|other| &other.draft.version.rates).map(|rate| rate.id.as_ref()));
            id = bases(plans, level).next();
            steps += 1;
        }
        for named in plan.draft.rates_named.iter().filter(|named| !known.contains(&named.value.as_str())) {
            let shown: String = named.value.chars().take(60).collect();
            let message =
                format!("`scope` names {shown:?}, expected a rate of the plan: {}", known.join(", "));
            findings.push(plan.error(named.at, message));
        }
    }
}

/// Numbers counters in the order of their names, so that a number does not depend on the order of files.
fn renumber(plans: &mut [Read], names: &[String]) -> Box<[Box<str>]> {
    let mut order: Vec<usize> = (0..names.len()).collect();
    order.sort_unstable_by_key(|&old| names.get(old));
    let mut numbers = vec![0; names.len()];
    for (new, &old) in (0u32..).zip(&order) {
        if let Some(slot) = numbers.get_mut(old) {
            *slot = new;
        }
    }
    for version in plans.iter_mut().map(|plan| &mut plan.draft.version) {
        visit::counters(version, &mut |counter| {
            counter.0 = numbers.get(counter.0 as usize).copied().unwrap_or(u32::MAX);
        });
    }
    order.iter().filter_map(|&old| names.get(old)).map(|name| name.as_str().into()).collect()
}

fn assemble(
    plans: Vec<Read>,
    common: Common,
    (counters, words, version): (Box<[Box<str>]>, Words, String),
) -> Tariff {
    let mut looks = Looks { origin: common.tables.iter().any(|table| table.has_origins), ..Looks::default() };
    let mut said = vec![false; counters.len()];
    let mut list: Vec<(Box<str>, Vec<_>)> = Vec::new();
    for plan in plans {
        for counter in visit::said(&plan.draft.version) {
            if let Some(slot) = said.get_mut(counter.0 as usize) {
                *slot = true;
            }
        }
        visit::conditions(&plan.draft.version, &mut |when| looks.at(when));
        let id: Box<str> = plan.id().into();
        match list.last_mut().filter(|(last, _)| *last == id) {
            Some((_, versions)) => versions.push(plan.draft.version),
            None => list.push((id, vec![plan.draft.version])),
        }
    }
    let plans = list.into_iter().map(|(id, versions)| Plan { id, versions: versions.into_boxed_slice() });
    Tariff {
        version: version.into(),
        plans: plans.collect(),
        zones: common.zones,
        networks: common.networks,
        zone_names: common.names.names.into_boxed_slice(),
        numbers: common.numbers,
        exchange: common.exchange,
        tables: common.tables.into_boxed_slice(),
        counters,
        said: said.into_boxed_slice(),
        words,
        looks,
    }
}
