"""DuckDB: one statement from the gz files to partitioned Parquet. Usage: duckdb_job.py LOGS TABLE WORK LARGEST

Settings, for speed: two threads, no insertion order to keep, zstd at our own level (1; its default is 3 and slower), declared types
(no schema to guess), one pass, a read buffer just large enough for the LARGEST log file (inflated bytes): it is allocated per thread.
"""
import json
import resource
import sys
import time



# A log file is one object without a line break.
FORMAT = "unstructured"

TEXT = """eventVersion eventSource eventName awsRegion sourceIPAddress userAgent errorCode errorMessage requestID eventID sharedEventID
eventType eventCategory apiVersion recipientAccountId vpcEndpointId vpcEndpointAccountId sessionCredentialFromConsole""".split()
FLAGS = "readOnly managementEvent".split()
BODIES = """requestParameters responseElements additionalEventData resources serviceEventDetails insightDetails addendum edgeDeviceDetails
eventContext annotation""".split()
IDENTITY = "type principalId arn accountId accessKeyId userName invokedBy".split()
TLS = "tlsVersion cipherSuite clientProvidedHostHeader".split()


def snake(name):
    parts, at = [], 0
    for here in range(1, len(name) + 1):
        if here == len(name) or name[here].isupper() and (name[here - 1].islower() or name[here + 1 : here + 2].islower()):
            parts.append(name[at:here].lower())
            at = here
    return "_".join(parts)


def struct(names, kind):
    return ", ".join(f'"{name}" {kind}' for name in names)


def statement(logs, table, largest):
    identity = f"STRUCT({struct(IDENTITY, 'VARCHAR')}, \"sessionContext\" JSON)"
    record = f"STRUCT(eventTime TIMESTAMP, {struct(TEXT, 'VARCHAR')}, {struct(FLAGS, 'BOOLEAN')}, userIdentity {identity}, tlsDetails STRUCT({struct(TLS, 'VARCHAR')}), {struct(BODIES, 'JSON')})"
    columns = ", ".join(f"r.{name} AS {snake(name)}" for name in TEXT + FLAGS + ["userIdentity", "tlsDetails"])
    bodies = ", ".join(f"r.{name}::VARCHAR AS {snake(name)}" for name in BODIES)
    return f"""
        COPY (
            SELECT r.eventTime AS event_time, {columns}, {bodies}, filename AS source_object, CAST(r.eventTime AS DATE) AS event_date
            FROM (SELECT unnest(Records) AS r, filename
                  FROM read_json('{logs}/AWSLogs/**/*.json.gz', columns = {{Records: '{record}[]'}}, format = '{FORMAT}', filename = true,
                                 maximum_object_size = {largest}))
        ) TO '{table}/data' (FORMAT parquet, PARTITION_BY (event_date), COMPRESSION zstd, COMPRESSION_LEVEL 1)"""


def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main(logs, table, work, largest):
    import duckdb

    database = duckdb.connect()
    database.execute("SET threads = 2; SET preserve_insertion_order = false; SET memory_limit = '8GB'")
    database.execute(f"SET temp_directory = '{work}'")
    before, started = cpu(), time.monotonic()
    database.execute(statement(logs, table, largest))
    seconds, used = time.monotonic() - started, cpu() - before
    ((rows,),) = database.sql(f"SELECT count(*) FROM read_parquet('{table}/data/**/*.parquet')").fetchall()
    print(json.dumps({"seconds": seconds, "cpu": used, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, "rows": rows}))


if __name__ == "__main__":
    main(*sys.argv[1:])
