//! A case through the slow rater, told in the same lines as the engine's.
//! Relies on both being compared as text, so that a difference can be read.
//! Never rounds for show: what a line cannot hold is shown as a fraction.

use super::case::Case;
use super::close::Closing;
use super::lines::Line;
use super::notes::Note;
use super::number::{Q, q, shown};
use super::plan::Pricing;
use super::rater::{Event, Rater};
use super::toml::TABLE;

pub fn told(case: &Case) -> Vec<Vec<String>> {
    let mut rater = Rater::new(&case.plan, &case.payer, case.grain);
    let mut told: Vec<Vec<String>> = Vec::new();
    for used in &case.uses {
        told.push(match rater.rate(used) {
            Ok(events) => {
                let noted = notes(events.iter().flat_map(|one| &one.notes));
                events.iter().map(|one| event(case, one)).chain(noted).collect()
            }
            Err(code) => vec![code.to_owned()],
        });
    }
    for cycle in super::compare::cycles(case) {
        let closed = rater.close(cycle).charges;
        let mut charges: Vec<String> = closed.iter().map(|charge| closing(case, charge)).collect();
        charges.sort();
        charges.extend(notes(closed.iter().flat_map(|charge| &charge.notes)));
        told.push(charges);
    }
    told
}

/// A number without the zeros that say nothing.
fn plain(value: &Q) -> String {
    let scaled = value * q(10).pow(12);
    if !scaled.is_integer() {
        return value.to_string();
    }
    let text = shown(value, 12);
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

fn line(case: &Case, line: &Line) -> String {
    let rate = case.plan.rates.iter().find(|rate| rate.id == line.rate);
    let has_table = rate.is_some_and(|rate| matches!(rate.pricing, Pricing::Table));
    let table = if has_table && line.kind != "cap" { TABLE } else { &line.rate };
    let band = line.band.map_or(String::new(), |band| format!(" {band}"));
    let step = line.step.map_or(String::new(), |step| format!(" #{step}"));
    format!("{} {table}{band}{step} {} = {}", line.kind, line.quantity, plain(&line.amount))
}

/// Lines in the order of the alphabet: which comes first is no matter of money.
fn lines(case: &Case, lines: &[Line]) -> Vec<String> {
    let mut told: Vec<String> = lines
        .iter()
        .filter(|line| says_something(line.kind, &line.amount))
        .map(|one| line(case, one))
        .collect();
    told.sort();
    told
}

/// A bound that changes nothing may be shown or not.
fn says_something(kind: &str, amount: &Q) -> bool {
    !matches!(kind, "minimum" | "maximum" | "cap") || *amount != q(0)
}

fn event(case: &Case, event: &Event) -> String {
    let mut parts = vec![format!("{} raw {} billed {}", event.cycle, event.raw, event.billed)];
    parts.extend(lines(case, &event.lines));
    parts.extend(event.uses.iter().map(|used| {
        let period = used.period.map_or("ever".to_owned(), |first| first.to_string());
        let [taken, before, after] = [&used.quantity, &used.before, &used.after].map(plain);
        format!("use {} {period} {taken}: {before} to {after}", used.allowance)
    }));
    parts.extend(event.discounts.iter().map(|(id, amount)| format!("discount {id} {}", plain(amount))));
    parts.push(format!("amount {}", plain(&event.amount)));
    parts.join("\n    ")
}

/// What a usage or a close notified of, in the order of the alphabet: which event carries it is no matter.
fn notes<'a>(notes: impl Iterator<Item = &'a Note>) -> Vec<String> {
    let mut told: Vec<String> = notes
        .map(|note| format!("note {} {} {} % of {}", note.kind, note.id, note.percent, plain(&note.of)))
        .collect();
    told.sort();
    told
}

fn closing(case: &Case, charge: &Closing) -> String {
    let mut parts = vec![format!("close {} of {}", charge.id, charge.subscription)];
    parts.extend(lines(case, &charge.lines));
    parts.extend(charge.discounts.iter().map(|(id, amount)| format!("discount {id} {}", plain(amount))));
    parts.push(format!("amount {}", plain(&charge.amount)));
    parts.join("\n    ")
}
