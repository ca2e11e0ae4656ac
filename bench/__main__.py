"""./dev bench: measures Switchback and its peers on the same log files, and writes what was found to a page."""
import argparse
import os
import pathlib
import sys
import time

import cases
import figures
import page
from build import build
from corpus import BUSY, SMALL, Corpora
from figures import TARGETS
from own import Own
from peers import Peers
from process import Failed
from results import ROOT, Results
from services import Bucket, Services

ABOUT = """\
  ./dev bench                      the main table: our own runs and all peers, three times, in alternation
  ./dev bench latency              from a log file on disk to its rows in the table, under a steady load
  ./dev bench curves               cost as partitions, directories, ledger, records and table age grow
  ./dev bench all --publish        all three, into docs/benchmarks.md (without --publish: .dev/bench/benchmarks.md)
  ./dev bench page                 the page again, from the results at hand

One case, quickly:   ./dev bench --only embedded --repeats 1 --no-peers --records 500000
Cases:               %s
Curves:              partitions directories ledger record-size table-age (--only takes them too)

Everything runs on this machine: nothing else should. Corpora, logs, peers and services lie in .dev/bench."""


def say(name, text, note="", end="\n"):
    print(f"  {name:<14} {text:<62} {note}", end=end, flush=True)


def arguments():
    names = " ".join(case.name for case in cases.CASES)
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__, epilog=ABOUT % names, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="?", default="main", choices=["main", "latency", "curves", "all", "page"], help="what to measure [main]")
    parser.add_argument("--only", default="", metavar="CASE,…", help="these cases, or curves, alone; the others keep their results")
    parser.add_argument("--repeats", type=int, default=3, metavar="N", help="measured runs of each case [3]")
    parser.add_argument("--no-peers", action="store_true", help="our own runs alone")
    parser.add_argument("--records", type=int, default=2_000_000, metavar="N", help="records in log files of 1,500 [2000000]")
    parser.add_argument("--peer-records", type=int, default=300_000, metavar="N", help="of these, what the (slower) peers get [300000]")
    parser.add_argument("--small-files", type=int, default=100_000, metavar="N", help="log files of 4 records [100000]")
    parser.add_argument("--small-s3-files", type=int, default=25_000, metavar="N", help="of these, what is read from SeaweedFS [25000]")
    parser.add_argument("--seconds", type=int, default=60, metavar="N", help="length of the latency run [60]")
    parser.add_argument("--rate", type=int, default=100_000, metavar="N", help="records a second of the latency run [100000]")
    parser.add_argument("--profile", default="release", metavar="NAME", help="cargo profile [release]")
    parser.add_argument("--no-build", action="store_true", help="take the binaries that are there")
    parser.add_argument("--no-warm-up", action="store_true", help="measure at once")
    parser.add_argument("--no-verify", action="store_true", help="do not verify tables (development only)")
    parser.add_argument("--shared", type=pathlib.Path, metavar="DIR", help="has tools/amplify.py and data/cloudtrail [SWITCHBACK_SHARED or ../shared]")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the corpora [1]")
    parser.add_argument("--publish", action="store_true", help="write docs/benchmarks.md and docs/benchmarks/")
    return parser.parse_args()


