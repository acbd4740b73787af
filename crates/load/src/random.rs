//! A seed to a stream of numbers, plain or skewed as traffic is skewed.
//! Relies on 64-bit integer arithmetic only, so the stream is the same on every machine.
//! Never used for anything secret.

/// SplitMix64: one multiply-xor chain a number, period 2^64.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A stream that depends on the seed and on what it is for.
    pub fn new(seed: u64, purpose: u64) -> Self {
        Self(mix(seed ^ mix(purpose.wrapping_add(1))))
    }

    /// The next number, all 64 bits.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// A number below `bound`, which is above zero. The bias of the multiplication is below 2^-32.
    pub fn below(&mut self, bound: u64) -> u64 {
        let wide = u128::from(self.next()) * u128::from(bound);
        u64::try_from(wide >> 64).unwrap_or(0)
    }

    /// True in `millionths` of a million cases.
    pub fn chance(&mut self, millionths: u32) -> bool {
        self.below(1_000_000) < u64::from(millionths)
    }

    /// A rank from 0 below `bound` with Zipf's weight: each power of two of ranks is equally likely, and the ranks
    /// in it as well, so rank r comes about 1/r as often as the first.
    pub fn zipf(&mut self, bound: u64) -> u64 {
        let octaves = u64::from(bound.ilog2()) + 1;
        loop {
            let low = 1u64 << self.below(octaves);
            let rank = low + self.below(low) - 1;
            if rank < bound {
                return rank;
            }
        }
    }
}

/// The finalizer of SplitMix64: every bit of the result depends on every bit of `value`.
pub fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_fall_off_like_zipf() {
        let mut random = Random::new(7, 0);
        let mut counts = [0u32; 1000];
        for _ in 0..1_000_000 {
            counts[usize::try_from(random.zipf(1000)).unwrap()] += 1;
        }
        // 10 octaves, the last one 489/512 full: the first rank has about a tenth.
        assert!((95_000..110_000).contains(&counts[0]), "{}", counts[0]);
        assert!(counts[0] > 5 * counts[7] && counts.iter().all(|&count| count > 50));
    }

    #[test]
    fn one_seed_one_stream() {
        let draw = |seed, purpose| Random::new(seed, purpose).next();
        assert_eq!(draw(1, 2), draw(1, 2));
        assert_ne!(draw(1, 2), draw(2, 1));
        assert_eq!(Random::new(0, 0).below(1), 0);
    }
}
