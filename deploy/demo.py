"""The last step of ./dev demo: ask the table two questions in plain SQL, then say what went in and what came out.

usage: demo.py LOGS TABLE    (Python with duckdb; .dev/venv has it)
"""

import pathlib
import sys

import duckdb

QUESTIONS = {
    "Who was denied most often, where, and from which addresses?": """
        SELECT coalesce(user_identity.arn, user_identity.type) AS who,
               count(*) AS denied,
               count(DISTINCT event_source || ':' || event_name) AS actions,
               count(DISTINCT source_ip_address) AS addresses,
               mode(source_ip_address) AS mostly_from,
               max(event_time) AS latest
        FROM events
        WHERE error_code IN ('AccessDenied', 'AccessDeniedException', 'Client.UnauthorizedOperation')
        GROUP BY ALL ORDER BY denied DESC, who LIMIT 5
    """,
    "Who signed in to the console without MFA?": """
        SELECT coalesce(user_identity.arn, user_identity.type) AS who,
               count(*) AS sign_ins,
               count(DISTINCT source_ip_address) AS addresses,
               max(event_time) AS latest
        FROM events
        WHERE event_name = 'ConsoleLogin'
          AND json_extract_string(response_elements, '$.ConsoleLogin') = 'Success'
          AND json_extract_string(additional_event_data, '$.MFAUsed') = 'No'
        GROUP BY ALL ORDER BY sign_ins DESC, who LIMIT 5
    """,
}


def files_and_bytes(folder, pattern):
    sizes = [path.stat().st_size for path in pathlib.Path(folder).rglob(pattern)]
    return len(sizes), sum(sizes)


def main(logs, table):
    events = f"{table}/data/**/*.parquet"
    duckdb.sql(f"CREATE VIEW events AS FROM read_parquet('{events}', hive_partitioning = true)")
    for question, sql in QUESTIONS.items():
        print(f"\n  {question}")
        duckdb.sql(sql).show(max_width=120)

    ((rows,),) = duckdb.sql("SELECT count(*) FROM events").fetchall()
    files_in, bytes_in = files_and_bytes(logs, "*.json.gz")
    files_out, bytes_out = files_and_bytes(f"{table}/data", "*.parquet")
    print(f"\n  in    {files_in:>9,} log files       {bytes_in / 1e6:>8,.1f} MB   {logs}")
    print(f"  out   {files_out:>9,} Parquet files   {bytes_out / 1e6:>8,.1f} MB   {table}/data")
    print(f"        {rows:>9,} rows")
    print(f"\n  Ask it yourself, in DuckDB:  FROM read_parquet('{events}') LIMIT 10;")


main(*sys.argv[1:])
