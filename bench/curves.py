"""Cost as work grows: one curve each for partitions, directories, ledger, record size and table age. Nothing may grow faster than its work."""
import gzip
import json
import random
import shutil
import subprocess
import time
import uuid

from corpus import BUSY, SMALL, Kind
from figures import MIB, rate
from process import Child
from table import LocalTable

RECORDS_PER_BATCH = 27  # of what is asked for; how many batches it becomes depends on the disk, and is told
RECORDS = 300_000  # of the runs below, or as many as --records says if that is less


def measure(bench, say):
    only = set(filter(None, bench.said.only.split(","))) if bench.said.part == "curves" else set()
    section = bench.results.begin("curves", bench.profile, keep=bool(only))
    found = section.setdefault("curves", {})
    for name, curve in CURVES.items():
        if only and name not in only:
            continue
        started = time.monotonic()
        say("curve", name)
        found[name] = curve(bench, lambda text: say("", text))
        bench.results.save()
        say("", "", f"{time.monotonic() - started:.0f} s")


def peaks(run, *names):
    return [run["processes"][name]["peak"] / MIB for name in names]


def records(bench):
    return min(RECORDS, bench.said.records)


def partitions(bench, say):
    corpus = bench.corpora.part(bench.corpora.get(BUSY, bench.said.records), records(bench))
    rows = []
    for count in (1, 4, 16, 64, 256):
        over_kafka = bench.own.kafka(corpus, partitions=count)
        alone = bench.own.embedded(corpus, more=["--partitions", str(count)])
        rows.append([count, rate(over_kafka), rate(alone), *peaks(over_kafka, "aggregator", "persister"), *peaks(alone, "switchback")])
        say(f"{count:>5} partitions: {rate(over_kafka):,.0f} and {rate(alone):,.0f} records/s")
    return {
        "title": "Partitions", "x": "partitions", "rows": rows,
        "lines": ["records/s with Kafka", "records/s embedded", "aggregator MiB", "persister MiB", "one process MiB"],
        "how": f"{corpus.records:,} records, both stages at once, one of each. Verified.",
    }


def directories(bench, say):
    rows, corpus = [], None
    for accounts in (1, 4, 20, 80, 300):
        corpus = bench.corpora.get(Kind(f"wide{accounts}", 100, accounts=accounts, regions=1 if accounts == 1 else 5), records(bench))
        run = bench.own.kafka(corpus, persister=["table.layout=account-region-date", "seal.directories=4096"])
        rows.append([run["directories"], rate(run), *peaks(run, "persister"), run["out_files"]])
        say(f"{run['directories']:>5} directories: {rate(run):,.0f} records/s")
    return {
        "title": "Hive partitions open at once", "x": "directories", "rows": rows, "lines": ["records/s with Kafka", "persister MiB", "Parquet files"],
        "how": f"{corpus.records:,} records in log files of 100, `table.layout=account-region-date`, `seal.directories=4096`: all directories are open in the same batch. Verified.",
    }


def ledger(bench, say):
    rows = []
    for entries in (10**4, 10**5, 10**6, 10**7, 10**8):
        child = program(bench, "ledger", entries)
        said = json.loads(child.log.read_text())
        rows.append([entries, entries / said["seconds"], child.peak / MIB, said["most_entries"], said["index_bytes"] / 1e6, 1000 * said["old_day_seconds"]])
        say(f"{entries:>11,} log files: {entries / said['seconds']:,.0f}/s, {child.peak / MIB:,.0f} MiB")
    return {
        "title": "Log files in the ledger", "x": "log files", "rows": rows,
        "lines": ["log files/s", "peak MiB", "entries in memory", "checkpoint index MB", "an old day loaded, ms"],
        "how": "Simulated on the real ledger and checkpoint code, one partition, 100,000 log files a delivery day, batches of 1,000, a checkpoint every 64 (`bench/programs/src/bin/ledger.rs`).",
    }


def record_size(bench, say):
    rows = []
    for size in (300, 1_000, 4_000, 16_000, 64_000, 256_000):
        corpus = sized(bench, size, bench.said.records)
        over_kafka, alone = bench.own.kafka(corpus), bench.own.embedded(corpus)
        speed = lambda run: corpus.raw / run["seconds"] / 1e6
        rows.append([size, rate(over_kafka), rate(alone), speed(over_kafka), speed(alone), *peaks(over_kafka, "aggregator", "persister")])
        say(f"{size:>7,} B a record: {speed(over_kafka):,.0f} and {speed(alone):,.0f} MB/s")
    return {
        "title": "Size of a record", "x": "bytes a record", "rows": rows,
        "lines": ["records/s with Kafka", "records/s embedded", "MB/s with Kafka", "MB/s embedded", "aggregator MiB", "persister MiB"],
        "how": "Made records (one request body of that size, of words), log files of about 1 MB. Verified.",
    }


