//! One log file: from its plan to its bytes, and what is true of it.

use super::malformed::{BadRecord, gzip, remove_time};
use super::plan::{Content, Plan};
use super::rare::Rare;
use super::record;
use super::rng::Rng;
use super::settings::Settings;
use super::story::Story;
use super::template::Scene;
use super::text::{self, SECONDS_PER_DAY, push, push_all, string};
use super::world::World;
use common::time::Date;
use std::collections::BTreeMap;

/// Events reach their file within ten minutes.
const DELAY_SECONDS: i64 = 600;
const LATE_DAYS: i64 = 20;

/// Generates log files from plans; shared by the threads that do so.
#[derive(Debug)]
pub(crate) struct Generator<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) world: &'a World,
    pub(crate) story: Option<&'a Story>,
    pub(crate) rare: Rare,
}

/// A log file and what is true of it.
#[derive(Debug, Default)]
pub(crate) struct GeneratedLogFile {
    /// Object path from `AWSLogs/` on.
    pub(crate) object: String,
    pub(crate) gz: Vec<u8>,
    pub(crate) records: u64,
    pub(crate) rejected: BTreeMap<&'static str, u64>,
    pub(crate) quarantined: Option<&'static str>,
    pub(crate) bytes_raw: u64,
    pub(crate) late: u64,
    /// Events without a time.
    pub(crate) undated: u64,
    pub(crate) by_date: BTreeMap<Date, u64>,
    /// Times of the oldest and newest event, seconds since the epoch.
    pub(crate) span: Option<(i64, i64)>,
}

impl GeneratedLogFile {
    fn event(&mut self, time: i64) {
        *self.by_date.entry(text::day_of(time)).or_default() += 1;
        let (oldest, newest) = self.span.unwrap_or((time, time));
        self.span = Some((oldest.min(time), newest.max(time)));
    }
}

impl Generator<'_> {
    /// Generates a log file; `raw` is a buffer to be reused, left holding the inflated content.
    pub(crate) fn generate(&self, plan: &Plan, raw: &mut Vec<u8>) -> std::io::Result<GeneratedLogFile> {
        let mut rng = Rng::new(self.settings.seed, plan.index);
        let mut generated = GeneratedLogFile { object: self.object(plan, &mut rng), ..GeneratedLogFile::default() };
        raw.clear();
        push(raw, r#"{"Records":["#);
        let steps = match &plan.content {
            Content::Events(steps) => steps.clone(),
            _ => 0..0,
        };
        // The story's steps stand anywhere among the others: AWS does not sort a file.
        let mut others = plan.records.saturating_sub(steps.len() as u64);
        let mut told = steps.start;
        while others > 0 || told < steps.end {
            if raw.last() != Some(&b'[') {
                raw.push(b',');
            }
            let left = (steps.end - told) as u64;
            if rng.below(others + left) < left {
                if let Some(time) = self.story.and_then(|story| story.write(raw, told, self.world, &mut rng)) {
                    generated.event(time);
                    generated.records += 1;
                }
                told += 1;
            } else {
                self.record(plan, raw, &mut rng, &mut generated);
                others -= 1;
            }
        }
        push(raw, "]}");
        if let Content::Broken(fault) = plan.content {
            generated.gz = fault.build(raw)?;
            return Ok(GeneratedLogFile {
                object: generated.object,
                gz: generated.gz,
                quarantined: Some(fault.reason()),
                ..GeneratedLogFile::default()
            });
        }
        generated.bytes_raw = raw.len() as u64;
        generated.gz = gzip(raw)?;
        Ok(generated)
    }

    /// Appends one record that is not of the story, good or bad.
    fn record(&self, plan: &Plan, raw: &mut Vec<u8>, rng: &mut Rng, generated: &mut GeneratedLogFile) {
        let bad = rng.chance(self.settings.malformed_records).then(|| BadRecord::draw(rng));
        let late = rng.chance(self.settings.late);
        let delay = if late { rng.between(SECONDS_PER_DAY, LATE_DAYS * SECONDS_PER_DAY) } else { rng.between(0, DELAY_SECONDS) };
        let start = raw.len();
        let pick = rng.next();
        let mut scene = Scene {
            account: &self.world.accounts[plan.account],
            region: self.world.regions[plan.region],
            time: plan.delivered - delay,
            pick,
            rng,
        };
        match plan.content {
            Content::Insight => self.rare.insight(raw, &mut scene),
            Content::NetworkActivity => self.rare.network_activity(raw, &mut scene),
            Content::Events(_) | Content::Broken(_) => record::everyday(raw, self.world, &mut scene),
        }
        generated.records += 1;
        // Insight records have no user agent to break.
        match bad.filter(|_| matches!(plan.content, Content::Events(_))) {
            Some(bad) => {
                bad.break_record(raw, start);
                *generated.rejected.entry(bad.reason()).or_default() += 1;
            }
            None if self.settings.undated > 0.0 && rng.chance(self.settings.undated) => {
                remove_time(raw, start);
                generated.undated += 1;
            }
            None => {
                generated.event(plan.delivered - delay);
                generated.late += u64::from(late);
            }
        }
    }

    /// The object path, as "Finding your CloudTrail log files" has it.
    fn object(&self, plan: &Plan, rng: &mut Rng) -> String {
        let folder = match plan.content {
            Content::Insight => "CloudTrail-Insight",
            Content::NetworkActivity => "CloudTrail-NetworkActivity",
            Content::Events(_) | Content::Broken(_) => "CloudTrail",
        };
        let account = &self.world.accounts[plan.account].id;
        let region = self.world.regions[plan.region];
        string(|out| {
            push_all(out, &["AWSLogs/", account, "/", folder, "/", region, "/"]);
            text::date(out, plan.delivered, "/");
            push_all(out, &["/", account, "_", folder, "_", region, "_"]);
            text::stamp(out, plan.delivered, false);
            out.push(b'_');
            text::alphanumeric(out, rng, 16);
            push(out, ".json.gz");
        })
    }
}
