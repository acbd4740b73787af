use super::*;
use crate::testing::usage;
use caudal_usage::{Part, Service, Timestamp, Unit};
use smallvec::smallvec;

const HOLD_MS: i64 = 1_000_000;

/// Partial record `sequence` of session `key`: 10 s, from `sequence` × 10 s on; its position is 1:sequence.
fn partial(key: u64, sequence: u32, last: bool) -> UsageRecord {
    let start = Timestamp::utc(i64::from(sequence) * 10_000);
    let end = start.plus_ms(10_000);
    let mut record = usage();
    record.session = [key, 0];
    record.claim.at.record = sequence;
    record.partial = Some(Partial { sequence, last });
    (record.start, record.end) = (start, end);
    record.parts = smallvec![Part { start, end, quantity: 10_000, rating_group: None }];
    record
}

fn offer(assembler: &mut Assembler, record: UsageRecord) -> Offered {
    let raw = format!("raw {}", record.claim.at.record);
    let rule = Rule { longest_hold_ms: HOLD_MS, ..Rule::default() };
    assembler.offer(record, raw.as_bytes(), &rule, 0).unwrap()
}

fn whole(offered: Offered) -> Assembled {
    match offered {
        Offered::Complete(assembled) => *assembled,
        other => panic!("expected a whole session, found {other:?}"),
    }
}

#[test]
fn a_record_that_is_no_partial_passes() {
    let mut assembler = Assembler::default();
    let assembled = whole(offer(&mut assembler, usage()));
    assert_eq!((assembled.usage, assembled.members.len()), (usage(), 1));
    assert_eq!(assembler.take_changed(), [[0u64; 2]; 0]);
}

#[test]
fn every_order_of_arrival_gives_the_same_usage() {
    let orders = [[1, 2, 3], [1, 3, 2], [2, 1, 3], [2, 3, 1], [3, 1, 2], [3, 2, 1]];
    for order in orders {
        let mut assembler = Assembler::default();
        for sequence in &order[..2] {
            assert_eq!(
                offer(&mut assembler, partial(7, *sequence, *sequence == 3)),
                Offered::Held,
                "{order:?}"
            );
        }
        assert_eq!(assembler.held(), 2);
        let Assembled { usage, members } = whole(offer(&mut assembler, partial(7, order[2], order[2] == 3)));
        assert_eq!((usage.start.utc_ms, usage.end.utc_ms, usage.quantity()), (10_000, 40_000, Some(30_000)));
        assert_eq!(
            (usage.at().record, &*members[0].raw, usage.parts.len(), usage.partial),
            (1, &b"raw 1"[..], 1, None)
        );
        assert_eq!(
            members.iter().skip(1).map(|member| member.record.at().record).collect::<Vec<_>>(),
            [2, 3]
        );
        assert_eq!((assembler.held(), assembler.held_octets, assembler.deadlines.len()), (0, 0, 0));
    }
}

#[test]
fn what_contradicts_its_session_is_refused_alone() {
    let sms =
        |sequence| UsageRecord { service: Service::Sms, unit: Unit::Event, ..partial(7, sequence, false) };
    type Case<'a> = (&'a [(u32, bool)], UsageRecord, &'a str);
    let cases: &[Case<'_>] = &[
        (&[], partial(7, 0, false), "0 before first 1"),
        (&[(2, false)], partial(7, 2, true), "2 again, first at 1:2"),
        (&[(3, true)], partial(7, 4, false), "4 after last 3"),
        (&[(3, true)], partial(7, 4, true), "4 after last 3"),
        (&[(3, false)], partial(7, 2, true), "last 2 before 3"),
        (&[(3, false)], sms(2), "2 is sms, others voice"),
    ];
    for (held, record, found) in cases {
        let mut assembler = Assembler::default();
        for &(sequence, last) in *held {
            offer(&mut assembler, partial(7, sequence, last));
        }
        let Offered::Refused(back, fault) = offer(&mut assembler, record.clone()) else { panic!("{found}") };
        assert_eq!((&*back, fault.code, fault.stage), (record, Code::Contradictory, Stage::Assemble));
        assert_eq!((fault.field.as_str(), fault.found.as_str()), ("sequence", *found));
        assert_eq!(assembler.held(), held.len());
    }
}

