"""The balancer's process, and what it leaves in the kernel."""

import pathlib
import signal
import subprocess
import time

import network

INSIDE = ["nsenter", "--net=/run/netns/lb"]
EVIDENCE = pathlib.Path("/evidence")
PATIENCE = 90  # seconds; the verifier is slow on an emulated processor

CLIENTS = pathlib.Path("/sys/fs/cgroup/clients")

CONFIGURATION = """interface: eth0
hook: {hook}
sockets: {clients}
services:
  - name: web
    listen: self:80/tcp
    drain: 1s
    backends: [{backends}]
  - name: echo
    listen: self:80/udp
    drain: 1s
    backends: [{backends}]
"""


class Balancer:
    """A run of `ebpf-lb`, whose output becomes evidence."""

    def __init__(self, hook, backends):
        self.hook = hook
        path = self._configure(backends)
        self.log = EVIDENCE / f"run-{hook}.log"
        start = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("a") as log:
            self.process = subprocess.Popen([*INSIDE, "ebpf-lb", "run", "--config", path], stdout=log, stderr=log)
        self.ready = self._await_ready(start)

    def reload(self, backends):
        """Gives it other backends."""
        self._configure(backends)
        self.process.send_signal(signal.SIGHUP)

    def _configure(self, backends):
        addresses = ", ".join(f'"{network.address(host, family)}"' for host in backends for family in (4, 6))
        path = pathlib.Path("/tmp/ebpf-lb.yaml")
        path.write_text(CONFIGURATION.format(hook=self.hook, clients=CLIENTS, backends=addresses))
        return path

    def _await_ready(self, start):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            said = self.log.read_text()[start:]
            for line in said.splitlines():
                if line.startswith("ready:"):
                    return line
            if self.process.poll() is not None:
                raise AssertionError(f"run ended with {self.process.returncode}: {said.strip()}")
            time.sleep(0.05)
        self.kill()
        raise AssertionError(f"run was not ready within {PATIENCE} s: {said.strip()}")

    def kill(self):
        """Ends it as a crash would: nothing is cleaned up."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def end(self):
        """Asks it to end; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)


def left_in_kernel():
    """What a balancer that has ended should have taken with it: pins, programs on the interface."""
    pins = [str(path) for path in pathlib.Path("/sys/fs/bpf").rglob("*")]
    link = _output("ip", "-details", "link", "show", "dev", "eth0")
    filters = _output("tc", "filter", "show", "dev", "eth0", "ingress")
    programs = [word for word in ("xdp", "xdpgeneric") if f" {word} " in f" {link} "]
    nets = _output("bpftool", "net", "show", "dev", "eth0")
    return pins + programs + filters.split("\n")[:-1] + [line for line in nets.split("\n") if line.startswith("eth0(")]


def _output(*command):
    return subprocess.run([*INSIDE, *command], capture_output=True, text=True, check=True).stdout
