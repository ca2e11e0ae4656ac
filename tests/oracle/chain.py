"""The chains of a table as a stranger reads them: what each record promises (docs/exactly-once.md), held against what stands there.

A look reads the chains first and lists the rows' files afterwards. So all files of a record that has a successor must be in that listing
(C2), and a file that an earlier look has listed must be named by a record by now: a record is put before its files.
"""
import collections
import hashlib
import json
import re

RECORD = re.compile(r"_log/.+/p=(\d+)/(\d{20})\.json")


class Chains:
    def __init__(self):
        self.tags = {}  # key of a record -> what shows that it was overwritten
        self.records = collections.defaultdict(list)  # partition -> records in order
        self.hashes = {}  # partition -> hash of its newest record
        self.named = {}  # key of a file -> (partition, seq)
        self.whole = collections.Counter()  # partition -> records whose files were looked for
        self.beyond = {}  # partition -> number of a record that was missing before others at the last look
        self.unnamed = []  # files that no record named at the last look

    def unread(self, listed):
        """Keys of records that are to be read, in order."""
        return sorted(key for key in listed if key not in self.tags and RECORD.fullmatch(key))

    def take(self, listed, bodies, problems):
        """`listed` are key and tag of all that is below `_log/`, `bodies` the records that were not read yet."""
        for key, tag in self.tags.items():
            if listed.get(key) != tag:
                problems.append(f"C1: {key} {'was overwritten' if key in listed else 'is gone'}")
        holes = {}
        for key in sorted(bodies):
            partition, seq = map(int, RECORD.fullmatch(key).groups())
            chain = self.records[partition]
            if seq > len(chain):
                # A listing is not of one moment: it may have passed the place before the record was put.
                if self.beyond.get(partition) == len(chain):
                    problems.append(f"C1: {key} is there, and record {len(chain)} is not")
                holes[partition] = len(chain)
                continue
            self.tags[key] = listed[key]
            self.link(key, partition, seq, bodies[key], problems)
        self.beyond = holes

    def link(self, key, partition, seq, body, problems):
        record, chain = json.loads(body), self.records[partition]
        before, told = self.hashes.get(partition), record.get("prev_sha256")
        if (record["partition"], record["seq"]) != (partition, seq):
            problems.append(f"C1: {key} says that it is {record['seq']} of {record['partition']}")
        if chain and record["start"] != chain[-1]["end"]:
            problems.append(f"C1: {key} starts at {record['start']}, and the one before ends at {chain[-1]['end']}")
        if told != before:
            problems.append(f"C1: {key} follows {told}, and the one before is {before}")
        chain.append(record)
        self.hashes[partition] = hashlib.sha256(body).hexdigest()
        for file in record["files"]:
            if file["key"] in self.named:
                problems.append(f"C4: {key} names {file['key']}, as an earlier record does")
            self.named.setdefault(file["key"], (partition, seq))

    def compare(self, files, problems):
        """`files` are the keys of all that has rows, listed after the records were."""
        for partition, chain in self.records.items():
            for record in chain[self.whole[partition] : -1]:
                for file in record["files"]:
                    if file["key"] not in files:
                        problems.append(f"C2: a record follows {record['seq']} of {partition}, and {file['key']} is not there")
            self.whole[partition] = max(len(chain) - 1, 0)
        if not self.beyond:
            problems += [f"C2: {key} is there, and no record names it" for key in self.unnamed if key not in self.named]
        self.unnamed = [key for key in files if key not in self.named]

    def is_settled(self, key):
        """True when the record that names this file has a successor."""
        partition, seq = self.named.get(key, (None, 0))
        return partition is not None and seq < len(self.records[partition]) - 1

    def count(self):
        return sum(map(len, self.records.values()))