#[test]
fn bounds_hold() {
    let mut assembler = Assembler::default();
    for sequence in 1..=MAX_MEMBERS as u32 {
        assert_eq!(offer(&mut assembler, partial(7, sequence, false)), Offered::Held);
    }
    let Offered::Refused(_, fault) = offer(&mut assembler, partial(7, 5_000, false)) else { panic!() };
    assert_eq!(fault.found, "more than 1000 partial records");
    let mut assembler = Assembler { max_sessions: 1, ..Assembler::default() };
    offer(&mut assembler, partial(1, 1, false));
    let full = assembler.offer(partial(2, 1, false), b"", &Rule::default(), 0).unwrap_err();
    assert_eq!(full.to_string(), "open sessions exceed their bound: found more than 1 sessions");
    assert_eq!(offer(&mut assembler, partial(1, 2, false)), Offered::Held, "an open session goes on");
}

#[test]
fn a_sum_that_does_not_fit_suspends_all_members() {
    let mut assembler = Assembler::default();
    let mut big = partial(7, 1, false);
    big.parts[0].quantity = i64::MAX;
    offer(&mut assembler, big);
    let Offered::Suspended(members, fault) = offer(&mut assembler, partial(7, 2, true)) else { panic!() };
    assert_eq!((members.len(), fault.code, fault.stage), (2, Code::Overflow, Stage::Assemble));
    assert_eq!(assembler.held(), 0);
}

#[test]
fn rating_groups_stay_apart() {
    let mut assembler = Assembler::default();
    let data = |sequence: u32, groups: &[u32]| {
        let mut record = partial(7, sequence, sequence == 2);
        let part = record.parts[0];
        record.parts = groups.iter().map(|group| Part { rating_group: Some(*group), ..part }).collect();
        record
    };
    offer(&mut assembler, data(1, &[10, 20]));
    let usage = whole(offer(&mut assembler, data(2, &[20, 30]))).usage;
    let parts: Vec<_> = usage.parts.iter().map(|part| (part.rating_group.unwrap(), part.quantity)).collect();
    assert_eq!(parts, [(10, 10_000), (20, 20_000), (30, 10_000)]);
}

#[test]
fn containers_keep_their_times() {
    let mut assembler = Assembler::default();
    let data = |sequence: u32, groups: &[u32]| {
        let mut record = partial(7, sequence, sequence == 2);
        let times = |index: usize| record.start.plus_ms(i64::try_from(index).unwrap() * 1000);
        let part = |(index, group): (usize, &u32)| Part {
            start: times(index),
            end: times(index + 1),
            quantity: 5,
            rating_group: Some(*group),
        };
        record.parts = groups.iter().enumerate().map(part).collect();
        record
    };
    offer(&mut assembler, data(2, &[20, 30]));
    let usage = whole(offer(&mut assembler, data(1, &[10, 20]))).usage;
    let parts: Vec<_> =
        usage.parts.iter().map(|part| (part.rating_group.unwrap(), part.start.utc_ms)).collect();
    assert_eq!(parts, [(10, 10_000), (20, 11_000), (20, 20_000), (30, 21_000)]);
    assert_eq!((usage.quantity(), usage.end.utc_ms), (Some(20), 30_000));
}

#[test]
fn sessions_past_their_hold_are_released_in_order_of_their_keys() {
    let mut assembler = Assembler::default();
    for (key, sequences) in [(9, &[1, 2, 4][..]), (3, &[2]), (5, &[1, 2])] {
        for &sequence in sequences {
            offer(&mut assembler, partial(key, sequence, key == 9 && sequence == 4));
        }
    }
    // Of another source, whose rule rates what is there; its last event ends later.
    offer(&mut assembler, UsageRecord { source: 1, ..partial(1, 9, false) });
    let on_gap = |source| if source == 1 { OnGap::Rate } else { OnGap::Suspend };
    assert!(!assembler.is_due(30_000 + HOLD_MS));
    let first: Vec<_> =
        assembler.release(30_001 + HOLD_MS, on_gap).into_iter().map(|item| text(&item)).collect();
    assert_eq!(first, ["gap in sequence: have 2 no last", "gap in sequence: have 1-2 no last"]);
    let second: Vec<_> = assembler.release(i64::MAX, on_gap).into_iter().map(|item| text(&item)).collect();
    assert_eq!(second, ["rated 10000", "gap in sequence: have 1-2,4 last 4"]);
    assert_eq!(assembler.held(), 0);
}

