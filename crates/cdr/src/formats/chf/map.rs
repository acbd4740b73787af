//! A charging record to the field's common words.
//! Relies on the decoded root; texts that the record does not hold as they are needed go to the scratch buffer.
//! Never takes the record's duration for usage: octets of the containers are what is billed.

use super::containers::{self, Span, Used, timestamp};
use super::decode::{ChargingRecord, missing};
use super::key;
use super::subscriber::{self, Served};
use crate::ber::{BerError, Tlv, value};
use crate::keys::{Keys, Written};
use crate::texts::{self, push_decimal, push_hex};
use caudal_usage::time::DAY_MS;
use caudal_usage::{Code, Direction, Fault, LocalTime, RawUsage, RecordType, Role, Service, Stage, Unit};
use smallvec::SmallVec;
use std::ops::Range;

/// Network functions whose records are of data although they name no PDU session: SMF, SGW, ePDG, PGW-C with SMF, SGSN.
const DATA_FUNCTIONS: [i64; 5] = [1, 4, 6, 9, 11];

#[inline]
pub(super) fn map<'a>(
    record: &ChargingRecord<'a>,
    (texts, keys): (&'a mut texts::Texts, &'a mut Keys),
) -> Result<RawUsage<'a>, Fault> {
    of_data(record)?;
    let span = span(record)?;
    let texts::Texts { others, parts, .. } = texts;
    parts.clear();
    let used = match (&record.units, &record.roaming) {
        (Some(list), _) => containers::read(list, span, parts)?,
        (None, None) => Used::default(),
        (None, Some(_)) => return Err(missing("listOfMultipleUnitUsage")),
    };
    let session = record.pdu_session.as_ref().map(Session::read).transpose()?.unwrap_or_default();
    let mut served = record.subscriber.as_ref().map(subscriber::identifier).transpose()?.unwrap_or_default();
    if served.number.is_empty() {
        served.number = session.user_number;
    }
    let incomplete = record.incomplete.as_ref().map(incomplete).transpose()?;
    let texts = Texts::write(&served, &session, [used.without_volume, record.unknown], others)?;
    let day = i32::try_from(span.opening.local_ms.div_euclid(DAY_MS)).unwrap_or(i32::MAX);
    let Written { key, session: charging, billed } = key::write(record, keys);
    Ok(RawUsage {
        record_type: RecordType::Data,
        service: Service::Data,
        direction: Direction::Out,
        role: Role::Originating,
        start: span.opening,
        end: Some(span.closing),
        quantity: 0,
        unit: Unit::Octet,
        calling: &[],
        called: &[],
        forwarding: &[],
        served_number: texts.number,
        served_imsi: served.imsi,
        served_subscription: served.subscription,
        serving_network: texts.plmn,
        rating_group: None,
        charged: None,
        attributes: attributes(&session, &texts, &used, incomplete),
        parts,
        key,
        billed,
        session: charging,
        day,
        sequence: sequence(record)?,
        node: record.function_id,
        partial: None,
        filter: None,
    })
}

/// A record of a PDU session; any other kind is said by its name.
fn of_data(record: &ChargingRecord<'_>) -> Result<(), Fault> {
    if record.pdu_session.is_some() {
        return Ok(());
    }
    let unknown = |found: &str| Fault::new(Code::UnknownFormat, "chargingFunctionRecord", found.as_bytes());
    if let Some(other) = record.other {
        return Err(unknown(other).at(Stage::Decode));
    }
    let function = match &record.consumer {
        Some(consumer) => functionality(consumer)?,
        None => return Err(missing("nFunctionConsumerInformation")),
    };
    if DATA_FUNCTIONS.contains(&function) {
        return Ok(());
    }
    Err(unknown(&format!("no pDUSessionChargingInformation, networkFunctionality {function}"))
        .at(Stage::Decode))
}

