"""Packets of mode tunnel to a backend that runs `ebpf-lb decapsulate`, as a balancer sends them."""

import contextlib
import itertools
import signal
import socket
import struct
import subprocess
import time

import balancer
import network
import traffic

HOST, CLIENT = "backend-a", "client-1"
GUE_PORT = 6080
PATIENCE = 90  # seconds; the verifier is slow on an emulated processor
PROTOCOLS = {4: socket.IPPROTO_IPIP, 6: socket.IPPROTO_IPV6}


@contextlib.contextmanager
def decapsulating():
    """Runs the command on the backend; it must end well, and leave nothing there."""
    path = balancer.EVIDENCE / "decapsulate.log"
    with path.open("w") as log:
        process = subprocess.Popen(
            ["nsenter", f"--net=/run/netns/{HOST}", "ebpf-lb", "decapsulate", "--interface", "eth0"], stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + PATIENCE
        while "ready:" not in path.read_text():
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"decapsulate is not ready: {path.read_text().strip()}")
            time.sleep(0.05)
        yield
        process.send_signal(signal.SIGTERM)
        code = process.wait(PATIENCE)
        assert code == 0, f"exit code {code}: {path.read_text().strip()}"
    finally:
        process.kill()
        process.wait()


def reaches(encapsulation, inside, outside, patience=traffic.PATIENCE):
    """A question in an outer header is answered without one."""
    port = next(traffic.UNUSED_PORTS)
    with (contextlib.closing(traffic.make_socket(CLIENT, inside, socket.SOCK_DGRAM, port)) as asking,
          contextlib.closing(_outer_socket(encapsulation, inside, outside)) as outer):
        asking.settimeout(patience)
        outer.sendto(_datagram(inside, port, b"who"), (network.address(HOST, outside), GUE_PORT if encapsulation == "gue" else 0))
        answer, sender = asking.recvfrom(4096)
    assert (answer.decode(), sender[:2]) == (HOST, (network.address(HOST, inside), traffic.PORT)), (answer, sender)


def reaches_in_all_headers():
    """Either family arrives in GUE and IP in IP over either family."""
    for combination in itertools.product(("gue", "ipip"), traffic.FAMILIES, traffic.FAMILIES):
        try:
            reaches(*combination)
        except OSError as failure:
            raise AssertionError(f"IPv{combination[1]} in {combination[0]} over IPv{combination[2]}: {failure}") from failure


def _outer_socket(encapsulation, inside, outside):
    with network.inside(CLIENT):
        made = (socket.socket(traffic.FAMILIES[outside], socket.SOCK_DGRAM) if encapsulation == "gue"
                else socket.socket(traffic.FAMILIES[outside], socket.SOCK_RAW, PROTOCOLS[inside]))
        made.bind((network.address(CLIENT, outside), 0))
        return made


def _datagram(family, port, payload):
    """An IP packet with a datagram from the client's port to the backend's."""
    source, target = (socket.inet_pton(traffic.FAMILIES[family], network.address(host, family)) for host in (CLIENT, HOST))
    length = 8 + len(payload)
    udp = struct.pack("!HHHH", port, traffic.PORT, length, 0) + payload
    pseudo = source + target + struct.pack("!II", length, socket.IPPROTO_UDP)
    udp = udp[:6] + struct.pack("!H", _checksum(pseudo + udp) or 0xffff) + udp[8:]
    if family == 6:
        return struct.pack("!IHBB", 6 << 28, length, socket.IPPROTO_UDP, 64) + source + target + udp
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + length, 0, 0x4000, 64, socket.IPPROTO_UDP, 0) + source + target
    return header[:10] + struct.pack("!H", _checksum(header)) + header[12:] + udp


def _checksum(data):
    """The internet checksum (RFC 1071)."""
    total = sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff
