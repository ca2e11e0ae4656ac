"""The peers: other ways to get the same log files into Parquet, on the same machine in the same run.

Each has its own script here, with its settings and why they are fair. What they need is fetched on first use.
"""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import time

from corpus import inflated
from own import PARTITIONS
from peers import iceberg
from process import Child, Failed

HERE = pathlib.Path(__file__).resolve().parent
WARM_UP = 20_000  # records that a JVM sees before it is timed


class Peers:
    def __init__(self, binaries, services, corpora, own, work, say):
        self.binaries, self.services, self.corpora, self.own, self.work, self.say = binaries, services, corpora, own, work, say
        self.tools = work / "peers"

    def prepare(self, names):
        if "spark" in names:
            self._jars("spark")
            if not self._same("spark.txt", self.tools / "spark-venv"):
                self.say("peers", "pyspark, in a virtual environment of its own")
                subprocess.run([sys.executable, "-m", "venv", "--clear", self.tools / "spark-venv"], check=True)
                pip = [self.tools / "spark-venv/bin/python", "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", HERE / "spark.txt"]
                subprocess.run(pip, check=True)
                shutil.copy(HERE / "spark.txt", self.tools / "spark-venv")
        if "iceberg" in names:
            self._jars("iceberg")

    def versions(self):
        requirements = (HERE.parent.parent / "tests/services/requirements.txt").read_text()
        sink = re.search(r"iceberg-kafka-connect</artifactId><version>([\d.]+)", (HERE / "iceberg.xml").read_text())
        return {
            "DuckDB": re.search(r"duckdb==(\S+)", requirements)[1],
            "Spark": (HERE / "spark.txt").read_text().split("==")[1].strip(),
            "Iceberg's Kafka Connect sink": sink[1],
        }

    # ---- one run each ------------------------------------------------------------------------------------------

    def duckdb(self, corpus):
        work = self._folder("duckdb")
        largest = max(inflated(path) for path in corpus.path.rglob("*.json.gz")) + (1 << 20)
        child = self._start("duckdb", [sys.executable, HERE / "duckdb_job.py", corpus.path, work, work, largest]).wait().well()
        return self._run(corpus, self._last_line(child), "duckdb", work)

    def spark(self, corpus):
        work, topic, warm_topic = self._folder("spark"), self.own.topic(PARTITIONS), self.own.topic(PARTITIONS)
        warm_up = self.corpora.part(corpus, WARM_UP)
        python = self.tools / "spark-venv/bin/python"
        command = [python, HERE / "spark_job.py", corpus.path, warm_up.path, work, self.tools / "spark-jars", self.services.brokers, topic, warm_topic]
        bystanders = self.services.bystanders()
        child = self._start("spark", command).wait().well()
        report = self._last_line(child)
        runs = [self._run(corpus, report["spark-files"], "spark", work / "files", keep=True), self._run(corpus, report["spark-kafka"], "spark", work / "kafka", keep=True)]
        # The broker's share of the warm-up is in it.
        runs[1]["processes"]["kafka"] = bystanders["kafka"].measures()
        shutil.rmtree(work)
        self.services.broker.delete(topic), self.services.broker.delete(warm_topic)
        return runs

    def naive(self, corpus):
        work, topic = self._folder("naive"), self.own.topic(PARTITIONS)
        bystanders, started = self.services.bystanders(), time.monotonic()
        consumer = self._start("consumer", [self.binaries / "naive", "consume", self.services.brokers, topic, work, corpus.records])
        producer = self._start("producer", [self.binaries / "naive", "produce", corpus.path, self.services.brokers, topic])
        try:
            producer.wait().well()
            consumer.wait().well()
            seconds = time.monotonic() - started
        finally:
            producer.end(), consumer.end()
        run = self._run(corpus, {"seconds": seconds, "rows": corpus.records}, None, work)
        run["processes"] = {child.name: child.measures() for child in (producer, consumer)}
        run["processes"]["kafka"] = bystanders["kafka"].measures()
        self.services.broker.delete(topic)
        return run

    def iceberg(self, corpus):
        work, topic = self._folder("iceberg"), self.own.fill_topic(corpus, PARTITIONS)
        messages = sum(self.services.broker.ends(topic, PARTITIONS))
        report = iceberg.run(self.tools / "iceberg-jars", work, HERE, self.services, topic, messages)
        share = report["rows"] / messages
        run = self._run(corpus, {**report, "rows": corpus.records}, "iceberg", work, keep=True)
        parquet = [path.stat().st_size for path in (work / "warehouse").rglob("*.parquet")]
        # Only what lies between the first commit and the last was timed.
        run.update(records=corpus.records * share, files=corpus.files * share, raw=corpus.raw * share, out=sum(parquet) * share, gz=corpus.gz * share,
                   out_files=len(parquet), commits=report["commits"])
        shutil.rmtree(work)
        self.services.broker.delete(topic), self.services.broker.delete(f"{topic}-control")
        return run

    # ---- parts -------------------------------------------------------------------------------------------------

    def _same(self, wanted, folder):
        stamp = folder / wanted
        return stamp.exists() and stamp.read_text() == (HERE / wanted).read_text()

    def _jars(self, name):
        folder = self.tools / f"{name}-jars"
        if self._same(f"{name}.xml", folder):
            return
        self.say("peers", f"{name}: jars")
        shutil.rmtree(folder, ignore_errors=True)
        goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={folder}"]
        subprocess.run(["mvn", "-q", "-B", "-f", HERE / f"{name}.xml", *goal], check=True, stdout=subprocess.DEVNULL)
        shutil.copy(HERE / f"{name}.xml", folder)

    def _folder(self, name):
        folder = self.work / f"peer-{name}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder

    def _start(self, name, command):
        return Child(name, command, self.work / "logs" / f"{name}.log", self.services.environment)

    def _last_line(self, child):
        lines = [line for line in child.log.read_text(errors="replace").splitlines() if line.startswith("{")]
        if not lines:
            raise Failed(f"{child.name} reported nothing, see {child.log}")
        return json.loads(lines[-1])

    def _run(self, corpus, report, name, folder, keep=False):
        """A run from what the peer's script reported and what lies in its folder."""
        if report["rows"] != corpus.records:
            raise Failed(f"{name} wrote {report['rows']} rows of {corpus.records}: its speed is worth nothing")
        sizes = [path.stat().st_size for path in (folder / "data").rglob("*.parquet")] if (folder / "data").exists() else []
        processes = {name: {"cpu": report["cpu"], "peak": report["peak"]}} if name else {}
        if not keep:
            shutil.rmtree(folder)
        return {"seconds": report["seconds"], "records": corpus.records, "files": corpus.files, "raw": corpus.raw, "gz": corpus.gz,
                "out": sum(sizes), "out_files": len(sizes), "processes": processes}