fn functionality(consumer: &Tlv<'_>) -> Result<i64, Fault> {
    const FIELD: &str = "networkFunctionality";
    for element in consumer.children() {
        let element = element.map_err(|error| error.fault("nFunctionConsumerInformation"))?;
        if element.tag.in_context() == Some(0) {
            return value::integer(element.content).map_err(|bad| bad.fault(FIELD, element.content));
        }
    }
    Err(missing(FIELD))
}

/// recordOpeningTime, and `duration` seconds later.
fn span(record: &ChargingRecord<'_>) -> Result<Span, Fault> {
    if record.opening.is_empty() {
        return Err(missing("recordOpeningTime"));
    }
    let opening = timestamp("recordOpeningTime", record.opening)?;
    if record.duration.is_empty() {
        return Err(missing("duration"));
    }
    let duration = value::unsigned(record.duration).map_err(|bad| bad.fault("duration", record.duration))?;
    let too_long =
        || Fault::new(Code::Overflow, "duration", duration.value.to_string().as_bytes()).at(Stage::Decode);
    let ms = i64::try_from(duration.value).ok().and_then(|seconds| seconds.checked_mul(1000));
    let local_ms = ms.and_then(|ms| opening.local_ms.checked_add(ms)).ok_or_else(too_long)?;
    Ok(Span { opening, closing: LocalTime { local_ms, ..opening } })
}

/// localRecordSequenceNumber: it runs over all records of the function.
fn sequence(record: &ChargingRecord<'_>) -> Result<Option<u32>, Fault> {
    const FIELD: &str = "localRecordSequenceNumber";
    if record.local_sequence.is_empty() {
        return Ok(None);
    }
    let number =
        value::unsigned(record.local_sequence).map_err(|bad| bad.fault(FIELD, record.local_sequence))?;
    let bad = || Fault::new(Code::BadField, FIELD, number.value.to_string().as_bytes()).at(Stage::Decode);
    u32::try_from(number.value).map(Some).map_err(|_| bad())
}

/// pDUSessionChargingInformation, what plans may ask for.
#[derive(Clone, Copy, Debug, Default)]
struct Session<'a> {
    user_number: &'a [u8],
    slice: Option<Tlv<'a>>,
    rat: Option<u64>,
    dnn: &'a [u8],
    plmn: Option<value::Plmn>,
}

impl<'a> Session<'a> {
    #[inline]
    fn read(information: &Tlv<'a>) -> Result<Self, Fault> {
        let cut = |error: BerError| error.fault("pDUSessionChargingInformation");
        let mut found = Self::default();
        for element in information.children() {
            let element = element.map_err(cut)?;
            let content = element.content;
            match element.tag.in_context() {
                Some(1) => found.user_number = subscriber::user_number(&element).map_err(cut)?,
                Some(7) => found.slice = Some(element),
                Some(12) => {
                    let rat = value::unsigned(content).map_err(|bad| bad.fault("rATType", content))?;
                    found.rat = Some(rat.value);
                }
                Some(13) => found.dnn = content,
                Some(27) => {
                    let plmn = value::plmn(content).map_err(|bad| bad.fault("servingCNPLMNID", content))?;
                    found.plmn = Some(plmn);
                }
                _ => {}
            }
        }
        Ok(found)
    }
}

/// Texts that the record holds in another form; empty where there is nothing to say.
#[derive(Debug)]
struct Texts<'a> {
    number: &'a [u8],
    plmn: &'a [u8],
    slice: &'a [u8],
    rat: &'a [u8],
    without_volume: &'a [u8],
    unknown: &'a [u8],
}

