//! The control flow: one task that knows every file under way. It lists, hands out tickets, takes them back settled, writes
//! down what is acknowledged, tries again, says what is in trouble, and knows when it is done. It waits for many things and does none of
//! the work: fetching, inflating and sending happen elsewhere.

#![expect(clippy::disallowed_methods, reason = "the control flow: when to list again, when to retry, how long to drain")]

mod gaps;

use crate::budget::{ByteBudget, FETCHED_BYTES};
use crate::fetch::Fetch;
use crate::ingest::WorkerPool;
use crate::notes::{Fate, reason_of};
use crate::progress::{Progress, Summary};
use crate::receipt::Receipts;
use crate::reminder::Reminder;
use crate::settings::Settings;
use crate::source::{LogFile, Page, Source, Trouble};
use crate::ticket::{AttemptOutcome, Job, Settled, SettledReceiver, SettledSender, Ticket};
use crate::waiting::{Next, Waiting};
use anyhow::{Context, anyhow, bail};
use common::failure::Class;
use common::log::Producer;
use common::service::{Printable, Shutdown, class_of, one_line};
use common::store::StoreError;
use gaps::Gaps;
use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

/// Tickets out at a time: enough that small files keep a log busy over its linger and round trip.
const MAX_UNDER_WAY: usize = 4096;

/// Tickets and works waiting between two stages: enough that no stage idles while the other one is scheduled.
const WAITING: usize = 256;

/// Attempts to send one file before the process ends: by then the fault is not the file's but the log's.
const MAX_ATTEMPTS: u32 = 8;

/// Files kept at hand until they are tried again; of those beyond only a listing knows the names.
const MAX_AT_HAND: usize = 4096;

/// How long a source that is listed once may fail to answer before the listing is given up. A request under way may take its own time-out
/// (20 s) more.
const LISTING_PATIENCE: Duration = Duration::from_secs(60);

/// How long the files under way may take after shutdown was requested: less than the 30 s that Kubernetes and Docker (10 s by default,
/// `stop_grace_period`) wait before they kill. What is cut off is sent again, and the sink drops it.
const DRAIN: Duration = Duration::from_secs(25);

/// Reads `source` into `producer` until it is read once (`source.once`) or shutdown is requested.
///
/// Must be called on a tokio runtime. Returns after every file handed to the producer has been answered, or 25 s after
/// the shutdown was requested.
///
/// What the source does not list or give is no error here: the summary tells it.
///
/// # Errors
/// When the log does not take a file within bounded attempts, or a source that is listed once refuses to be listed at all.
pub async fn run(
    settings: Settings,
    source: Source,
    producer: Arc<dyn Producer>,
    shutdown: Shutdown,
    progress: Arc<Progress>,
) -> anyhow::Result<Summary> {
    settings.check_flow()?;
    let receipts = Receipts::open(settings.source.once, settings.state.dir.as_deref())?;
    let stop = Shutdown::new();
    let threads = match settings.limits.workers {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        workers => workers as usize,
    };
    let (tickets, ticket_queue) = mpsc::channel(WAITING);
    let (work, work_queue) = mpsc::channel(WAITING);
    let pool = WorkerPool::new(producer, Arc::clone(&progress), stop.clone());
    let workers = pool.start(threads, work_queue).context("failed to start worker threads")?;
    drop(pool);
    let budget = ByteBudget::new(FETCHED_BYTES);
    let fetch = Fetch { source: source.clone(), budget, work, stop: stop.clone() };
    tokio::spawn(fetch.run(settings.limits.concurrency, ticket_queue));
    let (settle, settled) = mpsc::unbounded_channel();
    let mut flow = Flow {
        waiting: Waiting::new(settings.limits.retry.0, settings.source.once),
        settings,
        source,
        progress,
        receipts,
        stop,
        tickets: Some(tickets),
        settle,
        settled,
        pages: None,
        started: Instant::now(),
        listed_at: Instant::now(),
        listings: 0,
        next_listing: None,
        gaps: Gaps::default(),
        about_listing: Reminder::default(),
        about_files: Reminder::default(),
        queue: VecDeque::new(),
        retries: BTreeMap::new(),
        held: HashSet::new(),
        under_way: 0,
        drain_until: None,
        is_cut_short: false,
    };
    let result = flow.work(&shutdown).await;
    flow.end(result, workers).await
}

