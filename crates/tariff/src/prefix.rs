//! Longest-prefix look-up: number to zone, through a digit trie whose children lie side by side.
//! Relies on prefixes being sorted once when the table is read; a node is 12 bytes, so 100,000 prefixes stay in cache.
//! Never copies a number: it walks the packed digits.

use crate::model::{Days, ZoneId};
use caudal_usage::Digits;

/// One prefix with the zone it means and when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PrefixEntry {
    /// The digits, international.
    pub prefix: Digits,
    /// Its zone.
    pub zone: ZoneId,
    /// When it holds.
    pub days: Days,
    /// Line in the file, from 1.
    pub line: u32,
}

/// Layout: bit d of `mask` is set when a child for digit d exists; children follow one another from `children` in digit
/// order; `count` values from `values` belong to the prefix that ends here.
#[derive(Clone, Copy, Debug, Default)]
struct Node {
    children: u32,
    values: u32,
    mask: u16,
    count: u16,
}

/// The compiled table.
#[derive(Clone, Debug, Default)]
pub struct PrefixTable {
    nodes: Vec<Node>,
    entries: Vec<PrefixEntry>,
}

/// Digits from the left end, so that order of words is order of prefixes.
fn sort_key(entry: &PrefixEntry) -> (u64, i32) {
    let len = entry.prefix.len();
    let digits = entry.prefix.packed() << 4 >> 4;
    let left = digits << (4 * (caudal_usage::digits::MAX_DIGITS - len));
    (left << 4 | u64::try_from(len).unwrap_or(0), entry.days.from)
}

/// A run of sorted entries that share their first `depth` digits, to become the node `node`.
struct Pending {
    node: usize,
    low: usize,
    high: usize,
    depth: usize,
}

impl PrefixTable {
    /// Sorts and compiles. Equal prefixes with overlapping days must have been refused before.
    pub fn build(mut entries: Vec<PrefixEntry>) -> Self {
        entries.sort_unstable_by_key(sort_key);
        let mut nodes = Vec::with_capacity(entries.len() + entries.len() / 4 + 1);
        nodes.push(Node::default());
        let mut queue = std::collections::VecDeque::new();
        queue.push_back(Pending { node: 0, low: 0, high: entries.len(), depth: 0 });
        while let Some(pending) = queue.pop_front() {
            expand(&entries, &mut nodes, &mut queue, &pending);
        }
        Self { nodes, entries }
    }

    /// The entry with the longest prefix of `number` that holds on the local day `day`.
    #[inline]
    pub fn find(&self, number: Digits, day: i32) -> Option<&PrefixEntry> {
        let mut node = *self.nodes.first()?;
        let len = number.len();
        let mut word = number.packed() << (4 * (16 - len.max(1)));
        // Entries are read at the end, the longest first: nearly always one suffices.
        let mut met = [Node::default(); caudal_usage::digits::MAX_DIGITS];
        let mut count = 0;
        for _ in 0..len {
            let digit = word >> 60;
            word <<= 4;
            let bit = 1u16 << digit;
            if node.mask & bit == 0 {
                break;
            }
            let before = (node.mask & (bit - 1)).count_ones();
            node = *self.nodes.get((node.children + before) as usize)?;
            if let Some(slot) = met.get_mut(count).filter(|_| node.count > 0) {
                *slot = node;
                count += 1;
            }
        }
        met.iter().take(count).rev().find_map(|node| self.valid(*node, day))
    }

    #[inline]
    fn valid(&self, node: Node, day: i32) -> Option<&PrefixEntry> {
        let from = node.values as usize;
        let values = self.entries.get(from..from + usize::from(node.count))?;
        values.iter().find(|entry| entry.days.contains(day))
    }

    /// All entries in prefix order, versions of one prefix by their first day.
    pub fn entries(&self) -> &[PrefixEntry] {
        &self.entries
    }
}

fn expand(
    entries: &[PrefixEntry],
    nodes: &mut Vec<Node>,
    queue: &mut std::collections::VecDeque<Pending>,
    pending: &Pending,
) {
    let Some(run) = entries.get(pending.low..pending.high) else { return };
    let own = run.iter().take_while(|entry| entry.prefix.len() == pending.depth).count();
    let narrow = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    let mut node = Node {
        children: narrow(nodes.len()),
        values: narrow(pending.low),
        mask: 0,
        count: u16::try_from(own).unwrap_or(u16::MAX),
    };
    let mut low = own;
    while let Some(first) = run.get(low) {
        let digit = first.prefix.digit(pending.depth);
        let width =
            run.iter().skip(low).take_while(|entry| entry.prefix.digit(pending.depth) == digit).count();
        node.mask |= 1 << digit;
        queue.push_back(Pending {
            node: nodes.len(),
            low: pending.low + low,
            high: pending.low + low + width,
            depth: pending.depth + 1,
        });
        nodes.push(Node::default());
        low += width;
    }
    if let Some(slot) = nodes.get_mut(pending.node) {
        *slot = node;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(prefix: &str, zone: u32, days: Days) -> PrefixEntry {
        PrefixEntry { prefix: Digits::parse(prefix.as_bytes()).unwrap(), zone: ZoneId(zone), days, line: 0 }
    }

    #[test]
    fn the_longest_valid_prefix_wins() {
        let table = PrefixTable::build(vec![
            entry("34", 1, Days::ALWAYS),
            entry("346", 2, Days::ALWAYS),
            entry("34600", 3, Days { from: 10, to: 20 }),
            entry("34600", 4, Days { from: 20, to: 30 }),
            entry("340", 5, Days::ALWAYS),
            entry("1", 6, Days::ALWAYS),
        ]);
        for (number, day, zone) in [
            ("34915550123", 0, Some(1)),
            ("34615550123", 0, Some(2)),
            ("34600550123", 9, Some(2)),
            ("34600550123", 10, Some(3)),
            ("34600550123", 20, Some(4)),
            ("34600550123", 30, Some(2)),
            ("34", 0, Some(1)),
            ("3", 0, None),
            ("", 0, None),
            ("340", 0, Some(5)),
            ("12125550123", 0, Some(6)),
            ("449", 0, None),
        ] {
            let number = Digits::parse(number.as_bytes()).unwrap();
            assert_eq!(table.find(number, day).map(|found| found.zone.0), zone, "{number} on {day}");
        }
        assert_eq!(PrefixTable::build(Vec::new()).find(Digits::default(), 0), None);
    }

    #[test]
    fn the_trie_agrees_with_a_plain_search() {
        let mut state = 7u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state >> 33
        };
        let mut entries = std::collections::BTreeMap::new();
        for zone in 0..2000u32 {
            let prefix = format!("{}", next() % 10u64.pow(1 + zone % 6));
            entries.insert(prefix.clone(), entry(&prefix, zone, Days::ALWAYS));
        }
        let table = PrefixTable::build(entries.values().copied().collect());
        for _ in 0..20_000 {
            let text = format!("{}", next() % 10_000_000);
            let plain = (1..=text.len()).rev().find_map(|len| entries.get(&text[..len]));
            let found = table.find(Digits::parse(text.as_bytes()).unwrap(), 0);
            assert_eq!(found.map(|entry| entry.zone), plain.map(|entry| entry.zone), "{text}");
        }
    }
}
