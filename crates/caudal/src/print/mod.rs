//! What a person sees: summaries, progress, errors, numbers with separators.
//! Relies on reports for every figure.
//! Never computes a figure of its own.

pub mod json;
pub mod log;
pub mod progress;
pub mod summary;

use crate::failure::Failure;
use caudal_usage::{Diagnostic, Severity};
use std::fmt::Display;
use std::io::Write;

/// Says a line of a report on standard output.
pub fn say(line: impl Display) -> std::io::Result<()> {
    writeln!(std::io::stdout().lock(), "{line}")
}

/// Says a line on standard error. That nobody listens is no reason to stop.
pub fn tell(line: impl Display) {
    drop(writeln!(std::io::stderr().lock(), "{line}"));
}

/// A number with thousands separators: 12,481.
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A signed number with thousands separators.
pub fn signed(value: i64) -> String {
    let sign = if value < 0 { "-" } else { "" };
    format!("{sign}{}", count(value.unsigned_abs()))
}

/// An amount with thousands separators, at the currency's own places for reading; the events keep every digit.
pub fn amount(value: caudal_usage::Decimal, places: i32) -> String {
    let rounding = caudal_usage::Rounding { places, mode: caudal_usage::RoundingMode::HalfUp };
    let text = rounding.round(value).unwrap_or(value).to_string();
    let (sign, rest) = text.strip_prefix('-').map_or(("", text.as_str()), |rest| ("-", rest));
    let (whole, fraction) =
        rest.split_once('.').map_or((rest, None), |(whole, fraction)| (whole, Some(fraction)));
    let whole = whole.parse().map_or_else(|_| whole.to_owned(), count);
    match fraction {
        Some(fraction) => format!("{sign}{whole}.{fraction}"),
        None => format!("{sign}{whole}"),
    }
}

/// Says what is wrong with a file that a person wrote.
pub fn finding(found: &Diagnostic) {
    if !log::is_json() {
        return tell(found);
    }
    let Diagnostic { file, line, column, message, hint, .. } = found;
    match found.severity {
        Severity::Error => tracing::error!(event = "finding", file, line, column, hint, "{message}"),
        Severity::Warning => tracing::warn!(event = "finding", file, line, column, hint, "{message}"),
    }
}

/// Says why a command failed: what, then why, then what to do.
pub fn error(failure: &Failure) {
    let message = match failure {
        Failure::Found => return,
        Failure::Usage(message) => message.clone(),
        Failure::Configuration(findings) => {
            findings.iter().for_each(finding);
            "the pipeline is not fit to run; nothing was read or written".to_owned()
        }
        Failure::Io(error) => causes(error),
    };
    if log::is_json() {
        tracing::error!(event = "failed", exit_code = failure.code(), "{message}");
    } else {
        tell(format_args!("caudal: {message}"));
    }
}

/// An error and what caused it. A cause that the error before it spells out already is not said twice.
fn causes(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if text.is_empty() {
            text = cause;
        } else if !text.ends_with(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_said_once() {
        let inner = || std::io::Error::other("disk on fire");
        let said =
            anyhow::Error::new(inner()).context("x.run: cannot open: disk on fire").context("cannot start");
        assert_eq!(causes(&said), "cannot start: x.run: cannot open: disk on fire");
        assert_eq!(causes(&anyhow::Error::new(inner()).context("cannot open")), "cannot open: disk on fire");
    }

    #[test]
    fn numbers_for_people() {
        for (value, expected) in [(0, "0"), (999, "999"), (1000, "1,000"), (12_345_678, "12,345,678")] {
            assert_eq!(count(value), expected);
        }
        assert_eq!(signed(-1234), "-1,234");
        for (value, places, expected) in
            [("1284.549999", 2, "1,284.55"), ("-0.005", 2, "-0.01"), ("7.5", 0, "8"), ("12", 3, "12.000")]
        {
            assert_eq!(amount(value.parse().unwrap(), places), expected);
        }
    }
}
