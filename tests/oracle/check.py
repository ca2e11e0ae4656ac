"""The independent judge of a table: reads it with DuckDB alone, reads the log files with gzip and json alone, and compares.

usage: check.py TABLE [--partial] SOURCE...

TABLE is a directory or s3://BUCKET/PREFIX, SOURCE a directory. Prints one line per problem and ends with status 1 if there is any.
With --partial rows may still be missing, but none may be twice or strange. A source with an expect.json is believed
(malformed.py wrote it by construction); any other is read, and what `switchback generate` says of it must agree.
"""
import collections
import gzip
import io
import json
import pathlib
import sys
import tempfile
import zlib

import duckdb

import s3

MAX_RECORD, MAX_DEPTH, MAX_INFLATED = 768 * 1024, 128, 192 << 20


class Pairs(dict):
    """An object that knows whether a key stood twice."""

    def __init__(self, pairs):
        super().__init__(pairs)
        self.repeated = len(self) != len(pairs)


class Expected:
    def __init__(self):
        self.rows, self.rejected, self.quarantined, self.complete = {}, {}, {}, {}


def depth(value):
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


def fault(text, record):
    """Why an element of Records is no event (docs/topic-contract.md), or None."""
    if not isinstance(record, dict):
        return "not_an_object"
    if len(text.encode("utf-8", "surrogateescape")) > MAX_RECORD:
        return "too_large"
    if depth(record) > MAX_DEPTH:
        return "too_deep"
    if any("\udc80" <= c <= "\udcff" for c in text):
        return "invalid_utf8"
    if any("\ud800" <= c <= "\udfff" for c in json.dumps(record, ensure_ascii=False)):
        return "lone_surrogate"
    parts = (record, record.get("userIdentity"), record.get("tlsDetails"))
    return "repeated_key" if any(isinstance(part, Pairs) and part.repeated for part in parts) else None


def unreadable(raw):
    """The inflated text, or why there is none."""
    if raw[:3] != b"\x1f\x8b\x08":
        return None, "truncated" if not raw else "not_gzip"
    try:
        text = gzip.GzipFile(fileobj=io.BytesIO(raw)).read(MAX_INFLATED + 1)
        return (None, "too_large") if len(text) > MAX_INFLATED else (text.decode("utf-8", "surrogateescape"), None)
    except EOFError:
        return None, "truncated"
    except (gzip.BadGzipFile, zlib.error):
        return None, "corrupt"


def elements(text):
    """(raw text, value) of every element of Records, or a reason."""
    decoder = json.JSONDecoder(object_pairs_hook=Pairs)
    try:
        document = decoder.decode(text)
    except ValueError:
        return None, "not_json"
    if text.count('"Records"') > 1 and document.repeated:
        return None, "repeated_records"
    if not isinstance(document, dict) or not isinstance(document.get("Records"), list):
        return None, "no_records"
    skip = lambda at: at + len(text[at : at + 64]) - len(text[at : at + 64].lstrip())
    at, found = text.index("[", text.index('"Records"')) + 1, []
    for value in document["Records"]:
        at = skip(at)
        _, end = decoder.raw_decode(text, at)
        found.append((text[at:end], value))
        at = skip(end) + 1
    return found, None


def read_file(path, name, expected):
    text, reason = unreadable(path.read_bytes())
    records, reason = (None, reason) if reason else elements(text)
    if reason:
        expected.quarantined[name] = reason
        return
    expected.complete[name] = len(records)
    for index, (raw, record) in enumerate(records):
        if why := fault(raw, record):
            expected.rejected[name, index] = why
        else:
            expected.rows[name, index] = record.get("eventID")


def read_source(root, expected):
    root = pathlib.Path(root)
    if (root / "expect.json").exists():
        said = json.loads((root / "expect.json").read_text())
        expected.rows.update({(o, i): e for o, i, e in said["rows"]})
        expected.rejected.update({(o, i): r for o, i, r in said["rejected"]})
        expected.quarantined.update(said["quarantined"])
        expected.complete.update(said["complete"])
        return
    own = Expected()
    for path in sorted(root.rglob("*.json.gz")):
        name = str(path.relative_to(root))
        at = f"/{name}".find("/AWSLogs/")
        name = name[at:] if at >= 0 else name
        if "/CloudTrail-Digest/" not in name:
            read_file(path, name, own)
    if (root / "truth.json").exists():
        agree(json.loads((root / "truth.json").read_text()), own)
    for mine, all_of_it in zip(vars(own).values(), vars(expected).values()):
        all_of_it.update(mine)


def agree(truth, own):
    """Two readings of one tree that share no code: a judge that misreads would pass anything."""
    count = lambda of: dict(collections.Counter(of.values()))
    mine = (len(own.rows), count(own.rejected), count(own.quarantined))
    said = (truth["events"], truth["rejected"], truth["quarantined"])
    assert mine == said, f"the judge read {mine}, the truth is {said}"


def table(database, root, folder, columns):
    """All rows of one kind, read as anybody would read them."""
    if not any(pathlib.Path(root, folder).rglob("*.parquet")):
        return []
    glob = f"{root}/{folder}/**/*.parquet".replace("'", "''")
    return database.execute(f"select {columns} from read_parquet('{glob}', hive_partitioning=true)").fetchall()


def compare(what, rows, expected, partial, problems):
    """`rows` are (key, value): each key once, with the value that is expected."""
    seen = collections.Counter(key for key, _ in rows)
    add = lambda text, items: problems.append(f"{what}: {len(items)} {text}, such as {items[:3]}") if items else None
    add("stand there more than once", [key for key, times in seen.items() if times > 1])
    add("nobody asked for", [key for key in seen if key not in expected])
    add("differ", [(key, value, expected[key]) for key, value in rows if key in expected and expected[key] != value])
    if not partial:
        add("are missing", [key for key in expected if key not in seen])


def check(root, expected, partial):
    database, problems = duckdb.connect(), []
    database.execute("set threads = 2")
    # Lengths of bodies are asked for so that a torn file shows: it must be read, not only counted.
    data = table(database, root, "data", "source_object, source_index, event_id, length(request_parameters), kafka_partition, kafka_offset")
    rejected = table(database, root, "rejected", "source_object, source_index, reason")
    files = table(database, root, "log_files", "source_object, status, records, reason")
    compare("rows", [((o, i), e) for o, i, e, *_ in data], expected.rows, partial, problems)
    compare("rejected", [((o, i), r) for o, i, r in rejected], expected.rejected, partial, problems)
    quarantined = [(o, r) for o, status, _, r in files if status == "quarantined"]
    compare("quarantined", quarantined, expected.quarantined, partial, problems)
    compare("complete", [(o, n) for o, status, n, _ in files if status == "complete"], expected.complete, partial, problems)
    if len({row[4:] for row in data}) != len(data):
        problems.append("rows: a message made more than one row")
    if odd := [row for row in files if row[1] not in ("complete", "quarantined")]:
        problems.append(f"log files: {odd[:3]}")
    print(f"{len(data)} rows, {len(rejected)} rejected, {len(quarantined)} quarantined, {len(files)} log files")
    return problems


def main(arguments):
    partial = "--partial" in arguments
    root, *sources = [argument for argument in arguments if not argument.startswith("--")]
    expected = Expected()
    for source in sources:
        read_source(source, expected)
    with tempfile.TemporaryDirectory() as copy:
        if root.startswith("s3://"):
            s3.get(root, copy, ("data", "rejected", "log_files"))
            root = copy
        problems = check(root, expected, partial)
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
