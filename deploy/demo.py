"""The last step of ./dev demo: ask the table a question in plain SQL, then say what went in and what came out.

usage: demo.py LOGS TABLE    (Python with duckdb; .dev/venv has it)
"""

import pathlib
import sys

import duckdb

QUESTION = "Which access key was denied again and again, and then changed permissions or logging?"
SQL = """
    SELECT split_part(user_identity.arn, '/', -1)                 AS who,
           source_ip_address                                     AS from_address,
           strftime(min(event_time), '%d %b %H:%M')              AS first_seen,
           count(*)                                              AS events,
           count(*) FILTER (error_code ILIKE '%denied%')         AS denied,
           string_agg(DISTINCT event_name, ' ' ORDER BY event_name) FILTER (event_name IN
             ('CreateAccessKey', 'AttachUserPolicy', 'StopLogging', 'DeleteTrail')) AS changed,
           count(*) FILTER (event_name = 'GetObject')            AS objects_read
    FROM events
    WHERE user_identity.access_key_id IS NOT NULL
    GROUP BY user_identity.access_key_id, who, from_address
    HAVING denied >= 5 AND changed IS NOT NULL
    ORDER BY denied DESC
    LIMIT 5
"""


def files_and_bytes(folder, pattern):
    sizes = [path.stat().st_size for path in pathlib.Path(folder).rglob(pattern)]
    return len(sizes), sum(sizes)


def main(logs, table):
    events = f"{table}/data/**/*.parquet"
    duckdb.sql(f"CREATE VIEW events AS FROM read_parquet('{events}', hive_partitioning = true)")
    duckdb.sql("SET TimeZone = 'UTC'")
    print(f"\n  {QUESTION}\n")
    duckdb.sql(SQL).show(max_width=160)

    ((rows,),) = duckdb.sql("SELECT count(*) FROM events").fetchall()
    files_in, bytes_in = files_and_bytes(logs, "*.json.gz")
    files_out, bytes_out = files_and_bytes(f"{table}/data", "*.parquet")
    print(f"\n  in    {files_in:>9,} log files       {bytes_in / 1e6:>8,.1f} MB   {logs}")
    print(f"  out   {files_out:>9,} Parquet files   {bytes_out / 1e6:>8,.1f} MB   {table}/data")
    print(f"        {rows:>9,} rows")
    print(f"\n  Ask it yourself, in DuckDB:  FROM read_parquet('{events}') LIMIT 10;")


main(*sys.argv[1:])
