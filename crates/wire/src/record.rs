//! Usage records and open sessions, as the state keeps them.
//! Relies on the closed sets of `usage` keeping their order: an index is stored.
//! Never used between stages: only what waits for the rest of its session is stored.

use crate::binary::{Decoder, Encoder, WireError};
use caudal_usage::record::{ByteSpan, Direction, Role};
use caudal_usage::{
    AttributeList, Claim, Code, Currency, Digits, FileOrdinal, HeldPartial, Identity, Money, Part, Partial,
    Party, Position, RecordType, Served, Service, Session, Slot, Timestamp, Unit, UsageRecord,
};
use smallvec::SmallVec;

const SESSION_VERSION: u8 = 1;
const UNITS: [Unit; 3] = [Unit::Millisecond, Unit::Octet, Unit::Event];

/// Appends a claim: [`CLAIM_LEN`] octets.
pub fn put_claim(out: &mut Encoder, claim: &Claim) {
    out.u64(claim.fingerprint[0]);
    out.u64(claim.fingerprint[1]);
    out.u64(claim.billed);
    out.u32(claim.at.file.0);
    out.u32(claim.at.record);
    out.i32(claim.day);
    out.u8(claim.slot.0);
    out.u8(claim.attempt);
}

/// Octets of a stored claim.
pub const CLAIM_LEN: usize = 38;

/// Reads a claim.
pub fn get_claim(from: &mut Decoder<'_>) -> Result<Claim, WireError> {
    Ok(Claim {
        fingerprint: [from.u64()?, from.u64()?],
        billed: from.u64()?,
        at: Position { file: FileOrdinal(from.u32()?), record: from.u32()? },
        day: from.i32()?,
        slot: Slot(from.u8()?),
        attempt: from.u8()?,
    })
}

/// Appends an open session.
pub fn put_session(out: &mut Encoder, session: &Session) {
    out.u8(SESSION_VERSION);
    out.u64(session.key[0]);
    out.u64(session.key[1]);
    out.i64(session.deadline_ms);
    out.count(session.members.len());
    for member in &session.members {
        put_record(out, &member.record);
        out.bytes(&member.raw);
    }
}

/// Reads an open session.
pub fn get_session(from: &mut Decoder<'_>) -> Result<Session, WireError> {
    from.version(SESSION_VERSION)?;
    let key = [from.u64()?, from.u64()?];
    let deadline_ms = from.i64()?;
    let count = from.count(CLAIM_LEN)?;
    let mut members = Vec::with_capacity(count);
    for _ in 0..count {
        members.push(HeldPartial { record: get_record(from)?, raw: from.bytes()?.into() });
    }
    Ok(Session { key, deadline_ms, members })
}

fn put_record(out: &mut Encoder, record: &UsageRecord) {
    put_claim(out, &record.claim);
    out.u128(record.identity.0);
    out.u64(record.session[0]);
    out.u64(record.session[1]);
    out.option(record.partial, |out, partial| {
        out.u32(partial.sequence);
        out.u8(u8::from(partial.last));
    });
    out.u64(record.bytes.offset);
    out.u32(record.bytes.len);
    out.u16(record.source);
    out.option(record.filter, |out, code| out.text(code.as_str()));
    out.u8(record.record_type as u8);
    out.u8(record.service as u8);
    out.u8(record.direction as u8);
    out.u8(record.role as u8);
    out.u8(record.unit as u8);
    put_time(out, record.start);
    put_time(out, record.end);
    out.count(record.parts.len());
    for part in &record.parts {
        put_part(out, part);
    }
    put_parties(out, record);
}

fn put_parties(out: &mut Encoder, record: &UsageRecord) {
    put_party(out, &record.calling);
    put_party(out, &record.called);
    out.option(record.served.subscription.as_deref(), Encoder::text);
    out.option(record.served.imsi, |out, imsi| out.u64(imsi.packed()));
    put_party(out, &record.served.number);
    out.option(record.serving_network, |out, network| out.u64(network.packed()));
    out.option(record.charged, |out, money| {
        out.text(money.currency().code());
        out.decimal(money.amount());
    });
    let attributes = || record.attributes.iter().flat_map(AttributeList::iter);
    out.count(attributes().count());
    for (name, value) in attributes() {
        out.text(name);
        out.text(value);
    }
}

fn get_record(from: &mut Decoder<'_>) -> Result<UsageRecord, WireError> {
    let claim = get_claim(from)?;
    let identity = Identity(from.u128()?);
    let session = [from.u64()?, from.u64()?];
    let partial =
        from.option(|from| Ok(Partial { sequence: from.u32()?, last: from.item(&[false, true])? }))?;
    let bytes = ByteSpan { offset: from.u64()?, len: from.u32()? };
    let source = from.u16()?;
    let filter = from.option(|from| {
        let word = from.text()?;
        Code::parse(&word).ok_or_else(|| from.unknown(word.len() as u64))
    })?;
    let record_type = from.item(RecordType::ALL)?;
    let service = from.item(&Service::ALL)?;
    let direction = from.item(Direction::ALL)?;
    let role = from.item(Role::ALL)?;
    let unit = from.item(&UNITS)?;
    let start = get_time(from)?;
    let end = get_time(from)?;
    let mut parts = SmallVec::new();
    for _ in 0..from.count(33)? {
        parts.push(get_part(from)?);
    }
    let calling = get_party(from)?;
    let called = get_party(from)?;
    let served = Served {
        subscription: from.option(Decoder::text)?,
        imsi: from.option(get_digits)?,
        number: get_party(from)?,
    };
    let serving_network = from.option(get_digits)?;
    let charged = from.option(get_money)?;
    let attributes = get_attributes(from)?;
    Ok(UsageRecord {
        claim,
        identity,
        session,
        partial,
        bytes,
        source,
        filter,
        record_type,
        service,
        direction,
        role,
        unit,
        start,
        end,
        parts,
        calling,
        called,
        served,
        serving_network,
        charged,
        attributes,
    })
}

