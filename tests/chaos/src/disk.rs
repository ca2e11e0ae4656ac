//! The table lies on a disk that is full at times: a small tmpfs, filled by a ballast of our own to the last few kilobytes.

use crate::actor::Role;
use crate::context::Context;
use crate::round::Round;
use crate::stage::{Place, Plan};
use crate::tally::Tally;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// Size of the disk: several times what the table comes to.
const SIZE: &str = "size=96m";

/// Longest time that the disk is full, and has room, in milliseconds.
const LONGEST: u64 = 2_500;

/// What is left free of a full disk, in bytes: nothing, or enough for some objects and not for others.
const LEFT: u64 = 48 << 10;

/// Plays one round.
pub(crate) fn play(context: &Context, tally: &mut Tally) {
    let disk = match Disk::mount(context.dir().join("disk")) {
        Ok(disk) => disk,
        Err(why) => {
            tally.skipped =
                Some(format!("no tmpfs can be mounted ({why}); as root, or: unshare -rm target/release/chaos disk-full"));
            return;
        }
    };
    let mut plan = Plan::new("disk-full", context.options.seed.wrapping_add(6_000));
    plan.table = Place::At(disk.path.join("table"));
    (plan.parts, plan.records) = (150, 10_000);
    let mut round = Round::open(context, tally, plan);
    round.enlist_all(&[]);
    let end = Instant::now() + Duration::from_secs_f64(context.options.minutes * 60.0);
    while !round.is_delivered() && Instant::now() < end && !context.is_stopped() {
        let left = round.chance.below(LEFT);
        disk.fill(left);
        round.tally.fault("disk filled");
        feed(&mut round);
        disk.free();
        feed(&mut round);
    }
    round.close();
}

/// Lets a while pass in which log files keep arriving, and somebody may die.
fn feed(round: &mut Round<'_>) {
    for _ in 0..3 {
        round.deliver();
        round.pass_below(LONGEST / 3);
    }
    if round.chance.once_in(3) {
        let at = round.one_of(|role| *role != Role::Aggregator);
        round.kill(at);
    }
}

/// A disk, unmounted when it is dropped.
struct Disk {
    path: PathBuf,
}

impl Disk {
    fn mount(path: PathBuf) -> Result<Disk, String> {
        std::fs::create_dir(&path).map_err(|error| error.to_string())?;
        let output = Command::new("mount").args(["-t", "tmpfs", "-o", SIZE, "tmpfs"]).arg(&path).output();
        let output = output.map_err(|error| error.to_string())?;
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        if output.status.success() { Ok(Disk { path }) } else { Err(said) }
    }

    /// Takes all room but `left` bytes.
    fn fill(&self, left: u64) {
        let (mut ballast, mut written, page) = (File::create(self.ballast()).expect("an empty file fits"), 0, [1; 4096]);
        // The disk's own "no" says when it is full.
        while ballast.write_all(&page).is_ok() {
            written += page.len() as u64;
        }
        ballast.set_len(written.saturating_sub(left)).expect("a file can be cut");
    }

    fn free(&self) {
        std::fs::remove_file(self.ballast()).expect("our own file");
    }

    fn ballast(&self) -> PathBuf {
        Path::new(&self.path).join("ballast")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: whatever still looks at it (a judge, a child that is just dying) does not keep it. A kept one goes with the machine.
        if !std::thread::panicking() {
            let _ = Command::new("umount").arg("-l").arg(&self.path).status();
        }
    }
}
