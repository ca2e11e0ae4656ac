"""What `./dev services` cannot ask in plain shell.

probe.py ports COUNT       free TCP ports of 127.0.0.1, below the kernel's range for outgoing connections
probe.py kafka HOST:PORT   exit 0 once the broker answers a metadata request and lists itself
"""

import random
import socket
import struct
import sys


def free_ports(count):
    ports = []
    while len(ports) < count:
        port = random.randrange(10_000, 32_000)
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in ports:
            ports.append(port)
    return ports


def receive(connection, size):
    data = b""
    while len(data) < size:
        chunk = connection.recv(size - len(data))
        if not chunk:
            raise ConnectionError("the broker closed the connection")
        data += chunk
    return data


def broker_count(address):
    """Metadata v1 for no topic. A broker lists itself only once its controller has let it in."""
    host, port = address.rsplit(":", 1)
    client = b"dev"
    body = struct.pack(">hhih", 3, 1, 1, len(client)) + client + struct.pack(">i", 0)
    with socket.create_connection((host, int(port)), timeout=2) as connection:
        connection.sendall(struct.pack(">i", len(body)) + body)
        size, _correlation_id, brokers = struct.unpack(">iii", receive(connection, 12))
        receive(connection, size - 8)
    return brokers


def main(command, argument):
    if command == "ports":
        print(*free_ports(int(argument)))
    elif command == "kafka":
        try:
            sys.exit(0 if broker_count(argument) > 0 else 1)
        except OSError as error:
            sys.exit(str(error))


main(*sys.argv[1:])
