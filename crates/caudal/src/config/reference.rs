//! `reference/*.csv` and `billable.csv` to the tables by which usage is guided and filtered.
//! Relies on the builder for what concerns several rows; reads here what one row says.
//! Never shows a whole number or IMSI in a message.

use super::table::{self, Columns, Row, TableReport};
use caudal_mediation::filter::{Action, BillableRule, BillableRules, MAX_RULES, Roaming};
use caudal_mediation::guide::{Reference, ReferenceBuilder, SubscriptionRow};
use caudal_tariff::Tariff;
use caudal_usage::{
    Account, Currency, CycleAnchor, Date, Diagnostic, Digits, RecordType, Role, Run, Subscription, TimeZone,
    Timestamp, Validity,
};
use std::path::Path;

/// Accounts, relative to the pipeline folder.
pub(super) const ACCOUNTS: &str = "reference/accounts.csv";

/// Subscriptions, likewise.
pub(super) const SUBSCRIPTIONS: &str = "reference/subscriptions.csv";

/// What is billed, likewise; may be absent.
pub(super) const BILLABLE: &str = "billable.csv";

/// Longest id, in octets.
const ID_MAX: usize = 64;

const DATE: &str = "a day such as 2026-01-01, a time such as 2026-01-01T00:00:00+01:00, or nothing";

/// Reads dates; the same few days stand in nearly every row.
struct Dates {
    last: Option<(String, TimeZone, i64)>,
}

impl Dates {
    /// The first instant of a day in `zone`, or the instant itself.
    fn read(&mut self, text: &str, zone: TimeZone) -> Option<i64> {
        if let Some((known, known_zone, at_ms)) = &self.last
            && known == text
            && *known_zone == zone
        {
            return Some(*at_ms);
        }
        let at_ms = match Date::parse(text) {
            Some(date) if (1970..2200).contains(&date.year) => zone.start_of(date.local_ms()).utc_ms,
            Some(_) => return None,
            None => Timestamp::parse_rfc3339(text)?.utc_ms,
        };
        self.last = Some((text.to_owned(), zone, at_ms));
        Some(at_ms)
    }

    /// `[valid_from, valid_to)`; empty is open.
    fn validity(
        &mut self,
        report: &mut TableReport,
        row: &Row<'_>,
        (from, to): (usize, usize),
        zone: TimeZone,
    ) -> Option<Validity> {
        let mut read = |column: &str, text: &str, open: i64| {
            if text.is_empty() {
                return Some(open);
            }
            let at_ms = self.read(text, zone);
            if at_ms.is_none() {
                report.wrong(row, (column, text, DATE));
            }
            at_ms
        };
        let from_ms = read("valid_from", row.get(from), i64::MIN)?;
        let to_ms = read("valid_to", row.get(to), i64::MAX)?;
        if from_ms >= to_ms {
            report.wrong(
                row,
                ("valid_to", row.get(to), &format!("a time after valid_from {:?}", row.get(from))),
            );
            return None;
        }
        Some(Validity { from_ms, to_ms })
    }
}

/// An id: not empty, bounded, printable.
fn id<'r>(report: &mut TableReport, row: &'r Row<'_>, (column, index): (&str, usize)) -> Option<&'r str> {
    let text = row.get(index);
    if text.is_empty() || text.len() > ID_MAX || text.chars().any(char::is_control) {
        report.wrong(row, (column, text, &format!("1 to {ID_MAX} printable characters")));
        return None;
    }
    Some(text)
}

/// An id, or nothing.
fn optional<'r>(
    report: &mut TableReport,
    row: &'r Row<'_>,
    (column, index): (&str, usize),
) -> Option<&'r str> {
    if row.get(index).is_empty() { Some("") } else { id(report, row, (column, index)) }
}

/// Reads the accounts.
pub(super) fn accounts(
    folder: &Path,
    builder: &mut ReferenceBuilder,
    findings: &mut Vec<Diagnostic>,
) -> Option<blake3::Hash> {
    let columns = Columns {
        needed: &["account", "currency", "time_zone", "cycle_anchor"],
        optional: &["valid_from", "valid_to"],
    };
    let mut dates = Dates { last: None };
    table::read(&folder.join(ACCOUNTS), (ACCOUNTS, &columns), findings, |report, row| {
        if let Some(account) = account(report, row, &mut dates) {
            builder.account(account, row.line);
        }
    })
}

