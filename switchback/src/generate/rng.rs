//! The generator's own chance: a seed gives the same numbers on every machine and with every release of every library.
//!
//! xoshiro256++ seeded by splitmix64 (Blackman and Vigna, public domain). Floating point is used only with `+ - *` and
//! comparisons, which IEEE 754 fixes to the bit; `f64::exp` and its like differ between platforms.

/// One stream of numbers. Each log file has its own, so files can be made in any order.
#[derive(Debug, Clone)]
pub(crate) struct Rng {
    state: [u64; 4],
}

fn splitmix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Rng {
    /// The stream `stream` of `seed`.
    pub(crate) fn new(seed: u64, stream: u64) -> Rng {
        let mut mix = seed;
        let mut state = splitmix(&mut mix) ^ stream;
        Rng { state: [(); 4].map(|()| splitmix(&mut state)) }
    }

    pub(crate) fn next(&mut self) -> u64 {
        let s = &mut self.state;
        let result = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(45);
        result
    }

    /// A number in `0..bound` (0 when `bound` is 0). The bias of multiply-and-shift is below 2^-32 for our bounds.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    /// A number in `low..=high`.
    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below(high.saturating_sub(low).unsigned_abs() + 1) as i64
    }

    /// A number in `[0, 1)`.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
    }

    /// True in this share of the calls; never when it is 0.
    pub(crate) fn chance(&mut self, share: f64) -> bool {
        share > 0.0 && self.unit() < share
    }

    /// One of `items`, or `None` when there are none.
    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len() as u64) as usize)
    }

    /// A log-normal factor with mean 1: few large, many small. `spread` is the standard deviation of its logarithm.
    pub(crate) fn log_normal(&mut self, spread: f64) -> f64 {
        // The sum of twelve uniforms is near enough to normal (Irwin-Hall), with no transcendental function.
        let normal = (0..12).map(|_| self.unit()).sum::<f64>() - 6.0;
        exp(spread * normal - spread * spread / 2.0)
    }
}

/// `e^x`, the same bits everywhere.
fn exp(x: f64) -> f64 {
    let halvings = 10;
    let small = x / f64::from(1 << halvings);
    let (mut sum, mut term) = (1.0, 1.0);
    for n in 1..8 {
        term = term * small / f64::from(n);
        sum += term;
    }
    (0..halvings).fold(sum, |power, _| power * power)
}

/// Draws an index in proportion to its weight.
#[derive(Debug, Clone)]
pub(crate) struct Weighted {
    ends: Vec<u64>,
}

impl Weighted {
    pub(crate) fn new(weights: impl IntoIterator<Item = u64>) -> Weighted {
        let ends = weights.into_iter().scan(0u64, |sum, weight| {
            *sum += weight;
            Some(*sum)
        });
        Weighted { ends: ends.collect() }
    }

    /// Zipf's weights: the n-th has 1/n of the first's.
    pub(crate) fn zipf(len: usize) -> Weighted {
        Weighted::new((1..=len as u64).map(|n| 1_000_000 / n))
    }

    /// An index; 0 when there are no weights.
    pub(crate) fn draw(&self, rng: &mut Rng) -> usize {
        let at = rng.below(self.ends.last().copied().unwrap_or(0));
        self.ends.partition_point(|&end| end <= at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_published_algorithm() {
        // First output of splitmix64 for seed 0, as published with its reference implementation.
        assert_eq!(splitmix(&mut 0), 0xe220_a839_7b1d_cdaf);
        let mut rng = Rng { state: [1, 2, 3, 4] };
        assert_eq!([rng.next(), rng.next()], [41_943_041, 58_720_359]);
    }

    #[test]
    fn streams_of_one_seed_differ() {
        assert_ne!(Rng::new(7, 0).next(), Rng::new(7, 1).next());
        assert_ne!(Rng::new(7, 0).next(), Rng::new(8, 0).next());
    }

    #[test]
    fn a_log_normal_factor_has_mean_one() {
        let mut rng = Rng::new(1, 1);
        let mean = (0..100_000).map(|_| rng.log_normal(1.2)).sum::<f64>() / 100_000.0;
        assert!((0.95..1.05).contains(&mean), "{mean}");
        assert!((exp(1.0) - std::f64::consts::E).abs() < 1e-9);
    }

    #[test]
    fn weights_are_kept_and_a_zero_weight_is_never_drawn() {
        let mut rng = Rng::new(1, 1);
        let weighted = Weighted::new([1, 0, 3]);
        let mut seen = [0u32; 3];
        for _ in 0..40_000 {
            seen[weighted.draw(&mut rng)] += 1;
        }
        assert_eq!(seen[1], 0);
        assert!((9_000..11_000).contains(&seen[0]), "{seen:?}");
    }
}
