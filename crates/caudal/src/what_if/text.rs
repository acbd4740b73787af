//! The report as a person reads it: what was read, what has no price, and the money by plan, service and account.
//! Relies on the figures; amounts are rounded to the currency's places here only.
//! Never leaves out what makes the figures less than they seem: missing prices and replays that differ stand first.

use super::check::Check;
use super::compare::{Missing, Tally};
use super::report::{Figures, Report, Setting};
use super::sums::{Pair, Side};
use super::table;
use crate::print::count;
use caudal_usage::Code;
use caudal_usage::money::MoneyError;

/// Files named in the head.
const FILES_SHOWN: usize = 6;

/// Columns before the note of a row.
const NOTE_AT: usize = 34;

/// The report.
pub fn text(report: &Report) -> Result<String, MoneyError> {
    let mut lines = head(&report.setting);
    usages(&mut lines, &report.tally);
    if !report.tally.check.is_empty() {
        check(&mut lines, &report.tally.check)?;
    }
    for figures in &report.currencies {
        money(&mut lines, figures, report.setting.is_closed)?;
    }
    if report.currencies.is_empty() {
        lines.extend([String::new(), "  nothing was priced: there is no money to compare".into()]);
    }
    Ok(lines.join("\n"))
}

fn head(setting: &Setting) -> Vec<String> {
    let shown: Vec<_> = setting.taken.iter().take(FILES_SHOWN).map(String::as_str).collect();
    let more = match setting.taken.len() - shown.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let mut lines = vec![
        format!("caudal · {} · what if {} held", setting.pipeline, setting.against),
        String::new(),
        format!("  from there: {}{more}; all else from the pipeline", shown.join(", ")),
    ];
    if setting.is_same {
        lines
            .push("  they say what the pipeline's own say, to the byte: no difference can come of it".into());
    }
    if setting.has_fees {
        lines.push("  usage only: recurring charges of plans are not compared".into());
    }
    if setting.not_final > 0 {
        lines.push(format!(
            "  not read, for they are still written to: {} files",
            count(setting.not_final as u64)
        ));
    }
    lines
}

/// A count with its note.
fn row(name: &str, value: u64, note: &str) -> String {
    format!("  {name:<18}{:>11}   {note}", count(value)).trim_end().to_owned()
}

fn usages(lines: &mut Vec<String>, tally: &Tally) {
    lines.push(String::new());
    lines.push(row("usages", tally.usages(), ""));
    lines.push(row("priced by both", tally.both, ""));
    for (name, side, note) in [
        ("by present only", Some(Side::Present), "the other plans give no price:"),
        ("by other only", Some(Side::Other), "the present plans give no price:"),
        ("by neither", None, ""),
    ] {
        let usages = tally.priced_by(side);
        if usages > 0 {
            lines.push(row(name, usages, note));
            let ours = tally.missing.iter().filter(|((by, ..), _)| *by == side);
            lines.extend(ours.map(|((_, code, field), missing)| reason(side, (*code, field), missing)));
        }
    }
    let filtered = tally.filtered.iter();
    let filtered: Vec<_> = filtered.map(|(code, usages)| format!("{code} {}", count(*usages))).collect();
    if !filtered.is_empty() {
        lines.push(row("not billed", tally.filtered.values().sum(), &filtered.join(" · ")));
    }
}

/// Why some usages have no price on a side, and what they cost on the other.
fn reason(side: Option<Side>, (code, field): (Code, &str), missing: &Missing) -> String {
    let mut line = format!("{:NOTE_AT$}{code} {field} {}", "", count(missing.usages));
    if let Some(side) = side {
        for (currency, row) in &missing.amounts {
            line.push_str(&format!(" · {currency} {}", table::cents(row.pair.of(side), *currency)));
        }
    }
    line.push_str(&format!(" · first {}", missing.first));
    if !missing.found.is_empty() {
        line.push_str(&format!(" ({})", missing.found));
    }
    line
}

fn check(lines: &mut Vec<String>, check: &Check) -> Result<(), MoneyError> {
    let (usages, from_events) = (check.usages(), check.from_events);
    lines.extend([String::new(), row("archived usages", usages, "")]);
    if from_events < usages {
        lines.push(row("from records", usages - from_events, "with all that the original records say"));
    }
    if from_events > 0 {
        let known = "containers count as one, attributes are not known";
        lines.push(row("from events", from_events, known));
    }
    if let Some(why) = &check.gone {
        lines.push(format!("{:NOTE_AT$}the original of the first: {why}", ""));
    }
    for (what, events) in &check.passed_over {
        lines.push(row("passed over", *events, &format!("{what}: no first charge of a usage")));
    }
    lines.push(row("as charged then", check.same, "the present plans give back the amount"));
    if check.differ > 0 {
        let version = match check.other_version {
            0 => String::new(),
            some => format!("; {} were charged by another version of the plan", count(some)),
        };
        lines.push(row("differ", check.differ, &format!("the present plans give another amount{version}")));
    }
    if check.not_priced > 0 {
        lines.push(row("not priced now", check.not_priced, "the present plans give none"));
    }
    for (currency, pair) in &check.amounts {
        let Pair { present: charged, other: replayed } = *pair;
        let (charged, replayed) = (table::cents(charged, *currency), table::cents(replayed, *currency));
        let change = table::change(pair.difference()?, *currency);
        lines.push(format!(
            "{:NOTE_AT$}{currency} {charged} charged then, {replayed} replayed ({change})",
            ""
        ));
    }
    Ok(())
}

fn money(lines: &mut Vec<String>, figures: &Figures, is_closed: bool) -> Result<(), MoneyError> {
    let table = table::Table::of(figures);
    lines.push(String::new());
    lines.push(table.head(figures.currency.code(), "usages"));
    lines.push(table.row("all", Some(figures.total.usages), figures.total.pair)?);
    if figures.one_sided.usages > 0 {
        lines.push(table.row("on one side only", Some(figures.one_sided.usages), figures.one_sided.pair)?);
    }
    for (title, rows) in [("by plan", &figures.plans), ("by service", &figures.services)] {
        lines.extend([String::new(), format!("  {title}")]);
        for (name, row) in rows {
            lines.push(table.row(name, Some(row.usages), row.pair)?);
        }
        if is_closed {
            lines.push(table.rounding(figures.rounding)?);
        }
    }
    lines.push(String::new());
    lines.push(table.accounts_head("by what is paid now"));
    for (name, class) in table::classes(&figures.classes) {
        lines.push(table.accounts(&name, class)?);
    }
    lines.push(table.accounts("all", &figures.accounts)?);
    let accounts = &figures.accounts;
    for (change, all, movers) in
        [("more", accounts.more, &figures.up), ("less", accounts.less, &figures.down)]
    {
        if !movers.is_empty() {
            let shown = format!("{} of {}", count(movers.len() as u64), count(all));
            lines.extend([String::new(), format!("  accounts that pay {change}: {shown}")]);
        }
        for mover in movers {
            lines.push(table.row(&mover.account, None, mover.pair)?);
        }
    }
    Ok(())
}
