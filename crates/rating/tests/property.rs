//! Laws of rating over random plans, usage and zones; the walk over bands against a plain second-by-second oracle.
//! Relies on plans as text and on the public interface; the oracle asks chrono for every single portion.
//! Never shares arithmetic with what it tests.
#![allow(clippy::unwrap_used, reason = "what tests share fails as they do")]

mod support;

use caudal_rating::{AccountBalances, Clock, Events, Rater, RatingInput};
use caudal_tariff::{SourceFile, Sources, Tariff, compile};
use caudal_usage::{
    BillableEvent, CycleAnchor, Decimal, LineKind, Part, Run, Service, TimeZone, Timestamp, UsageRecord,
};
use chrono::{Datelike, TimeZone as _, Timelike};
use proptest::prelude::*;
use support::{Bench, account, subscription, tariff, usage};

/// Zones with half hours, clock changes at midnight, by half an hour, and a skipped day.
const ZONES: [&str; 10] = [
    "Europe/Madrid",
    "UTC",
    "America/St_Johns",
    "Asia/Beirut",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "America/Sao_Paulo",
    "Asia/Kathmandu",
    "Africa/Casablanca",
    "Pacific/Kiritimati",
];

/// Whole units of a balance.
fn units(value: Decimal) -> i64 {
    value.to_string().parse().unwrap()
}

/// Increments, first and next, in seconds.
fn increments() -> impl Strategy<Value = (i64, i64)> {
    prop_oneof![Just((30, 6)), Just((60, 1)), Just((60, 60)), Just((1, 1)), (1i64..200, 1i64..200)]
}

/// An instant from 2005 to 2037, half of them near a clock change of some zone.
fn instant() -> impl Strategy<Value = i64> {
    let near = prop::sample::select(vec![
        1_774_746_000_000i64,
        1_792_890_000_000,
        1_774_731_600_000,
        1_775_314_800_000,
        1_325_239_200_000,
        1_541_300_400_000,
        1_772_947_800_000,
    ]);
    prop_oneof![
        1_104_537_600i64..2_114_380_800,
        near.prop_flat_map(|at| at / 1000 - 90_000..at / 1000 + 90_000)
    ]
    .prop_map(|seconds| seconds * 1000)
}

/// Two bands of one rate: `day` from one hour to another on some days, `other` else.
#[derive(Clone, Debug)]
struct TwoBands {
    from: u32,
    to: u32,
    working_days: bool,
    day: (i64, i64),
    other: (i64, i64),
}

fn two_bands() -> impl Strategy<Value = TwoBands> {
    (0u32..23, 1u32..24, any::<bool>(), increments(), increments()).prop_map(
        |(from, more, working_days, day, other)| TwoBands {
            from,
            to: (from + more).min(24),
            working_days,
            day,
            other,
        },
    )
}

impl TwoBands {
    fn plan(&self) -> String {
        let days = if self.working_days { "mon-fri" } else { "mon-sun" };
        let ((first, next), (other_first, other_next)) = (self.day, self.other);
        format!(
            "[[rate]]\nid = \"calls\"\napplies_to = {{ service = \"voice\" }}\nprice = \"0.10 per 60 s\"\n\
             increments = \"{first}/{next}\"\nbands = [ {{ name = \"day\", days = \"{days}\", hours = \
             \"{:02}:00-{:02}:00\" }}, {{ name = \"other\", price = \"0.07 per 60 s\", increments = \
             \"{other_first}/{other_next}\" }} ]\n",
            self.from, self.to
        )
    }

    fn is_day(&self, zone: chrono_tz::Tz, utc_ms: i64) -> bool {
        let local = zone.timestamp_millis_opt(utc_ms).unwrap();
        let working = !self.working_days || local.weekday().num_days_from_monday() < 5;
        working && (self.from..self.to).contains(&local.hour())
    }

