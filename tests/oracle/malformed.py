"""Writes a tree in which everything is wrong that can be, among good files, and what must become of each piece (expect.json).

usage: malformed.py DIR
"""
import gzip
import json
import pathlib
import sys
import zlib

ROOT = pathlib.Path(sys.argv[1])
EXPECT = {"rows": [], "rejected": [], "quarantined": {}, "complete": {}}
COUNT = 0


def write(name, content):
    global COUNT
    COUNT += 1
    path = f"AWSLogs/111122223333/CloudTrail/eu-west-1/2026/11/22/111122223333_CloudTrail_eu-west-1_20261122T{COUNT:04}Z_{name}.json.gz"
    target = ROOT / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    return path


def good(number):
    return {
        "eventVersion": "1.08", "userIdentity": {"type": "Root", "accountId": "111122223333"}, "eventTime": "2026-11-22T10:00:00Z",
        "eventSource": "s3.amazonaws.com", "eventName": "GetObject", "awsRegion": "eu-west-1", "eventID": f"id-{COUNT}-{number}",
        "requestParameters": {"key": "é😀", "n": 12345678901234567890},
    }


def with_end(record, end):
    """The record's text with something before its closing brace."""
    return json.dumps(record).encode()[:-1] + end + b"}"


def bad_records():
    """(bytes of an element of Records, its reason)."""
    record = good("bad")
    yield b'"a string"', "not_an_object"
    yield b"17", "not_an_object"
    yield b"-1.5e3", "not_an_object"
    yield b"null", "not_an_object"
    yield b"true", "not_an_object"
    yield b"[]", "not_an_object"
    yield b'[{"eventID":"inside"}]', "not_an_object"
    yield with_end(record, b',"deep":' + b"[" * 300 + b"]" * 300), "too_deep"
    yield with_end(record, b',"deep":' + b'{"a":' * 300 + b"1" + b"}" * 300), "too_deep"
    yield with_end(record, b',"large":"' + b"x" * (1 << 20) + b'"'), "too_large"
    yield with_end(record, b',"utf8":"\xff\xfe"'), "invalid_utf8"
    yield with_end(record, b',"utf8":"\xc3("'), "invalid_utf8"
    yield with_end(record, b',"half":"\\ud83d"'), "lone_surrogate"
    yield with_end(record, b',"half":"\\ude00 alone"'), "lone_surrogate"
    yield with_end(record, b',"awsRegion":"mars-north-1"'), "repeated_key"
    yield with_end(record, b',"aws\\u0052egion":"mars-north-1"'), "repeated_key"


def log_file(name, pieces):
    """A readable log file of (bytes, reason or event id)."""
    content = b'{"Records":[' + b",".join(text for text, _, _ in pieces) + b"]}"
    path = write(name, gzip.compress(content, 1))
    EXPECT["complete"][path] = len(pieces)
    for index, (_, event, reason) in enumerate(pieces):
        EXPECT["rejected" if reason else "rows"].append([path, index, reason or event])


def good_piece(number):
    record = good(number)
    return json.dumps(record, ensure_ascii=number % 2 == 0).encode(), record["eventID"], None


def ten_gib_of_zeros():
    """10 GiB in 10 MiB: after a full flush a deflate stream may be repeated, block by block (RFC 1951)."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    first = deflate.compress(bytes(64 << 20)) + deflate.flush(zlib.Z_FULL_FLUSH)
    block = deflate.compress(bytes(64 << 20)) + deflate.flush(zlib.Z_FULL_FLUSH)
    return b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + first + block * 159 + deflate.flush() + bytes(8)


def bad_files():
    """(name, content, reason)."""
    text = json.dumps({"Records": [good(n) for n in range(50)]}).encode()
    whole = gzip.compress(text)
    yield "plain", text, "not_gzip"
    yield "zip", b"PK\x03\x04" + text, "not_gzip"
    yield "empty", b"", "truncated"
    yield "cut", whole[: len(whole) // 2], "truncated"
    yield "nearly", whole[:-1], "truncated"
    yield "crc", whole[:-8] + bytes([whole[-8] ^ 1]) + whole[-7:], "corrupt"
    yield "garbage", whole + b"garbage", "corrupt"
    yield "flipped", whole[:10] + b"\xff" * 40 + whole[50:], "corrupt"
    yield "zeros", ten_gib_of_zeros(), "too_large"
    yield "missing", gzip.compress(b'{"records":[]}'), "no_records"
    yield "null", gzip.compress(b'{"Records":null}'), "no_records"
    yield "object", gzip.compress(b'{"Records":{}}'), "no_records"
    yield "text", gzip.compress(b'{"Records":"[]"}'), "no_records"
    yield "twice", gzip.compress(b'{"Records":[],"Records":[]}'), "repeated_records"
    yield "html", gzip.compress(b"<html>503</html>"), "not_json"
    yield "cutjson", gzip.compress(text[:-5]), "not_json"
    yield "blank", gzip.compress(b""), "not_json"


for at in range(20):
    log_file(f"good{at}", [good_piece(n) for n in range(50)])
for at, (text, reason) in enumerate(bad_records()):
    log_file(f"among{at}", [good_piece(0), (text, None, reason), good_piece(1), (text, None, reason)])
log_file("nothing", [])
# One file with all of them, and two members end to end, which gzip allows (RFC 1952).
log_file("every", [piece for text, reason in bad_records() for piece in ((text, None, reason), good_piece(COUNT))])
for name, content, reason in bad_files():
    EXPECT["quarantined"][write(name, content)] = reason
path = write("members", b"")
halves = json.dumps({"Records": [dict(good(0), eventID="members")]}).encode()
(ROOT / path).write_bytes(gzip.compress(halves[:40]) + gzip.compress(halves[40:]))
EXPECT["complete"][path] = 1
EXPECT["rows"].append([path, 0, "members"])
(ROOT / "expect.json").write_text(json.dumps(EXPECT))