class Bench:
    def __init__(self, said):
        self.said = said
        self.work = ROOT / ".dev/bench"
        base = ROOT / "docs" if said.publish else self.work
        self.page, self.results = base / "benchmarks.md", Results(base / "benchmarks/results.json")

    def prepare(self):
        self.profile, self.binaries = build(self.said.profile, self.said.no_build, say)
        folder = os.environ.get("SWITCHBACK_SERVICES_DIR", self.work / "services")
        self.services = Services(pathlib.Path(folder))
        self.services.up()
        bucket = Bucket(self.services)
        shared = self.said.shared or pathlib.Path(os.environ.get("SWITCHBACK_SHARED", ROOT / "../shared"))
        self.corpora = Corpora(self.work / "corpora", shared, self.binaries / "switchback", self.said.seed, say)
        if not self.corpora.recorded:
            say("corpus", "shared/ is absent: log files are GENERATED, not recorded")
        self.own = Own(self.binaries, self.services, bucket, self.work, check=not self.said.no_verify)
        self.peers = Peers(self.binaries, self.services, self.corpora, self.own, self.work, say)

    # ---- the main table ----------------------------------------------------------------------------------------

    def corpora_of(self, chosen):
        said, found = self.said, {}
        needed = {case.corpus for case in chosen}
        if needed & {"busy", "part"}:
            found["busy"] = self.corpora.get(BUSY, said.records)
            found["part"] = self.corpora.part(found["busy"], said.peer_records)
        if needed & {"small", "small-part"}:
            found["small"] = self.corpora.get(SMALL, said.small_files * SMALL.per_file)
            found["small-part"] = self.corpora.part(found["small"], said.small_s3_files * SMALL.per_file)
        return found

    def main_table(self):
        only = set(filter(None, self.said.only.split(",")))
        chosen = [case for case in cases.CASES if (case.name in only if only else not (case.peer and self.said.no_peers))]
        if not chosen:
            raise SystemExit(f"bench: no such case: {self.said.only}")
        corpora = self.corpora_of(chosen)
        self.peers.prepare([case.name for case in chosen if case.peer])
        section = self.results.begin("main", self.profile, keep=bool(only))
        section["versions"].update(self.peers.versions())
        section["corpora"] = {**section.get("corpora", {}), **{name: corpus.facts() for name, corpus in corpora.items()}}
        section["verified"] = not self.said.no_verify
        runs = section.setdefault("runs", {})
        for case in chosen:
            for key in case.keys:
                runs[key] = []
        if not self.said.no_warm_up:
            self.warm_up(corpora)
        session = int(time.time())
        for repeat in range(self.said.repeats):
            # To and fro, so that no case always runs in the wake of the same other one.
            for case in chosen if repeat % 2 == 0 else reversed(chosen):
                for key, run in zip(case.keys, case.run(self.own, self.peers, corpora[case.corpus])):
                    run.update(repeat=repeat, session=session)
                    runs[key].append(run)
                    say(f"{repeat + 1}/{self.said.repeats} {key}"[:14] if len(key) < 10 else key[:14], one_line(run), f"{run['seconds']:.1f} s")
                self.results.save()
        summary(runs)

    def warm_up(self, corpora):
        """A cold JVM costs the broker twice as much, and the log files should be in the page cache."""
        started = time.monotonic()
        say("warm-up", "the log files, the broker", end="")
        for corpus in corpora.values():
            for file in corpus.path.rglob("*.json.gz"):
                file.read_bytes()
        if "busy" in corpora:
            part = self.corpora.part(corpora["busy"], max(self.said.records // 4, 1))
            self.own.kafka(part)
        print(f"{time.monotonic() - started:.0f} s")

    def run(self):
        part = self.said.part
        if part != "page":
            self.prepare()
            try:
                if part in ("main", "all"):
                    self.main_table()
                if part in ("latency", "all"):
                    import latency

                    latency.measure(self, say)
                if part in ("curves", "all"):
                    import curves

                    curves.measure(self, say)
            finally:
                self.results.save()
                self.services.down()
        page.write(self.results.sections, self.page)
        say("page", str(self.page.relative_to(ROOT)))


def one_line(run):
    text = f"{figures.rate(run):>9,.0f} records/s  {figures.megabytes_rate(run):>6,.0f} MB/s"
    costs = " + ".join(f"{name} {figures.cpu_per_record(run, {name}):.1f}" for name in run["processes"])
    return f"{text}  {costs} µs"


def summary(runs):
    print()
    for target in TARGETS:
        found = target.figure(runs)
        if found:
            sign = "≥" if target.at_least else "≤"
            mark = "met" if target.met(found.median) else "MISSED"
            say(mark, f"{target.what}: {page.number(found.median)} {target.unit}", f"target {sign} {page.number(target.aim)}, by {abs(target.margin(found.median)):.0%}")
    print()


def main():
    said = arguments()
    try:
        Bench(said).run()
    except Failed as failure:
        print(f"\nbench: {failure}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


main()
