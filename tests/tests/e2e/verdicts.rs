//! What `switchback verify` says of sources that it cannot see whole, and how long it takes over a store that does not answer.

use common::failure::EXIT_FAILURE;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::{Duration, Instant};
use tests::case::Case;
use tests::process::{Process, binary};
use tests::wait;

const FAILURE: i32 = EXIT_FAILURE as i32;

/// What verify may take to say a first word about trouble, and to end; the rest is for a machine under load.
const WORD: Duration = Duration::from_secs(10 + 5);
const END: Duration = Duration::from_secs(80 + 40);

/// A world with a table of good log files, and nobody at work.
fn filled(name: &str) -> Option<(Case, String, String)> {
    let case = Case::local(name)?;
    let (source, table) = (case.text("source"), case.text("table"));
    let arguments = ["generate", "--out", &source, "--records", "600", "--per-file", "20", "--malformed-files", "0"];
    case.switchback("generate", &arguments, &[]).wait().well();
    case.run_once(&source, &table, &[]).well();
    case.switchback("verify", &["verify", &table, "--against", &source], &[]).wait().well().saying("\nexact: ");
    Some((case, source, table))
}

/// Runs verify below another command: one that takes rights or descriptors away.
fn verify_below(case: &Case, command: &mut Command, table: &str, source: &str) -> tests::process::Ended {
    command.arg(binary("switchback")).args(["verify", table, "--against", source]);
    Process::spawn(command, &case.path("verify.log")).wait()
}

#[test]
fn a_directory_without_permission_is_named_and_the_table_is_not_called_exact() {
    let Some((case, source, table)) = filled("denied") else { return };
    // Whoever runs the tests may be root, whom nothing is denied.
    for shared in [case.path(""), case.path("source"), case.path("table")] {
        fs::set_permissions(shared, fs::Permissions::from_mode(0o755)).expect("our own directory");
    }
    let accounts = case.path("source/AWSLogs");
    let account = fs::read_dir(&accounts).expect("a tree").next().expect("an account").expect("an entry").path();
    fs::set_permissions(&account, fs::Permissions::from_mode(0o000)).expect("our own directory");
    let is_root = fs::read_dir(&account).is_ok();
    let mut command = Command::new(if is_root { "setpriv" } else { "env" });
    if is_root {
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    }
    let name = format!("AWSLogs/{}", account.file_name().expect("a name").to_string_lossy());
    let ended = verify_below(&case, &mut command, &table, &source);
    fs::set_permissions(&account, fs::Permissions::from_mode(0o755)).expect("our own directory");
    ended
        .with(FAILURE)
        .saying("\nincomplete: 1 object of the source not compared")
        .saying(&format!("{name}  (Permission denied"));
}

#[test]
fn too_few_file_descriptors_never_make_a_table_exact() {
    let Some((case, source, table)) = filled("descriptors") else { return };
    for descriptors in [10, 12, 14, 16] {
        let mut command = Command::new("prlimit");
        command.arg(format!("--nofile={descriptors}"));
        let ended = verify_below(&case, &mut command, &table, &source);
        let is_right = ended.output.contains("\nexact: 600 records") || !ended.status.success();
        assert!(is_right, "with {descriptors} descriptors:\n{}", ended.output);
    }
}

#[test]
fn a_bit_flipped_in_a_data_file_is_told_or_changes_nothing_for_another_reader() {
    let Some((case, source, table)) = filled("flips") else { return };
    let switchback = binary("switchback");
    case.judge.run("flips.py", &[switchback.to_str().expect("UTF-8"), &table, &source, "150", "7"]);
}

/// A server at a port of its own: it answers every request with this, or, with nothing, never.
fn server(answer: Option<&'static str>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        let mut open = Vec::new();
        for client in listener.incoming().flatten() {
            match answer {
                None => open.push(client),
                Some(answer) => drop(std::thread::spawn(move || {
                    let mut client = client;
                    let mut request = [0; 4096];
                    while client.read(&mut request).is_ok_and(|read| read > 0) && client.write_all(answer.as_bytes()).is_ok() {}
                })),
            }
        }
    });
    url
}

#[test]
fn a_store_that_does_not_answer_is_told_of_at_once_and_given_up() {
    let Some((case, source, table)) = filled("silent") else { return };
    let failing = server(Some("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"));
    let mute = server(None);
    let dead = "http://127.0.0.1:9".to_owned();
    let started = Instant::now();
    let mut runs = Vec::new();
    for (kind, url) in [("failing", &failing), ("mute", &mute), ("dead", &dead)] {
        let env = [
            ("AWS_ENDPOINT_URL", url.as_str()),
            ("AWS_ACCESS_KEY_ID", "x"),
            ("AWS_SECRET_ACCESS_KEY", "x"),
            ("AWS_REGION", "us-east-1"),
        ];
        for (place, arguments) in [
            ("table", vec!["verify", "s3://nowhere/t", "--against", &source]),
            ("source", vec!["verify", &table, "--against", "s3://nowhere/s"]),
        ] {
            runs.push((format!("{kind} {place}"), case.switchback(&format!("{kind}-{place}"), &arguments, &env)));
        }
    }
    for (what, process) in &runs {
        wait::until_true(&format!("{what} is told"), || process.printed().contains("switchback: waiting for s3://nowhere/"));
        assert!(started.elapsed() < WORD, "{what} was told after {:?}", started.elapsed());
    }
    for (what, process) in runs {
        let is_source = what.ends_with("source");
        let ended = process.wait().with(FAILURE);
        assert!(started.elapsed() < END, "{what} ended after {:?}", started.elapsed());
        assert!(ended.output.matches("switchback: waiting for").count() > 1, "{what} is told once:\n{}", ended.output);
        assert!(!ended.output.contains("it is empty"), "what was not listed is called empty:\n{}", ended.output);
        ended.saying(if is_source { "the listing broke off" } else { "failed to read the table" });
    }
}
