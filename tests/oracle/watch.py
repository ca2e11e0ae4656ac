"""The judge as a bystander: looks at a table again and again while it is written.

usage: watch.py TABLE SOURCE... --copy DIR

For every line on stdin it looks once and answers with one line of JSON: what stands in the table by now, and everything that must not.
A file of the table is immutable, so each is read once, when it appears, and what it holds is added to what was seen before: that is
the same as reading `data/**/*.parquet` at that moment. A file that goes away or changes its size is a problem of its own.
What the table says of itself is looked at too: its chains (chain.py), that a row stands below its own date, and that a log file which is
listed as complete is. Objects of a bucket are copied to DIR.
"""
import collections
import http.client
import json
import pathlib
import signal
import sys

import duckdb

import chain
import check
import s3

COLUMNS = {
    # Lengths of bodies are asked for so that a torn file shows: it must be read, not only counted.
    "data": "source_object, source_index, event_id, kafka_partition, kafka_offset, length(request_parameters), filename, "
    "strftime(make_timestamp(epoch_us(event_time)), '%Y-%m-%d')",
    "rejected": "source_object, source_index, reason",
    "log_files": "source_object, status, records, reason, filename",
}
UNDATED = "__HIVE_DEFAULT_PARTITION__"
EXAMPLES = 3


class Kind:
    """Rows of one kind: each key that is expected, once, with its value."""

    def __init__(self, name, expected):
        self.name, self.expected, self.seen, self.twice = name, expected, set(), 0

    def add(self, rows, problems):
        for key, value in rows:
            if key in self.seen:
                self.twice += 1
                problems.append(f"{self.name}: {key} stands there more than once")
            elif key not in self.expected:
                problems.append(f"{self.name}: nobody asked for {key}")
            elif self.expected[key] != value:
                problems.append(f"{self.name}: {key} is {value}, not {self.expected[key]}")
            self.seen.add(key)


