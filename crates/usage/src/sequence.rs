//! Running numbers of an element to the gaps in them: what was skipped, and what came late.
//! Relies on numbers being shown in the recorded order of the input. They wrap at 2^32.
//! Never grows: a watermark, and the newest gaps up to a bound; an older one is given up.

use crate::alarm::AlarmCode;
use compact_str::CompactString;

/// Gaps of one element that are remembered. The oldest makes room: what is missing since so many others will not come.
pub const GAPS_MAX: usize = 64;

/// Numbers that may be skipped, or come late, and still be of the same count. Farther away the element has begun anew.
pub const DISTANCE_MAX: u32 = 1 << 24;

/// Numbers that are missing, both ends included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Gap {
    /// The first.
    pub first: u32,
    /// The last; less than the first where the count wraps inside.
    pub last: u32,
}

impl Gap {
    /// How many numbers.
    pub const fn count(&self) -> u64 {
        self.last.wrapping_sub(self.first) as u64 + 1
    }

    fn holds(&self, number: u32) -> bool {
        number.wrapping_sub(self.first) <= self.last.wrapping_sub(self.first)
    }
}

/// What counts.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct SequenceKey {
    /// The code under which its gaps are told.
    pub code: AlarmCode,
    /// Name of the source.
    pub source: CompactString,
    /// The element, as it names itself.
    pub node: CompactString,
}

/// Numbers of one element that follow each other, as they stood in a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NumberRun {
    /// Which of [`NumberRuns::elements`].
    pub element: usize,
    /// The first.
    pub first: u32,
    /// The last.
    pub last: u32,
}

/// An element that numbers its records.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Element {
    /// As it names itself.
    pub node: CompactString,
    /// The first number that was noted.
    pub first: u32,
}

/// Among so many elements one is looked for. A file of more has some of them several times.
const ELEMENTS_KNOWN: usize = 16;

/// Running numbers in the order of the records that show them. Elements may take turns.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NumberRuns {
    elements: Vec<Element>,
    runs: Vec<NumberRun>,
}

impl NumberRuns {
    /// Notes a number behind those that were noted before.
    #[inline]
    pub fn note(&mut self, node: &[u8], number: u32) {
        let mut known = self.elements.iter().enumerate().rev().take(ELEMENTS_KNOWN);
        let found = known.find(|(_, element)| element.node.as_bytes() == node).map(|(index, _)| index);
        if let Some(run) = self.runs.last_mut()
            && Some(run.element) == found
            && run.last.wrapping_add(1) == number
        {
            run.last = number;
            return;
        }
        let element = found.unwrap_or_else(|| self.add(node, number));
        self.runs.push(NumberRun { element, first: number, last: number });
    }

    #[cold]
    fn add(&mut self, node: &[u8], number: u32) -> usize {
        self.elements.push(Element { node: CompactString::from_utf8_lossy(node), first: number });
        self.elements.len() - 1
    }

    /// The elements, each where it was first seen; one may stand there again.
    pub fn elements(&self) -> &[Element] {
        &self.elements
    }

    /// The runs, in order.
    pub fn runs(&self) -> &[NumberRun] {
        &self.runs
    }
}

/// What a number shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shown {
    /// Nothing: it is the next one, or one of several that were missing.
    Nothing,
    /// It was seen, or lies before the first that was.
    Repeated {
        /// The number.
        number: u32,
        /// The number that was expected.
        expected: u32,
    },
    /// Numbers before it are missing.
    Opened(Gap),
    /// It was the last that was missing between its neighbours.
    Closed {
        /// The number.
        number: u32,
    },
    /// The element counts from another place.
    Restarted {
        /// The number that was expected.
        expected: u32,
    },
}

/// The numbers of one element that were seen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sequence {
    /// The number expected next.
    pub next: u32,
    /// What is missing before it, oldest first.
    pub gaps: Vec<Gap>,
}

impl Sequence {
    /// Begins with the first number that is seen: what was before is not known.
    pub const fn begin(number: u32) -> Self {
        Self { next: number.wrapping_add(1), gaps: Vec::new() }
    }

