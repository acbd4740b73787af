//! The fields of a record that are read, as text: for `explain` and for the notes of a suspended record.
//! Relies on the decoder for names; what does not read as its type is shown in hex.
//! Never the whole record: `inspect` shows that.

use super::decode::{self, Field, PgwRecord};
use crate::ber::{time, value};
use crate::texts::push_hex;
use caudal_usage::{Fault, Timestamp};

/// The fields by name, those that are there, in the order of their tags.
pub(in crate::formats) fn fields(record: &[u8]) -> Result<Vec<(String, Vec<u8>)>, Fault> {
    let mut cdr = PgwRecord::EMPTY;
    decode::decode(record, &mut cdr)?;
    let shown = Field::ALL.iter().filter_map(|field| {
        let content = cdr.find(*field)?;
        let text = text(&cdr, *field, content).unwrap_or_else(|| hex(content));
        Some((decode::name(*field).to_owned(), text))
    });
    Ok(shown.collect())
}

fn text(cdr: &PgwRecord<'_>, field: Field, content: &[u8]) -> Option<Vec<u8>> {
    let mut digits = [0; value::DIGITS_MAX];
    match field {
        Field::RecordType
        | Field::ChargingId
        | Field::Duration
        | Field::RecordSequenceNumber
        | Field::LocalSequenceNumber
        | Field::RatType => value::unsigned(content).ok().map(|number| number.value.to_string().into_bytes()),
        Field::ServedImsi | Field::ServedImei => {
            value::tbcd_decimal(content, &mut digits).ok().map(<[u8]>::to_vec)
        }
        Field::ServedMsisdn => value::isdn(content, &mut digits).ok().map(|number| number.digits.to_vec()),
        Field::ServingPlmn => value::plmn(content).ok().map(|plmn| plmn.digits().to_vec()),
        Field::AccessPointName | Field::NodeId => {
            value::ia5(content).ok().map(|text| text.as_bytes().to_vec())
        }
        Field::RecordOpeningTime => {
            let time = time::timestamp(content).ok()?;
            let offset_s = time.offset_s?;
            let utc_ms = time.local_ms - i64::from(offset_s) * 1000;
            Some(Timestamp { utc_ms, offset_s }.to_string().into_bytes())
        }
        Field::GatewayAddress => {
            let choice = crate::ber::Children::of(content).next()?.ok()?;
            value::ip(&choice).ok().map(|address| address.to_string().into_bytes())
        }
        Field::TrafficVolumes => Some(count(cdr.volumes.as_ref()?)),
        Field::ServiceData => Some(count(cdr.services.as_ref()?)),
        Field::UserLocation | Field::Retransmission => None,
    }
}

fn count(list: &crate::ber::Tlv<'_>) -> Vec<u8> {
    match list.children().count() {
        1 => b"1 container".to_vec(),
        more => format!("{more} containers").into_bytes(),
    }
}

fn hex(content: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    push_hex(&mut out, content);
    out
}
