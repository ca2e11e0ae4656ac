"""Spark Structured Streaming: files to Parquet, and files to Kafka to Parquet as two jobs. Usage:

    spark_job.py LOGS WARM-UP-LOGS WORK JARS BROKERS TOPIC WARM-UP-TOPIC

Settings, for speed: local[2], availableNow (everything in as few micro-batches as there can be), 4 GB of heap, declared schema, state-less, zstd
at level 1, as many shuffle partitions as cores (there is no shuffle), no UI. The two Kafka jobs run one after the other, so that
each has both cores: at once they would only share them. Every query runs once on WARM-UP-LOGS first: only warm code is timed.
"""
import glob
import json
import sys
import time

from pyspark.sql import SparkSession, functions as F, types as T

import duckdb_job as names

KAFKA_PARTITIONS = 4


def record_type():
    text = lambda name: T.StructField(name, T.StringType())
    identity = T.StructType([text(name) for name in names.IDENTITY] + [text("sessionContext")])
    tls = T.StructType([text(name) for name in names.TLS])
    fields = [T.StructField("eventTime", T.TimestampType())] + [text(name) for name in names.TEXT]
    fields += [T.StructField(name, T.BooleanType()) for name in names.FLAGS]
    fields += [T.StructField("userIdentity", identity), T.StructField("tlsDetails", tls)]
    # A string field takes an object as its JSON text.
    return T.StructType(fields + [text(name) for name in names.BODIES])


def all_names():
    return ["eventTime"] + names.TEXT + names.FLAGS + ["userIdentity", "tlsDetails"] + names.BODIES


def records(spark, logs):
    """Files -> one row per record, typed, in snake_case."""
    envelope = T.StructType([T.StructField("Records", T.ArrayType(record_type()))])
    files = spark.readStream.schema(envelope).option("recursiveFileLookup", True).option("pathGlobFilter", "*.json.gz").json(f"{logs}/AWSLogs")
    rows = files.select(F.explode("Records").alias("r"), F.col("_metadata.file_path").alias("source_object"))
    return rows.select("source_object", *[F.col(f"r.{name}").alias(names.snake(name)) for name in all_names()])


def to_parquet(rows, table, checkpoint):
    dated = rows.withColumn("event_date", F.to_date("event_time"))
    sink = dated.writeStream.format("parquet").option("path", f"{table}/data").option("checkpointLocation", checkpoint).partitionBy("event_date")
    sink.trigger(availableNow=True).start().awaitTermination()


def to_kafka(rows, brokers, topic, checkpoint):
    messages = rows.select(F.col("event_id").alias("key"), F.to_json(F.struct(*rows.columns)).alias("value"))
    sink = messages.writeStream.format("kafka").option("kafka.bootstrap.servers", brokers).option("topic", topic)
    # What ours has, too: acknowledged by all, batches compressed.
    sink = sink.option("kafka.acks", "all").option("kafka.compression.type", "zstd").option("kafka.linger.ms", 50).option("kafka.batch.size", 1 << 20)
    sink.option("checkpointLocation", checkpoint).trigger(availableNow=True).start().awaitTermination()


def from_kafka(spark, brokers, topic):
    fields = {names.snake(field.name): field for field in record_type().fields}
    schema = T.StructType([T.StructField("source_object", T.StringType())] + [T.StructField(name, field.dataType) for name, field in fields.items()])
    source = spark.readStream.format("kafka").option("kafka.bootstrap.servers", brokers).option("subscribe", topic).option("startingOffsets", "earliest")
    return source.load().select(F.from_json(F.col("value").cast("string"), schema).alias("r")).select("r.*")


class Clock:
    """Times a step and what the JVM used for it."""

    def __init__(self, spark):
        self.pid = spark._jvm.java.lang.ProcessHandle.current().pid()

    def cpu(self):
        with open(f"/proc/{self.pid}/stat") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100

    def time(self, *steps):
        cpu, started = self.cpu(), time.monotonic()
        for step in steps:
            step()
        seconds, used = time.monotonic() - started, self.cpu() - cpu
        with open(f"/proc/{self.pid}/status") as status:
            peak = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
        return {"seconds": seconds, "cpu": used, "peak": peak}


def main(logs, warm_up, work, jars, brokers, topic, warm_up_topic):
    builder = SparkSession.builder.master("local[2]").config("spark.driver.memory", "4g").config("spark.ui.enabled", False).config("spark.ui.showConsoleProgress", False)
    builder = builder.config("spark.jars", ",".join(glob.glob(f"{jars}/*.jar"))).config("spark.sql.shuffle.partitions", 2)
    builder = builder.config("spark.sql.session.timeZone", "UTC").config("spark.sql.parquet.compression.codec", "zstd")
    builder = builder.config("spark.hadoop.parquet.compression.codec.zstd.level", 1).config("spark.driver.host", "127.0.0.1")
    builder = builder.config("spark.local.dir", f"{work}/spark-local").config("spark.sql.warehouse.dir", f"{work}/warehouse")
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    clock = Clock(spark)

    def files(source, name):
        to_parquet(records(spark, source), f"{work}/{name}", f"{work}/{name}-check")

    def produce(source, into, name):
        to_kafka(records(spark, source), brokers, into, f"{work}/{name}-in-check")

    def consume(which, name):
        to_parquet(from_kafka(spark, brokers, which), f"{work}/{name}", f"{work}/{name}-out-check")

    rows = lambda name: spark.read.parquet(f"{work}/{name}/data").count()
    files(warm_up, "warm-files")
    report = {"spark-files": clock.time(lambda: files(logs, "files"))}
    report["spark-files"]["rows"] = rows("files")
    produce(warm_up, warm_up_topic, "warm-kafka")
    consume(warm_up_topic, "warm-kafka")
    produced = clock.time(lambda: produce(logs, topic, "kafka"))
    consumed = clock.time(lambda: consume(topic, "kafka"))
    report["spark-kafka"] = {"seconds": produced["seconds"] + consumed["seconds"], "cpu": produced["cpu"] + consumed["cpu"], "peak": consumed["peak"],
                             "parts": [produced["seconds"], consumed["seconds"]], "rows": rows("kafka")}
    print(json.dumps(report))
    spark.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
