"""The binaries that are measured, built the way they are shipped."""
import pathlib
import subprocess
import time

from process import Failed
from results import ROOT


def build(profile, skip, say):
    """Returns the profile and the folder of the binaries."""
    if not skip:
        log = ROOT / ".dev/bench/logs/build.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        started = time.monotonic()
        say("build", f"cargo build --profile {profile}", end="")
        with open(log, "wb") as out:
            # All packages and one test, as the demo chooses: otherwise dependencies would have other features, and be built again.
            command = ["cargo", "build", "--profile", profile, "--workspace", "--test", "tidy", "--bins"]
            done = subprocess.run(command, cwd=ROOT, stdout=out, stderr=out)
        if done.returncode:
            print("FAILED")
            raise Failed(f"the build failed, see {log}")
        print(f"{time.monotonic() - started:.0f} s")
    folder = "debug" if profile == "dev" else profile
    return profile, pathlib.Path(ROOT / "target" / folder)
