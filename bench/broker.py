"""The few requests that the harness makes of Kafka, by its own protocol: no client library that could be a peer's.

The versions are the oldest that Kafka 4 still answers.
"""
import socket
import struct
import time

LIST_OFFSETS, CREATE_TOPICS, DELETE_TOPICS = (2, 1), (19, 2), (20, 1)
LATEST = -1
NOT_YET = (3, 5, 6)  # unknown topic or partition, leader not available, not leader
TIMEOUT_MS = 30_000


def text(value):
    raw = value.encode()
    return struct.pack(">h", len(raw)) + raw


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, form):
        values = struct.unpack_from(">" + form, self.data, self.at)
        self.at += struct.calcsize(">" + form)
        return values[0] if len(values) == 1 else values

    def text(self):
        size = self.take("h")
        if size < 0:
            return None
        self.at += size
        return self.data[self.at - size : self.at].decode()


class Broker:
    def __init__(self, address):
        self.address = address

    def ask(self, request, body):
        host, port = self.address.rsplit(":", 1)
        message = struct.pack(">hhi", *request, 1) + text("bench") + body
        with socket.create_connection((host, int(port)), timeout=60) as connection:
            connection.sendall(struct.pack(">i", len(message)) + message)
            answer = b""
            while len(answer) < 4 or len(answer) < 4 + struct.unpack_from(">i", answer)[0]:
                chunk = connection.recv(1 << 16)
                if not chunk:
                    raise ConnectionError("the broker closed the connection")
                answer += chunk
        reader = Reader(answer)
        reader.take("ii")
        return reader

    def create(self, topic, partitions, **settings):
        pairs = [(name.replace("_", "."), str(value)) for name, value in settings.items()]
        body = struct.pack(">i", 1) + text(topic) + struct.pack(">ihi", partitions, 1, 0)
        body += struct.pack(">i", len(pairs)) + b"".join(text(name) + text(value) for name, value in pairs)
        answer = self.ask(CREATE_TOPICS, body + struct.pack(">ib", TIMEOUT_MS, 0))
        answer.take("ii")
        _, error, why = answer.text(), answer.take("h"), answer.text()
        if error:
            raise OSError(f"topic {topic} was not made: {why or error}")
        self.ends(topic, partitions)  # once each partition has its leader

    def delete(self, topic):
        answer = self.ask(DELETE_TOPICS, struct.pack(">i", 1) + text(topic) + struct.pack(">i", TIMEOUT_MS))
        answer.take("ii")
        _, error = answer.text(), answer.take("h")
        unknown = 3
        if error not in (0, unknown):
            raise OSError(f"topic {topic} was not deleted: error {error}")

    def ends(self, topic, partitions):
        """The offset after the last message of each partition; a new one may take a moment to have a leader."""
        until = time.monotonic() + TIMEOUT_MS / 1000
        while True:
            found, error = self._ends(topic, partitions)
            if not error:
                return found
            if error not in NOT_YET or time.monotonic() > until:
                raise OSError(f"the ends of {topic} are not known: error {error}")
            time.sleep(0.05)

    def _ends(self, topic, partitions):
        body = struct.pack(">ii", -1, 1) + text(topic) + struct.pack(">i", partitions)
        body += b"".join(struct.pack(">iq", partition, LATEST) for partition in range(partitions))
        answer = self.ask(LIST_OFFSETS, body)
        answer.take("i"), answer.text()
        found = {}
        for _ in range(answer.take("i")):
            partition, error, _, offset = answer.take("ihqq")
            if error:
                return None, error
            found[partition] = offset
        return [found[partition] for partition in range(partitions)], 0