impl<'a> Texts<'a> {
    fn write(
        served: &Served<'_>,
        session: &Session<'_>,
        [without_volume, unknown]: [u32; 2],
        out: &'a mut Vec<u8>,
    ) -> Result<Self, Fault> {
        out.clear();
        let number = appended(out, |out| {
            if !served.number.is_empty() {
                out.push(b'+');
                out.extend_from_slice(served.number);
            }
        });
        let plmn = session.plmn.as_ref().map_or(&[][..], value::Plmn::digits);
        let plmn = appended(out, |out| out.extend_from_slice(plmn));
        let slice = match &session.slice {
            Some(slice) => s_nssai(slice)?,
            None => (None, &[][..]),
        };
        let slice = appended(out, |out| write_slice(out, slice));
        let rat = appended(out, |out| {
            if let Some(rat) = session.rat {
                push_decimal(out, rat);
            }
        });
        let counts = [without_volume, unknown].map(|count| {
            appended(out, |out| {
                if count > 0 {
                    push_decimal(out, u64::from(count));
                }
            })
        });
        let texts: &'a [u8] = out;
        let text = |range: Range<usize>| texts.get(range).unwrap_or_default();
        let [without_volume, unknown] = counts.map(text);
        Ok(Self {
            number: text(number),
            plmn: text(plmn),
            slice: text(slice),
            rat: text(rat),
            without_volume,
            unknown,
        })
    }
}

/// Where what `write` appends will stand.
fn appended(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) -> Range<usize> {
    let start = out.len();
    write(out);
    start..out.len()
}

/// S-NSSAI: slice or service type, and slice differentiator.
fn s_nssai<'a>(slice: &Tlv<'a>) -> Result<(Option<u64>, &'a [u8]), Fault> {
    let (mut kind, mut differentiator) = (None, &[][..]);
    for element in slice.children() {
        let element = element.map_err(|error| error.fault("networkSliceInstanceID"))?;
        match element.tag.in_context() {
            Some(0) => {
                let number =
                    value::unsigned(element.content).map_err(|bad| bad.fault("sST", element.content))?;
                kind = Some(number.value);
            }
            Some(1) => differentiator = element.content,
            _ => {}
        }
    }
    Ok((kind, differentiator))
}

/// `1-00AB01`: the type in decimal, the differentiator in hexadecimal digits.
fn write_slice(out: &mut Vec<u8>, (kind, differentiator): (Option<u64>, &[u8])) {
    let Some(kind) = kind else { return };
    push_decimal(out, kind);
    if differentiator.is_empty() {
        return;
    }
    out.push(b'-');
    push_hex(out, differentiator);
}

/// incompleteCDRIndication: which messages of the session were lost.
fn incomplete(indication: &Tlv<'_>) -> Result<&'static str, Fault> {
    const FIELD: &str = "incompleteCDRIndication";
    const WORDS: [&str; 8] = [
        "",
        "initial",
        "update",
        "initial+update",
        "termination",
        "initial+termination",
        "update+termination",
        "initial+update+termination",
    ];
    let mut lost = 0;
    for element in indication.children() {
        let element = element.map_err(|error| error.fault(FIELD))?;
        let set = value::boolean(element.content).map_err(|bad| bad.fault(FIELD, element.content))?;
        match element.tag.in_context() {
            Some(number @ 0..=2) if set => lost |= 1usize << number,
            _ => {}
        }
    }
    Ok(WORDS[lost])
}

/// What plans may ask for; an attribute that is empty is left out.
#[inline]
fn attributes<'a>(
    session: &Session<'a>,
    texts: &Texts<'a>,
    used: &Used,
    incomplete: Option<&'static str>,
) -> SmallVec<[(&'a str, &'a [u8]); 4]> {
    let mut attributes = SmallVec::new();
    let mut add = |name: &'static str, text: &'a [u8]| {
        if !text.is_empty() {
            attributes.push((name, text));
        }
    };
    add("apn", session.dnn);
    add("rat_type", texts.rat);
    add("slice", texts.slice);
    add("incomplete", incomplete.unwrap_or_default().as_bytes());
    add("quota", used.quota.map_or("", containers::Quota::as_str).as_bytes());
    add("read_as_unsigned", if used.reinterpreted { b"containers" } else { b"" });
    add("containers_without_volume", texts.without_volume);
    add("unknown_tags", texts.unknown);
    attributes
}
