"""Flips single bits in a finished Parquet file of a table: `switchback verify --against` tells of each, or DuckDB reads what it read before.

usage: flips.py SWITCHBACK TABLE SOURCE FLIPS SEED

TABLE and SOURCE are directories, the table is exact. Prints one line per flip that went unseen and ends with status 1 if there is any.
"""
import pathlib
import random
import subprocess
import sys

import duckdb

switchback, table, source, flips, seed = sys.argv[1:]
chance = random.Random(int(seed))
path = min(pathlib.Path(table, "data").rglob("*.parquet"))
good = path.read_bytes()


def read():
    """Names, types and values, or that it cannot be read."""
    try:
        # A connection of its own, or DuckDB may remember a footer.
        result = duckdb.connect().execute(f"SELECT * FROM read_parquet('{path}')")
        return repr(result.description), repr(result.fetchall())
    except (duckdb.Error, UnicodeDecodeError) as error:
        return "unreadable", type(error).__name__


before, unseen, told = read(), 0, 0
for _ in range(int(flips)):
    at, bit = chance.randrange(len(good)), chance.randrange(8)
    flipped = bytearray(good)
    flipped[at] ^= 1 << bit
    path.write_bytes(flipped)
    done = subprocess.run([switchback, "verify", table, "--against", source], capture_output=True, text=True)
    verdict = done.stdout.rstrip().rsplit("\n", 1)[-1].partition(":")[0]
    if "panicked" in done.stderr or (done.returncode, verdict) not in [(0, "exact"), (1, "incomplete"), (1, "damaged")]:
        print(f"byte {at} bit {bit}: exit {done.returncode}, {verdict}: {done.stderr}")
        unseen += 1
    elif verdict == "exact" and read() != before:
        print(f"byte {at} bit {bit} of {path}: exact, and DuckDB reads something else")
        unseen += 1
    told += verdict != "exact"
path.write_bytes(good)
print(f"{flips} flips: {told} told, {unseen} unseen")
sys.exit(unseen > 0 or told == 0)
