//! A usage record for the tests of the stages.
//! Relies on nothing; each test changes the fields it is about.
//! Never built into the product.

use caudal_usage::record::ByteSpan;
use caudal_usage::{
    Claim, Direction, FileOrdinal, Identity, Part, Party, Position, RecordType, Role, Served, Service, Slot,
    Timestamp, Unit, UsageRecord,
};
use smallvec::smallvec;

/// A call of 60 s from the epoch on, record 1 of file 1.
pub(crate) fn usage() -> UsageRecord {
    let (start, end) = (Timestamp::utc(0), Timestamp::utc(60_000));
    UsageRecord {
        claim: Claim {
            fingerprint: [0; 2],
            billed: 0,
            at: Position { file: FileOrdinal(1), record: 1 },
            day: 0,
            slot: Slot(0),
            attempt: 0,
        },
        identity: Identity(0),
        session: [0; 2],
        partial: None,
        bytes: ByteSpan::default(),
        source: 0,
        filter: None,
        record_type: RecordType::Moc,
        service: Service::Voice,
        direction: Direction::Out,
        role: Role::Originating,
        unit: Unit::Millisecond,
        start,
        end,
        parts: smallvec![Part { start, end, quantity: 60_000, rating_group: None }],
        calling: Party::Absent,
        called: Party::Absent,
        served: Served::default(),
        serving_network: None,
        charged: None,
        attributes: None,
    }
}
