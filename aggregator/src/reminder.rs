//! When a line about trouble is due: at once when it begins, and again while it lasts, less and less often unless it changes. Pure: time is
//! an argument.

use std::time::Duration;

/// Shortest pause between two lines.
const SHORTEST: Duration = Duration::from_secs(30);
/// Longest pause: trouble that lasts for days is still seen in any window that somebody looks at.
const LONGEST: Duration = Duration::from_secs(300);

/// The lines about one kind of trouble.
#[derive(Debug, Default)]
pub(crate) struct Reminder {
    told: Option<Told>,
}

#[derive(Debug, Clone, Copy)]
struct Told {
    amount: u64,
    at: Duration,
    pause: Duration,
}

impl Reminder {
    /// True when a line is due now; it is taken as told. `amount` is how much trouble there is: 0 is none.
    pub(crate) fn is_due(&mut self, amount: u64, now: Duration) -> bool {
        let told = self.told.filter(|_| amount > 0);
        self.told = told;
        if amount == 0 || self.due(amount).is_some_and(|due| now < due) {
            return false;
        }
        let pause = match told {
            Some(told) if told.amount == amount => (told.pause * 2).min(LONGEST),
            _ => SHORTEST,
        };
        self.told = Some(Told { amount, at: now, pause });
        true
    }

    /// When the next line about this much trouble is due; `None` when one was never told.
    pub(crate) fn due(&self, amount: u64) -> Option<Duration> {
        self.told.map(|told| told.at + if told.amount == amount { told.pause } else { SHORTEST })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds at which lines come, when `amount` is asked about every second.
    fn lines(seconds: u64, amount: impl Fn(u64) -> u64) -> Vec<u64> {
        let mut reminder = Reminder::default();
        (0..seconds).filter(|&at| reminder.is_due(amount(at), Duration::from_secs(at))).collect()
    }

    #[test]
    fn trouble_is_told_at_once_and_again_while_it_lasts() {
        assert_eq!(lines(1000, |_| 5), [0, 30, 90, 210, 450, 750]);
    }

    #[test]
    fn a_change_is_told_within_half_a_minute_and_the_end_of_trouble_starts_afresh() {
        assert_eq!(lines(200, |at| if at < 100 { 5 } else { 6 }), [0, 30, 90, 120, 150]);
        assert_eq!(lines(60, |at| u64::from(!(5..10).contains(&at))), [0, 10, 40]);
        assert_eq!(lines(60, |_| 0), Vec::<u64>::new());
    }
}