class Bystander:
    def __init__(self, root, copy, sources):
        expected = check.Expected()
        for source in sources:
            check.read_source(source, expected)
        self.bucket = root if root.startswith("s3://") else None
        self.root = pathlib.Path(copy if self.bucket else root)
        self.files = {}
        self.rows, self.rejected = Kind("rows", expected.rows), Kind("rejected", expected.rejected)
        self.quarantined, self.complete = Kind("quarantined", expected.quarantined), Kind("complete", expected.complete)
        self.kinds = (self.rows, self.rejected, self.quarantined, self.complete)
        self.messages, self.counts = set(), collections.Counter()
        self.chains = chain.Chains()
        # Records by log file: that must be there, and that are. And files with log files that are said to be complete.
        self.wanted = collections.Counter(o for kind in (self.rows, self.rejected) for o, _ in kind.expected)
        self.found, self.ended = collections.Counter(), []
        self.database = duckdb.connect()
        self.database.execute("set threads = 1")

    def list(self, folder):
        """(relative path, size) of every Parquet file of a folder; of a bucket's, those that are new are copied first."""
        if self.bucket:
            bucket, prefix = s3.parse(f"{self.bucket}/{folder}")
            keys = [f"{folder}/{key}" for key in s3.keys(bucket, prefix) if key.endswith(".parquet")]
            s3.each(self.fetch, [key for key in keys if key not in self.files])
            return [(key, None) for key in keys]
        paths = pathlib.Path(self.root, folder).rglob("*.parquet")
        return [(str(path.relative_to(self.root)), path.stat().st_size) for path in paths]

    def fetch(self, key):
        path = self.root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.body(key))

    def body(self, key):
        if not self.bucket:
            return (self.root / key).read_bytes()
        bucket, prefix = s3.parse(self.bucket)
        return s3.call("GET", f"/{bucket}/{prefix}/{key}")

    def list_chains(self):
        """Key and tag of every object below `_log/`, and those that are new."""
        if self.bucket:
            bucket, prefix = s3.parse(f"{self.bucket}/_log")
            listed = {f"_log/{key}": tag for key, tag in s3.entries(bucket, prefix)}
        else:
            stats = ((path, path.stat()) for path in pathlib.Path(self.root, "_log").rglob("*.json"))
            listed = {str(path.relative_to(self.root)): (stat.st_ino, stat.st_size, stat.st_mtime_ns) for path, stat in stats}
        return listed, {key: self.body(key) for key in self.chains.unread(listed)}

    def look(self):
        # All reading before anything is taken down: what fails must leave nothing half seen.
        records = self.list_chains()
        listed = {folder: dict(self.list(folder)) for folder in COLUMNS}
        found = {folder: [key for key in listed[folder] if key not in self.files] for folder in COLUMNS}
        now = {key: size for files in listed.values() for key, size in files.items()}
        problems = [f"files: {key} is gone or changed" for key, size in self.files.items() if now.get(key, -1) != size]
        self.files.update(now)
        self.take(found, problems)
        self.chains.take(*records, problems)
        self.chains.compare(now, problems)
        self.complete_ones(problems)
        return {
            "batches": self.chains.count(),
            "files": len(self.files),
            "rows": self.counts["data"],
            "rejected": self.counts["rejected"],
            "log_files": self.counts["log_files"],
            "twice": sum(kind.twice for kind in self.kinds),
            "missing": sum(len(kind.expected.keys() - kind.seen) for kind in self.kinds),
            "problems": problems[:EXAMPLES] + ([f"and {len(problems) - EXAMPLES} more"] if len(problems) > EXAMPLES else []),
        }

    def take(self, found, problems):
        data, rejected, files = (self.read(folder, found[folder]) for folder in COLUMNS)
        self.rows.add([((o, i), e) for o, i, e, *_ in data], problems)
        self.rejected.add([((o, i), r) for o, i, r in rejected], problems)
        self.quarantined.add([(o, r) for o, status, _, r, _ in files if status == "quarantined"], problems)
        self.complete.add([(o, n) for o, status, n, *_ in files if status == "complete"], problems)
        self.found.update(o for o, *_ in data + rejected)
        self.ended += [(o, str(pathlib.Path(f).relative_to(self.root))) for o, status, *_, f in files if status == "complete"]
        for _, _, event, partition, offset, _, file, date in data:
            if (partition, offset) in self.messages:
                problems.append(f"rows: the message at {partition, offset} made more than one row")
            self.messages.add((partition, offset))
            if f"/event_date={date or UNDATED}/" not in file:
                problems.append(f"C3: event {event} is of {date or 'no day'}, and stands in {file}")

    def complete_ones(self, problems):
        """C6: where a log file is listed as complete, and its batch is through, all its records are there."""
        settled = [o for o, file in self.ended if self.chains.is_settled(file)]
        self.ended = [(o, file) for o, file in self.ended if not self.chains.is_settled(file)]
        for o in settled:
            if self.found[o] < self.wanted[o]:
                problems.append(f"C6: {o} is listed as complete with {self.found[o]} of {self.wanted[o]} records")

    def read(self, folder, keys):
        if not keys:
            return []
        names = ", ".join("'" + str(self.root / key).replace("'", "''") + "'" for key in keys)
        query = f"select {COLUMNS[folder]} from read_parquet([{names}], hive_partitioning=true, filename=true)"
        rows = self.database.execute(query).fetchall()
        self.counts[folder] += len(rows)
        return rows


def main(arguments):
    # Whoever interrupts the run from a terminal still wants its table judged; the run ends us when that is done.
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, signal.SIG_IGN)
    root, *sources, option, copy = arguments
    assert option == "--copy", __doc__
    bystander = Bystander(root, copy, sources)
    for _ in sys.stdin:
        try:
            answer = bystander.look()
        # The store is down, or the table is not made yet: there is nothing to see. What is wrong for good shows at the end.
        except (OSError, http.client.HTTPException) as error:
            answer = {"blind": str(error)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
