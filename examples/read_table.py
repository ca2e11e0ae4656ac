"""Reads the table with DuckDB: the calls that were denied, by principal, on the days between two dates.

usage: read_table.py TABLE [FIRST [LAST]]    (Python with duckdb; .dev/venv has it)

TABLE is a directory; for s3://BUCKET/PREFIX, DuckDB wants a secret first (CREATE SECRET (TYPE s3, PROVIDER credential_chain)).
Dates are like 2026-11-22; only their directories are read.
"""

import sys

import duckdb

SQL = """
    SELECT user_identity.arn AS who, event_source, event_name, count(*) AS denied, max(event_time) AS last_seen
    FROM read_parquet($files, hive_partitioning = true)
    WHERE event_date BETWEEN $first::DATE AND $last::DATE AND error_code ILIKE '%denied%'
    GROUP BY ALL
    ORDER BY denied DESC, who, event_source, event_name
    LIMIT 20
"""


def main(table, first="0001-01-01", last="9999-12-31"):
    duckdb.sql("SET TimeZone = 'UTC'")
    parameters = {"files": f"{table}/data/**/*.parquet", "first": first, "last": last}
    duckdb.sql(SQL, params=parameters).show(max_width=160)


main(*sys.argv[1:])
