"""A table as the harness sees it: where it is, how far its chains are, how large it is, whether it is exact."""
import json
import re
import shutil
import subprocess

from process import Failed

RECORD = re.compile(r"_log/[^/]+/[^/]+/p=(\d+)/\d+\.json$")


class LocalTable:
    def __init__(self, path):
        self.path, self.url = path, str(path)

    def clear(self):
        shutil.rmtree(self.path, ignore_errors=True)
        self.path.parent.mkdir(parents=True, exist_ok=True)

    def sizes(self):
        return {str(file.relative_to(self.path)): file.stat().st_size for file in self.path.rglob("*") if file.is_file()}

    def get(self, key):
        return (self.path / key).read_bytes()


class BucketTable:
    def __init__(self, bucket, prefix):
        self.bucket, self.prefix, self.url = bucket, prefix, bucket.url(prefix)

    def clear(self):
        self.bucket.clear(self.prefix)

    def sizes(self):
        return self.bucket.sizes(self.prefix)

    def get(self, key):
        return self.bucket.get(f"{self.prefix}/{key}")


def chain_ends(table, partitions):
    """The end offset of each partition's chain."""
    newest = {}
    for key in table.sizes():
        if match := RECORD.search(key):
            partition = int(match[1])
            newest[partition] = max(newest.get(partition, ""), key)
    ends = {partition: json.loads(table.get(key))["end"] for partition, key in newest.items()}
    return [ends.get(partition, 0) for partition in range(partitions)]


def written(table):
    """Bytes and number of the Parquet files that hold events, and of their directories."""
    sizes = {key: size for key, size in table.sizes().items() if key.startswith("data/") and key.endswith(".parquet")}
    return {"out": sum(sizes.values()), "out_files": len(sizes), "directories": len({key.rpartition("/")[0] for key in sizes})}


def verify(switchback, table, source, records, env):
    """Every record of the source is in the table once, value by value; anything else ends the benchmark."""
    done = subprocess.run([switchback, "verify", table.url, "--against", source, "--json"], env=env, capture_output=True, text=True)
    if done.returncode:
        raise Failed(f"NOT EXACT: switchback verify {table.url} --against {source}\n{done.stdout[:3000]}\n{done.stderr[-2000:]}")
    counts = json.loads(done.stdout)["counts"]
    found = counts["data_rows"] + counts["rejected_rows"]
    if found != records or counts["source_records"] != records:
        raise Failed(f"NOT EXACT: {found} rows in {table.url}, {records} records in {source}")
