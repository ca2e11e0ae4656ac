//! The aggregators, as the log sees them: runs of whole log files, some cut, repeated, reordered or landing long after anybody waits
//! for them; never out of order within one run. A file is done only once all of a run has landed.

use crate::chance::Chance;
use crate::expected::Said;
use crate::log_file::LogFile;
use crate::outside::Outside;
use aggregator::transform::{Scratch, transform};
use common::message::{Key, Slot};

/// Runs that one aggregator has under way.
const IN_FLIGHT: usize = 3;
/// Aggregators.
const AGGREGATORS: usize = 2;

/// A run on its way into its partition.
#[derive(Debug)]
struct Run {
    aggregator: usize,
    file: usize,
    partition: u32,
    messages: Vec<(Vec<u8>, Vec<u8>, Said)>,
    next: usize,
    /// Nobody waits for it any more; so many of its messages land.
    ghost: Option<usize>,
}

/// All aggregators, and the files they have to deal with.
#[derive(Debug)]
pub struct Producers {
    /// The log files of this world.
    pub files: Vec<LogFile>,
    /// Files that were notified and are not under way.
    waiting: Vec<usize>,
    runs: Vec<Run>,
    acknowledged: Vec<bool>,
    scratch: Scratch,
}

impl Producers {
    /// Every file waits to be taken.
    pub fn new(files: Vec<LogFile>) -> Producers {
        let waiting = (0..files.len()).collect();
        let acknowledged = vec![false; files.len()];
        Producers { files, waiting, runs: Vec::new(), acknowledged, scratch: Scratch::default() }
    }

    /// True when every file is acknowledged in its last content and nothing is under way.
    pub fn is_done(&self) -> bool {
        let last = |(at, file): (usize, &LogFile)| self.acknowledged[at] && file.current + 1 == file.versions.len();
        self.waiting.is_empty() && self.runs.is_empty() && self.files.iter().enumerate().all(last)
    }

    /// One step without faults.
    pub fn work(&mut self, out: &mut Outside) {
        let free = (0..AGGREGATORS).find(|it| self.runs.iter().filter(|run| run.aggregator == *it).count() < IN_FLIGHT);
        match free {
            Some(aggregator) if !self.waiting.is_empty() && (self.runs.is_empty() || out.chance.below(3) == 0) => {
                self.start(aggregator, out);
            }
            _ if !self.runs.is_empty() => self.land(out),
            _ => self.next_version(),
        }
    }

    /// One step that may be a fault.
    pub fn work_or_fail(&mut self, out: &mut Outside) {
        match out.chance.below(60) {
            0 => self.notify_again(out),
            1 => self.time_out(out),
            2 => self.crash(out),
            3 if out.chance.below(4) == 0 => self.reproduce(out),
            4 => self.foreign(out),
            5 => self.next_version(),
            _ => self.work(out),
        }
    }

    fn start(&mut self, aggregator: usize, out: &mut Outside) {
        let at = self.waiting.swap_remove(out.chance.index(self.waiting.len()));
        let file = &self.files[at];
        let version = &file.versions[file.current];
        let etag = format!("tag-{}", file.current);
        let run = transform(&file.object, &etag, &version.gz, &mut self.scratch).run;
        let partition = run.file.partition(out.log.len() as u32);
        let messages = run.messages.iter().map(|(key, value)| (key.to_vec(), value.to_vec(), said(file, key))).collect();
        out.line(format_args!("aggregator {aggregator}: file {at}.{} to partition {partition}", file.current));
        self.runs.push(Run { aggregator, file: at, partition, messages, next: 0, ghost: None });
    }

    /// Some more messages of one of the runs land.
    fn land(&mut self, out: &mut Outside) {
        let at = out.chance.index(self.runs.len());
        let run = &mut self.runs[at];
        let until = run.ghost.unwrap_or(run.messages.len());
        let many = out.chance.between(1, 4) as usize;
        for (key, value, said) in &run.messages[run.next..until.min(run.next + many)] {
            out.append(run.partition, key.clone(), value.clone(), said);
        }
        run.next = until.min(run.next + many);
        if run.next < until {
            return;
        }
        let run = self.runs.swap_remove(at);
        if run.ghost.is_none() {
            out.line(format_args!("aggregator {}: file {} is acknowledged", run.aggregator, run.file));
            self.acknowledged[run.file] = true;
            let file = &self.files[run.file];
            if file.versions[file.current].rows.is_none() {
                out.counts.add("files quarantined");
            }
        } else if run.next < run.messages.len() {
            out.counts.add("runs cut");
        }
    }