fn account(report: &mut TableReport, row: &Row<'_>, dates: &mut Dates) -> Option<Account> {
    let id = id(report, row, ("account", 0));
    let currency = Currency::parse(row.get(1));
    if currency.is_none() {
        report.wrong(row, ("currency", row.get(1), "an ISO 4217 code such as EUR"));
    }
    let time_zone = TimeZone::parse(row.get(2));
    if time_zone.is_none() {
        report.wrong(row, ("time_zone", row.get(2), "an IANA time zone such as Europe/Madrid"));
    }
    let day = row.get(3).parse().ok().filter(|day| (1..=31).contains(day));
    let anchor = day.or_else(|| Date::parse(row.get(3)).map(|date| date.day)).map(CycleAnchor);
    if anchor.is_none() {
        report.wrong(
            row,
            ("cycle_anchor", row.get(3), "a day of the month from 1 to 31, or a date whose day counts"),
        );
    }
    let validity = dates.validity(report, row, (4, 5), time_zone?)?;
    Some(Account { id: id?.into(), currency: currency?, time_zone: time_zone?, anchor: anchor?, validity })
}

/// Reads the subscriptions. Without a tariff (it has findings of its own) plans are not looked up.
pub(super) fn subscriptions(
    folder: &Path,
    tariff: Option<&Tariff>,
    builder: &mut ReferenceBuilder,
    findings: &mut Vec<Diagnostic>,
) -> Option<blake3::Hash> {
    let columns = Columns {
        needed: &["subscription", "account", "plan"],
        optional: &["msisdn", "imsi", "valid_from", "valid_to", "group", "wholesale", "interconnect"],
    };
    let mut dates = Dates { last: None };
    let mut zones = Zones { last: None };
    table::read(&folder.join(SUBSCRIPTIONS), (SUBSCRIPTIONS, &columns), findings, |report, row| {
        let zone = zones.of(builder, row.get(1));
        let plan = match tariff {
            Some(tariff) => tariff.plan(row.get(2)),
            None => Some(0),
        };
        if plan.is_none() {
            report.wrong(row, ("plan", row.get(2), "the id of a plan in plans/"));
        }
        let msisdn = digits(report, row, ("msisdn", 3));
        let imsi = digits(report, row, ("imsi", 4));
        // An account that is not there is found by the builder; the zone does not matter then.
        let validity = dates.validity(report, row, (5, 6), zone.unwrap_or(TimeZone::UTC));
        let group = optional(report, row, ("group", 7));
        let payers = (optional(report, row, ("wholesale", 8)), optional(report, row, ("interconnect", 9)));
        let id = id(report, row, ("subscription", 0));
        if let (Some(id), Some(plan), Some(msisdn), Some(imsi), Some(validity)) =
            (id, plan, msisdn, imsi, validity)
            && let (Some(group), (Some(wholesale), Some(interconnect))) = (group, payers)
        {
            let (account, payers) = (row.get(1), [wholesale, interconnect]);
            let row_read = SubscriptionRow { id, account, plan, msisdn, imsi, group, payers, validity };
            builder.subscription(row_read, row.line);
        }
    })
}

/// Digits from which on a run may be a subscriber's, and how many of them are shown.
const DIGITS_HIDDEN: usize = 6;
const DIGITS_SHOWN: usize = 4;

/// Findings of [`check_currencies`] that are shown.
const CURRENCIES_SHOWN: usize = 20;

/// Refuses subscriptions whose plan has no version in the currency of their account: nothing of them could be rated.
pub(super) fn check_currencies(reference: &Reference, tariff: &Tariff, findings: &mut Vec<Diagnostic>) {
    let unfit = |version: &Subscription| {
        let plan = tariff.plans().get(version.plan as usize)?;
        let payers = reference.account_versions(version.account);
        let payer = payers.iter().find(|payer| payer.validity.overlaps(version.validity))?;
        let fits = plan.versions.iter().any(|plan| plan.currency == payer.currency);
        let found = plan.versions.first().filter(|_| !fits)?.currency;
        Some(format!(
            "subscription {:?}: plan {:?} is in {found}, expected {} as account {:?}",
            version.id, plan.id, payer.currency, payer.id
        ))
    };
    for message in reference.subscriptions().iter().filter_map(unfit).take(CURRENCIES_SHOWN) {
        findings.push(Diagnostic::error_in_line(SUBSCRIPTIONS, 0, message));
    }
}

