//! Which log files there will be: a stream of small plans in the order of delivery. Each plan has all that one file needs,
//! so files can be made in parallel and the tree still depends on nothing but the seed.

use super::malformed::{BAD_FILES, BadFile};
use super::rng::Rng;
use super::settings::Settings;
use super::story::Story;
use super::text::SECONDS_PER_DAY;
use super::world::World;
use std::ops::Range;

/// Most records that a log file holds.
const MAX_PER_FILE: u64 = 10_000;
/// Spread of the logarithm of file sizes: from single records to thousands around a mean of some hundred.
const SPREAD: f64 = 1.1;
/// CloudTrail delivers about every five minutes.
const DELIVERY_SECONDS: i64 = 300;
/// Records of a broken file: what it might have told had it not been broken.
const BROKEN_RECORDS: u64 = 40;
/// Smallest tree that hides the story: in less it would be all there is.
const STORY_MIN_RECORDS: u64 = 1_000;
/// Traffic by hour of the UTC day.
const HOURS: [u64; 24] = [5, 4, 4, 4, 4, 5, 7, 10, 13, 14, 14, 13, 13, 14, 15, 15, 14, 13, 11, 10, 9, 8, 7, 6];

/// What kind of log file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    /// Management and data events; with these steps of the story.
    Events(Range<usize>),
    Insight,
    NetworkActivity,
    Broken(BadFile),
}

/// One log file to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Number of the file, its stream of chance.
    pub(crate) index: u64,
    pub(crate) content: Content,
    pub(crate) account: usize,
    pub(crate) region: usize,
    /// Seconds since the epoch: the stamp in the file's name.
    pub(crate) delivered: i64,
    pub(crate) records: u64,
    /// Delivered twice.
    pub(crate) duplicate: bool,
}

/// Says yes in a share of the calls, evenly: a small tree gets its part too, not only a lucky one.
#[derive(Debug)]
struct Every {
    share: f64,
    owed: f64,
}

impl Every {
    fn new(share: f64) -> Every {
        // The first comes after a few files, whatever the share.
        Every { share, owed: 1.0 - share * 7.0 }
    }

    fn due(&mut self) -> bool {
        if self.share <= 0.0 {
            return false;
        }
        self.owed += self.share;
        let due = self.owed >= 1.0;
        if due {
            self.owed -= 1.0;
        }
        due
    }
}

/// Plans a tree.
#[derive(Debug)]
pub(crate) struct Planner<'a> {
    settings: &'a Settings,
    world: &'a World,
    rng: Rng,
    next_index: u64,
    /// Records not yet planned, without those of the story.
    remaining: u64,
    /// The story's steps by delivery; the last comes first to be taken.
    story: Vec<(i64, Range<usize>)>,
    broken: Every,
    broken_so_far: usize,
    duplicates: Every,
    bomb: bool,
}

impl<'a> Planner<'a> {
    pub(crate) fn new(settings: &'a Settings, world: &'a World, story: Option<&Story>) -> Planner<'a> {
        let story = story.map(deliveries).unwrap_or_default();
        let told: usize = story.iter().map(|(_, steps)| steps.len()).sum();
        Planner {
            rng: Rng::new(settings.seed, u64::MAX - 2),
            next_index: 0,
            remaining: settings.records.saturating_sub(told as u64),
            story,
            broken: Every::new(settings.malformed_files),
            broken_so_far: 0,
            duplicates: Every::new(settings.duplicate_files),
            bomb: settings.bomb,
            settings,
            world,
        }
    }

    /// True when a tree of that many records has the story in it.
    pub(crate) fn tells_story(records: u64) -> bool {
        records >= STORY_MIN_RECORDS
    }

    fn plan(&mut self, content: Content, delivered: i64, records: u64) -> Plan {
        let index = self.next_index;
        self.next_index += 1;
        let told = matches!(&content, Content::Events(steps) if !steps.is_empty());
        let broken = matches!(content, Content::Broken(_));
        Plan {
            index,
            account: if told { 0 } else { self.world.account_weights.draw(&mut self.rng) },
            region: if told { 0 } else { self.world.region_weights.draw(&mut self.rng) },
            delivered,
            records,
            duplicate: !broken && self.duplicates.due(),
            content,
        }
    }

    /// Takes the size of a file out of what remains.
    fn take(&mut self, wanted: u64) -> u64 {
        let taken = wanted.min(self.remaining);
        self.remaining -= taken;
        taken
    }

    fn size(&mut self) -> u64 {
        let factor = self.rng.log_normal(SPREAD);
        ((self.settings.per_file as f64 * factor) as u64).clamp(1, MAX_PER_FILE)
    }

    /// Delivery time of the next file: the day's curve, followed by the share of records that are planned.
    fn now(&self) -> i64 {
        let (total, done) = (self.settings.records.max(1), self.settings.records - self.remaining);
        let day_units = HOURS.iter().sum::<u64>() * 3_600;
        let units = u128::from(done) * u128::from(self.settings.days) * u128::from(day_units) / u128::from(total);
        let (day, mut rest) = ((units / u128::from(day_units)) as i64, (units % u128::from(day_units)) as u64);
        let mut second = 0;
        for (hour, weight) in HOURS.iter().enumerate() {
            if rest < weight * 3_600 {
                second = hour as u64 * 3_600 + rest / weight;
                break;
            }
            rest -= weight * 3_600;
        }
        delivery_after(self.settings.start + day * SECONDS_PER_DAY + second as i64)
    }
}

impl Iterator for Planner<'_> {
    type Item = Plan;

    fn next(&mut self) -> Option<Plan> {
        let now = self.now();
        if self.story.last().is_some_and(|(delivered, _)| *delivered <= now || self.remaining == 0) {
            let (delivered, steps) = self.story.pop()?;
            let wanted = self.size();
            let records = steps.len() as u64 + self.take(wanted);
            return Some(self.plan(Content::Events(steps), delivered, records));
        }
        if self.remaining == 0 {
            let bomb = std::mem::take(&mut self.bomb);
            return bomb.then(|| self.plan(Content::Broken(BadFile::Bomb), now, 0));
        }
        if self.broken.due() {
            let fault = BAD_FILES[self.broken_so_far % BAD_FILES.len()];
            self.broken_so_far += 1;
            return Some(self.plan(Content::Broken(fault), now, BROKEN_RECORDS));
        }
        let (content, wanted) = match self.rng.below(400) {
            0..3 => (Content::Insight, 2),
            3..5 => (Content::NetworkActivity, 20),
            _ => (Content::Events(0..0), self.size()),
        };
        let records = self.take(wanted);
        Some(self.plan(content, now, records))
    }
}

/// The stamp of the delivery that holds what happens at `time`.
fn delivery_after(time: i64) -> i64 {
    (time.div_euclid(DELIVERY_SECONDS) + 1) * DELIVERY_SECONDS
}

/// The story cut into deliveries, last first.
fn deliveries(story: &Story) -> Vec<(i64, Range<usize>)> {
    let mut cut: Vec<(i64, Range<usize>)> = Vec::new();
    for (at, time) in story.times().enumerate() {
        let delivered = delivery_after(time);
        match cut.last_mut() {
            Some((stamp, steps)) if *stamp == delivered => steps.end = at + 1,
            _ => cut.push((delivered, at..at + 1)),
        }
    }
    cut.reverse();
    cut
}