struct Flow {
    settings: Settings,
    source: Source,
    progress: Arc<Progress>,
    receipts: Receipts,
    /// Asks the stages to drop what they have not begun.
    stop: Shutdown,
    tickets: Option<mpsc::Sender<Ticket>>,
    settle: SettledSender,
    settled: SettledReceiver,
    /// The listing under way.
    pages: Option<mpsc::Receiver<Page>>,
    started: Instant,
    listed_at: Instant,
    listings: u64,
    next_listing: Option<Instant>,
    gaps: Gaps,
    about_listing: Reminder,
    about_files: Reminder,
    /// Of the page at hand, what is still to be handed out.
    queue: VecDeque<Job>,
    retries: BTreeMap<(Instant, u128), Job>,
    /// Fingerprints of all files queued, under way or waiting for a retry: the next listing must pass them over.
    held: HashSet<u128>,
    /// Files that their source did not give.
    waiting: Waiting,
    under_way: usize,
    drain_until: Option<Instant>,
    is_cut_short: bool,
}

impl Flow {
    async fn work(&mut self, shutdown: &Shutdown) -> anyhow::Result<()> {
        self.start_listing();
        while !self.is_done() {
            self.tell();
            let draining = self.drain_until.is_some();
            let wake = self.next_wake();
            let room = !self.queue.is_empty() && self.under_way < MAX_UNDER_WAY;
            tokio::select! {
                biased;
                Some(settled) = self.settled.recv() => self.take_back(settled)?,
                () = shutdown.wait(), if !draining => self.drain(),
                slot = reserve(self.tickets.clone()), if room => {
                    let slot = slot?;
                    if let Some(job) = self.queue.pop_front() {
                        self.under_way += 1;
                        slot.send(Ticket::new(job, self.settle.clone()));
                    }
                }
                page = next_page(self.pages.as_mut()), if self.pages.is_some() && self.queue.is_empty() => self.take_page(page)?,
                () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => self.wake()?,
            }
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        let idle = self.under_way == 0 && self.queue.is_empty() && self.retries.is_empty();
        idle && self.pages.is_none() && (self.drain_until.is_some() || self.next_listing.is_none())
    }

    fn start_listing(&mut self) {
        self.next_listing = None;
        self.listed_at = Instant::now();
        self.gaps.begin();
        self.waiting.listing_begins();
        let patience = self.settings.source.once.then_some(LISTING_PATIENCE);
        self.pages = Some(self.source.list(Arc::clone(&self.progress), patience));
    }

    fn take_page(&mut self, page: Option<Page>) -> anyhow::Result<()> {
        match page {
            Some(Ok(files)) => {
                self.gaps.passed();
                for file in files {
                    self.take_file(file)?;
                }
            }
            Some(Err(Trouble::Passing(error))) => self.gaps.add_passing(error),
            // A bucket that is not there or not ours, and no other listing will be made.
            Some(Err(Trouble::BrokenOff(error))) if error.class == Class::Config && self.listed_nothing() => {
                return Err(anyhow::Error::from(error).context(format!("failed to list {}", self.source)));
            }
            Some(Err(Trouble::Gap(error) | Trouble::BrokenOff(error))) => self.gaps.add(error),
            None => self.end_listing(),
        }
        Ok(())
    }

    fn listed_nothing(&self) -> bool {
        self.progress.listed.get() == 0 && self.progress.known.get() == 0
    }

    fn end_listing(&mut self) {
        self.pages = None;
        self.listings += 1;
        if self.gaps.end() {
            tracing::info!(source = %self.source, "listed whole again");
        }
        self.gaps.publish(&self.progress.notes);
        if self.gaps.is_whole() {
            for note in self.waiting.listed_whole() {
                self.progress.notes.remove(note, "");
            }
        }
        if self.listings == 1 {
            let skipped = self.progress.notes.count(Fate::Skipped);
            tracing::info!(files = self.progress.listed.get(), skipped, gaps = self.gaps.amount(), source = %self.source, "listed");
        }
        if !self.settings.source.once {
            // At most half of the time goes into listing, however large the source is.
            let pause = self.settings.source.poll.0.max(self.listed_at.elapsed());
            self.next_listing = Some(Instant::now() + pause);
        }
    }

    fn take_file(&mut self, file: LogFile) -> anyhow::Result<()> {
        let fingerprint = file.fingerprint();
        let may_ask = self.waiting.may_ask(fingerprint, self.started.elapsed());
        if !may_ask || self.held.contains(&fingerprint) {
            return Ok(());
        }
        let Some(receipt) = self.receipts.issue(fingerprint)? else {
            // Only what the first listing knows is news: later ones know what this process has done.
            if self.listings == 0 {
                self.progress.known.add(1);
            }
            return Ok(());
        };
        if !self.waiting.has(fingerprint) {
            self.progress.listed.add(1);
            self.progress.listed_bytes.add(file.size);
        }
        self.held.insert(fingerprint);
        self.queue.push_back(Job { file, fingerprint, receipt, attempt: 0 });
        Ok(())
    }

    fn take_back(&mut self, settled: Settled) -> anyhow::Result<()> {
        self.under_way -= 1;
        let Settled { job, outcome } = settled;
        let fingerprint = job.fingerprint;
        match outcome {
            AttemptOutcome::Acknowledged => {
                self.waits_no_longer(&job);
                self.progress.done.add(1);
                self.receipts.redeem(job.receipt)?;
            }
            AttemptOutcome::Vanished => {
                self.waits_no_longer(&job);
                self.progress.vanished.add(1);
            }
            AttemptOutcome::NotGiven(error) => {
                self.wait_for(job, &error);
                return Ok(());
            }
            AttemptOutcome::Dropped => self.is_cut_short = true,
            AttemptOutcome::Failed(error) => return self.try_again(job, error),
        }
        self.held.remove(&fingerprint);
        Ok(())
    }

    fn waits_no_longer(&mut self, job: &Job) {
        if let Some(note) = self.waiting.over(job.fingerprint) {
            self.progress.notes.remove(note, &job.file.path);
        }
    }

    /// The source did not give a file: that one waits, and nothing else does.
    fn wait_for(&mut self, job: Job, error: &StoreError) {
        tracing::debug!(path = job.file.path, %error, "not given");
        let (fingerprint, now) = (job.fingerprint, self.started.elapsed());
        let at_hand = self.retries.len() < MAX_AT_HAND;
        let note = || self.progress.notes.add(Fate::Waiting, reason_of(error), &error.why, &job.file.path);
        match self.waiting.failed(fingerprint, error.class, now, at_hand, note) {
            Next::In(pause) if self.drain_until.is_none() => {
                self.progress.retried.add(1);
                self.retries.insert((Instant::now() + pause, fingerprint), job);
            }
            Next::In(_) => self.is_cut_short = true,
            Next::WhenListed | Next::Never => {
                self.held.remove(&fingerprint);
            }
        }
    }

    fn try_again(&mut self, job: Job, error: anyhow::Error) -> anyhow::Result<()> {
        let Job { attempt, .. } = job;
        let path = Printable(&job.file.path).to_string();
        let final_class = matches!(class_of(error.as_ref()), Some(Class::Config | Class::Fatal));
        if final_class || attempt + 1 >= MAX_ATTEMPTS {
            return Err(error.context(format!("failed to ingest {path} ({} attempts)", attempt + 1)));
        }
        if self.drain_until.is_some() {
            self.is_cut_short = true;
            return Ok(());
        }
        let pause = self.settings.limits.retry.0 * 2u32.saturating_pow(attempt).min(60);
        tracing::warn!(
            path,
            attempt = attempt + 1,
            error = one_line(error.as_ref()),
            ?pause,
            "not acknowledged: the file again from its start"
        );
        self.progress.retried.add(1);
        self.retries.insert((Instant::now() + pause, job.fingerprint), Job { attempt: attempt + 1, ..job });
        Ok(())
    }

    fn next_wake(&self) -> Option<Instant> {
        let retry = self.retries.keys().next().map(|(due, _)| *due);
        let lines = [self.about_listing.due(self.gaps.amount()), self.about_files.due(self.files_trouble())];
        let line = lines.into_iter().flatten().min().map(|due| self.started + due);
        [retry, self.next_listing, self.drain_until, line].into_iter().flatten().min()
    }

    fn files_trouble(&self) -> u64 {
        self.progress.notes.count(Fate::Waiting)
    }

    /// Trouble while it lasts is a line now and then.
    fn tell(&mut self) {
        let now = self.started.elapsed();
        let (places, files) = (self.gaps.amount(), self.files_trouble());
        if self.about_listing.is_due(places, now) {
            let error = self.gaps.last_words();
            tracing::warn!(source = %self.source, places, error, "the source cannot be listed whole: trying again");
        }
        if self.about_files.is_due(files, now) {
            let notes = self.progress.notes.all();
            for note in notes.iter().filter(|note| note.fate == Fate::Waiting) {
                tracing::warn!(files = note.count, "log files that the source does not give: asked for again and again: {note}");
            }
        }
    }

    fn wake(&mut self) -> anyhow::Result<()> {
        let now = Instant::now();
        if self.drain_until.is_some_and(|until| until <= now) {
            bail!("{} files were still under way {DRAIN:?} after the end was asked for; they will be sent again", self.under_way);
        }
        while let Some(entry) = self.retries.first_entry()
            && entry.key().0 <= now
        {
            self.queue.push_front(entry.remove());
        }
        if self.next_listing.is_some_and(|due| due <= now) {
            self.start_listing();
        }
        Ok(())
    }

    /// Takes on nothing more; what is under way comes back.
    fn drain(&mut self) {
        self.drain_until = Some(Instant::now() + DRAIN);
        self.stop.request();
        self.is_cut_short |= self.pages.is_some() || !self.queue.is_empty() || !self.retries.is_empty();
        if self.pages.is_some() {
            self.gaps.publish(&self.progress.notes);
        }
        (self.pages, self.next_listing) = (None, None);
        self.queue.clear();
        self.retries.clear();
    }

    async fn end(mut self, result: anyhow::Result<()>, workers: Vec<std::thread::JoinHandle<()>>) -> anyhow::Result<Summary> {
        self.stop.request();
        // Without tickets the fetch stage ends, without work the workers do.
        self.tickets = None;
        let synced = self.receipts.sync();
        // After a failure a worker may be waiting for a log that does not answer; it is left behind, with nothing begun.
        result?;
        for worker in workers {
            tokio::task::spawn_blocking(move || worker.join()).await?.map_err(|_| anyhow!("a worker thread panicked"))?;
        }
        synced?;
        Ok(Summary { is_cut_short: self.is_cut_short, ..self.progress.summary() })
    }
}

/// A place for a ticket. Cancel-safe: a place that is not used is given back.
async fn reserve(tickets: Option<mpsc::Sender<Ticket>>) -> anyhow::Result<mpsc::OwnedPermit<Ticket>> {
    tickets.context("there is no fetch stage")?.reserve_owned().await.map_err(|_| anyhow!("the fetch stage has ended"))
}

async fn next_page(pages: Option<&mut mpsc::Receiver<Page>>) -> Option<Page> {
    match pages {
        Some(pages) => pages.recv().await,
        None => None,
    }
}

#[cfg(test)]
mod tests;
