"""The network that the balancer under test stands in: every host is a network namespace on one bridge.

    client-1 client-2   lb   backend-a backend-b
        |        |      |        |        |
      --+--------+------+--------+--------+--+--
                                             |
                     client-far ---------- router
                           the way there takes 1300 bytes

This process speaks for all hosts but the balancer: a socket stays in the namespace that it was made in.
"""

import contextlib
import ctypes
import os
import subprocess

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
NARROW = 1300
HOSTS = {"lb": 1, "router": 3, "client-1": 11, "client-2": 12, "backend-a": 21, "backend-b": 22}
FAR = "client-far"


def address(host, family):
    """The address of a host; family is 4 or 6."""
    if host == FAR:
        return "10.1.0.2" if family == 4 else "fd01::2"
    return f"10.0.0.{HOSTS[host]}" if family == 4 else f"fd00::{HOSTS[host]}"


def ip(host, *lines):
    """Has iproute2 carry out the lines in a host's namespace; the first that fails raises."""
    subprocess.run(["ip", "-netns", host, "-batch", "-"], input="\n".join(lines), text=True, check=True)


@contextlib.contextmanager
def inside(host):
    """Makes the calling thread a resident of the host's namespace: sockets made meanwhile belong there."""
    _enter(f"/run/netns/{host}")
    try:
        yield
    finally:
        _enter("/proc/1/ns/net")


def _enter(path):
    namespace = os.open(path, os.O_RDONLY)
    try:
        if LIBC.setns(namespace, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"entering {path}")
    finally:
        os.close(namespace)


def build():
    """Makes all hosts and links."""
    for host in ["wire", FAR, *HOSTS]:
        subprocess.run(["ip", "netns", "add", host], check=True)
        ip(host, "link set lo up")
    ip("wire", "link add bridge type bridge", "link set bridge up")
    for host in HOSTS:
        ip("wire", f"link add {host} type veth peer name eth0 netns {host}", f"link set {host} master bridge up")
        ip(host, "link set eth0 up", *_addresses("eth0", host, 24, 64))
        set_sysctls(host, ["net.ipv6.conf.all.accept_ra=0"])
    # Native XDP on the balancer's end hands frames to this one, which takes them only with GRO.
    subprocess.run(["ip", "netns", "exec", "wire", "ethtool", "--features", "lb", "gro", "on"], check=True)
    set_sysctls("lb", FORWARDING)
    _build_far_side()


FORWARDING = ["net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"]


def _build_far_side():
    """Only the router's end is narrow: the far client offers segments that do not fit, so the path's MTU must be told."""
    set_sysctls("router", FORWARDING)
    ip("router", f"link add narrow mtu {NARROW} type veth peer name eth0 netns {FAR}", "link set narrow up",
       "address add 10.1.0.1/24 dev narrow", "address add fd01::1/64 dev narrow nodad")
    ip(FAR, "link set eth0 up", *_addresses("eth0", FAR, 24, 64),
       "route add default via 10.1.0.1", "route add default via fd01::1")
    ip("lb", f"route add 10.1.0.0/24 via {address('router', 4)}", f"route add fd01::/64 via {address('router', 6)}")


def _addresses(link, host, length4, length6):
    return [f"address add {address(host, 4)}/{length4} dev {link}",
            f"address add {address(host, 6)}/{length6} dev {link} nodad"]


def set_sysctls(host, settings):
    """Sets NAME=VALUE each, in the host's namespace."""
    subprocess.run(["nsenter", f"--net=/run/netns/{host}", "sysctl", "--quiet", "--write", *settings], check=True)
