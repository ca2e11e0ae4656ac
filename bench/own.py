"""Our own runs: each sets up, measures, checks that the table is exact, and cleans up.

A run is a dict: seconds, records, files, raw and gz (bytes in), out and out_files (Parquet), processes (name -> cpu seconds, peak bytes).
"""
import time

from process import LOOK_EVERY, Child, Failed, Quiet
from table import BucketTable, LocalTable, chain_ends, verify, written

PARTITIONS = 4  # of a topic, as deploy/aggregator.toml has it
RESTARTS = 5


class Own:
    """What the runs share: binaries, services, folders."""

    def __init__(self, binaries, services, bucket, work, check=True):
        self.binaries, self.services, self.bucket, self.work, self.check = binaries, services, bucket, work, check
        self.count = 0

    # ---- the whole ---------------------------------------------------------------------------------------------

    def embedded(self, corpus, s3=False, more=()):
        """Both stages in one process, the log embedded in a directory."""
        table, state = self._table("embedded", s3), self.work / "state"
        LocalTable(state).clear()
        source = self._source(corpus, s3)
        command = [self.binaries / "switchback", "run", "--from", source, "--to", table.url, "--log", f"embedded:{state}", "--once", *more]
        bystanders = self._servers(s3, kafka=False)
        child = self._start("switchback", command).wait().well()
        run = self._run(corpus, child.seconds, [child], bystanders)
        self._judge(run, table, source, corpus)
        LocalTable(state).clear()
        return run

    def kafka(self, corpus, s3=False, partitions=PARTITIONS, aggregator=(), persister=()):
        """Aggregator and persister as two processes at work at once, from the start of both to the last row in the table."""
        table, topic = self._table("kafka", s3), self.topic(partitions)
        source = self._source(corpus, s3)
        bystanders = self._servers(s3)
        started = time.monotonic()
        first = self.aggregator(source, topic, aggregator)
        second = self.persister(table, topic, persister)
        try:
            first.wait().well()
            ends = self.services.broker.ends(topic, partitions)
            persisters = self._drain(second, table, topic, ends, persister)
            seconds = time.monotonic() - started
        except BaseException:
            first.end(), second.end()
            raise
        run = self._run(corpus, seconds, [first, *persisters], bystanders)
        self._judge(run, table, source, corpus)
        self.services.broker.delete(topic)
        return run

    # ---- each stage alone --------------------------------------------------------------------------------------

    def stages(self, corpus, partitions=PARTITIONS, persister=()):
        """The aggregator alone into Kafka, then the persister alone from the topic that it filled."""
        table, topic, source = self._table("stages", False), self.topic(partitions), str(corpus.path)
        bystanders = self._servers()
        child = self.aggregator(source, topic, ()).wait().well()
        first = self._run(corpus, child.seconds, [child], bystanders)
        ends = self.services.broker.ends(topic, partitions)
        bystanders, started = self._servers(), time.monotonic()
        child = self.persister(table, topic, persister)
        try:
            persisters = self._drain(child, table, topic, ends, persister)
        except BaseException:
            child.end()
            raise
        second = self._run(corpus, time.monotonic() - started, persisters, bystanders)
        self._judge(second, table, source, corpus)
        self.services.broker.delete(topic)
        return first, second

    def stage_embedded(self, corpus):
        """The aggregator alone into an embedded log (or, with no log, into nothing)."""
        state = LocalTable(self.work / "state")
        runs = []
        for log in (f"embedded:{state.path}", "none"):
            state.clear()
            child = self._start("aggregator", [self.binaries / "stage", corpus.path, log]).wait().well()
            runs.append(self._run(corpus, child.seconds, [child], {}))
        state.clear()
        return runs

    def fill_topic(self, corpus, partitions):
        """A topic with all messages of these log files, for someone else to read."""
        topic = self.topic(partitions)
        self.aggregator(str(corpus.path), topic, ()).wait().well()
        return topic

    # ---- parts -------------------------------------------------------------------------------------------------

    def _servers(self, s3=False, kafka=True):
        wanted = {"s3": s3, "kafka": kafka}
        return {name: bystander for name, bystander in self.services.bystanders().items() if wanted[name]}

    def _table(self, name, s3):
        table = BucketTable(self.bucket, f"tables/{name}") if s3 else LocalTable(self.work / "tables" / name)
        table.clear()
        return table

    def _source(self, corpus, s3):
        if not s3:
            return str(corpus.path)
        self.bucket.put_tree(corpus.path, f"logs/{corpus.name}")
        return self.bucket.url(f"logs/{corpus.name}")

    def topic(self, partitions):
        self.count += 1
        topic = f"bench-{int(time.time())}-{self.count}"
        self.services.broker.create(topic, partitions)
        return topic

    def _start(self, name, command):
        return Child(name, command, self.work / "logs" / f"{name}.log", self.services.environment)

    def aggregator(self, source, topic, more, once=True):
        said = [f"source.url={source}", f"kafka.brokers={self.services.brokers}", f"kafka.topic={topic}", *more]
        command = [self.binaries / "aggregator", *(["--once"] if once else []), *(word for pair in said for word in ("--set", pair))]
        return self._start("aggregator", command)

    def persister(self, table, topic, more):
        said = [f"table.url={table.url}", f"kafka.brokers={self.services.brokers}", f"kafka.topic={topic}", f"kafka.group={topic}", *more]
        return self._start("persister", [self.binaries / "persister", *(word for pair in said for word in ("--set", pair))])

    def _drain(self, child, table, topic, ends, more):
        """The topic has ended: once the persister has nothing more to do it is asked to end, which seals what it holds."""
        persisters = [child]
        while True:
            quiet = Quiet(child.pid)
            while not child.ended() and not quiet.reached():
                time.sleep(LOOK_EVERY)
            child.ask_to_end()
            child.wait(120).well()
            reached = chain_ends(table, len(ends))
            if reached == ends:
                return persisters
            if len(persisters) > RESTARTS:
                raise Failed(f"the table is at {reached}, the topic at {ends}")
            child = self.persister(table, topic, more)
            persisters.append(child)

    def _run(self, corpus, seconds, children, bystanders):
        processes = {}
        for child in children:
            known = processes.setdefault(child.name, {"cpu": 0.0, "peak": 0})
            measured = child.measures()
            known["cpu"] += measured["cpu"]
            known["peak"] = max(known["peak"], measured["peak"])
        processes.update({name: bystander.measures() for name, bystander in bystanders.items()})
        return {"seconds": seconds, "records": corpus.records, "files": corpus.files, "raw": corpus.raw, "gz": corpus.gz,
                "starts": len(children), "processes": processes}

    def _judge(self, run, table, source, corpus):
        if self.check:
            verify(self.binaries / "switchback", table, source, corpus.records, self.services.environment)
        run.update(written(table), exact=self.check)
        table.clear()
