"""docs/benchmarks.md, written from the results and from nothing else."""
import figures
import plot
from cases import TITLES
from figures import MIB, TARGETS, of

OURS = ["embedded", "kafka", "kafka-lz4", "s3", "small-directory", "small-s3", "aggregator-kafka", "persister-kafka", "aggregator-embedded", "aggregator-none"]
PEERS = ["naive", "duckdb", "spark-files", "spark-kafka", "iceberg"]
BARS = ["embedded", "kafka", "s3", *PEERS]

SHORT = {
    "embedded": "Switchback, one process",
    "kafka": "Switchback, Kafka",
    "s3": "Switchback, Kafka, S3 to S3",
    "naive": "naive Rust, Kafka",
    "duckdb": "DuckDB",
    "spark-files": "Spark",
    "spark-kafka": "two Spark jobs, Kafka",
    "iceberg": "Iceberg's sink, Kafka to table only",
}

HOW = """\
Everything runs on one machine: our processes, the broker, the S3 server and the peers, one case at a time. The log files are {origin};
{corpora}. Each run starts with an empty table and a new topic, after the log files are in the page
cache and the broker is warm. Cases take turns, to and fro, {repeats} times; a figure is the median, ± half of its range over the repeats. A ratio
is taken within each repeat, then the median of those.

- *records/s* of our own runs: from the start of the processes to the last row in the table, start-up included. With Kafka, aggregator and persister are two
  processes that start together; when the aggregator has ended and the persister has come to rest it is asked to end (SIGTERM), which seals what it
  holds, and the clock stops when it is gone. The table's chain must then end where the topic ends.
- *CPU* is user + system time of each process (`wait4`, `/proc/PID/stat`); the broker's and the S3 server's stand beside ours and are not in "ours".
- *peak* is the largest `VmHWM` of any of our processes in any repeat (resident memory; a JVM's for the JVM peers).
- {verified}
- The peers get a part of the same log files (they are slower; what is compared is the rate), only warm code of theirs is timed, and starting them is not counted. Each
  one's settings, and why they are fair, stand at the head of its script in `bench/peers/`. DuckDB, Spark and the naive baseline do the same work without
  the promise: nothing of theirs tells twice-delivered files or survives a crash between two files. Iceberg's sink does half of the work, Kafka to table, and is to be compared with
  our persister alone.

Again: `./dev bench all --publish` on a machine that does nothing else.
"""


def number(value):
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.2f}" if value < 10 else f"{value:.1f}"


def cell(found):
    if not found:
        return "–"
    return number(found.median) + (f" ± {found.share:.0%}" if found.count > 1 else "")


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def targets(runs):
    rows = []
    for target in TARGETS:
        found = target.figure(runs)
        if not found:
            rows.append([target.what, aim(target), "not measured", ""])
            continue
        verdict = "met" if target.met(found.median) else "**missed**"
        rows.append([target.what, aim(target), f"{cell(found)} {target.unit}", f"{verdict} by {abs(target.margin(found.median)):.0%}"])
    return table(["what", "target", "measured", ""], rows)


def aim(target):
    return f"{'≥' if target.at_least else '≤'} {number(target.aim)} {target.unit}"


def costs(runs):
    names = list(dict.fromkeys(name for run in runs for name in run["processes"]))
    return ", ".join(f"{name} {cell(of(runs, lambda run: figures.cpu_per_record(run, {name})))}" for name in names)


def case_rows(runs, keys):
    rows = []
    for key in keys:
        found = runs.get(key)
        if not found:
            continue
        peak = max(figures.peak(run) for run in found) / MIB
        shrink = of(found, figures.shrink)
        rows.append([TITLES[key], cell(of(found, figures.rate)), cell(of(found, figures.files_rate)), cell(of(found, figures.megabytes_rate)),
                     cell(of(found, figures.cpu_per_record)), costs(found), f"{peak:,.0f}", f"{shrink.median:.2f}×" if shrink else "–"])
    return rows


CASE_HEAD = ["case", "records/s", "log files/s", "MB/s inflated", "CPU µs a record", "by process", "peak MiB", "smaller than gz"]


