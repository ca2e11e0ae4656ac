"""The few S3 calls the tests make, signed by hand: the oracle must not look at a table through the product's own store.

usage: s3.py put DIR s3://BUCKET/PREFIX | get s3://BUCKET/PREFIX DIR | list s3://BUCKET/PREFIX | clear s3://BUCKET/PREFIX
"""
import concurrent.futures
import datetime
import hashlib
import hmac
import http.client
import os
import pathlib
import sys
import urllib.parse
import xml.etree.ElementTree

ENDPOINT = urllib.parse.urlsplit(os.environ.get("AWS_ENDPOINT_URL", "http://127.0.0.1:1"))
REGION = os.environ.get("AWS_REGION", "us-east-1")


def parse(url):
    bucket, _, prefix = url.removeprefix("s3://").partition("/")
    return bucket, prefix.strip("/")


def call(method, path, query=(), body=b""):
    """One request, Signature Version 4 ("Create a signed AWS API request"). Returns the body, or raises."""
    now = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
    day, digest = now[:8], hashlib.sha256(body).hexdigest()
    path = urllib.parse.quote(path, safe="/-_.~")
    query = "&".join(f"{urllib.parse.quote(k, safe='-_.~')}={urllib.parse.quote(v, safe='-_.~')}" for k, v in sorted(query))
    names = "host;x-amz-content-sha256;x-amz-date"
    canonical = f"{method}\n{path}\n{query}\nhost:{ENDPOINT.netloc}\nx-amz-content-sha256:{digest}\nx-amz-date:{now}\n\n{names}\n{digest}"
    scope = f"{day}/{REGION}/s3/aws4_request"
    to_sign = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = b"AWS4" + os.environ["AWS_SECRET_ACCESS_KEY"].encode()
    for part in (day, REGION, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.new(key, to_sign.encode(), "sha256").hexdigest()
    credential = f"{os.environ['AWS_ACCESS_KEY_ID']}/{scope}"
    headers = {
        "x-amz-content-sha256": digest,
        "x-amz-date": now,
        "authorization": f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}",
    }
    connection = http.client.HTTPConnection(ENDPOINT.netloc, timeout=30)
    try:
        connection.request(method, f"{path}?{query}" if query else path, body=body, headers=headers)
        response = connection.getresponse()
        answer = response.read()
    finally:
        connection.close()
    if response.status >= 300:
        raise OSError(f"{method} {path}: status {response.status}: {answer[:300]!r}")
    return answer


def keys(bucket, prefix):
    """Every key below the prefix, relative to it, in order."""
    return (key for key, _ in entries(bucket, prefix))


def entries(bucket, prefix):
    """The same with entity tags."""
    after, prefix = None, f"{prefix}/" if prefix else ""
    while True:
        query = [("list-type", "2"), ("prefix", prefix)] + ([("continuation-token", after)] if after else [])
        page = xml.etree.ElementTree.fromstring(call("GET", f"/{bucket}", query))
        space = page.tag.split("}")[0] + "}" if "}" in page.tag else ""
        for entry in page.iter(f"{space}Contents"):
            yield entry.find(f"{space}Key").text[len(prefix):], entry.findtext(f"{space}ETag")
        after = page.findtext(f"{space}NextContinuationToken")
        if not after:
            return


def each(work, items):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for _ in pool.map(work, items):
            pass


def get(url, directory, folders=("",)):
    """Copies what lies below the prefix (in these folders of it) to a directory."""
    bucket, prefix = parse(url)

    def copy(key):
        path = pathlib.Path(directory, key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(call("GET", f"/{bucket}/{prefix}/{key}"))

    for folder in folders:
        below = f"{prefix}/{folder}".strip("/")
        each(copy, [f"{folder}/{key}".strip("/") for key in keys(bucket, below)])


def put(directory, url):
    bucket, prefix = parse(url)
    root = pathlib.Path(directory)
    files = [path for path in root.rglob("*") if path.is_file()]
    each(lambda path: call("PUT", f"/{bucket}/{prefix}/{path.relative_to(root)}", body=path.read_bytes()), files)


def clear(url):
    bucket, prefix = parse(url)
    assert prefix, "a test clears its own prefix, never a bucket"
    each(lambda key: call("DELETE", f"/{bucket}/{prefix}/{key}"), list(keys(bucket, prefix)))


def main(command, *arguments):
    if command == "list":
        print("\n".join(keys(*parse(arguments[0]))))
    else:
        {"put": put, "get": get, "clear": clear}[command](*arguments)


if __name__ == "__main__":
    main(*sys.argv[1:])
