//! What is written down stays true: paths in the documents exist, the pure parts are pure, nothing unfinished is left behind.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the workspace")
}

fn rust_files(below: &Path) -> Vec<PathBuf> {
    if below.is_file() {
        return vec![below.to_owned()];
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(below).expect("a directory") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            found.extend(rust_files(&path));
        } else if name.ends_with(".rs") {
            found.push(path);
        }
    }
    found
}

/// A file without the tests at its end; `mod tests;` at its head names a file of their own.
fn code_of(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default()
}

/// Words in backquotes that look like a path of this repository.
fn paths_in(text: &str) -> Vec<String> {
    let rooms =
        ["common/", "aggregator/", "persister/", "switchback/", "tests/", "bench/", "docs/", "deploy/", "examples/", ".ci/"];
    let at_the_root = |word: &str| !word.contains('/') && (word.ends_with(".md") || word.ends_with(".toml"));
    let quoted = text.split('`').skip(1).step_by(2).filter(|word| !word.contains(' '));
    quoted.filter(|word| at_the_root(word) || rooms.iter().any(|room| word.starts_with(room))).map(str::to_owned).collect()
}

#[test]
fn every_path_named_in_the_documents_exists() {
    let documents = fs::read_dir(root()).expect("the root").chain(fs::read_dir(root().join("docs")).expect("the pages"));
    let documents =
        documents.map(|entry| entry.expect("an entry").path()).filter(|path| path.extension().is_some_and(|e| e == "md"));
    for path in documents {
        let document = path.strip_prefix(root()).expect("below the root").display().to_string();
        let text = fs::read_to_string(&path).expect(&document);
        let paths = paths_in(&text);
        let missing: Vec<&String> = paths.iter().filter(|path| !root().join(path).exists()).collect();
        assert!(missing.is_empty(), "{document} names what is not there: {missing:?}");
        assert!(document != "ARCHITECTURE.md" || paths.len() > 20, "the map names too little to be checked");
    }
}

/// What reads no clock, does no I/O, starts nothing and cannot panic: rooms, and single files.
const PURE: [&str; 7] = [
    "common/src/cloudtrail",
    "common/src/event",
    "persister/src/protocol",
    "persister/src/decode",
    "persister/src/runtime/schedule.rs",
    "persister/src/runtime/schedule",
    "aggregator/src/transform.rs",
];

/// The lines of the pure parts, without their tests, each with where it stands.
fn pure_lines() -> Vec<(String, String)> {
    let files = PURE.iter().flat_map(|part| rust_files(&root().join(part))).filter(|file| !file.ends_with("tests.rs"));
    let lines = files.flat_map(|file| {
        let text = fs::read_to_string(&file).expect("readable");
        let place = |number| format!("{}:{number}", file.display());
        (1..).zip(code_of(&text).lines()).map(|(number, line)| (place(number), line.to_owned())).collect::<Vec<_>>()
    });
    lines.collect()
}

#[test]
fn the_pure_parts_name_no_engine() {
    let engines = [
        "tokio",
        "rdkafka::",
        "aws_sdk",
        "aws_config",
        "Instant",
        "SystemTime",
        "std::fs",
        "std::env",
        "std::thread",
        "tracing::",
    ];
    for (place, line) in pure_lines() {
        for engine in engines {
            assert!(!line.contains(engine), "{place} names {engine}");
        }
    }
}

/// Hostile input and broken promises are values there, not panics. What is decided while compiling may be an assertion.
#[test]
fn the_pure_parts_do_not_panic() {
    for (place, line) in
        pure_lines().into_iter().filter(|(_, line)| !line.contains("const _: ()") && !line.contains("debug_assert"))
    {
        for panic in ["assert!(", "assert_eq!(", "assert_ne!(", "panic!(", "unreachable!(", ".expect(\"", ".unwrap()"] {
            assert!(!line.contains(panic) || line.ends_with("// at compile time"), "{place} may panic: {panic}");
        }
    }
}

/// What checks and what is checked must not share a mistake.
#[test]
fn verify_lists_reads_and_places_records_by_other_means_than_the_stages() {
    let files = rust_files(&root().join("switchback/src/verify"));
    for file in files
        .into_iter()
        .filter(|file| !file.components().any(|part| ["tests", "tests.rs"].iter().any(|own| part.as_os_str() == *own)))
    {
        let text = fs::read_to_string(&file).expect("readable");
        let code = code_of(&text);
        for means in [
            "common::time",
            "cloudtrail::json",
            "normalize::normalize",
            "OnePass",
            "aggregator::",
            "parquet::layout",
            "cloudtrail::Name",
        ] {
            assert!(!code.contains(means), "{} names {means}", file.display());
        }
    }
}

#[test]
fn nothing_unfinished_is_left_behind() {
    // Split, so that this file does not find itself.
    let marks =
        [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("todo", "!("), concat!("unimplemented", "!("), concat!("dbg", "!(")];
    for file in rust_files(&root()) {
        let text = fs::read_to_string(&file).expect("readable");
        for mark in marks {
            assert!(!text.contains(mark), "{} has {mark}", file.display());
        }
    }
}

#[test]
fn every_file_opens_by_saying_why_it_exists() {
    for file in rust_files(&root()).into_iter().filter(|file| !file.ends_with("tests.rs")) {
        let text = fs::read_to_string(&file).expect("readable");
        assert!(text.starts_with("//!"), "{} does not open with //!", file.display());
    }
}
