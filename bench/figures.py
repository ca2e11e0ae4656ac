"""Arithmetic on runs: rates, costs, medians, spread, ratios; and what issue 5 asks of them."""
import statistics
from dataclasses import dataclass
from typing import Callable

SERVERS = ("kafka", "s3")  # processes whose CPU is told beside ours, not in it
MIB = 1 << 20


def rate(run):
    return run["records"] / run["seconds"]


def files_rate(run):
    return run["files"] / run["seconds"]


def megabytes_rate(run):
    return run["raw"] / run["seconds"] / 1e6


def cpu_per_record(run, names=None):
    """µs of CPU a record, of the named processes or of all that are not servers."""
    return 1e6 * sum(p["cpu"] for name, p in run["processes"].items() if (name in names if names else name not in SERVERS)) / run["records"]


def peak(run):
    """The largest peak of any process that is not a server, in bytes."""
    return max(p["peak"] for name, p in run["processes"].items() if name not in SERVERS)


def shrink(run):
    """How many times smaller the Parquet files are than the log files."""
    return run["gz"] / run["out"] if run.get("out") else None


@dataclass(frozen=True)
class Spread:
    """The median of a figure over the repeats, its least and its most."""

    median: float
    low: float
    high: float
    count: int

    @property
    def share(self):
        """Half of the range, as a share of the median."""
        return (self.high - self.low) / 2 / self.median if self.median else 0.0


def spread(values):
    values = sorted(values)
    return Spread(statistics.median(values), values[0], values[-1], len(values)) if values else None


def of(runs, figure):
    return spread([value for run in runs if (value := figure(run)) is not None])


def paired(ours, theirs):
    """How many times faster we are: the ratio within each repeat of the same session, then the median of those."""
    when = lambda run: (run["session"], run["repeat"])
    by_repeat = {when(run): rate(run) for run in theirs}
    return spread([rate(run) / by_repeat[when(run)] for run in ours if when(run) in by_repeat])


@dataclass(frozen=True)
class Target:
    """One line of the issue's table. `figure(cases)` is a Spread or None where it was not measured."""

    what: str
    unit: str
    aim: float
    at_least: bool
    figure: Callable

    def met(self, value):
        return value >= self.aim if self.at_least else value <= self.aim

    def margin(self, value):
        """By how much it is met (positive) or missed (negative), as a share of the aim."""
        return (value - self.aim) / self.aim * (1 if self.at_least else -1)


def _runs(figure, case):
    return lambda cases: of(cases.get(case, []), figure)


def _ratio(ours, theirs):
    return lambda cases: paired(cases.get(ours, []), cases.get(theirs, []))


def _memory(cases):
    peaks = [of(cases[name], peak) for name in ("embedded", "kafka", "s3", "small-directory", "small-s3", "aggregator-kafka", "persister-kafka") if cases.get(name)]
    worst = max(peaks, key=lambda found: found.high, default=None)
    return worst and Spread(worst.high / MIB, worst.low / MIB, worst.high / MIB, worst.count)


TARGETS = [
    Target("with Kafka, directories", "records/s", 160_000, True, _runs(rate, "kafka")),
    Target("with Kafka, against DuckDB", "×", 6.5, True, _ratio("kafka", "duckdb")),
    Target("with Kafka, against two Spark jobs over Kafka", "×", 20, True, _ratio("kafka", "spark-kafka")),
    Target("with Kafka, through SeaweedFS", "records/s", 100_000, True, _runs(rate, "s3")),
    Target("embedded, directories", "records/s", 260_000, True, _runs(rate, "embedded")),
    Target("embedded, against DuckDB", "×", 11, True, _ratio("embedded", "duckdb")),
    Target("CPU with Kafka, both stages, broker not counted", "µs a record", 9.5, False, _runs(cpu_per_record, "kafka")),
    Target("CPU embedded", "µs a record", 7, False, _runs(cpu_per_record, "embedded")),
    Target("small log files from a directory", "log files/s", 10_000, True, _runs(files_rate, "small-directory")),
    Target("small log files from SeaweedFS", "log files/s", 2_000, True, _runs(files_rate, "small-s3")),
    Target("memory of a service, at most", "MiB", 512, False, _memory),
    Target("table against the gz logs", "× smaller", 2.5, True, _runs(shrink, "kafka")),
]
