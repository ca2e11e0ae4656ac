"""Apache Iceberg's Kafka Connect sink: a topic that our aggregator filled, to a table in a hadoop catalog.

Settings, for speed: two tasks, zstd level 1, polls of up to 5,000 messages and 4 MiB fetches, a commit every two seconds, offsets flushed every
second (a sink task that has read everything answers a commit only then; the default is a minute). What is
timed lies between its first commit and its last: starting the JVM and the first, cold rows are not held against it.
"""
import json
import os
import subprocess
import time

from process import Child, Failed, cpu_of

import peers.duckdb_job as names

COMMIT_MS = 2_000
GIVE_UP = 600

WORKER = """bootstrap.servers={brokers}
key.converter=org.apache.kafka.connect.storage.StringConverter
value.converter=org.apache.kafka.connect.json.JsonConverter
value.converter.schemas.enable=false
offset.storage.file.filename={work}/offsets
offset.flush.interval.ms=1000
listeners=http://127.0.0.1:0
plugin.discovery=only_scan
consumer.max.poll.records=5000
consumer.max.partition.fetch.bytes=4194304
consumer.fetch.min.bytes=1048576
consumer.fetch.max.wait.ms=100
"""

SINK = """name=iceberg
connector.class=org.apache.iceberg.connect.IcebergSinkConnector
tasks.max=2
topics={topic}
consumer.override.auto.offset.reset=earliest
iceberg.tables=bench.events
iceberg.catalog.type=hadoop
iceberg.catalog.warehouse=file://{work}/warehouse
iceberg.control.topic={topic}-control
iceberg.control.group-id-prefix={topic}-control
iceberg.control.commit.interval-ms={commit}
iceberg.control.commit.timeout-ms=30000
"""


def create_table(jars, work, here):
    text = [names.snake(name) for name in names.TEXT + ["userIdentity", "tlsDetails"] + names.BODIES] + ["source_object"]
    flags = [names.snake(name) for name in names.FLAGS]
    command = ["java", "-cp", f"{jars}/*", here / "CreateTable.java", f"file://{work}/warehouse", ",".join(text), ",".join(flags)]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode:
        raise Failed(f"Iceberg's table was not made\n{done.stderr[-3000:]}")


def committed(work):
    """Rows in the newest snapshot."""
    folder = work / "warehouse/bench/events/metadata"
    versions = sorted((int(path.name[1:].split(".")[0]), path) for path in folder.glob("v*.metadata.json"))
    if not versions:
        return 0
    metadata = json.loads(versions[-1][1].read_text())
    current = [snapshot for snapshot in metadata.get("snapshots", []) if snapshot["snapshot-id"] == metadata.get("current-snapshot-id")]
    return int(current[0]["summary"]["total-records"]) if current else 0


def run(jars, work, here, services, topic, messages):
    """Seconds, CPU and rows between the first and the last commit."""
    create_table(jars, work, here)
    services.broker.create(f"{topic}-control", 1)
    (work / "worker.properties").write_text(WORKER.format(brokers=services.brokers, work=work))
    (work / "sink.properties").write_text(SINK.format(topic=topic, work=work, commit=COMMIT_MS))
    command = ["java", "-Xmx2g", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", f"{jars}/*", "org.apache.kafka.connect.cli.ConnectStandalone"]
    child = Child("iceberg", [*command, work / "worker.properties", work / "sink.properties"], work.parent / "logs/iceberg.log", os.environ)
    try:
        seen = [(child.started, 0, 0.0)]
        while seen[-1][1] < messages:
            if child.ended():
                child.well()
                raise Failed(f"Iceberg's sink ended at {seen[-1][1]} of {messages} rows, see {child.log}")
            if time.monotonic() - child.started > GIVE_UP:
                raise Failed(f"Iceberg's sink is at {seen[-1][1]} of {messages} rows after {GIVE_UP} s, see {child.log}")
            rows = committed(work)
            if rows > seen[-1][1]:
                seen.append((time.monotonic(), rows, cpu_of(child.pid)))
            time.sleep(0.02)
    finally:
        # All that is measured is committed. Asked to end, a worker sometimes hangs in its web server.
        child.end()
    first = seen[1] if len(seen) > 2 else seen[0]
    last = seen[-1]
    return {"seconds": last[0] - first[0], "rows": last[1] - first[1], "cpu": last[2] - first[2], "peak": child.peak, "commits": [[at - child.started, rows] for at, rows, _ in seen[1:]]}
