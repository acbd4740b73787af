//! Seeded chance, and wishes that decide where chance would.
//! Relies on a counter and one multiplication; the same seed gives the same case on every machine.
//! Never asks the world for randomness.

use super::number::{Dec, Point, dec};
use super::plan::{Price, Unit, Word};

pub struct Dice {
    state: u64,
    /// Options that the case should have: where one is asked for, it is taken.
    wishes: Vec<String>,
}

impl Dice {
    pub fn new(seed: u64, wishes: &[String]) -> Self {
        let mut dice = Self { state: seed, wishes: wishes.to_vec() };
        // The state moves by a constant: without this, one case would be the next one's tail.
        dice.state = dice.next();
        dice
    }

    pub fn next(&mut self) -> u64 {
        // SplitMix64.
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From `low` to `high`, both included.
    pub fn number(&mut self, low: i64, high: i64) -> i64 {
        low + (self.next() % (high - low + 1) as u64) as i64
    }

    pub fn percent(&mut self, chance: u64) -> bool {
        self.next() % 100 < chance
    }

    pub fn one_of<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.next() as usize % from.len()]
    }

    /// True when some wish begins so.
    pub fn wished(&self, beginning: &str) -> bool {
        self.wishes.iter().any(|wish| wish.starts_with(beginning))
    }

    /// An option that is there or not.
    pub fn flag(&mut self, option: &str, chance: u64) -> bool {
        let fallen = self.percent(chance);
        fallen || self.wishes.iter().any(|wish| wish == option || wish.starts_with(&format!("{option}.")))
    }

    /// A key with one of several words, or nothing said.
    pub fn word(&mut self, key: &str, words: &'static [&'static str], chance: u64) -> Word {
        let fallen = *self.one_of(words);
        let said = self.percent(chance);
        let wished = words.iter().find(|word| self.wishes.contains(&format!("{key}={word}")));
        wished.copied().or(said.then_some(fallen))
    }

    /// How many of something, at least one where any of its options is wished for.
    pub fn count(&mut self, beginning: &str, most: i64) -> i64 {
        let fallen = self.number(0, most);
        if self.wished(beginning) { fallen.max(1) } else { fallen }
    }

    pub fn maybe<T>(&mut self, option: &str, chance: u64, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.flag(option, chance).then(|| make(self))
    }

    pub fn money(&mut self, most_cents: i64) -> Dec {
        let places = *self.one_of(&[0, 1, 2, 2, 2, 4]);
        let most = most_cents.max(100) * 10i64.pow(places) / 100;
        dec(self.number(1, most.max(1)), places)
    }

    pub fn price(&mut self, unit: Unit, scale: i64) -> Price {
        let per = *self.one_of(&[1, 1, 3, 7, 10, 60]) * scale;
        Price { amount: self.money(300), per, unit }
    }

    pub fn point(&mut self, key: &str, low: i64, high: i64) -> Point {
        let mut mode = self.one_of(&super::number::MODES).0;
        for (other, word) in super::number::MODES {
            if self.wishes.contains(&format!("{key}={word}")) {
                mode = other;
            }
        }
        Point { places: self.number(low, high) as i32, mode }
    }
}