    /// Billed seconds by day and otherwise, one portion after the other.
    fn oracle(&self, zone: &str, start_ms: i64, seconds: i64) -> (i64, i64) {
        let zone: chrono_tz::Tz = zone.parse().unwrap();
        let (mut day, mut other, mut position) = (0, 0, 0);
        while position < seconds {
            let in_day = self.is_day(zone, start_ms + position * 1000);
            let (first, next) = if in_day { self.day } else { self.other };
            let portion = if position < first { first - position } else { next };
            *(if in_day { &mut day } else { &mut other }) += portion;
            position += portion;
        }
        (day, other)
    }
}

fn calls(price: &str, (first, next): (i64, i64)) -> String {
    format!(
        "[[rate]]\nid = \"calls\"\napplies_to = {{ service = \"voice\" }}\nprice = \"{price}\"\n\
         increments = \"{first}/{next}\"\n"
    )
}

fn voice(start_ms: i64, seconds: i64) -> UsageRecord {
    usage(Service::Voice, Timestamp::utc(start_ms), seconds * 1000)
}

fn allowance(id: &str, seconds: i64) -> String {
    format!(
        "[[allowance]]\nid = \"{id}\"\nquantity = \"{seconds} s\"\napplies_to = {{ service = \"voice\" }}\n"
    )
}

fn priced(event: &BillableEvent) -> i64 {
    let units =
        event.lines.iter().filter(|line| line.kind != LineKind::ConnectionFee).map(|line| line.quantity);
    units.sum()
}

fn covered(event: &BillableEvent) -> i64 {
    event.allowance_uses.iter().map(|used| units(used.quantity)).sum()
}

