//! One round: a stage, its processes, deliveries, a bystander; at its end the table must be exact.

use crate::actor::{Actor, Role, Share};
use crate::bystander::Bystander;
use crate::context::Context;
use crate::diary::Diary;
use crate::stage::{Plan, Stage};
use crate::tally::Tally;
use std::time::{Duration, Instant};
use tests::case::Deliveries;
use tests::chance::Chance;
use tests::watch::{Seen, Watch};

/// How often actors are looked after.
const TEND_EVERY: Duration = Duration::from_millis(20);

/// How often a line says how it goes.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// Deliveries that stay in the source: what an aggregator that died before it could remember them sends again.
const KEPT_PARTS: usize = 30;

/// A round that is being played.
pub(crate) struct Round<'a> {
    /// What all rounds share.
    pub(crate) context: &'a Context,
    /// Its figures go here.
    pub(crate) tally: &'a mut Tally,
    /// Where it is played.
    pub(crate) stage: Stage,
    /// Its chance.
    pub(crate) chance: Chance,
    /// Who plays; one that is gone for good leaves no hole.
    pub(crate) actors: Vec<Actor>,
    deliveries: Deliveries,
    bystander: Option<Bystander>,
    enlisted: u32,
    told: Instant,
    delivered: u64,
}

impl<'a> Round<'a> {
    /// Sets the stage; nobody plays yet.
    pub(crate) fn open(context: &'a Context, tally: &'a mut Tally, plan: Plan) -> Round<'a> {
        let chance = context.chance(plan.seed);
        let stage = Stage::set(context, plan);
        let parts = usize::try_from(stage.plan.parts).expect("a count");
        let deliveries = Deliveries::of(&stage.tree, parts);
        let watch = Watch::start(&stage.judge, &stage.table, &stage.dir.join("seen"), &[&stage.tree]);
        tally.rounds += 1;
        let bystander = Some(Bystander::start(watch));
        Round {
            context,
            tally,
            stage,
            chance,
            actors: Vec::new(),
            deliveries,
            bystander,
            enlisted: 0,
            told: Instant::now(),
            delivered: 0,
        }
    }

    /// Adds an actor, and tells which one it is.
    pub(crate) fn enlist(&mut self, role: Role, env: &[(&str, &str)]) -> usize {
        self.enlisted += 1;
        let what = if role == Role::Aggregator { "aggregator" } else { "persister" };
        let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.actors.push(Actor::start(&self.stage, format!("{what}-{}", self.enlisted), role, env));
        self.actors.len() - 1
    }

    /// Adds one persister a partition (or that many members of the group) and two aggregators, who both send everything.
    pub(crate) fn enlist_all(&mut self, env: &[(&str, &str)]) {
        for partition in 0..self.stage.plan.partitions {
            let share = if self.stage.plan.group { Share::Group } else { Share::Static(vec![partition]) };
            self.enlist(Role::Persister(share), env);
        }
        self.enlist(Role::Aggregator, env);
        self.enlist(Role::Aggregator, env);
    }

    /// `kill -9`, and a new life at once.
    pub(crate) fn kill(&mut self, at: usize) {
        let diary = self.kill_for_good(at);
        self.learn(&diary);
        self.actors[at].live(&self.stage);
    }

    /// `kill -9`; what it said.
    fn kill_for_good(&mut self, at: usize) -> Diary {
        let actor = &mut self.actors[at];
        let (was_killed, diary) = actor.kill();
        let kind = if actor.role == Role::Aggregator { "aggregators killed" } else { "persisters killed" };
        if was_killed {
            self.tally.kills += 1;
            self.tally.kills_at_work += u64::from(diary.batches() > 0);
            self.tally.fault(kind);
        }
        diary
    }

    /// `kill -9` of one who does not come back, or may be dead already.
    pub(crate) fn dismiss(&mut self, at: usize) {
        let diary = self.kill_for_good(at);
        self.actors.swap_remove(at);
        self.learn(&diary);
    }

    /// One actor of such a role.
    pub(crate) fn one_of(&mut self, wanted: impl Fn(&Role) -> bool) -> usize {
        let of: Vec<usize> = (0..self.actors.len()).filter(|at| wanted(&self.actors[*at].role)).collect();
        *self.chance.one(&of)
    }

    /// A member leaves in good order, and does not come back.
    pub(crate) fn leave(&mut self, at: usize) {
        let mut actor = self.actors.swap_remove(at);
        let ended = actor.leave();
        // One that has only just started does not hear signals yet, and dies of this one.
        let ended = if ended.was_killed() { ended } else { ended.well() };
        self.learn(&Diary::read(&ended.output));
        self.tally.fault("members left");
    }

    /// The next log files arrive. Old ones go.
    pub(crate) fn deliver(&mut self) {
        self.deliveries.next(&self.stage.source);
        self.deliveries.withdraw(KEPT_PARTS, &self.stage.source);
        self.delivered += 1;
    }

    /// True when all log files have arrived.
    pub(crate) fn is_delivered(&self) -> bool {
        self.delivered >= self.stage.plan.parts
    }

    /// What the bystander has seen last.
    pub(crate) fn seen(&self) -> Seen {
        self.bystander.as_ref().map(|bystander| bystander.sight().last).unwrap_or_default()
    }

    /// True once the bystander has looked.
    pub(crate) fn is_watched(&self) -> bool {
        self.bystander.as_ref().is_some_and(|bystander| bystander.sight().checks > 0)
    }

    /// Lets time pass, looking after everybody.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = Instant::now() + time;
        loop {
            self.tend();
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            std::thread::sleep(left.min(TEND_EVERY));
        }
    }

    /// Lets a random time pass: not to wait for anything, any moment is as good as any other.
    pub(crate) fn pass_below(&mut self, millis: u64) {
        let time = Duration::from_millis(self.chance.below(millis));
        self.pass(time);
    }

    /// Starts again who has ended by himself, tells how it goes, stops at a violation.
    fn tend(&mut self) {
        for at in 0..self.actors.len() {
            if !self.actors[at].is_mortal
                && let Some(ended) = self.actors[at].ended()
            {
                let diary = Diary::read(&ended.output);
                self.learn(&diary);
                *self.tally.ended.entry(shortened(&diary.last)).or_default() += 1;
                self.actors[at].live(&self.stage);
            }
        }
        let bystander = self.bystander.as_ref().expect("the round is not over");
        assert!(!bystander.is_over(), "the judge has failed; see above");
        let sight = bystander.sight();
        if !sight.last.problems.is_empty() {
            // What has been seen is counted here, since the round is not closed in order.
            self.tally.see(&sight.last);
            panic!("{}: seen while it was written", self.stage.dir.display());
        }
        if self.told.elapsed() > TELL_EVERY {
            self.told = Instant::now();
            let (tally, seen) = (&*self.tally, &sight.last);
            println!(
                "  {}: {} kills, {} zombies, {} outages, {} rows in {} files, {} to come, {} twice, {} checks",
                self.stage.plan.name,
                tally.kills,
                tally.zombies + tally.double_owners,
                tally.outages,
                seen.rows + seen.rejected,
                seen.files,
                seen.missing,
                seen.twice,
                tally.checks + sight.checks,
            );
        }
    }

    fn learn(&mut self, diary: &Diary) {
        self.tally.learn(diary);
        if let Some(halt) = diary.halted.first() {
            self.tally.violations.push(format!("halted: {halt}"));
            panic!("{}: halted", self.stage.dir.display());
        }
    }

    /// Ends the chaos with a last kill of everybody, delivers everything once more, drains in peace, and judges.
    pub(crate) fn close(mut self) {
        for at in 0..self.actors.len() {
            let diary = self.kill_for_good(at);
            self.learn(&diary);
        }
        self.actors.clear();
        self.stage.send_all("last-aggregator", &self.stage.tree);
        let partitions = self.stage.plan.partitions;
        let share = if self.stage.plan.group { Share::Group } else { Share::Static((0..partitions).collect()) };
        let mut last = Actor::start(&self.stage, "last-persister".to_owned(), Role::Persister(share), Vec::new());
        self.stage.topic.drained(i32::try_from(partitions).expect("a count"));
        let ended = last.leave().well();
        self.learn(&Diary::read(&ended.output));
        self.judge();
        self.stage.topic.forget();
    }

    fn judge(&mut self) {
        let bystander = self.bystander.take().expect("the round is not over");
        let sight = bystander.sight();
        let mut watch = bystander.stop();
        let mut seen = watch.look();
        seen.problems.extend(sight.last.problems);
        self.tally.checks += sight.checks + 1;
        self.tally.blind += sight.blind;
        self.tally.log_files += self.deliveries.files() as u64;
        self.tally.see(&seen);
        assert_eq!(seen.blind, None, "{}: the judge cannot see the table", self.stage.dir.display());
        if seen.missing > 0 {
            self.tally.violations.push(format!("{} rows are missing in the end", seen.missing));
        }
        assert!(self.tally.is_good(), "{}: {seen:?}", self.stage.dir.display());
        // Once more by judges who have seen nothing yet: all files anew, and the product's own proof.
        if let Some(said) = self.stage.judge.inexact(&self.stage.table, &[&self.stage.tree]) {
            self.tally.violations.push(said);
            panic!("{}: not exact", self.stage.dir.display());
        }
        self.tally.verified += 1;
        std::fs::remove_dir_all(&self.stage.dir).expect("the round's directory");
    }
}

/// Last words without what differs each time: names of files and numbers.
fn shortened(words: &str) -> String {
    let plain: String = words.chars().take(160).map(|c| if c.is_ascii_digit() { '#' } else { c }).collect();
    if plain.is_empty() { "nothing was said".to_owned() } else { plain }
}
