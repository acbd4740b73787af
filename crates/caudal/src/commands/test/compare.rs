//! Answers of `rate` against what a case expects, field by field.
//! Relies on answers being what `rate` prints: what a user sees is what is compared.
//! Never stops at the first difference.

use crate::config::cases::{Case, Value, Want, What};
use crate::usage_lines::Closed;
use caudal_usage::Decimal;
use caudal_usage::money::add_exact;
use serde_json::Value as Json;

/// One thing that is not as expected, as a person reads it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// What, with the number of the usage where each has a value of its own.
    pub field: String,
    /// What the case says.
    pub expected: String,
    /// What it is.
    pub found: String,
}

/// The answer to one usage.
#[derive(Clone, Debug)]
pub struct Answer(Json);

impl Answer {
    /// Reads one line that `rate` answered.
    pub fn read(line: &[u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(line).map(Self)
    }

    fn word(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    fn is_rated(&self) -> bool {
        self.word("outcome") == Some("rated")
    }

    /// True of usage that is rated, and of a purchase or a redemption that is taken.
    fn is_taken(&self) -> bool {
        self.is_rated() || self.word("outcome") == Some("accepted")
    }

    fn events(&self) -> &[Json] {
        self.0.get("events").and_then(Json::as_array).map_or(&[], Vec::as_slice)
    }

    /// Outcome, code, field and what was found there.
    fn story(&self) -> String {
        let parts = ["outcome", "code", "field", "found"].map(|name| self.word(name).unwrap_or_default());
        match parts {
            ["rated", ..] => format!("rated {}", plain(self.sum(What::Amount))),
            [outcome, code, "", _] => format!("{outcome} {code}"),
            [outcome, code, field, found] => format!("{outcome} {code} in {field}, {found:?}"),
        }
    }

    /// The sum over its events, zero where there is none; `None` when it does not fit.
    fn sum(&self, what: What) -> Option<Decimal> {
        total(self.events().iter().map(|event| Some(number(event, what))))
    }

    fn text(&self, what: What) -> Option<&str> {
        match what {
            What::Outcome | What::Code | What::Field => self.word(what.name()),
            _ => self.events().last()?.get(what.name())?.as_str(),
        }
    }

    fn value(&self, what: What) -> Option<Value> {
        if is_sum(what) {
            return self.sum(what).filter(|_| self.is_rated()).map(Value::Number);
        }
        self.text(what).map(|text| Value::Text(text.to_owned()))
    }
}

/// True for what is added up over several usages.
const fn is_sum(what: What) -> bool {
    match what {
        What::Amount | What::Events | What::Lines | What::RawQuantity | What::BilledQuantity => true,
        What::Outcome | What::Code | What::Field | What::Currency | What::Plan | What::Zone => false,
    }
}

fn number(event: &Json, what: What) -> Decimal {
    let field = event.get(what.name());
    match what {
        What::Events => Decimal::ONE,
        What::Lines => field.and_then(Json::as_array).map_or(0, Vec::len).into(),
        What::Amount => field.and_then(Json::as_str).and_then(|text| text.parse().ok()).unwrap_or_default(),
        _ => field.and_then(Json::as_i64).unwrap_or_default().into(),
    }
}

/// Everything that is not as the case expects.
pub fn differences(case: &Case, answers: &[Answer]) -> Vec<Difference> {
    let mut found = not_rated(case, answers);
    for (what, want) in &case.wants {
        match want {
            Want::One(value) if is_sum(*what) => found.extend(of_sum((*what, value), answers)),
            Want::One(value) => {
                let last = answers.last();
                found.extend(last.and_then(|answer| of_one(what.name().into(), (*what, value), answer)));
            }
            Want::Each(values) => {
                for ((value, answer), index) in values.iter().zip(answers).zip(1..) {
                    found.extend(of_one(format!("{} of usage {index}", what.name()), (*what, value), answer));
                }
            }
        }
    }
    found.extend(case.left.iter().filter_map(|(id, units)| of_allowance((id, *units), answers)));
    found
}

/// What the closes of all cycles come to, where the case says.
pub fn of_total(case: &Case, closed: &[Closed<'_>]) -> Option<Difference> {
    let expected = case.cycle_total?;
    let sum = total(closed.iter().map(|cycle| cycle.rounded.map(|(amount, _)| amount)));
    let field = "cycle_total".to_owned();
    (sum != Some(expected)).then(|| Difference { field, expected: expected.to_string(), found: plain(sum) })
}

/// Usage of which nothing else is expected must be rated.
fn not_rated(case: &Case, answers: &[Answer]) -> Vec<Difference> {
    let says = |each: bool| {
        case.wants.iter().any(|(what, want)| {
            matches!(what, What::Outcome | What::Code | What::Field) && matches!(want, Want::Each(_)) == each
        })
    };
    let free = match (says(true), says(false)) {
        (true, _) => answers.len(),
        (false, true) => 1,
        (false, false) => 0,
    };
    let must = answers.iter().take(answers.len().saturating_sub(free)).zip(1..);
    must.filter(|(answer, _)| !answer.is_taken())
        .map(|(answer, index)| Difference {
            field: format!("usage {index}"),
            expected: "rated".into(),
            found: answer.story(),
        })
        .collect()
}

fn of_sum((what, expected): (What, &Value), answers: &[Answer]) -> Option<Difference> {
    let sum = total(answers.iter().map(|answer| answer.sum(what)));
    if sum.map(Value::Number).as_ref() == Some(expected) {
        return None;
    }
    let mut found = plain(sum);
    if answers.len() > 1 {
        let parts: Vec<_> = answers.iter().map(|answer| plain(answer.sum(what))).collect();
        found = format!("{found} = {}", parts.join(" + "));
    }
    Some(Difference { field: what.name().into(), expected: shown(expected), found })
}

fn of_one(field: String, (what, expected): (What, &Value), answer: &Answer) -> Option<Difference> {
    let found = answer.value(what);
    if found.as_ref() == Some(expected) {
        return None;
    }
    let found = match found {
        Some(Value::Number(number)) => plain(Some(number)),
        Some(value) if answer.is_rated() || what == What::Field => shown(&value),
        _ => answer.story(),
    };
    Some(Difference { field, expected: shown(expected), found })
}

/// What is left of an allowance after its last use.
fn of_allowance((id, expected): (&str, i64), answers: &[Answer]) -> Option<Difference> {
    let events = answers.iter().flat_map(Answer::events);
    let mut uses = events.filter_map(|event| event.get("allowance_uses")?.as_array()).flatten();
    let last = uses.rfind(|used| used.get("allowance").and_then(Json::as_str) == Some(id));
    let left = last.and_then(|used| used.get("after")?.as_i64());
    if left == Some(expected) {
        return None;
    }
    let unit = last.and_then(|used| used.get("unit")?.as_str()).unwrap_or_default();
    let found = left.map_or_else(|| "that it was not used".into(), |left| format!("{left} {unit}"));
    Some(Difference {
        field: format!("allowance_left of {id}"),
        expected: format!("{expected} {unit}").trim_end().to_owned(),
        found,
    })
}

/// An exact sum; `None` when it does not fit.
fn total(parts: impl Iterator<Item = Option<Decimal>>) -> Option<Decimal> {
    let mut sum = Decimal::ZERO;
    for part in parts {
        sum = add_exact(sum, part?).ok()?;
    }
    Some(sum)
}

fn plain(number: Option<Decimal>) -> String {
    number.map_or_else(|| "more than fits".into(), |number| number.normalize().to_string())
}

fn shown(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Number(number) => number.to_string(),
    }
}