def sized(bench, size, most):
    """Log files of records of about `size` bytes."""
    total = min(max(200_000_000 // size, 200), most)
    path = bench.work / f"corpora/sized-{size}-{total}"
    if not (path / "truth.json").exists():
        shutil.rmtree(path, ignore_errors=True)
        rnd = random.Random(size)
        words = ["".join(rnd.choices("abcdefghijklmnopqrstuvwxyz", k=rnd.randint(3, 9))) for _ in range(2_000)]
        folder = path / "AWSLogs/123456789012/CloudTrail/eu-west-1/2026/03/01"
        folder.mkdir(parents=True)
        truth = {"records": 0, "files": 0, "bytes_raw": 0, "bytes_gz": 0, "records_per_key": {}}
        while truth["records"] < total:
            count = min(max(1_000_000 // size, 1), total - truth["records"])
            body = ('{"Records":[' + ",".join(made(rnd, words, size) for _ in range(count)) + "]}").encode()
            packed = gzip.compress(body, 6, mtime=0)
            file = folder / f"123456789012_CloudTrail_eu-west-1_20260301T0000Z_{truth['files']:016d}.json.gz"
            file.write_bytes(packed)
            for name, more in (("records", count), ("files", 1), ("bytes_raw", len(body)), ("bytes_gz", len(packed))):
                truth[name] += more
            truth["records_per_key"][str(file.relative_to(path))] = count
        (path / "truth.json").write_text(json.dumps(truth))
    return bench.corpora.read(path, Kind(f"sized-{size}", 0))


def made(rnd, words, size):
    record = {
        "eventVersion": "1.11", "userIdentity": {"type": "AWSService"}, "eventTime": f"2026-03-01T{rnd.randrange(24):02}:{rnd.randrange(60):02}:00Z",
        "eventSource": "s3.amazonaws.com", "eventName": "PutObject", "awsRegion": "eu-west-1", "eventID": str(uuid.UUID(int=rnd.getrandbits(128), version=4)),
    }
    room, body = size - len(json.dumps(record, separators=(",", ":"))) - 40, []
    while room > 0:
        body.append(rnd.choice(words))
        room -= len(body[-1]) + 1
    if body:
        record["requestParameters"] = {"text": " ".join(body)}
    return json.dumps(record, separators=(",", ":"))


def table_age(bench, say):
    rows, folder = [], bench.work / "chain"
    for batches in (10, 100, 1_000, 10_000, 100_000, 1_000_000):
        shutil.rmtree(folder, ignore_errors=True)
        program(bench, "chain", "make", folder, batches)
        child = program(bench, "chain", "start", folder)
        said = json.loads(child.log.read_text())
        verify_seconds, found = verified(bench, batches) if batches <= 10_000 else (None, None)
        rows.append([batches, 1000 * said["seconds"], said["reads"], child.peak / MIB, verify_seconds and 1000 * verify_seconds, found])
        say(f"{batches:>9,} batches: start {1000 * said['seconds']:,.0f} ms, {said['reads']} reads" + (f", verify {verify_seconds:.1f} s" if verify_seconds else ""))
    shutil.rmtree(folder, ignore_errors=True)
    return {
        "title": "Age of a table", "x": "batches in the chain", "rows": rows,
        "lines": ["start ms", "objects read at the start", "start MiB", "verify ms", "batches verified"],
        "how": "Start: from the assignment of a partition to its first read of the log, on a chain made by the real protocol (`bench/programs/src/bin/chain.rs`), in a directory. "
        "Verify: a real table of as many batches as the last column says, in 16 partitions, made of log files of 4 records with seals as early as can be; it reads everything, so it is linear at best.",
    }


def verified(bench, batches):
    """Seconds that `verify` takes on a real table of many batches, and how many they were."""
    # Sixteen chains side by side: each makes its batches one after the other, a sync of the disk each.
    corpus = bench.corpora.part(bench.corpora.get(SMALL, SMALL.per_file * bench.said.small_files), RECORDS_PER_BATCH * batches)
    table, state = LocalTable(bench.work / "tables/age"), LocalTable(bench.work / "state")
    table.clear(), state.clear()
    switchback = bench.binaries / "switchback"
    seals = ["--seal-bytes", "1KiB", "--seal-age", "1ms", "--partitions", "16", "--log", f"embedded:{state.path}"]
    Child("age", [switchback, "run", "--from", corpus.path, "--to", table.url, "--once", *seals], bench.work / "logs/age.log").wait().well()
    started = time.monotonic()
    done = subprocess.run([switchback, "verify", table.url, "--json"], capture_output=True, text=True, check=True)
    seconds = time.monotonic() - started
    table.clear(), state.clear()
    return seconds, json.loads(done.stdout)["counts"]["batches"]


def program(bench, name, *words):
    return Child(name, [bench.binaries / name, *words], bench.work / f"logs/{name}.log").wait().well()


CURVES = {"partitions": partitions, "directories": directories, "ledger": ledger, "record-size": record_size, "table-age": table_age}
