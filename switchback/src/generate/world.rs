//! The customer that the log files tell of: accounts, regions, and the APIs they call. Made once from the seed.

use super::account::Account;
use super::catalogue::Catalogue;
use super::regions::REGIONS;
use super::rng::{Rng, Weighted};

/// Everything that stays the same for the whole tree.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) accounts: Vec<Account>,
    pub(crate) account_weights: Weighted,
    pub(crate) regions: &'static [&'static str],
    pub(crate) region_weights: Weighted,
    pub(crate) catalogue: Catalogue,
}

impl World {
    pub(crate) fn new(seed: u64, accounts: usize, regions: usize) -> anyhow::Result<World> {
        let mut rng = Rng::new(seed, u64::MAX);
        let regions = &REGIONS[..regions.clamp(1, REGIONS.len())];
        let mut made: Vec<Account> = Vec::with_capacity(accounts);
        while made.len() < accounts.max(1) {
            let account = Account::draw(&mut rng);
            if made.iter().all(|other| other.id != account.id) {
                made.push(account);
            }
        }
        Ok(World {
            account_weights: Weighted::zipf(made.len()),
            accounts: made,
            regions,
            region_weights: Weighted::zipf(regions.len()),
            catalogue: Catalogue::parse()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_makes_one_world_and_accounts_are_twelve_digits() {
        let (one, two) = (World::new(3, 30, 5).expect("world"), World::new(3, 30, 5).expect("world"));
        assert_eq!(format!("{:?}", one.accounts), format!("{:?}", two.accounts));
        assert_eq!((one.accounts.len(), one.regions.len()), (30, 5));
        for account in &one.accounts {
            assert_eq!(account.id.len(), 12);
            assert!(!account.id.starts_with('0'));
            assert_eq!(account.users[0].access_key.len(), 20);
            assert_eq!(account.instances[0].len(), 19);
        }
    }
}
