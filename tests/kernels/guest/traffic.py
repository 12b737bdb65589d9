"""Backends that say who they are, and clients that ask them."""

import asyncio
import contextlib
import hashlib
import itertools
import random
import socket
import threading

import network

PORT, PATIENCE = 80, 20
BACKENDS = ["backend-a", "backend-b"]
CHUNK = random.Random(1).randbytes(1 << 20)
# Source ports that no earlier question used: a datagram from a used one belongs to the flow of that question, and so
# does an answer to a socket of the balancer's own host, whose kernel would choose such a port by chance.
UNUSED_PORTS = itertools.count(40000)
FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}


def make_socket(host, family, kind, port=0):
    """A socket of the host's, bound to its address; PORT 0 leaves the choice to the kernel."""
    with network.inside(host):
        made = socket.socket(FAMILIES[family], kind)
        made.settimeout(PATIENCE)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((network.address(host, family), port))
        return made


def connect(host, family, port=0, to="lb"):
    """A TCP connection of the host's to the balancer."""
    made = make_socket(host, family, socket.SOCK_STREAM, port)
    try:
        made.connect((network.address(to, family), PORT))
        return made
    except OSError:
        made.close()
        raise


def ask(connection, text):
    """Sends a line, returns the line that answers."""
    connection.sendall(text.encode() + b"\n")
    answer = b""
    while not answer.endswith(b"\n"):
        piece = connection.recv(4096)
        if not piece:
            raise ConnectionError(f"the connection ended after {answer!r}")
        answer += piece
    return answer.decode().rstrip()


def who_answers_tcp(host, family):
    """The name of the backend that a new connection leads to."""
    with contextlib.closing(connect(host, family, next(UNUSED_PORTS))) as connection:
        return ask(connection, "who").split()[0]


def make_socket_in_cgroup(cgroup, family, kind):
    """A socket of a client in that cgroup on the balancer's own host."""
    # A socket's cgroup is that of the process which makes it.
    (cgroup / "cgroup.procs").write_text("0")
    try:
        return make_socket("lb", family, kind, next(UNUSED_PORTS))
    finally:
        (cgroup.parent / "cgroup.procs").write_text("0")


def connect_in_cgroup(cgroup, family, kind):
    """A socket of a client in that cgroup, connected to the service, and the name of its backend."""
    made = make_socket_in_cgroup(cgroup, family, kind)
    made.connect((network.address("lb", family), PORT))
    made.send(b"who\n")
    return made, made.recv(4096).decode().split()[0]


def who_answers_in_cgroup_tcp(cgroup, family):
    """The name of the backend that a client in that cgroup is connected to."""
    service = network.address("lb", family), PORT
    with contextlib.closing(make_socket_in_cgroup(cgroup, family, socket.SOCK_STREAM)) as made:
        made.connect(service)
        assert made.getpeername()[:2] == service, f"the peer is {made.getpeername()}"
        return ask(made, "who").split()[0]


def who_answers_in_cgroup_udp(cgroup, family):
    """The same for a datagram of a socket that does not connect."""
    service = network.address("lb", family), PORT
    with contextlib.closing(make_socket_in_cgroup(cgroup, family, socket.SOCK_DGRAM)) as made:
        made.sendto(b"who", service)
        answer, sender = made.recvfrom(4096)
        assert sender[:2] == service, f"the answer is from {sender}"
        return answer.decode().split()[0]


def who_answers_udp(host, family):
    """The name of the backend that a datagram from an unused port leads to."""
    with contextlib.closing(make_socket(host, family, socket.SOCK_DGRAM, next(UNUSED_PORTS))) as asking:
        asking.connect((network.address("lb", family), PORT))
        asking.send(b"who")
        return asking.recv(4096).decode().split()[0]


def download(host, family, megabytes):
    """Takes a file from a backend; returns the SHA-256 of what arrived."""
    digest = hashlib.sha256()
    with contextlib.closing(connect(host, family)) as connection:
        connection.sendall(f"file {megabytes}\n".encode())
        while piece := connection.recv(1 << 18):
            digest.update(piece)
    return digest.hexdigest()


def digest_of_file(megabytes):
    """The SHA-256 of what a backend sends as a file of that size."""
    digest = hashlib.sha256()
    for _ in range(megabytes):
        digest.update(CHUNK)
    return digest.hexdigest()


async def _serve_tcp(name, reader, writer):
    with contextlib.suppress(ConnectionError):
        while line := (await reader.readline()).decode():
            verb, *rest = line.split()
            if verb == "file":
                for _ in range(int(rest[0])):
                    writer.write(CHUNK)
                    await writer.drain()
                break
            writer.write(" ".join([name, *rest, "\n"]).encode())
            await writer.drain()
    writer.close()


class _ServeUdp(asyncio.DatagramProtocol):
    def __init__(self, name):
        self.name, self.transport = name, None

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        self.transport.sendto(self.name.encode(), addr)


def start_backends():
    """Serves on all backends, on a thread of its own, until this process ends."""
    loop = asyncio.new_event_loop()

    async def serve():
        for name in BACKENDS:
            for family in FAMILIES:
                listening = make_socket(name, family, socket.SOCK_STREAM, PORT)
                await asyncio.start_server(
                    lambda reader, writer, name=name: _serve_tcp(name, reader, writer), sock=listening, backlog=1024)
                receiving = make_socket(name, family, socket.SOCK_DGRAM, PORT)
                receiving.setblocking(False)
                await loop.create_datagram_endpoint(lambda name=name: _ServeUdp(name), sock=receiving)

    loop.run_until_complete(serve())
    threading.Thread(target=loop.run_forever, daemon=True).start()