    /// Takes a number.
    pub fn take(&mut self, number: u32) -> Shown {
        let ahead = number.wrapping_sub(self.next);
        if ahead == 0 {
            self.next = number.wrapping_add(1);
            return Shown::Nothing;
        }
        if ahead <= DISTANCE_MAX {
            let gap = Gap { first: self.next, last: number.wrapping_sub(1) };
            self.open(gap);
            self.next = number.wrapping_add(1);
            return Shown::Opened(gap);
        }
        if let Some(index) = self.gaps.iter().position(|gap| gap.holds(number)) {
            return self.fill(index, number);
        }
        if self.next.wrapping_sub(number) <= DISTANCE_MAX {
            return Shown::Repeated { number, expected: self.next };
        }
        let expected = std::mem::replace(self, Self::begin(number)).next;
        Shown::Restarted { expected }
    }

    /// Takes numbers that follow each other; `tell` hears what each shows.
    pub fn take_run(&mut self, run: &NumberRun, mut tell: impl FnMut(Shown)) {
        let mut number = run.first;
        loop {
            if number == self.next {
                self.next = run.last.wrapping_add(1);
                return;
            }
            tell(self.take(number));
            if number == run.last {
                return;
            }
            number = number.wrapping_add(1);
        }
    }

    fn open(&mut self, gap: Gap) {
        if self.gaps.len() == GAPS_MAX {
            self.gaps.remove(0);
        }
        self.gaps.push(gap);
    }

