"""How long a record takes from its log file on disk to its row in the table, under a steady load of new log files.

Log files are moved into the source directory one by one, paced by the records in them; both stages follow. When a Parquet file
is first seen in the table, its rows are visible. When an event is on the topic is what the broker says: the topic has its append
times (LogAppendTime), read from the batch headers of the log segments.
"""
import os
import shutil
import struct
import time

import duckdb

from corpus import BUSY
from own import PARTITIONS
from process import Failed
from table import LocalTable, chain_ends, verify

SEAL_AGE, POLL = 5, 0.1
LOOK_EVERY = 0.02
GIVE_UP = 60


def percentile(pairs, share):
    """Of (value, weight) pairs: the value that this share of the weight does not exceed."""
    total, sofar = sum(weight for _, weight in pairs), 0
    for value, weight in sorted(pairs):
        sofar += weight
        if sofar >= share * total:
            return value
    raise ValueError("nothing to rank")


def figures(pairs, target):
    return {"p50": percentile(pairs, 0.5), "p99": percentile(pairs, 0.99), "max": max(value for value, _ in pairs), "target": target}


def schedule(keys, rate, seconds):
    """(due, key to copy, name to deliver it under, records): the corpus again and again under new names, until the time is full."""
    due, number, plan = 0.0, 0, []
    while due < seconds:
        for key, records in keys.items():
            if due >= seconds:
                break
            name = f"{key[: key.rindex('_')]}_{number:016d}.json.gz"
            plan.append((due, key, name, records))
            due += records / rate
            number += 1
    return plan


class Delivery:
    """Log files that wait in one folder and are moved to another when they are due."""

    def __init__(self, corpus, plan, folder):
        self.plan, self.waiting, self.source, self.at = plan, folder / "waiting", folder / "source", {}
        shutil.rmtree(folder, ignore_errors=True)
        self.waiting.mkdir(parents=True)
        for number, (_, key, name, _) in enumerate(plan):
            shutil.copyfile(corpus.path / key, self.waiting / str(number))
            (self.source / name).parent.mkdir(parents=True, exist_ok=True)
        self.next, self.late = 0, 0.0

    def deliver(self, started):
        now = time.time()
        while self.next < len(self.plan) and started + self.plan[self.next][0] <= now:
            due, _, name, _ = self.plan[self.next]
            os.rename(self.waiting / str(self.next), self.source / name)
            self.at[name] = now = time.time()
            self.late = max(self.late, now - started - due)
            self.next += 1
        return self.next == len(self.plan)


def look(table, seen):
    """Parquet files that were not there before, and when they were seen."""
    data = table.path / "data"
    if data.is_dir():
        for folder in os.scandir(data):
            for file in os.scandir(folder.path):
                if file.name.endswith(".parquet") and file.path not in seen:
                    seen[file.path] = time.time()


def appended(folder, topic):
    """Per partition: (last offset, append time) of every batch in the broker's log segments."""
    batches = {}
    for partition in range(PARTITIONS):
        found = batches.setdefault(partition, [])
        for segment in sorted((folder / "kafka/data" / f"{topic}-{partition}").glob("*.log")):
            with open(segment, "rb") as log:
                while len(head := log.read(61)) == 61:
                    base, length = struct.unpack_from(">qi", head)
                    last_delta, _, newest = struct.unpack_from(">iqq", head, 23)
                    if length <= 0:
                        break  # preallocated, not written yet
                    found.append((base + last_delta, newest / 1000))
                    log.seek(length + 12 - 61, os.SEEK_CUR)
    return batches


def append_time(batches, offset):
    """When the batch that holds this offset was appended."""
    low, high = 0, len(batches)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if batches[middle][0] < offset else (low, middle)
    return batches[low][1]


def measure(bench, say):
    said, own = bench.said, bench.own
    corpus = bench.corpora.get(BUSY, said.records)
    plan = schedule(bench.corpora.keys(corpus), said.rate, said.seconds)
    say("latency", f"{said.seconds} s of {said.rate:,} records/s, {len(plan):,} log files")
    delivery = Delivery(corpus, plan, bench.work / "latency")
    table = LocalTable(bench.work / "tables/latency")
    table.clear()
    topic = f"bench-latency-{int(time.time())}"
    bench.services.broker.create(topic, PARTITIONS, message_timestamp_type="LogAppendTime")
    aggregator = own.aggregator(str(delivery.source), topic, [f"source.poll={int(POLL * 1000)}ms"], once=False)
    persister = own.persister(table, topic, [f"seal.age={SEAL_AGE}s"])
    seen, records = {}, sum(count for *_, count in plan)
    try:
        time.sleep(5)  # both are up and have their partitions
        started = time.time()
        while time.time() < started + said.seconds + GIVE_UP:
            done = delivery.deliver(started)
            look(table, seen)
            if aggregator.ended() or persister.ended():
                raise Failed(f"a stage ended in the middle, see {persister.log.parent}")
            if done and sum(bench.services.broker.ends(topic, PARTITIONS)) == records + len(plan) == sum(chain_ends(table, PARTITIONS)):
                break
            time.sleep(LOOK_EVERY)
        # The chain is at the end when the last batch is decided; its files come after that.
        aggregator.ask_to_end(), persister.ask_to_end()
        until = time.time() + GIVE_UP
        while not (aggregator.ended() and persister.ended()) and time.time() < until:
            look(table, seen)
            time.sleep(LOOK_EVERY)
        aggregator.wait(1).well(), persister.wait(1).well()
        look(table, seen)
    finally:
        aggregator.end(), persister.end()
    verify(own.binaries / "switchback", table, str(delivery.source), records, bench.services.environment)
    report(bench, delivery, table, seen, topic, records)
    bench.services.broker.delete(topic)
    shutil.rmtree(bench.work / "latency")
    table.clear()


def report(bench, delivery, table, seen, topic, records):
    rows = duckdb.sql(f"""SELECT filename, source_object, kafka_partition, count(*), max(kafka_offset)
        FROM read_parquet('{table.path}/data/**/*.parquet', filename = true) GROUP BY ALL""").fetchall()
    visible = [(seen[path] - delivery.at[name], count) for path, name, _, count, _ in rows]
    batches = appended(bench.services.folder, topic)
    on_topic = [(append_time(batches[partition], offset) - delivery.at[name], count) for _, name, partition, count, offset in rows]
    section = bench.results.begin("latency", bench.profile)
    section["figures"] = {
        "log file on disk → row visible": figures(visible, "≤ 10 s"),
        "log file on disk → event on the topic": figures(on_topic, f"≤ 0.2 s after it was seen; the source is looked at every {POLL} s"),
    }
    section["how"] = (
        f"{records:,} records in {len(delivery.plan):,} log files moved into a directory over {bench.said.seconds} s ({bench.said.rate:,} records/s; the latest of them {delivery.late:.2f} s "
        f"late), `source.poll = {int(POLL * 1000)}ms`, `seal.age = {SEAL_AGE}s`, {PARTITIONS} partitions, aggregator and persister as two processes, the broker beside them. Each record counts once; "
        "a row is visible when a listing of the table first shows its file; an event is on the topic when the broker has appended its batch. The table was verified afterwards."
    )
    for name, found in section["figures"].items():
        print(f"  {name:<40} p50 {found['p50']:.2f} s   p99 {found['p99']:.2f} s   max {found['max']:.2f} s")
