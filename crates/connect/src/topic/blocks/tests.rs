use super::*;
use caudal_cdr::framing::{Framing, Place};
use proptest::prelude::*;

/// Reads a partition as a reader does.
fn read(range: Range, from: FileProgress, messages: &[(i64, Vec<u8>)]) -> Vec<Block> {
    let mut blocks = Blocks::new(range, b"t/0", from);
    let next = range.next(from);
    let mut left = messages.iter().filter(|(offset, _)| *offset >= next && *offset < range.to).peekable();
    let mut read = Vec::new();
    loop {
        let mut draft = Draft::default();
        while left.next_if(|(offset, value)| draft.take(*offset, value)).is_some() {}
        let last = left.peek().is_none();
        read.push(blocks.next(draft, last));
        if last {
            return read;
        }
    }
}

/// Offset and record of everything in a block.
fn messages(range: Range, block: &Block) -> Vec<(i64, Vec<u8>)> {
    let first = range.from + i64::try_from(block.start.offset).unwrap();
    match block.kind {
        BlockKind::Damage { .. } => vec![(first, block.bytes.clone())],
        BlockKind::Records => {
            let records = Framing::Values.records(Place::at(block.start.offset), &block.bytes);
            (first..).zip(records.map(|record| record.bytes.to_vec())).collect()
        }
    }
}

fn partition() -> impl Strategy<Value = Vec<(i64, Vec<u8>)>> {
    // Mostly short values without a gap; some that fill a block, some that are too long.
    let value =
        prop_oneof![8 => 0usize..20, 1 => 60_000usize..VALUE_MAX + 1, 1 => VALUE_MAX + 1..VALUE_MAX + 9];
    let step = prop_oneof![8 => Just(1i64), 1 => 2i64..5];
    prop::collection::vec((step, value), 0..40).prop_map(|steps| {
        let mut offset = 99;
        let place = |(step, len): (i64, usize)| {
            offset += step;
            (offset, vec![u8::try_from(offset % 251).unwrap(); len])
        };
        steps.into_iter().map(place).collect()
    })
}

proptest! {
    /// Every message once, at its own offset; wherever a run stops, the next offset is the last one used, plus one.
    #[test]
    fn every_message_once_and_the_offset_behind_it(all in partition(), tail in 0i64..4) {
        let to = all.last().map_or(100, |(offset, _)| offset + 1) + tail;
        let range = Range { partition: 0, from: 100, to };
        let blocks = read(range, FileProgress::default(), &all);
        let mut seen = Vec::new();
        let mut at = FileProgress::default();
        for (index, block) in blocks.iter().enumerate() {
            prop_assert_eq!(&read(range, at, &all)[..], &blocks[index..], "resumed at {}", index);
            prop_assert!(block.start.offset >= at.offset && block.start.records == at.records);
            let found = messages(range, block);
            prop_assert_eq!((block.next.records - at.records) as usize, found.len());
            seen.extend(found);
            at = block.next;
            prop_assert_eq!(block.last, index + 1 == blocks.len());
            let next = if block.last { to } else { seen.last().map_or(range.from, |(offset, _)| offset + 1) };
            prop_assert_eq!(range.next(at), next);
        }
        let cut = |(offset, value): &(i64, Vec<u8>)| {
            (*offset, if value.len() > VALUE_MAX { value[..DAMAGE_KEPT].to_vec() } else { value.clone() })
        };
        prop_assert_eq!(seen, all.iter().map(cut).collect::<Vec<_>>());
        prop_assert_eq!(at.offset, range.offset_in(to));
    }
}
