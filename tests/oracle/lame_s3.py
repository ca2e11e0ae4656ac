"""An S3 server over a directory that is in trouble, as a file of rules says, which is read again with each request:

    {"list": 500}                  every listing is answered with this status
    {"objects": {"a/b": 403}}      gets of keys that contain this text are answered with this status
    {"mute": true}                 nothing is answered at all

Usage: lame_s3.py DIRECTORY RULES. Prints its address and serves until it is killed. The bucket may have any name.
"""
import http.server
import json
import pathlib
import sys
import time
import urllib.parse
from xml.sax.saxutils import escape

ROOT, RULES = map(pathlib.Path, sys.argv[1:])
CODES = {400: "InvalidRequest", 403: "AccessDenied", 500: "InternalError", 503: "SlowDown"}


def listing(query):
    """One page of ListObjectsV2: all of it, by directory when a delimiter is asked for."""
    prefix, after, delimiter = (query.get(name, [""])[0] for name in ("prefix", "start-after", "delimiter"))
    keys = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*") if path.is_file())
    objects, folders = [], set()
    for key in keys:
        if not key.startswith(prefix) or key <= after:
            continue
        inner, found, _ = key[len(prefix):].partition(delimiter) if delimiter else (key, "", "")
        if found:
            folders.add(prefix + inner + delimiter)
        else:
            size = (ROOT / key).stat().st_size
            objects.append(f'<Contents><Key>{escape(key)}</Key><Size>{size}</Size><ETag>"e"</ETag></Contents>')
    folders = [f"<CommonPrefixes><Prefix>{escape(folder)}</Prefix></CommonPrefixes>" for folder in sorted(folders)]
    return f"<ListBucketResult>{''.join(objects + folders)}</ListBucketResult>".encode()


class Lame(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body=b""):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def refuse(self, status):
        code = CODES.get(status, "InternalError")
        self.answer(status, f"<Error><Code>{code}</Code><Message>on purpose</Message></Error>".encode())

    def do_GET(self):
        rules = json.loads(RULES.read_text())
        if rules.get("mute"):
            time.sleep(3600)
        url = urllib.parse.urlsplit(self.path)
        key = urllib.parse.unquote(url.path).lstrip("/").partition("/")[2]
        if not key:
            query = urllib.parse.parse_qs(url.query)
            return self.refuse(rules["list"]) if "list" in rules else self.answer(200, listing(query))
        for text, status in rules.get("objects", {}).items():
            if text in key:
                return self.refuse(status)
        path = ROOT / key
        if path.is_file():
            return self.answer(200, path.read_bytes())
        self.answer(404, b"<Error><Code>NoSuchKey</Code><Message>no such key</Message></Error>")

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Lame)
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
