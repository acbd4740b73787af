//! The generated price plans as plain numbers, from which both the plan files and the expected amounts are made.
//! Relies on whole micros and whole seconds: every price divides without a rest.
//! Never shared with the tariff and rating code under test.

/// Price of a minute in millionths, per band, and how calls are counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Voice {
    /// Millionths for 60 s between 08:00 and 20:00, Monday to Friday.
    pub day_micros: u64,
    /// Millionths for 60 s at other times.
    pub other_micros: u64,
    /// First increment, seconds.
    pub first_s: u64,
    /// Next increments, seconds.
    pub next_s: u64,
    /// Connection fee, millionths.
    pub fee_micros: u64,
}

/// Counts a cycle's free usage starts with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Free {
    /// Seconds of national calls.
    pub voice_s: u64,
    /// Steps of 100 kB.
    pub data_steps: u64,
    /// Messages.
    pub messages: u64,
}

/// One plan.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Plan {
    /// Its id and the name of its file.
    pub id: &'static str,
    /// Its name for people.
    pub name: &'static str,
    /// What it charges in.
    pub currency: &'static str,
    /// National calls.
    pub national: Voice,
    /// Millionths of a message.
    pub sms_micros: u64,
    /// Millionths for 100 kB up to [`TIER_STEPS`].
    pub data_low_micros: u64,
    /// Millionths for 100 kB above.
    pub data_high_micros: u64,
    /// Allowances of a cycle, where the plan has some.
    pub free: Option<Free>,
}

/// Data is counted in steps of so many octets.
pub const STEP_OCTETS: u64 = 100_000;

/// Rating group with a price by hours, of every plan.
pub const VIDEO: u32 = 20;

/// Rating group that costs nothing.
pub const CHAT: u32 = 30;

/// Millionths for 100 kB of [`VIDEO`] between 08:00 and 20:00, Monday to Friday.
pub const VIDEO_DAY_MICROS: u64 = 3_000;

/// Millionths for 100 kB of [`VIDEO`] at other times.
pub const VIDEO_OTHER_MICROS: u64 = 1_500;

/// Steps of the first tier in a cycle: 1 GB.
pub const TIER_STEPS: u64 = 10_000;

const NATIONAL: Voice =
    Voice { day_micros: 100_000, other_micros: 50_000, first_s: 30, next_s: 6, fee_micros: 150_000 };

/// The plans that subscriptions are spread over.
pub const PLANS: [Plan; 3] = [
    Plan {
        id: "basic",
        name: "Basic",
        currency: "EUR",
        national: NATIONAL,
        sms_micros: 80_000,
        data_low_micros: 1_000,
        data_high_micros: 500,
        free: None,
    },
    Plan {
        id: "plus",
        name: "Plus 2 GB",
        currency: "EUR",
        national: NATIONAL,
        sms_micros: 60_000,
        data_low_micros: 800,
        data_high_micros: 400,
        free: Some(Free { voice_s: 18_000, data_steps: 20_000, messages: 20 }),
    },
    Plan {
        id: "visitor",
        name: "Visitor",
        currency: "USD",
        national: Voice { day_micros: 240_000, other_micros: 120_000, first_s: 60, next_s: 1, fee_micros: 0 },
        sms_micros: 110_000,
        data_low_micros: 2_000,
        data_high_micros: 1_500,
        free: None,
    },
];

/// Currencies of the plans, in the order of their index in totals.
pub const CURRENCIES: [&str; 2] = ["EUR", "USD"];

/// The plan of a subscription: half basic, 7/16 plus, 1/16 visitor.
pub fn plan_of(subscription: u32) -> &'static Plan {
    match subscription % 16 {
        0..8 => &PLANS[0],
        8..15 => &PLANS[1],
        _ => &PLANS[2],
    }
}

/// Day of the month on which the cycles of a subscription's account begin, 1 to 28.
pub fn anchor_of(subscription: u32) -> u8 {
    u8::try_from(subscription / 16 % 28).unwrap_or(0) + 1
}

/// Calls to a zone abroad: odd zones count 30/6, even ones 60/1.
pub fn abroad(zone: u32) -> Voice {
    let zone = u64::from(zone);
    let (first_s, next_s) = if zone % 2 == 1 { (30, 6) } else { (60, 1) };
    Voice {
        day_micros: 120_000 * (1 + zone % 10),
        other_micros: 60_000 * (1 + zone % 10),
        first_s,
        next_s,
        fee_micros: 50_000 * (zone % 3),
    }
}

/// Millionths as a decimal with six places.
pub fn decimal(micros: u64) -> String {
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}
