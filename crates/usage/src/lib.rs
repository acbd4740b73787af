//! The words of the field: parties, quantities, money, time, usage records, billable events, outcomes and codes.
//! Everything above speaks in these types; nothing here knows a file format, a tariff, a disk or a clock.
//! Types are parsed once into shapes that cannot be wrong, so later stages do not check again.

pub mod alarm;
pub mod attributes;
pub mod balance;
pub mod books;
pub mod claim;
pub mod code;
pub mod commit;
pub mod diagnostic;
pub mod digits;
pub mod event;
pub mod identity;
pub mod money;
pub mod position;
pub mod quantity;
pub mod raw;
pub mod record;
pub mod reference;
pub mod runs;
pub mod sequence;
pub mod session;
pub mod time;
pub mod zone;

pub use attributes::AttributeList;
pub use balance::{Balance, BalanceKey, CounterId, Owner};
pub use books::{BookKey, Counts};
pub use claim::{Claim, Reach};
pub use code::{Code, Fault, Stage};
pub use commit::{
    Commit, Continued, Cursor, FileClaim, FileEntry, FileProgress, Finished, FoundFile, OpenFile, Receipt,
    SourceCursor, Stamp, Stream,
};
pub use diagnostic::{Diagnostic, Severity};
pub use digits::Digits;
pub use event::{
    AllowanceUse, AmountBasis, BillableEvent, ChargeLine, CounterUse, DiscountUse, EventId, EventKind,
    Exchanged, LineKind, Lines, Notification, Operation, Reductions, Run, Uses,
};
pub use identity::{Fields, Identity, Joined, KeySecret};
pub use money::{Currency, Money, MoneyError, Price, Rounding, RoundingMode};
pub use position::{FileOrdinal, Position, Slot, Turn};
pub use quantity::{Service, Unit};
pub use raw::{LocalTime, RawPart, RawUsage};
pub use record::{Direction, Part, Partial, Party, RecordType, Role, Served, UsageRecord};
pub use reference::{Account, CycleAnchor, Roster, Subscription, Validity};
pub use runs::RunCounts;
pub use session::{HeldPartial, Session};
pub use time::{Date, Timestamp};
pub use zone::{LocalResolution, TimeZone};

/// Decimal type of all prices and amounts.
pub use rust_decimal::Decimal;