def ratios(runs):
    rows = []
    for ours, theirs in [("embedded", "duckdb"), ("embedded", "spark-files"), ("kafka", "duckdb"), ("kafka", "spark-files"), ("kafka", "spark-kafka"),
                         ("kafka", "naive"), ("persister-kafka", "iceberg")]:
        found = figures.paired(runs.get(ours, []), runs.get(theirs, []))
        if found:
            rows.append([TITLES[ours], TITLES[theirs], f"{cell(found)} ×"])
    return table(["ours", "theirs", "times faster"], rows) if rows else ""


def main_part(section, notes):
    runs = section["runs"]
    facts = section["corpora"]
    recorded = all(corpus["recorded"] for corpus in facts.values())
    origin = "recorded CloudTrail, grown by amplify.py (fresh ids, times, accounts)" if recorded else "GENERATED by `switchback generate`, not recorded"
    known = {"busy": "ours", "part": "the peers'", "small": "small ones", "small-part": "small ones from SeaweedFS"}
    corpora = "; ".join(f"{known[name]}: {c['records']:,} records in {c['files']:,} log files, {c['raw'] / 1e6:,.0f} MB inflated, {c['gz'] / 1e6:,.0f} MB gz" for name, c in facts.items())
    repeats = max((len(found) for found in runs.values()), default=0)
    verified = "After every run of ours `switchback verify --against` the log files: every record is in the table once, value by value, or the benchmark fails. That is not timed."
    verified = verified if section["verified"] else "**Tables were not verified in this run.**"
    parts = ["## The targets\n", targets(runs), *notes, "![records a second](benchmarks/rates.svg)\n", "## All cases\n", table(CASE_HEAD, case_rows(runs, OURS))]
    parts += ["Peers and the baseline:\n", table(CASE_HEAD, case_rows(runs, PEERS)), ratios(runs)]
    parts += ["## How it is measured\n", HOW.format(origin=origin, corpora=corpora, repeats=repeats, verified=verified), about(section)]
    return parts


def about(section):
    machine, versions = section["machine"], section["versions"]
    told = f"{machine['cores']} cores ({machine['cpu']}), {machine['memory'] / 2**30:.0f} GiB, {machine['system']}; measured {section['when']}."
    return told + " " + ", ".join(f"{name} {version}" for name, version in versions.items() if version) + ".\n"


def latency_part(section):
    rows = [[name, number(row["p50"]), number(row["p99"]), number(row["max"]), row["target"]] for name, row in section["figures"].items()]
    return ["## Latency\n", section["how"] + "\n", table(["seconds", "p50", "p99", "max", "target for p99"], rows), about(section)]


def curves_part(section, folder):
    parts = ["## Cost as work grows\n", "Both axes are logarithmic: a level line is no growth, a line at 45° is linear.\n"]
    for name, curve in section["curves"].items():
        lines = [(label, [(row[0], row[at + 1]) for row in curve["rows"] if row[at + 1]]) for at, label in enumerate(curve["lines"])]
        if any(found for _, found in lines):
            (folder / f"{name}.svg").write_text(plot.curves(curve["title"], curve["x"], [line for line in lines if line[1]]))
            parts.append(f"![{curve['title']}](benchmarks/{name}.svg)\n")
        parts.append(table([curve["x"], *curve["lines"]], [[number(value) if value else "–" for value in row] for row in curve["rows"]]))
        parts.append(curve["how"] + "\n")
    return [*parts, about(section)]


def write(sections, path):
    folder = path.parent / "benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    parts = ["# Benchmarks\n", "Written by `./dev bench`; the numbers are in [benchmarks/results.json](benchmarks/results.json).\n"]
    if "main" in sections:
        runs = sections["main"]["runs"]
        shown = [(SHORT[key], of(runs[key], figures.rate), key in OURS) for key in BARS if runs.get(key)]
        if shown:
            (folder / "rates.svg").write_text(plot.bars("Records a second, on the same machine and the same log files", shown))
        # Written by hand: what a person makes of the numbers.
        notes = folder / "notes.md"
        parts += main_part(sections["main"], [notes.read_text()] if notes.exists() else [])
    if "latency" in sections:
        parts += latency_part(sections["latency"])
    if "curves" in sections:
        parts += curves_part(sections["curves"], folder)
    path.write_text("\n".join(parts))
