//! Clocks that jump by hours and days, each process its own, through libfaketime. Monotonic clocks stay what they are, as on a real
//! machine whose clock is set. The table is a directory: S3 refuses requests signed by a clock that is off by a quarter of an hour.

use crate::actor::{Role, Share};
use crate::context::Context;
use crate::round::Round;
use crate::stage::{Place, Plan};
use crate::tally::Tally;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Where Debian's package `faketime` puts it; `dev` installs it.
const LIBRARIES: [&str; 3] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/faketime/libfaketimeMT.so.1",
];

/// Longest pause between two steps, in milliseconds.
const LONGEST: u64 = 800;

/// Furthest step: four hundred days.
const FURTHEST_SECONDS: u64 = 400 * 86_400;

/// Plays one round.
pub(crate) fn play(context: &Context, tally: &mut Tally) {
    let Some(library) = library() else {
        tally.skipped = Some("libfaketime is not there (Debian: apt-get install faketime)".to_owned());
        return;
    };
    let mut plan = Plan::new("clock", context.options.seed.wrapping_add(5_000));
    (plan.table, plan.parts) = (Place::Directory, 120);
    let mut round = Round::open(context, tally, plan);
    let mut clocks = Vec::new();
    for number in 0..round.stage.plan.partitions + 2 {
        let role =
            if number < round.stage.plan.partitions { Role::Persister(Share::Static(vec![number])) } else { Role::Aggregator };
        let clock = round.stage.dir.join(format!("clock-{number}"));
        round.enlist(role, &told_by(library, &clock));
        clocks.push(clock);
    }
    let end = Instant::now() + Duration::from_secs_f64(context.options.minutes * 60.0);
    while !round.is_delivered() && Instant::now() < end && !context.is_stopped() {
        step(&mut round, &clocks);
        round.deliver();
        round.pass_below(LONGEST);
        if round.chance.once_in(4) {
            let at = round.one_of(|_| true);
            round.kill(at);
        }
    }
    round.close();
}

/// What fakes clocks, if it is there.
pub(crate) fn library() -> Option<&'static str> {
    LIBRARIES.into_iter().find(|path| Path::new(path).exists())
}

/// Makes a clock, and tells the environment of a process that goes by it.
pub(crate) fn told_by<'a>(library: &'a str, clock: &'a Path) -> [(&'a str, &'a str); 4] {
    set(clock, 0);
    [
        ("LD_PRELOAD", library),
        ("FAKETIME_TIMESTAMP_FILE", clock.to_str().expect("UTF-8")),
        ("FAKETIME_CACHE_DURATION", "1"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
    ]
}

/// Sets one clock: seconds, hours or days forward or back.
pub(crate) fn step(round: &mut Round<'_>, clocks: &[PathBuf]) {
    let scale = *round.chance.one(&[60, 86_400, FURTHEST_SECONDS]);
    let seconds = round.chance.below(2 * scale).cast_signed() - scale.cast_signed();
    let clock: &PathBuf = round.chance.one(clocks);
    set(clock, seconds);
    round.tally.fault("clock steps");
}

/// In one step, since the file is read at any moment.
fn set(clock: &Path, offset: i64) {
    let new = clock.with_extension("new");
    std::fs::write(&new, format!("{offset:+}\n")).expect("a file");
    std::fs::rename(new, clock).expect("a rename");
}
