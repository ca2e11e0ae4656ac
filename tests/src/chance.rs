//! Repeatable randomness: a failing test prints its seed.

/// Splitmix64.
#[derive(Debug)]
pub struct Chance(u64);

impl Chance {
    /// From `SWITCHBACK_TEST_SEED`, or a new one each time; printed either way.
    pub fn new() -> Chance {
        let said = std::env::var("SWITCHBACK_TEST_SEED").ok().and_then(|text| text.parse().ok());
        let seed = said.unwrap_or_else(|| std::time::UNIX_EPOCH.elapsed().map_or(1, |now| u64::from(now.subsec_nanos())));
        eprintln!("to repeat: SWITCHBACK_TEST_SEED={seed}");
        Chance(seed)
    }

    /// From a seed.
    pub fn of(seed: u64) -> Chance {
        Chance(seed)
    }

    /// True once in so many times.
    pub fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// One of them.
    pub fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[usize::try_from(self.below(of.len() as u64)).expect("small")]
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound.max(1)
    }
}

impl Default for Chance {
    fn default() -> Chance {
        Chance::new()
    }
}

/// How often the tests that kill at random do so.
pub fn kills() -> usize {
    std::env::var("SWITCHBACK_TEST_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(20)
}