fn get_attributes(from: &mut Decoder<'_>) -> Result<caudal_usage::record::Attributes, WireError> {
    let count = from.count(8)?;
    let mut attributes = Vec::with_capacity(count);
    for _ in 0..count {
        attributes.push((from.text()?, from.text()?));
    }
    Ok((!attributes.is_empty()).then(|| attributes.into_iter().collect()))
}

fn get_money(from: &mut Decoder<'_>) -> Result<Money, WireError> {
    let code = from.text()?;
    let currency = Currency::parse(&code).ok_or_else(|| from.unknown(code.len() as u64))?;
    Ok(Money::new(from.decimal()?, currency))
}

fn put_time(out: &mut Encoder, time: Timestamp) {
    out.i64(time.utc_ms);
    out.i32(time.offset_s);
}

fn get_time(from: &mut Decoder<'_>) -> Result<Timestamp, WireError> {
    Ok(Timestamp { utc_ms: from.i64()?, offset_s: from.i32()? })
}

fn put_part(out: &mut Encoder, part: &Part) {
    put_time(out, part.start);
    put_time(out, part.end);
    out.i64(part.quantity);
    out.option(part.rating_group, Encoder::u32);
}

fn get_part(from: &mut Decoder<'_>) -> Result<Part, WireError> {
    Ok(Part {
        start: get_time(from)?,
        end: get_time(from)?,
        quantity: from.i64()?,
        rating_group: from.option(Decoder::u32)?,
    })
}

fn put_party(out: &mut Encoder, party: &Party) {
    match party {
        Party::Absent => out.u8(0),
        Party::E164(digits) => {
            out.u8(1);
            out.u64(digits.packed());
        }
        Party::Other(text) => {
            out.u8(2);
            out.text(text);
        }
    }
}

fn get_party(from: &mut Decoder<'_>) -> Result<Party, WireError> {
    match from.u8()? {
        0 => Ok(Party::Absent),
        1 => get_digits(from).map(Party::E164),
        2 => from.text().map(Party::Other),
        other => Err(from.unknown(u64::from(other))),
    }
}

fn get_digits(from: &mut Decoder<'_>) -> Result<Digits, WireError> {
    let word = from.u64()?;
    Digits::from_packed(word).ok_or_else(|| from.unknown(word))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use smallvec::smallvec;

    fn record() -> UsageRecord {
        let start = Timestamp { utc_ms: 1_790_000_000_000, offset_s: 7200 };
        UsageRecord {
            claim: Claim {
                fingerprint: [1, 2],
                billed: 3,
                at: Position { file: FileOrdinal(4), record: 5 },
                day: 20_000,
                slot: Slot(9),
                attempt: 0,
            },
            identity: Identity(77),
            session: [5, 6],
            partial: Some(Partial { sequence: 2, last: true }),
            bytes: ByteSpan { offset: 1000, len: 240 },
            source: 1,
            filter: Some(Code::Unanswered),
            record_type: RecordType::Mtc,
            service: Service::Voice,
            direction: Direction::In,
            role: Role::Terminating,
            unit: Unit::Millisecond,
            start,
            end: start.plus_ms(5000),
            parts: smallvec![
                Part { start, end: start.plus_ms(2000), quantity: 3000, rating_group: Some(100) },
                Part {
                    start: start.plus_ms(2000),
                    end: start.plus_ms(5000),
                    quantity: 2000,
                    rating_group: None
                },
            ],
            calling: Party::E164(Digits::parse(b"34915550123").unwrap()),
            called: Party::Other("sip:a@b".into()),
            served: Served {
                subscription: Some("S-1".into()),
                imsi: Digits::parse(b"214010000000001"),
                number: Party::Absent,
            },
            serving_network: Digits::parse(b"21401"),
            charged: Some(Money::new("1.50".parse().unwrap(), Currency::parse("EUR").unwrap())),
            attributes: Some([("apn", "internet")].into_iter().collect()),
        }
    }

    #[test]
    fn a_session_reads_back_and_every_cut_of_it_is_an_error() {
        let session = Session {
            key: [5, 6],
            deadline_ms: 12,
            members: vec![HeldPartial { record: record(), raw: b"a;b;c".as_slice().into() }],
        };
        let mut out = Encoder::default();
        put_session(&mut out, &session);
        assert_eq!(get_session(&mut Decoder::new(&out.bytes, "session")), Ok(session));
        for len in 0..out.bytes.len() {
            assert!(get_session(&mut Decoder::new(&out.bytes[..len], "session")).is_err(), "{len}");
        }
    }

    #[test]
    fn a_claim_has_its_declared_length() {
        let mut out = Encoder::default();
        put_claim(&mut out, &record().claim);
        assert_eq!(out.bytes.len(), CLAIM_LEN);
        assert_eq!(get_claim(&mut Decoder::new(&out.bytes, "claim")), Ok(record().claim));
    }
}