fn text(released: &Released) -> String {
    match released {
        Released::Rated(assembled) => format!("rated {}", assembled.usage.quantity().unwrap()),
        Released::Suspended(_, fault) => format!("{} in {}: {}", fault.code, fault.field, fault.found),
    }
}

#[test]
fn an_old_record_is_held_from_the_watermark_on() {
    let mut assembler = Assembler::default();
    let rule = Rule { longest_hold_ms: HOLD_MS, ..Rule::default() };
    let watermark_ms = 10 * HOLD_MS;
    assembler.offer(partial(7, 1, false), b"", &rule, watermark_ms).unwrap();
    assert!(!assembler.is_due(watermark_ms + HOLD_MS) && assembler.is_due(watermark_ms + HOLD_MS + 1));
}

#[test]
fn state_goes_out_as_changes_and_comes_back() {
    let mut assembler = Assembler::default();
    offer(&mut assembler, partial(2, 1, false));
    offer(&mut assembler, partial(1, 1, false));
    assert_eq!(assembler.take_changed(), [[1, 0], [2, 0]]);
    offer(&mut assembler, partial(2, 2, true));
    assert_eq!(assembler.take_changed(), [[2, 0]]);
    assert_eq!(assembler.session([2, 0]), None);
    let mut restored = Assembler::default();
    assembler.sessions().cloned().for_each(|session| restored.restore(session));
    assert_eq!(restored.take_changed(), [[0u64; 2]; 0]);
    assert_eq!((&restored.sessions, &restored.deadlines), (&assembler.sessions, &assembler.deadlines));
    assert_eq!(restored.held_octets, assembler.held_octets);
    whole(offer(&mut restored, partial(1, 2, true)));
    restored.restore(assembler.session([1, 0]).unwrap().clone());
    restored.forget([1, 0]);
    assert_eq!((restored.held(), restored.held_octets), (0, 0));
}

/// Records in, however they come: each is held, joined, refused or suspended, and none twice.
#[test]
fn every_record_ends_once() {
    for seed in 0..200u64 {
        let mut random = seed;
        let mut next = |below: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) % below
        };
        let mut assembler = Assembler::default();
        let (mut offered, mut ended) = (0u32, Vec::new());
        for number in 1..=300 {
            let mut record = partial(next(6), next(8) as u32, next(4) == 0);
            record.claim.at.record = number;
            offered += 1;
            match offer(&mut assembler, record) {
                Offered::Held => {}
                Offered::Complete(whole) => ended.extend(positions(&whole.members)),
                Offered::Refused(record, _) => ended.push(record.at().record),
                Offered::Suspended(members, _) => ended.extend(positions(&members)),
            }
            if next(40) == 0 {
                ended.extend(
                    assembler.release(HOLD_MS + next(90_000) as i64, |_| OnGap::Suspend).iter().flat_map(of),
                );
            }
            assert_eq!(ended.len() + assembler.held(), offered as usize, "seed {seed}");
        }
        ended.extend(assembler.release(i64::MAX, |_| OnGap::Rate).iter().flat_map(of));
        ended.sort_unstable();
        assert_eq!(ended, (1..=offered).collect::<Vec<_>>(), "seed {seed}");
        assert_eq!((assembler.held_octets, assembler.deadlines.len(), assembler.sessions.len()), (0, 0, 0));
    }
}

fn of(released: &Released) -> Vec<u32> {
    match released {
        Released::Rated(assembled) => positions(&assembled.members),
        Released::Suspended(members, _) => positions(members),
    }
}

fn positions(members: &[HeldPartial]) -> Vec<u32> {
    members.iter().map(|member| member.record.at().record).collect()
}