/// Zones of accounts; subscriptions of one account usually follow each other.
struct Zones {
    last: Option<(String, Option<TimeZone>)>,
}

impl Zones {
    fn of(&mut self, builder: &ReferenceBuilder, account: &str) -> Option<TimeZone> {
        if let Some((known, zone)) = &self.last
            && known == account
        {
            return *zone;
        }
        let zone = builder.zone_of(account);
        self.last = Some((account.to_owned(), zone));
        zone
    }
}

/// Digits, with or without a plus sign; empty when the column is.
fn digits(report: &mut TableReport, row: &Row<'_>, (column, index): (&str, usize)) -> Option<Digits> {
    let text = row.get(index);
    let number = text.strip_prefix('+').unwrap_or(text);
    let digits = Digits::parse(number.as_bytes());
    if digits.is_none() {
        let masked: String = text.chars().take(4).chain(['…']).collect();
        report.wrong(row, (column, &masked, "at most 15 digits, country code first"));
    }
    digits
}

/// Hides numbers in what was found wrong with subscriptions: in a row whose columns are shifted, any may hold one.
pub(super) fn hide_numbers(findings: &mut [Diagnostic]) {
    for finding in findings.iter_mut().filter(|finding| finding.file == SUBSCRIPTIONS) {
        finding.message = hidden(&finding.message);
    }
}

/// The text with all but the first digits of every long run left out.
fn hidden(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(begin) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, digits) = rest.split_at(begin);
        let len = digits.len() - digits.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (run, after) = digits.split_at(len);
        out.push_str(before);
        match run.get(..DIGITS_SHOWN) {
            Some(first) if len >= DIGITS_HIDDEN => out.extend([first, "…"]),
            _ => out.push_str(run),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Reads what is billed. Without the file everything is.
pub(super) fn billable(
    folder: &Path,
    findings: &mut Vec<Diagnostic>,
) -> (BillableRules, Option<blake3::Hash>) {
    let path = folder.join(BILLABLE);
    if !path.exists() {
        return (BillableRules::default(), None);
    }
    let columns = Columns { needed: &["run", "record_type", "role", "roaming", "action"], optional: &[] };
    let mut rules = Vec::new();
    let hash = table::read(&path, (BILLABLE, &columns), findings, |report, row| {
        if rules.len() == MAX_RULES {
            report.error(row.line, format!("has more than {MAX_RULES} rows"));
        }
        if let Some(rule) = billable_row(report, row)
            && rules.len() < MAX_RULES
        {
            rules.push(rule);
        }
    });
    (BillableRules::new(&rules).unwrap_or_default(), hash)
}

/// A row with its run, `None` for every run.
fn billable_row(report: &mut TableReport, row: &Row<'_>) -> Option<(Option<Run>, BillableRule)> {
    let run =
        any(report, row, ("run", 0), ("retail, wholesale, interconnect, or * for every run", Run::parse));
    let types: Vec<_> = RecordType::ALL.iter().map(|kind| kind.as_str()).collect();
    let roles: Vec<_> = Role::ALL.iter().map(|role| role.as_str()).collect();
    let record_type = any(
        report,
        row,
        ("record_type", 1),
        (&format!("one of {} or *", types.join(", ")), RecordType::parse),
    );
    let role = any(report, row, ("role", 2), (&format!("one of {} or *", roles.join(", ")), Role::parse));
    let roaming = any(
        report,
        row,
        ("roaming", 3),
        ("yes, no or *", |word: &str| match word {
            "yes" => Some(Roaming::Yes),
            "no" => Some(Roaming::No),
            _ => None,
        }),
    );
    let action = Action::parse(row.get(4));
    if action.is_none() {
        report.wrong(row, ("action", row.get(4), "bill, evidence or filter"));
    }
    Some((run?, BillableRule { record_type: record_type?, role: role?, roaming: roaming?, action: action? }))
}

/// A word, or `Some(None)` for `*`.
fn any<T>(
    report: &mut TableReport,
    row: &Row<'_>,
    (column, index): (&str, usize),
    (expected, parse): (&str, impl Fn(&str) -> Option<T>),
) -> Option<Option<T>> {
    let text = row.get(index);
    if text == "*" {
        return Some(None);
    }
    let value = parse(text);
    if value.is_none() {
        report.wrong(row, (column, text, expected));
    }
    value.map(Some)
}
