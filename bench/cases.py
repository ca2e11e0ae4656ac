"""What can be run: every case of the main table, who runs it, and on which log files."""
from dataclasses import dataclass
from typing import Callable


@dataclass(frozen=True)
class Case:
    """`run(own, peers, corpus)` gives one run for each of `keys`."""

    name: str
    keys: tuple
    corpus: str  # which log files: busy, part (what slower ones get of busy), small, small-part
    run: Callable
    peer: bool = False


LZ4 = ("kafka.properties.compression.type=lz4", "kafka.properties.compression.level=-1")

TITLES = {
    "embedded": "one process, embedded log, directory to directory",
    "kafka": "aggregator, Kafka, persister at once, directory to directory",
    "kafka-lz4": "the same with kafka.properties \"compression.type\" = \"lz4\"",
    "s3": "aggregator, Kafka, persister at once, SeaweedFS to SeaweedFS",
    "small-directory": "small log files, one process, directory to directory",
    "small-s3": "small log files, one process, SeaweedFS to SeaweedFS",
    "aggregator-kafka": "aggregator alone, into Kafka",
    "persister-kafka": "persister alone, from a full topic",
    "aggregator-embedded": "aggregator alone, into an embedded log",
    "aggregator-none": "aggregator alone, messages thrown away",
    "naive": "naive baseline: serde_json::Value, FutureProducer, StreamConsumer, default writer",
    "duckdb": "DuckDB, read_json to partitioned Parquet",
    "spark-files": "Spark Structured Streaming, files to Parquet",
    "spark-kafka": "Spark Structured Streaming, two jobs, Kafka between them",
    "iceberg": "Iceberg's Kafka Connect sink, from a full topic",
}

CASES = [
    Case("embedded", ("embedded",), "busy", lambda own, peers, corpus: [own.embedded(corpus)]),
    Case("duckdb", ("duckdb",), "part", lambda own, peers, corpus: [peers.duckdb(corpus)], peer=True),
    Case("kafka", ("kafka",), "busy", lambda own, peers, corpus: [own.kafka(corpus)]),
    Case("kafka-lz4", ("kafka-lz4",), "busy", lambda own, peers, corpus: [own.kafka(corpus, aggregator=LZ4)]),
    Case("spark", ("spark-files", "spark-kafka"), "part", lambda own, peers, corpus: peers.spark(corpus), peer=True),
    Case("s3", ("s3",), "busy", lambda own, peers, corpus: [own.kafka(corpus, s3=True)]),
    Case("naive", ("naive",), "part", lambda own, peers, corpus: [peers.naive(corpus)], peer=True),
    Case("stages", ("aggregator-kafka", "persister-kafka"), "busy", lambda own, peers, corpus: own.stages(corpus)),
    Case("iceberg", ("iceberg",), "part", lambda own, peers, corpus: [peers.iceberg(corpus)], peer=True),
    Case("alone", ("aggregator-embedded", "aggregator-none"), "busy", lambda own, peers, corpus: own.stage_embedded(corpus)),
    Case("small-directory", ("small-directory",), "small", lambda own, peers, corpus: [own.embedded(corpus)]),
    Case("small-s3", ("small-s3",), "small-part", lambda own, peers, corpus: [own.embedded(corpus, s3=True)]),
]
