//! What all scenarios of one run share: the pair of services, a directory, what was asked for.

use anyhow::Context as _;
use common::service::Shutdown;
use std::path::{Path, PathBuf};
use std::process::Command;
use tests::chance::Chance;
use tests::process::{binary, root};
use tests::services::Services;
use tokio::runtime::Runtime;

/// What can be asked for.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// kill -9s of `kills` and `groups`
    #[arg(long, value_name = "N", default_value_t = 400)]
    pub(crate) kills: u64,
    /// Zombies of `zombies`
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) zombies: u64,
    /// Length of the scenarios that have no number of their own
    #[arg(long, value_name = "M", default_value_t = 2.0)]
    pub(crate) minutes: f64,
    /// Seed of all chance; what the machine does between is its own
    #[arg(long, value_name = "S", default_value_t = seed())]
    pub(crate) seed: u64,
    /// Use the services that `./dev services env` names, instead of a pair of one's own (not for `outages`)
    #[arg(long)]
    pub(crate) shared: bool,
    /// Take the aggregator and the persister from here, and whoever judges from beside this program
    #[arg(long, value_name = "DIR")]
    pub(crate) product: Option<PathBuf>,
    /// Where to work; must not exist
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

fn seed() -> u64 {
    std::time::UNIX_EPOCH.elapsed().map_or(1, |now| u64::from(now.subsec_nanos()))
}

/// A product without failpoints would refuse each that a scenario arms, and that must not look like a crash that was asked for.
fn demand_failpoints(options: &Options) -> anyhow::Result<()> {
    let persister = options.product.as_ref().map_or_else(|| binary("persister"), |dir| dir.join("persister"));
    let asked = Command::new(&persister).env("SWITCHBACK_FAILPOINT", "encode.before:1").output();
    let said = asked.with_context(|| format!("failed to run {}", persister.display()))?.stderr;
    anyhow::ensure!(
        !String::from_utf8_lossy(&said).contains("built without failpoints"),
        "{} was built without failpoints: cargo build --release --workspace --all-targets --features persister/failpoints",
        persister.display()
    );
    Ok(())
}

/// Asked at the start: a long run outlives commits.
fn commit() -> String {
    let asked = Command::new("git").current_dir(root()).args(["describe", "--always", "--abbrev=40", "--dirty"]).output();
    asked.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}

/// The run.
pub(crate) struct Context {
    /// What was asked for.
    pub(crate) options: Options,
    /// Kafka and S3; dropped (and ended) before the directory that holds their data.
    pub(crate) services: Services,
    /// Where the proxy lives, and signals are heard.
    pub(crate) runtime: Runtime,
    /// What the harness and the product were built from, as far as git knows.
    pub(crate) commit: String,
    dir: Directory,
    shutdown: Shutdown,
}

struct Directory {
    path: PathBuf,
    kept: bool,
}

impl Context {
    /// Makes the directory and starts the services.
    pub(crate) fn open(options: &Options) -> anyhow::Result<Context> {
        let path =
            options.dir.clone().unwrap_or_else(|| std::env::temp_dir().join(format!("switchback-chaos-{}", std::process::id())));
        std::fs::create_dir(&path).with_context(|| format!("failed to make {}", path.display()))?;
        let dir = Directory { path, kept: false };
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let shutdown = {
            let _on = runtime.enter();
            Shutdown::on_signals()?
        };
        let services = if options.shared { Services::shared() } else { Services::own(&dir.path.join("services")) };
        let services = services.context("there are no services")?;
        let product = options.product.as_ref().map(std::fs::canonicalize).transpose().context("there is no such product")?;
        let options = Options { product, ..options.clone() };
        demand_failpoints(&options)?;
        println!("seed {}, {}, kafka {}", options.seed, dir.path.display(), services.kafka);
        Ok(Context { options, services, runtime, commit: commit(), dir, shutdown })
    }

    /// True once the end was asked for: the round under way is closed, judged and counted.
    pub(crate) fn is_stopped(&self) -> bool {
        self.shutdown.requested()
    }

    /// Where the rounds work.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir.path
    }

    /// Chance for one part of the run: other parts do not shift it.
    pub(crate) fn chance(&self, part: u64) -> Chance {
        Chance::of(self.options.seed ^ part.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// Leaves everything for people to look at.
    pub(crate) fn keep(&mut self) {
        self.dir.kept = true;
        println!("left for you: {}", self.dir.path.display());
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if !self.kept {
            // What cannot be removed is in a temporary directory.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}
