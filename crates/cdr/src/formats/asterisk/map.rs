//! Asterisk's own fields to the field's common words.
//! Relies on billsec counting from answer: the chargeable start of an answered call is its answer.
//! Never compares duration with end − start: Asterisk truncates each, and a third of real rows differ.

use super::decode::{AsteriskCdr, Disposition};
use super::{AsteriskClock, AsteriskOptions, AsteriskPayer, key};
use crate::keys::{Keys, Written};
use caudal_usage::time::DAY_MS;
use caudal_usage::{Code, Direction, Fault, LocalTime, RawUsage, RecordType, Role, Service, Unit};
use smallvec::SmallVec;

pub(super) fn map<'a>(
    options: &AsteriskOptions,
    cdr: &AsteriskCdr<'a>,
    (row, keys): (&'a [u8], &'a mut Keys),
) -> Result<RawUsage<'a>, Fault> {
    let filter = filter(cdr)?;
    let start = chargeable_start(cdr, filter)?;
    let served_subscription = match options.payer {
        AsteriskPayer::Src => &[],
        AsteriskPayer::AccountCode if cdr.accountcode.is_empty() && filter.is_none() => {
            return Err(Fault::new(Code::MissingField, "accountcode", b""));
        }
        AsteriskPayer::AccountCode => cdr.accountcode,
    };
    let Written { key, session, billed } = key::write(cdr, row, keys);
    let day = i32::try_from(cdr.start.0.local_ms.div_euclid(DAY_MS))
        .map_err(|_| Fault::new(Code::BadField, "start", cdr.start.1))?;
    Ok(RawUsage {
        record_type: RecordType::Moc,
        service: Service::Voice,
        direction: Direction::Out,
        role: Role::Originating,
        start: on_clock(options, start),
        end: cdr.end.map(|end| on_clock(options, end)),
        quantity: cdr.billsec.0,
        unit: Unit::Millisecond,
        calling: cdr.src,
        called: cdr.dst,
        forwarding: &[],
        served_number: &[],
        served_imsi: &[],
        served_subscription,
        serving_network: &[],
        rating_group: None,
        parts: &[],
        charged: None,
        attributes: attributes(cdr),
        key,
        billed,
        session,
        day,
        sequence: None,
        node: b"",
        partial: None,
        filter,
    })
}

/// Whether the row is known not to be billed. Not answered with billable seconds is a contradiction.
fn filter(cdr: &AsteriskCdr<'_>) -> Result<Option<Code>, Fault> {
    // The second half of a Local channel repeats the call of the first.
    if cdr.channel.starts_with(b"Local/") && cdr.channel.ends_with(b";2") {
        return Ok(Some(Code::NotBillable));
    }
    match (cdr.disposition.0, cdr.billsec.0) {
        (Disposition::Answered, 0) => Ok(Some(Code::ZeroDuration)),
        (Disposition::Answered, _) => Ok(None),
        (Disposition::NotAnswered, 0) => Ok(Some(Code::Unanswered)),
        (Disposition::NotAnswered, _) => {
            let found = [cdr.disposition.1, b" with billsec ", cdr.billsec.1].concat();
            Err(Fault::new(Code::Contradictory, "disposition", &found))
        }
    }
}

fn chargeable_start(cdr: &AsteriskCdr<'_>, filter: Option<Code>) -> Result<LocalTime, Fault> {
    match (cdr.disposition.0, cdr.answer.0, filter) {
        (Disposition::Answered, Some(answer), _) => Ok(answer),
        (Disposition::Answered, None, None) => Err(Fault::new(Code::MissingField, "answer", cdr.answer.1)),
        (Disposition::Answered, None, Some(_)) | (Disposition::NotAnswered, ..) => Ok(cdr.start.0),
    }
}

fn on_clock(options: &AsteriskOptions, time: LocalTime) -> LocalTime {
    match options.clock {
        AsteriskClock::Local => time,
        AsteriskClock::Gmt => LocalTime { offset_s: Some(0), ..time },
    }
}

/// What plans may ask for besides: Asterisk's own names, present only.
fn attributes<'a>(cdr: &AsteriskCdr<'a>) -> SmallVec<[(&'a str, &'a [u8]); 4]> {
    [
        ("dcontext", cdr.dcontext),
        ("amaflags", cdr.amaflags),
        ("userfield", cdr.userfield),
        ("linkedid", cdr.linkedid),
    ]
    .into_iter()
    .filter(|(_, value)| !value.is_empty())
    .collect()
}