    /// A number out of a gap: what is left of it on both sides stays missing.
    fn fill(&mut self, index: usize, number: u32) -> Shown {
        let gap = self.gaps.remove(index);
        let mut left = Vec::with_capacity(2);
        if number != gap.first {
            left.push(Gap { first: gap.first, last: number.wrapping_sub(1) });
        }
        if number != gap.last {
            left.push(Gap { first: number.wrapping_add(1), last: gap.last });
        }
        if left.is_empty() {
            return Shown::Closed { number };
        }
        self.gaps.splice(index..index, left);
        let surplus = self.gaps.len().saturating_sub(GAPS_MAX);
        self.gaps.drain(..surplus);
        Shown::Nothing
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn gap(first: u32, last: u32) -> Gap {
        Gap { first, last }
    }

    /// Takes numbers, and gives what was shown, without those that showed nothing.
    fn shown(numbers: &[u32]) -> (Vec<Shown>, Vec<Gap>) {
        let (first, rest) = numbers.split_first().unwrap();
        let mut sequence = Sequence::begin(*first);
        let shown = rest.iter().map(|number| sequence.take(*number)).filter(|shown| *shown != Shown::Nothing);
        (shown.collect(), sequence.gaps)
    }

    #[test]
    fn gaps_open_and_close() {
        use Shown::{Closed, Opened, Repeated, Restarted};
        let opened = |first, last| Opened(gap(first, last));
        let repeated = |number, expected| Repeated { number, expected };
        for (numbers, expected, left) in [
            (&[7, 8, 9][..], vec![], vec![]),
            (&[7, 7, 8, 7], vec![repeated(7, 8), repeated(7, 9)], vec![]),
            (&[0, u32::MAX], vec![repeated(u32::MAX, 1)], vec![]),
            (&[7, 9], vec![opened(8, 8)], vec![gap(8, 8)]),
            (&[7, 9, 8], vec![opened(8, 8), Closed { number: 8 }], vec![]),
            (&[1, 10, 5], vec![opened(2, 9)], vec![gap(2, 4), gap(6, 9)]),
            (&[1, 5, 2, 3, 4], vec![opened(2, 4), Closed { number: 4 }], vec![]),
            (&[1, 5, 4, 3, 2], vec![opened(2, 4), Closed { number: 2 }], vec![]),
            (&[1, 3, 6, 2], vec![opened(2, 2), opened(4, 5), Closed { number: 2 }], vec![gap(4, 5)]),
            (&[u32::MAX - 1, u32::MAX, 0, 1], vec![], vec![]),
            (&[u32::MAX - 1, 1], vec![opened(u32::MAX, 0)], vec![gap(u32::MAX, 0)]),
            (&[u32::MAX - 1, 1, 0, u32::MAX], vec![opened(u32::MAX, 0), Closed { number: u32::MAX }], vec![]),
            (&[u32::MAX, 2, 1], vec![opened(0, 1)], vec![gap(0, 0)]),
            (&[3_000_000_000, 5, 6], vec![Restarted { expected: 3_000_000_001 }], vec![]),
            (&[5, 3_000_000_000, 3_000_000_001], vec![Restarted { expected: 6 }], vec![]),
        ] {
            assert_eq!(shown(numbers), (expected, left), "{numbers:?}");
        }
        assert_eq!((gap(8, 8).count(), gap(u32::MAX, 0).count()), (1, 2));
    }

    #[test]
    fn a_run_is_taken_as_its_numbers_are() {
        let mut numbers = NumberRuns::default();
        for number in [5, 6, 7, 9, 10, u32::MAX, 0, 1] {
            numbers.note(b"n", number);
        }
        (2..=3).for_each(|number| numbers.note(b"other", number));
        numbers.note(b"n", 2);
        let ends: Vec<_> = numbers.runs().iter().map(|run| (run.element, run.first, run.last)).collect();
        assert_eq!(ends, [(0, 5, 7), (0, 9, 10), (0, u32::MAX, 1), (1, 2, 3), (0, 2, 2)]);
        let elements: Vec<_> =
            numbers.elements().iter().map(|element| (&*element.node, element.first)).collect();
        assert_eq!(elements, [("n", 5), ("other", 2)]);
        (0..100u32).for_each(|node| numbers.note(&node.to_be_bytes(), 7));
        assert_eq!((numbers.elements().len(), numbers.runs().len()), (102, 105));
        for runs in [&[(3, 9), (20, 30), (11, 18), (5, 8)][..], &[(u32::MAX - 3, 2), (9, 12), (0, 10)]] {
            let (mut one, mut all) = (Sequence::begin(1), Sequence::begin(1));
            let (mut by_run, mut by_number) = (Vec::new(), Vec::new());
            for &(first, last) in runs {
                let run = NumberRun { element: 0, first, last };
                all.take_run(&run, |shown| by_run.push(shown));
                (0..=last.wrapping_sub(first)).for_each(|n| by_number.push(one.take(first.wrapping_add(n))));
            }
            let told = |shown: Vec<Shown>| {
                shown.into_iter().filter(|shown| *shown != Shown::Nothing).collect::<Vec<_>>()
            };
            assert_eq!((told(by_run), all), (told(by_number), one));
        }
    }

    #[test]
    fn so_many_gaps_are_remembered_and_the_oldest_is_given_up() {
        let numbers: Vec<_> = (0..1000).map(|n| n * 2).collect();
        let (shown, left) = shown(&numbers);
        assert_eq!((shown.len(), left.len()), (999, GAPS_MAX));
        assert_eq!(left.last(), Some(&gap(1997, 1997)));
        // A number out of the middle of a gap makes two of it, within the bound.
        let mut sequence = Sequence { next: 10_000, gaps: left };
        sequence.gaps[63] = gap(5000, 5009);
        assert_eq!(sequence.take(5005), Shown::Nothing);
        assert_eq!(sequence.gaps.len(), GAPS_MAX);
    }

    /// Whatever the order, what is missing in the end is what was not shown.
    #[test]
    fn gaps_are_the_numbers_that_were_not_shown() {
        let mut state = 1u64;
        for _ in 0..500 {
            let mut random = |below: u64| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state >> 33) % below
            };
            let first = u32::MAX - 20;
            let mut sequence = Sequence::begin(first);
            let mut seen = BTreeSet::from([0]);
            for _ in 0..30 {
                let step = random(50) as u32;
                sequence.take(first.wrapping_add(step));
                seen.insert(step);
            }
            let most = *seen.last().unwrap();
            let missing: BTreeSet<_> = (0..most).filter(|step| !seen.contains(step)).collect();
            let gaps = sequence
                .gaps
                .iter()
                .flat_map(|gap| (0..gap.count() as u32).map(|n| gap.first.wrapping_add(n)));
            let gaps: BTreeSet<_> = gaps.map(|number| number.wrapping_sub(first)).collect();
            assert_eq!(gaps, missing);
            assert_eq!(sequence.next, first.wrapping_add(most + 1));
        }
    }
}
