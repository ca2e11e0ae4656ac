"""The real Kafka and the real S3 server of a run: a pair of the harness' own, started and stopped by ./dev."""
import os
import pathlib
import re
import subprocess
import sys
import xml.etree.ElementTree

from broker import Broker
from process import Bystander, Failed

ROOT = pathlib.Path(__file__).resolve().parent.parent


class Services:
    def __init__(self, folder):
        self.folder, self.environment = folder, {**os.environ, "SWITCHBACK_SERVICES_DIR": str(folder)}
        self.started = []

    def _dev(self, *words):
        done = subprocess.run([ROOT / "dev", "services", *words], env=self.environment, capture_output=True, text=True)
        if done.returncode:
            raise Failed(f"./dev services {' '.join(words)} failed\n{done.stdout}{done.stderr}")
        return done.stdout

    def up(self):
        for name in ("kafka", "s3"):
            if "already up" not in self._dev("start", name):
                self.started.append(name)
        exported = dict(re.findall(r"^export (\w+)=(\S+)$", self._dev("env"), re.M))
        self.environment.update(exported)
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
            self.environment.pop(name, None)
        # Before the oracle's client is loaded: it reads where the server is when it is imported.
        os.environ.update({name: value for name, value in exported.items() if name.startswith("AWS_")})
        self.brokers, self.bucket = exported["SWITCHBACK_TEST_KAFKA"], exported["SWITCHBACK_TEST_BUCKET"]
        self.broker = Broker(self.brokers)

    def down(self):
        for name in self.started:
            self._dev("stop", name)

    def bystanders(self):
        return {name: Bystander(int((self.folder / name / "pid").read_text())) for name in ("kafka", "s3")}


class Bucket:
    """The bucket of a run, through the oracle's signed client."""

    def __init__(self, services):
        sys.path.append(str(ROOT / "tests/oracle"))
        import s3

        self.s3, self.name = s3, services.bucket

    def url(self, prefix):
        return f"s3://{self.name}/{prefix}"

    def put_tree(self, path, prefix):
        """Copies the log files below `path`, unless that was done before."""
        mark = f"/{self.name}/marks/{prefix}"
        try:
            self.s3.call("GET", mark)
        except OSError:
            files = sorted(path.rglob("*.json.gz"))
            self.s3.each(lambda file: self.s3.call("PUT", f"/{self.name}/{prefix}/{file.relative_to(path)}", body=file.read_bytes()), files)
            self.s3.call("PUT", mark, body=b"done")

    def clear(self, prefix):
        self.s3.clear(self.url(prefix))

    def get(self, key):
        return self.s3.call("GET", f"/{self.name}/{key}")

    def sizes(self, prefix):
        """Key below the prefix -> bytes."""
        found, after = {}, None
        while True:
            query = [("list-type", "2"), ("prefix", f"{prefix}/")] + ([("continuation-token", after)] if after else [])
            page = xml.etree.ElementTree.fromstring(self.s3.call("GET", f"/{self.name}", query))
            space = page.tag.split("}")[0] + "}" if "}" in page.tag else ""
            for entry in page.iter(f"{space}Contents"):
                found[entry.findtext(f"{space}Key").removeprefix(f"{prefix}/")] = int(entry.findtext(f"{space}Size"))
            after = page.findtext(f"{space}NextContinuationToken")
            if not after:
                return found
