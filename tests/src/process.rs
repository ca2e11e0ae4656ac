//! Our binaries as child processes: their output lies in a file, they die with the test, and only they are ever signalled.

use crate::wait;
use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

/// Signals that tests send to their own children.
#[derive(Debug, Clone, Copy)]
pub enum Signal {
    /// Please end.
    Term,
    /// Please end, said by a Ctrl-C.
    Interrupt,
    /// Stand still.
    Stop,
    /// Go on.
    Cont,
}

/// A running child.
#[derive(Debug)]
pub struct Process {
    child: Child,
    output: PathBuf,
    peak_rss: u64,
}

/// How a child ended.
#[derive(Debug)]
pub struct Ended {
    /// Exit code or signal.
    pub status: ExitStatus,
    /// What it printed, both streams.
    pub output: String,
    /// Largest resident set that was seen, in bytes.
    pub peak_rss: u64,
}

/// A binary of this workspace: test executables lie in `target/release/deps`, binaries one directory up.
pub fn binary(name: &str) -> PathBuf {
    let exe = std::env::current_exe().expect("this executable has a path");
    let beside = exe.parent().expect("a directory");
    let release = if beside.ends_with("deps") { beside.parent().expect("a target directory") } else { beside };
    let path = release.join(name);
    assert!(path.exists(), "{} is not built: cargo build --release --workspace", path.display());
    path
}

/// Our repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace")
}

impl Process {
    /// Starts a binary of ours; what it prints goes to `output`, which is overwritten.
    pub fn start<A: AsRef<OsStr>>(name: &str, arguments: &[A], env: &[(String, String)], output: &Path) -> Process {
        Process::start_at(&binary(name), arguments, env, output)
    }

    /// The same for one that was built elsewhere.
    pub fn start_at<A: AsRef<OsStr>>(path: &Path, arguments: &[A], env: &[(String, String)], output: &Path) -> Process {
        let mut command = Command::new(path);
        command.args(arguments);
        // The product reads SWITCHBACK__…; what a test's caller has set must not get in.
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SWITCHBACK_")) {
            command.env_remove(name);
        }
        command.env_remove("AWS_PROFILE").env_remove("AWS_SESSION_TOKEN").envs(env.iter().map(|(name, value)| (name, value)));
        Process::spawn(&mut command, output)
    }

    /// Starts any command; what it prints goes to `output`.
    pub fn spawn(command: &mut Command, output: &Path) -> Process {
        let file = File::create(output).expect("a file for the output");
        let again = file.try_clone().expect("the same file");
        command.stdin(Stdio::null()).stdout(file).stderr(again).current_dir(output.parent().expect("a directory"));
        Process { child: command.spawn().expect("the program starts"), output: output.to_owned(), peak_rss: 0 }
    }

    /// Ends it as `kill -9` does.
    pub fn kill(mut self) -> Ended {
        self.child.kill().expect("our own child can be killed");
        self.wait()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let name = match signal {
            Signal::Term => "-TERM",
            Signal::Interrupt => "-INT",
            Signal::Stop => "-STOP",
            Signal::Cont => "-CONT",
        };
        let sent = Command::new("kill").args([name, &self.child.id().to_string()]).status().expect("kill runs");
        assert!(sent.success(), "{name} was not sent");
    }

    /// True while it stands still (state `T` in proc(5)).
    pub fn is_stopped(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        // The name in brackets may hold anything; the state is what follows the last bracket.
        stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('T'))
    }

    /// Asks it to end and waits until it has.
    pub fn term(self) -> Ended {
        self.signal(Signal::Term);
        self.wait()
    }

    /// True once it has ended.
    pub fn is_over(&mut self) -> bool {
        self.look_at_memory();
        self.child.try_wait().expect("our own child can be asked").is_some()
    }

    /// Waits until it has ended by itself.
    pub fn wait(mut self) -> Ended {
        let output = self.output.clone();
        wait::until(&format!("{} is complete", output.display()), || self.is_over().then_some(()));
        let status = self.child.wait().expect("it has ended");
        Ended { status, output: self.printed(), peak_rss: self.peak_rss }
    }

    /// What it has printed so far.
    pub fn printed(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.output).expect("the output is a file")).into_owned()
    }

    /// The kernel keeps the high-water mark (`VmHWM`, proc(5)), so seldom looking loses little.
    fn look_at_memory(&mut self) {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse::<u64>().ok());
        self.peak_rss = self.peak_rss.max(kib.unwrap_or(0) * 1024);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Fails when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ended {
    /// Checks that it ended well.
    #[track_caller]
    pub fn well(self) -> Ended {
        self.with(0)
    }

    /// Checks its exit code.
    #[track_caller]
    pub fn with(self, code: i32) -> Ended {
        assert_eq!(self.status.code(), Some(code), "{:?}\n{}", self.status, self.output);
        self
    }

    /// Checks what it said.
    #[track_caller]
    pub fn saying(self, part: &str) -> Ended {
        assert!(self.output.contains(part), "does not say {part:?}:\n{}", self.output);
        self
    }

    /// True when a signal ended it.
    pub fn was_killed(&self) -> bool {
        self.status.signal().is_some()
    }
}
