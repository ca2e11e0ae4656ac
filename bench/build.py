"""The binaries that are measured, built the way they are shipped."""
import pathlib
import re
import subprocess
import time

from process import Failed
from results import ROOT

PACKAGES = ["aggregator", "persister", "switchback", "bench"]


def build(profile, skip, say):
    """Returns the profile and the folder of the binaries."""
    named = re.search(r"^\[profile\.dist\]", (ROOT / "Cargo.toml").read_text(), re.M)
    profile = profile or ("dist" if named else "release")
    if not skip:
        log = ROOT / ".dev/bench/logs/build.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        started = time.monotonic()
        say("build", f"cargo build --profile {profile}", end="")
        with open(log, "wb") as out:
            names = [word for package in PACKAGES for word in ("-p", package)]
            done = subprocess.run(["cargo", "build", "--profile", profile, "--bins", *names], cwd=ROOT, stdout=out, stderr=out)
        if done.returncode:
            print("FAILED")
            raise Failed(f"the build failed, see {log}")
        print(f"{time.monotonic() - started:.0f} s")
    folder = "debug" if profile == "dev" else profile
    return profile, pathlib.Path(ROOT / "target" / folder)