/// Billed seconds of increments, one by one.
fn billed((first, next): (i64, i64), seconds: i64) -> i64 {
    let mut position = 0;
    while position < seconds {
        position += if position == 0 { first } else { next };
    }
    position
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn billed_units_are_the_least_legal_multiple(increments in increments(), seconds in 0i64..20_000) {
        let tariff = tariff(&calls("0.01 per s", increments));
        let mut bench = Bench::new(&tariff);
        let call = voice(1_790_000_000_000, seconds);
        let events = bench.rate(&call).unwrap();
        prop_assert_eq!(events[0].billed_quantity, billed(increments, seconds) * 1000);
        prop_assert!(events[0].billed_quantity >= events[0].raw_quantity);
        prop_assert_eq!(events[0].raw_quantity, seconds * 1000);
    }

    #[test]
    fn the_walk_over_bands_agrees_with_the_oracle(
        bands in two_bands(), start_ms in instant(), seconds in 0i64..200_000, zone in prop::sample::select(&ZONES[..]),
    ) {
        let tariff = tariff(&bands.plan());
        let mut bench = Bench::on(&tariff, "p", account(zone, 1));
        let call = voice(start_ms, seconds);
        let events = bench.rate(&call).unwrap();
        let of = |name: &str| -> i64 {
            events[0].lines.iter().filter(|line| line.band == Some(name)).map(|line| line.quantity).sum()
        };
        let (day, other) = bands.oracle(zone, start_ms, seconds);
        prop_assert_eq!((of("day"), of("other")), (day * 1000, other * 1000));
        prop_assert_eq!(events[0].billed_quantity, (day + other) * 1000);
    }

    #[test]
    fn covered_and_priced_are_billed(
        bands in two_bands(), start_ms in instant(), seconds in 0i64..100_000,
        first in 1i64..50_000, second in 1i64..50_000,
    ) {
        let tariff = tariff(&(bands.plan() + &allowance("a", first) + &allowance("b", second)));
        let mut bench = Bench::new(&tariff);
        let call = voice(start_ms, seconds);
        let events = bench.rate(&call).unwrap();
        prop_assert_eq!(covered(&events[0]) + priced(&events[0]), events[0].billed_quantity);
        for used in &events[0].allowance_uses {
            prop_assert!(units(used.quantity) > 0 && units(used.after) >= 0 && used.before - used.quantity == used.after);
        }
    }

    #[test]
    fn an_allowance_gives_its_quantity_and_no_more(
        quantity in 1i64..2_000, seconds in prop::collection::vec(0i64..500, 1..20), increments in increments(),
    ) {
        let tariff = tariff(&(calls("0.01 per s", increments) + &allowance("a", quantity)));
        let mut bench = Bench::new(&tariff);
        let mut given = 0;
        for (at, seconds) in (0i64..).zip(seconds) {
            let call = voice(1_790_900_000_000 + at * 1_000_000, seconds);
            let events = bench.rate(&call).unwrap();
            for used in &events[0].allowance_uses {
                prop_assert_eq!(units(used.before), quantity * 1000 - given);
                given += units(used.quantity);
                prop_assert_eq!(units(used.after), quantity * 1000 - given);
            }
        }
        prop_assert!((0..=quantity * 1000).contains(&given));
        let used: Vec<_> = bench.balances.iter().map(|balance| balance.used).collect();
        prop_assert!(used.iter().all(|used| *used == Decimal::from(given)));
    }

    #[test]
    fn the_amount_is_the_sum_of_lines_that_a_person_can_check(
        bands in two_bands(), start_ms in instant(), seconds in 1i64..100_000,
    ) {
        let tariff = tariff(&bands.plan());
        let mut bench = Bench::new(&tariff);
        let call = voice(start_ms, seconds);
        let events = bench.rate(&call).unwrap();
        let mut micros = 0i128;
        for line in &events[0].lines {
            // 0.10 or 0.07 per 60 s: micros = cents × 10^4 × units ÷ 60,000, halves up.
            let cents = if line.band == Some("day") { 10i128 } else { 7 };
            let twice = 2 * cents * 10_000 * i128::from(line.quantity) + 60_000;
            let expected = twice / 120_000;
            prop_assert_eq!(line.amount, Decimal::from_i128_with_scale(expected, 6));
            prop_assert_eq!(line.amount.scale(), 6);
            micros += expected;
        }
        prop_assert_eq!(events[0].amount.mantissa(), micros);
        prop_assert_eq!(events[0].amount.scale(), 6);
    }

    #[test]
    fn without_bands_a_longer_call_costs_no_less(
        increments in increments(), short in 0i64..5_000, more in 0i64..5_000, cents in 0u32..1_000,
    ) {
        let body = calls(&format!("0.{cents:03} per 60 s"), increments) + "connection_fee = \"0.15\"\n";
        let tariff = tariff(&body);
        let amount = |seconds| {
            let call = voice(1_790_000_000_000, seconds);
            Bench::new(&tariff).rate(&call).unwrap()[0].amount
        };
        prop_assert!(amount(short) <= amount(short + more));
    }

    #[test]
    fn cycles_tile_time_in_every_zone(
        zone in prop::sample::select(chrono_tz::TZ_VARIANTS.to_vec()), anchor in 1u8..=31, at in instant(),
    ) {
        let zone = TimeZone::parse(zone.name()).unwrap();
        let mut clock = Clock::new(zone);
        let cycle = clock.cycle(CycleAnchor(anchor), at);
        prop_assert!(cycle.from_ms <= at && at < cycle.to_ms);
        let days = (cycle.to_ms - cycle.from_ms) / 3_600_000;
        prop_assert!((27 * 24..=32 * 24).contains(&days), "{} h", days);
        for (inside, same) in [(cycle.from_ms, true), (cycle.to_ms - 1, true), (cycle.to_ms, false), (cycle.from_ms - 1, false)] {
            let other = clock.cycle(CycleAnchor(anchor), inside);
            prop_assert_eq!(other == cycle, same);
            prop_assert!(same || other.from_ms == cycle.to_ms || other.to_ms == cycle.from_ms);
            prop_assert_eq!(other, Clock::new(zone).cycle(CycleAnchor(anchor), inside));
        }
        let last = caudal_usage::time::days_in_month(cycle.first.year, cycle.first.month);
        prop_assert_eq!(cycle.first.day, anchor.min(last));
    }

    #[test]
    fn tiers_do_not_care_how_the_cycle_is_cut(
        parts in prop::collection::vec(0i64..400, 1..12), bound in 1i64..800, next in 1i64..800,
    ) {
        let tariff = tariff(&format!(
            "[[rate]]\nid = \"texts\"\napplies_to = {{ service = \"sms\" }}\ntiers = {{ model = \"graduated\", over = \
             \"cycle\", steps = [ {{ up_to = \"{bound} events\", price = \"1.00 per event\" }}, {{ up_to = \"{} events\", \
             price = \"0.50 per event\" }}, {{ price = \"0.25 per event\" }} ] }}\n",
            bound + next,
        ));
        let start = Timestamp::utc(1_791_000_000_000);
        let mut bench = Bench::new(&tariff);
        let mut sum = Decimal::ZERO;
        for part in &parts {
            sum += bench.rate(&usage(Service::Sms, start, *part)).unwrap()[0].amount;
        }
        let total: i64 = parts.iter().sum();
        let whole = Bench::new(&tariff).rate(&usage(Service::Sms, start, total)).unwrap()[0].amount;
        let quarters = 4 * total.min(bound) + 2 * (total - bound).clamp(0, next) + (total - bound - next).max(0);
        prop_assert_eq!(sum, whole);
        prop_assert_eq!(whole * Decimal::from(4), Decimal::from(quarters));
    }

    #[test]
    fn a_fault_changes_nothing(
        octets in prop::collection::vec(0i64..5_000_000, 1..8), bad in 0usize..8, before in 0i64..9_000_000,
    ) {
        let tariff = tariff(
            "[[rate]]\nid = \"web\"\napplies_to = { service = \"data\", rating_group = 1 }\nincrements = \"100 kB\"\n\
             tiers = { model = \"graduated\", over = \"cycle\", steps = [ { price = \"0.01 per MB\" } ] }\n\
             [[allowance]]\nid = \"a\"\nquantity = \"10 MB\"\napplies_to = { service = \"data\" }\n",
        );
        let start = Timestamp::utc(1_791_000_000_000);
        let record = |parts: &[i64], bad: Option<usize>| {
            let mut record = usage(Service::Data, start, 0);
            let part = |(at, octets): (usize, &i64)| {
                let rating_group = Some(if Some(at) == bad { 9 } else { 1 });
                Part { start, end: start, quantity: *octets, rating_group }
            };
            record.parts = parts.iter().enumerate().map(part).collect();
            record
        };
        let mut bench = Bench::new(&tariff);
        bench.rate(&record(&[before], None)).unwrap();
        bench.fault(&record(&octets, Some(bad % octets.len())));
        let good = record(&octets, None);
        let events = bench.rate(&good).unwrap();
        // One record and rating group: rounded up once.
        let billed = (octets.iter().sum::<i64>() + 99_999) / 100_000 * 100_000;
        prop_assert_eq!(events[0].billed_quantity, billed);
        prop_assert_eq!(covered(&events[0]) + priced(&events[0]), billed);
    }

    #[test]
    fn caches_of_a_rater_change_nothing(
        bands in two_bands(), calls in prop::collection::vec((instant(), 0i64..30_000, 0usize..10, 1u8..=31), 1..20),
    ) {
        let adjusted = "[[discount]]\nid = \"d\"\npercent = \"10\"\n[[cap]]\nid = \"c\"\namount = \"9.00\"\nthresholds = [50]\n";
        let tariff = tariff(&(bands.plan() + &allowance("a", 10_000) + adjusted));
        let message = usage(Service::Sms, Timestamp::utc(1_790_000_000_000), 1);
        let (subscription, roster) = (subscription(0), vec![subscription(0)]);
        let calls: Vec<_> = calls.into_iter().map(|(start_ms, seconds, zone, anchor)| {
            (voice(start_ms, seconds), account(ZONES[zone], anchor))
        }).collect();
        // The list of events goes from call to call too.
        let (mut busy, mut warm) = (Rater::new(&tariff), Events::new());
        for (call, account) in &calls {
            let input = RatingInput {
                usage: call, run: Run::Retail, account, subscription: &subscription, roster: &roster,
            };
            let mut balances = [Default::default(), Default::default()];
            busy.rate_into(&input, &mut balances[0], &mut warm).unwrap();
            let cold = Rater::new(&tariff).rate(&input, &mut balances[1]).unwrap();
            prop_assert_eq!(&*warm, &*cold);
            let refused = RatingInput { usage: &message, ..input };
            if call.start.utc_ms % 2 == 0 {
                prop_assert!(busy.rate_into(&refused, &mut AccountBalances::default(), &mut warm).is_err());
                prop_assert!(warm.is_empty());
            }
            prop_assert_eq!(&balances[0], &balances[1]);
        }
    }

    #[test]
    fn data_parts_fall_into_their_own_cycles(
        parts in prop::collection::vec((0i64..80 * 86_400, 0i64..1_000_000), 1..10), anchor in 1u8..=31,
    ) {
        let tariff = tariff(
            "[[rate]]\nid = \"web\"\napplies_to = { service = \"data\" }\nprice = \"0.01 per MB\"\nincrements = \"1 kB\"\n",
        );
        let base = 1_790_000_000_000;
        let mut record = usage(Service::Data, Timestamp::utc(base), 0);
        let part = |(seconds, octets): &(i64, i64)| {
            let start = Timestamp::utc(base + seconds * 1000);
            Part { start, end: start, quantity: *octets, rating_group: None }
        };
        record.parts = parts.iter().map(part).collect();
        let mut bench = Bench::on(&tariff, "p", account("Europe/Madrid", anchor));
        let mut clock = Clock::new(TimeZone::parse("Europe/Madrid").unwrap());
        let events = bench.rate(&record).unwrap();
        let ids: std::collections::BTreeSet<_> = events.iter().map(|event| event.id).collect();
        prop_assert_eq!(ids.len(), events.len());
        for event in events.iter() {
            let own = record.parts.iter().filter(|part| clock.cycle(CycleAnchor(anchor), part.start.utc_ms).first == event.cycle);
            prop_assert_eq!(own.map(|part| part.quantity).sum::<i64>(), event.raw_quantity);
        }
        prop_assert_eq!(events.iter().map(|event| event.raw_quantity).sum::<i64>(), record.quantity().unwrap());
    }

    #[test]
    fn a_damaged_plan_is_refused_or_rated_but_never_a_panic(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = include_bytes!("../../../pipelines/quickstart/plans/movil-20.toml").to_vec();
        for (at, byte) in &damage {
            let at = at.index(bytes.len());
            bytes[at] = *byte;
        }
        bytes.truncate(bytes.len() - cut.index(bytes.len()) % 40);
        let table = |path: &str, bytes: &[u8]| SourceFile { path: path.into(), bytes: bytes.to_vec() };
        let sources = Sources {
            plans: vec![
                SourceFile { path: "plans/x.toml".into(), bytes },
                table("plans/b.toml", include_bytes!("../../../pipelines/quickstart/plans/base-mobile.toml")),
            ],
            tables: vec![table(
                "rates/international.csv", include_bytes!("../../../pipelines/quickstart/rates/international.csv"),
            )],
            zones: Some(table("zones.csv", include_bytes!("../../../pipelines/quickstart/zones.csv"))),
            holidays: None,
            ..Sources::default()
        };
        let (tariff, findings): (Option<Tariff>, _) = compile(&sources);
        prop_assert!(tariff.is_some() || !findings.is_empty());
        if let Some(tariff) = tariff {
            let plans = tariff.plans().len();
            let mut bench = Bench::on(&tariff, "base-mobile", account("Europe/Madrid", 1));
            bench.subscription.plan = u32::try_from(plans - 1).unwrap();
            let _ = bench.story(&voice(1_790_000_000_000, 100));
        }
    }
}
