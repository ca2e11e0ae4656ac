//! The real Kafka and the real S3 server, found by the environment that `./dev services env` prints, or a private pair of them for a
//! test that stops, kills and breaks them.

use crate::process::root;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A broker and a bucket.
#[derive(Debug)]
pub struct Services {
    /// `host:port` of the broker.
    pub kafka: String,
    /// Name of the bucket.
    pub bucket: String,
    /// What an AWS client needs to know.
    pub env: Vec<(String, String)>,
    /// The Python that the judge runs on.
    pub python: PathBuf,
    dir: Option<PathBuf>,
}

/// True when a service that is missing is a failure.
pub fn is_required() -> bool {
    std::env::var("SWITCHBACK_REQUIRE_SERVICES").as_deref() == Ok("1")
}

/// Skips a test with a line that says why, or fails it where services are required.
pub fn missing<T>(variable: &str) -> Option<T> {
    assert!(!is_required(), "{variable} is not set: eval \"$(./dev services env)\"");
    eprintln!("skipped: {variable} is not set (./dev services up; eval \"$(./dev services env)\")");
    None
}

impl Services {
    /// The pair that all tests share.
    pub fn shared() -> Option<Services> {
        Services::read(None, |name| std::env::var(name).ok())
    }

    /// A pair of one's own, up, with its data in `dir`. It goes down when the value is dropped.
    pub fn private(dir: &Path) -> Option<Services> {
        // Whoever has no shared pair has no tools for a private one either.
        Services::shared()?;
        Services::own(dir)
    }

    /// The same where nobody has set up anything: `./dev` brings what is missing.
    pub fn own(dir: &Path) -> Option<Services> {
        dev(dir, &["up"]);
        let said = dev(dir, &["env"]);
        let value = |name: &str| {
            let line = said.lines().find_map(|line| line.strip_prefix(&format!("export {name}=")))?;
            Some(line.to_owned())
        };
        Services::read(Some(dir.to_owned()), value)
    }

    fn read(dir: Option<PathBuf>, value: impl Fn(&str) -> Option<String>) -> Option<Services> {
        let Some(kafka) = value("SWITCHBACK_TEST_KAFKA") else { return missing("SWITCHBACK_TEST_KAFKA") };
        let Some(bucket) = value("SWITCHBACK_TEST_BUCKET") else { return missing("SWITCHBACK_TEST_BUCKET") };
        let Some(python) = value("SWITCHBACK_TEST_PYTHON") else { return missing("SWITCHBACK_TEST_PYTHON") };
        let aws = ["AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"];
        let env = aws.into_iter().filter_map(|name| Some((name.to_owned(), value(name)?))).collect();
        Some(Services { kafka, bucket, env, python: python.into(), dir })
    }

    /// True when nobody else uses it.
    pub fn is_private(&self) -> bool {
        self.dir.is_some()
    }

    /// `start`, `stop` or `kill` one of a private pair.
    pub fn order(&self, order: &str, service: &str) {
        dev(self.dir.as_deref().expect("only a private pair takes orders"), &[order, service]);
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        if let Some(dir) = self.dir.take() {
            // A test that is failing must not fail twice.
            let _ = command(&dir, &["down"]).output();
        }
    }
}

fn command(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(root().join("dev"));
    command.arg("services").args(arguments).env("SWITCHBACK_SERVICES_DIR", dir);
    command
}

#[track_caller]
fn dev(dir: &Path, arguments: &[&str]) -> String {
    let output = command(dir, arguments).output().expect("./dev runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "./dev services {arguments:?}: {}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}
