//! The report as one JSON object.
//! Relies on the figures; amounts are decimal texts with every digit.
//! Never a percentage: whoever reads it divides as they like.

use super::check::Check;
use super::compare::{Missing, Reason, Tally};
use super::report::{Accounts, Figures, Mover, Report, Setting};
use super::sums::{Pair, Row, Side};
use crate::print::json;
use caudal_usage::money::MoneyError;
use caudal_usage::{Currency, Decimal};

type Written = Result<(), MoneyError>;

/// The object, on one line.
pub fn json(report: &Report) -> Result<String, MoneyError> {
    let mut result = Ok(());
    let text = json::object(|out| result = write(out, report));
    result.map(|()| text)
}

fn write(out: &mut Vec<u8>, report: &Report) -> Written {
    let Report { setting, tally, currencies } = report;
    write_setting(out, setting);
    write_usages(out, tally);
    list(out, "not_priced", &tally.missing, |out, (reason, missing)| {
        write_missing(out, reason, missing);
        Ok(())
    })?;
    json::nested(out, "filtered", |out| {
        tally.filtered.iter().for_each(|(code, usages)| number(out, code.as_str(), *usages));
    });
    if !tally.check.is_empty() {
        write_check(out, &tally.check);
    }
    list(out, "currencies", currencies, write_figures)
}

fn write_setting(out: &mut Vec<u8>, setting: &Setting) {
    json::text(out, "pipeline", &setting.pipeline);
    json::text(out, "against", &setting.against);
    json::key(out, "taken");
    out.push(b'[');
    for (index, file) in setting.taken.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        caudal_wire::json::string(out, file);
    }
    out.push(b']');
    json::truth(out, "same_plans", setting.is_same);
    json::truth(out, "recurring_left_out", setting.has_fees);
    json::truth(out, "cycle_close", setting.is_closed);
    number(out, "files_not_final", setting.not_final as u64);
}

fn write_usages(out: &mut Vec<u8>, tally: &Tally) {
    json::nested(out, "usages", |out| {
        number(out, "read", tally.usages());
        number(out, "priced_by_both", tally.both);
        number(out, "priced_by_present_only", tally.priced_by(Some(Side::Present)));
        number(out, "priced_by_other_only", tally.priced_by(Some(Side::Other)));
        number(out, "priced_by_neither", tally.priced_by(None));
        number(out, "filtered", tally.filtered.values().sum());
    });
}

fn write_missing(out: &mut Vec<u8>, (priced_by, code, field): &Reason, missing: &Missing) {
    json::text(out, "priced_by", priced_by.map_or("neither", Side::as_str));
    json::text(out, "code", code.as_str());
    json::text(out, "field", field);
    number(out, "usages", missing.usages);
    if let Some(side) = priced_by {
        let priced = missing.amounts.iter().map(|(currency, row)| (*currency, row.pair.of(*side)));
        amounts(out, "amounts", priced);
    }
    json::text(out, "first", &missing.first);
    json::text(out, "found", &missing.found);
}

fn write_check(out: &mut Vec<u8>, check: &Check) {
    json::nested(out, "archived", |out| {
        number(out, "usages", check.usages());
        number(out, "from_events", check.from_events);
        if let Some(why) = &check.gone {
            json::text(out, "originals_gone", why);
        }
        number(out, "same", check.same);
        number(out, "differ", check.differ);
        number(out, "differ_by_version", check.other_version);
        number(out, "not_priced", check.not_priced);
        json::nested(out, "passed_over", |out| {
            check.passed_over.iter().for_each(|(what, events)| number(out, what, *events));
        });
        amounts(out, "charged", check.amounts.iter().map(|(currency, pair)| (*currency, pair.present)));
        amounts(out, "replayed", check.amounts.iter().map(|(currency, pair)| (*currency, pair.other)));
    });
}

fn write_figures(out: &mut Vec<u8>, figures: &Figures) -> Written {
    json::text(out, "currency", figures.currency.code());
    number(out, "usages", figures.total.usages);
    pair(out, figures.total.pair)?;
    let mut one_sided = Ok(());
    json::nested(out, "one_sided", |out| {
        number(out, "usages", figures.one_sided.usages);
        one_sided = pair(out, figures.one_sided.pair);
    });
    one_sided?;
    let mut rounding = Ok(());
    json::nested(out, "rounding", |out| rounding = pair(out, figures.rounding));
    rounding?;
    let row = |name: &'static str| {
        move |out: &mut Vec<u8>, (id, row): &(Box<str>, Row)| {
            json::text(out, name, id);
            number(out, "usages", row.usages);
            pair(out, row.pair)
        }
    };
    list(out, "plans", &figures.plans, row("plan"))?;
    list(out, "services", &figures.services, row("service"))?;
    let mut all = Ok(());
    json::nested(out, "accounts", |out| all = write_accounts(out, &figures.accounts));
    all?;
    list(out, "classes", &figures.classes, |out, (bound, accounts)| {
        match bound {
            Some(bound) => json::number(out, "up_to", *bound),
            None => {
                json::key(out, "up_to");
                out.extend_from_slice(b"null");
            }
        }
        write_accounts(out, accounts)
    })?;
    list(out, "up", &figures.up, write_mover)?;
    list(out, "down", &figures.down, write_mover)
}

fn write_accounts(out: &mut Vec<u8>, accounts: &Accounts) -> Written {
    number(out, "accounts", accounts.count());
    number(out, "more", accounts.more);
    number(out, "less", accounts.less);
    number(out, "same", accounts.same);
    pair(out, accounts.pair)
}

fn write_mover(out: &mut Vec<u8>, mover: &Mover) -> Written {
    json::text(out, "account", &mover.account);
    pair(out, mover.pair)
}

fn pair(out: &mut Vec<u8>, pair: Pair) -> Written {
    for (name, amount) in
        [("present", pair.present), ("other", pair.other), ("difference", pair.difference()?)]
    {
        json::key(out, name);
        json::decimal(out, amount);
    }
    Ok(())
}

fn amounts(out: &mut Vec<u8>, name: &str, sums: impl Iterator<Item = (Currency, Decimal)>) {
    json::nested(out, name, |out| {
        for (currency, amount) in sums {
            json::key(out, currency.code());
            json::decimal(out, amount);
        }
    });
}

fn number(out: &mut Vec<u8>, name: &str, value: u64) {
    json::number(out, name, i64::try_from(value).unwrap_or(i64::MAX));
}

/// A list of objects.
fn list<T>(
    out: &mut Vec<u8>,
    name: &str,
    items: impl IntoIterator<Item = T>,
    write: impl Fn(&mut Vec<u8>, T) -> Written,
) -> Written {
    json::key(out, name);
    out.push(b'[');
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.push(b'{');
        write(out, item)?;
        out.push(b'}');
    }
    out.push(b']');
    Ok(())
}
