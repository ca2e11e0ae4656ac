//! The mutants of `tests/mutants` are patches to code that moves: each must still apply, or it tests nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the workspace")
}

#[test]
fn every_mutant_still_applies() {
    let mut patches = 0;
    for entry in fs::read_dir(root().join("tests/mutants")).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "patch") {
            continue;
        }
        patches += 1;
        let git = Command::new("git").current_dir(root()).args(["apply", "--check"]).arg(&path).output().expect("git");
        let said = String::from_utf8_lossy(&git.stderr);
        assert!(git.status.success(), "{} does not apply; make it anew: {said}", path.display());
        let header = fs::read_to_string(&path).expect("readable");
        assert!(header.starts_with("Broken design: "), "{} does not say what it breaks", path.display());
    }
    assert!(patches >= 11, "only {patches} mutants");
}
