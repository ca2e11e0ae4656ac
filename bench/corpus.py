"""Log files to measure on: recorded CloudTrail grown by amplify.py, made once per kind, size and seed, and kept."""
import json
import os
import pathlib
import random
import shutil
import struct
import subprocess
import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """What the log files are like."""

    name: str
    per_file: int
    accounts: int = 20
    regions: int = 5
    hours: int = 24


BUSY = Kind("busy", 1500)
SMALL = Kind("small", 4)


@dataclass(frozen=True)
class Corpus:
    """A tree of log files and what is in it. Bytes are of the files: `raw` inflated, `gz` as they lie there."""

    path: pathlib.Path
    kind: Kind
    records: int
    files: int
    raw: int
    gz: int
    recorded: bool

    @property
    def name(self):
        return self.path.name

    def facts(self):
        return {"records": self.records, "files": self.files, "raw": self.raw, "gz": self.gz, "per_file": self.kind.per_file, "recorded": self.recorded}


def inflated(path):
    """The size in the trailer of a gzip file of one member."""
    with open(path, "rb") as file:
        file.seek(-4, os.SEEK_END)
        return struct.unpack("<I", file.read(4))[0]


class Corpora:
    """All corpora of a work folder, made where they are not there yet."""

    def __init__(self, folder, shared, switchback, seed, say):
        self.folder, self.switchback, self.seed, self.say = folder, switchback, seed, say
        self.amplify = shared / "tools/amplify.py"
        self.recorded = self.amplify.is_file() and (shared / "data/cloudtrail").is_dir()
        self.source = shared / "data/cloudtrail"

    def get(self, kind, records):
        """About this many records of a kind, grown whole."""
        origin = "" if self.recorded else "-generated"
        path = self.folder / f"{kind.name}{origin}-{records}-{self.seed}"
        if not (path / "truth.json").exists():
            self.say("corpus", f"{records:,} records, {kind.per_file} a log file")
            self._make(kind, records, path)
        return self.read(path, kind)

    def part(self, whole, records):
        """At least this many records of a corpus: a fixed choice of its log files, as hard links."""
        if records >= whole.records:
            return whole
        path = whole.path.with_name(f"{whole.name}-part-{records}")
        if not (path / "truth.json").exists():
            per_key = self._per_key(whole.path)
            chosen, left = {}, records
            for key in random.Random(self.seed).sample(sorted(per_key), len(per_key)):
                if left <= 0:
                    break
                chosen[key] = per_key[key]
                left -= per_key[key]
            shutil.rmtree(path, ignore_errors=True)
            for key in chosen:
                (path / key).parent.mkdir(parents=True, exist_ok=True)
                os.link(whole.path / key, path / key)
            truth = {"records": sum(chosen.values()), "files": len(chosen), "records_per_key": chosen}
            truth["bytes_raw"] = sum(inflated(path / key) for key in chosen)
            truth["bytes_gz"] = sum((path / key).stat().st_size for key in chosen)
            (path / "truth.json").write_text(json.dumps(truth))
        return self.read(path, whole.kind)

    def keys(self, corpus):
        """Log files of a corpus and the records in each, in order of their names."""
        return dict(sorted(self._per_key(corpus.path).items()))

    def _make(self, kind, records, path):
        shutil.rmtree(path, ignore_errors=True)
        shape = ["--out", path, "--records", records, "--seed", self.seed, "--per-file", kind.per_file]
        shape += ["--accounts", kind.accounts, "--regions", kind.regions]
        if self.recorded:
            command = [sys.executable, self.amplify, "--from", self.source, "--hours", kind.hours, *shape]
        else:
            command = [self.switchback, "generate", "--duplicate-files", 0, "--malformed-records", 0, "--malformed-files", 0, *shape]
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(f"{path}.log", "wb") as log:
            subprocess.run([str(word) for word in command], check=True, stdout=log, stderr=log)

    def read(self, path, kind):
        """A corpus that is there."""
        truth = json.loads((path / "truth.json").read_text())
        return Corpus(path, kind, truth["records"], truth["files"], truth["bytes_raw"], truth["bytes_gz"], self.recorded)

    def _per_key(self, path):
        truth = json.loads((path / "truth.json").read_text())
        if "records_per_key" in truth:
            return truth["records_per_key"]
        lines = (path / "truth-objects.ndjson").read_text().splitlines()
        return {entry["object"]: entry["records"] for entry in map(json.loads, lines)}
