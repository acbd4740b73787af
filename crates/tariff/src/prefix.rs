//! Longest-prefix look-up: number to zone, through a digit trie whose children lie side by side.
//! Relies on prefixes being sorted once when the table is read; a node is 12 bytes, so 100,000 prefixes stay in cache.
//! Never copies a number: it walks the packed digits, the first three in one step.

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

/// Digits that the first step of a look-up takes.
const LEAP: usize = 3;

/// Where a look-up stands once it has taken some digits.
#[derive(Clone, Copy, Debug, Default)]
struct Reached {
    /// The node: of the digits taken, or one without children where no such node exists.
    node: Node,
    /// The longest prefix met so far; 0 is the root, where a prefix of no digit would stand.
    longest: u32,
}

/// The compiled table.
#[derive(Clone, Debug, Default)]
pub struct PrefixTable {
    nodes: Vec<Node>,
    entries: Vec<PrefixEntry>,
    /// By the first [`LEAP`] digits as packed: where a look-up stands behind them. Empty for an empty table.
    leaps: Vec<Reached>,
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
        let mut table = Self { nodes, entries, leaps: Vec::new() };
        if !table.entries.is_empty() {
            let words = 0..1u64 << (4 * LEAP);
            table.leaps = words.map(|word| table.walk(table.root(), word << (64 - 4 * LEAP), LEAP)).collect();
        }
        table
    }

    /// The entry with the longest prefix of `number` that holds on the local day `day`.
    #[inline]
    pub fn find(&self, number: Digits, day: i32) -> Option<&PrefixEntry> {
        let len = number.len();
        let word = number.packed() << (4 * (16 - len.max(1)));
        let reached = match len.checked_sub(LEAP) {
            Some(rest) => {
                let behind = *self.leaps.get(usize::try_from(word >> (64 - 4 * LEAP)).ok()?)?;
                self.walk(behind, word << (4 * LEAP), rest)
            }
            None => self.walk(self.root(), word, len),
        };
        if reached.longest == 0 {
            return None;
        }
        let node = self.nodes.get(reached.longest as usize)?;
        // Nearly always the longest prefix holds that day.
        self.valid(*node, day).or_else(|| self.shorter(number, day))
    }

    /// The same where the longest prefix of all does not hold that day: each shorter one is asked.
    #[cold]
    fn shorter(&self, number: Digits, day: i32) -> Option<&PrefixEntry> {
        (1..number.len()).rev().find_map(|len| {
            let head = number.prefix(len);
            let reached = self.walk(self.root(), head.packed() << (4 * (16 - len)), len);
            self.valid(*self.nodes.get(reached.longest as usize)?, day)
        })
    }

    /// Where a look-up begins.
    #[inline]
    fn root(&self) -> Reached {
        Reached { node: self.nodes.first().copied().unwrap_or_default(), longest: 0 }
    }

    /// Takes up to `count` digits of `word`, the first one in its highest nibble.
    #[inline]
    fn walk(&self, from: Reached, mut word: u64, count: usize) -> Reached {
        let Reached { mut node, mut longest } = from;
        for _ in 0..count {
            let bit = 1u16 << (word >> 60);
            word <<= 4;
            if node.mask & bit == 0 {
                return Reached { node: Node::default(), longest };
            }
            let before = (node.mask & (bit - 1)).count_ones();
            let at = node.children + before;
            let Some(child) = self.nodes.get(at as usize) else { break };
            node = *child;
            if node.count > 0 {
                longest = at;
            }
        }
        Reached { node, longest }
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