    /// The log does not answer: of what was sent, all, some or nothing lands, now or later. The file is sent again, whole.
    fn time_out(&mut self, out: &mut Outside) {
        let live: Vec<usize> = (0..self.runs.len()).filter(|at| self.runs[*at].ghost.is_none()).collect();
        if live.is_empty() {
            return;
        }
        let at = live[out.chance.index(live.len())];
        out.counts.add("time-outs of the producer");
        self.abandon(at, out);
    }

    fn crash(&mut self, out: &mut Outside) {
        let aggregator = out.chance.index(AGGREGATORS);
        out.line(format_args!("aggregator {aggregator} crashes"));
        out.counts.add("aggregator crashes");
        for at in (0..self.runs.len()).rev() {
            if self.runs[at].aggregator == aggregator && self.runs[at].ghost.is_none() {
                self.abandon(at, out);
            }
        }
    }

    fn abandon(&mut self, at: usize, out: &mut Outside) {
        let run = &mut self.runs[at];
        out.line(format_args!("run of file {} is abandoned after {}", run.file, run.next));
        self.waiting.push(run.file);
        // A batch of it may have failed for good while later ones were in flight already: then it lands with a hole.
        let hole = if out.chance.below(4) == 0 { out.chance.index(3) } else { 0 };
        let left = run.messages.len() - run.next;
        let (hole, more) = (hole.min(left), out.chance.index(left + 1));
        run.next += hole;
        if more <= hole {
            out.counts.add("runs cut");
            self.runs.swap_remove(at);
        } else {
            out.counts.add("ghost runs");
            run.ghost = Some(run.next - hole + more);
            out.counts.add_many("runs with a hole", u64::from(hole > 0));
        }
    }

    /// A notification comes again.
    fn notify_again(&mut self, out: &mut Outside) {
        out.counts.add("redeliveries");
        let at = out.chance.index(self.files.len());
        self.waiting.push(at);
    }

    fn reproduce(&mut self, out: &mut Outside) {
        out.line(format_args!("everything is produced again"));
        out.counts.add("re-productions of everything");
        self.waiting.extend(0..self.files.len());
    }

    /// The next content of a file that has one, once the one before is acknowledged and nothing waits to be sent.
    fn next_version(&mut self) {
        let busy = |at: usize| self.waiting.contains(&at) || self.runs.iter().any(|run| run.file == at && run.ghost.is_none());
        let next = (0..self.files.len())
            .find(|at| self.acknowledged[*at] && !busy(*at) && self.files[*at].current + 1 < self.files[*at].versions.len());
        if let Some(at) = next {
            self.files[at].current += 1;
            self.acknowledged[at] = false;
            self.waiting.push(at);
        }
    }

    fn foreign(&mut self, out: &mut Outside) {
        out.counts.add("foreign messages");
        let partition = out.chance.index(out.log.len()) as u32;
        let (key, value) = match out.chance.below(3) {
            0 => (b"not ours".to_vec(), b"{}".to_vec()),
            1 => (Vec::new(), Vec::new()),
            // A key like ours, and a value that does not belong to it.
            _ => (Key { file: self.files[0].id, slot: Slot::Record(0) }.to_string().into_bytes(), b"{\"v\":1}".to_vec()),
        };
        out.append(partition, key, value, &Said::Foreign);
    }
}

/// What a message of a run says, from what the file was made of and the key alone.
fn said(file: &LogFile, key: &[u8]) -> Said {
    let version = file.current;
    let rows = file.versions[version].rows.as_deref();
    match Key::parse(key).map(|key| key.slot) {
        Some(Slot::Record(index)) => {
            let dir = rows.and_then(|rows| rows.get(index as usize)).cloned().unwrap_or_default();
            Said::Record { file: file.id, index, dir }
        }
        Some(Slot::End) => Said::End { file: file.id, version, records: rows.map(|rows| rows.len() as u32) },
        None => Said::Foreign,
    }
}

/// The log files of a world.
pub fn log_files(count: u64, layout: persister::sink::parquet::Layout, chance: &mut Chance) -> Vec<LogFile> {
    (0..count).map(|n| LogFile::make(n, layout, chance)).collect()
}
