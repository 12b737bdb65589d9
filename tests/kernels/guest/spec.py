#!/usr/bin/env python3
"""What the balancer promises on every kernel, kept inside a virtual machine that runs one.

Each promise becomes a line of /evidence/results: passed or failed, the promise, and a detail, between tabs. The line
`end` follows the last one.
"""

import collections
import itertools
import os
import pathlib
import socket
import subprocess
import sys
import time
import traceback
import xml.etree.ElementTree

import balancer
import network
import traffic
import tunnel

HOOKS = ["tc", "xdp-generic", "xdp-native"]
CONNECTIONS, FIRST_PORT, MEGABYTES = 200, 20000, 50
RESULTS = balancer.EVIDENCE / "results"


def keep(promise, check):
    """Records whether the check raises, and what it returns."""
    start = time.monotonic()
    try:
        result, detail = "passed", check() or ""
    except Exception as failure:  # every promise gets its line, whatever went wrong in it
        result, detail = "failed", f"{type(failure).__name__}: {failure}"
        with (balancer.EVIDENCE / "failures.log").open("a") as log:
            log.write(f"{promise}\n{traceback.format_exc()}\n")
    seconds = time.monotonic() - start
    line = "\t".join([result, promise, " ".join(str(detail).split())])
    with RESULTS.open("a") as results:
        results.write(line + "\n")
    print(f"promise: {line} ({seconds:.0f} s)", flush=True)


def doctor():
    """`doctor` finds every hook fit for use."""
    done = subprocess.run([*balancer.INSIDE, "ebpf-lb", "doctor", "--interface", "eth0"], capture_output=True, text=True)
    (balancer.EVIDENCE / "doctor.log").write_text(done.stdout + done.stderr)
    assert done.returncode == 0, done.stdout + done.stderr


def alternates(family):
    """Ten TCP connections and ten UDP ports get one backend and the other in turn."""
    for who_answers in (traffic.who_answers_tcp, traffic.who_answers_udp):
        names = [who_answers("client-1", family) for _ in range(10)]
        assert all(one != next for one, next in itertools.pairwise(names)) and len(set(names)) == 2, names


def balances_sockets():
    """Clients on the balancer's own host get one backend and the other in turn, at their sockets."""
    for who_answers, family in itertools.product(
            (traffic.who_answers_in_cgroup_tcp, traffic.who_answers_in_cgroup_udp), traffic.FAMILIES):
        names = [who_answers(balancer.CLIENTS, family) for _ in range(10)]
        assert all(one != next for one, next in itertools.pairwise(names)) and len(set(names)) == 2, names


def ends_sockets(running):
    """Local TCP and UDP sockets that are connected to a removed backend are aborted after its drain time; others stay."""
    leaving, staying = traffic.BACKENDS
    held = [traffic.connect_in_cgroup(balancer.CLIENTS, family, kind)
            for family in traffic.FAMILIES for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM) for _ in range(2)]
    running.reload([staying])
    for connection, name in held:
        if name == leaving:
            try:
                raise AssertionError(f"{connection} got {connection.recv(1)}")
            except ConnectionAbortedError:
                connection.close()
    for connection, name in held:
        if name == staying:
            connection.send(b"who\n")
            assert connection.recv(4096).decode().split()[0] == staying
            connection.close()
    assert sorted(name for _, name in held) == [leaving] * 4 + [staying] * 4, [name for _, name in held]


def shares_ports():
    """Two clients hold connections from the same ports at the same time; no answer goes to the other client."""
    for family in traffic.FAMILIES:
        held = [(traffic.connect(client, family, port), f"{client}-{port}")
                for port in range(FIRST_PORT, FIRST_PORT + CONNECTIONS) for client in ("client-1", "client-2")]
        for connection, token in held:
            answer = traffic.ask(connection, f"echo {token}").split()
            assert answer[1:] == [token], f"{token} got {answer}"
        for connection, _ in held:
            connection.close()


def carries_files():
    """A large download arrives whole at a client behind a link with a smaller MTU."""
    expected = traffic.digest_of_file(MEGABYTES)
    for family in traffic.FAMILIES:
        arrived = traffic.download(network.FAR, family, MEGABYTES)
        assert arrived == expected, f"IPv{family}: SHA-256 {arrived}, expected {expected}"


def outlives_its_process(hook, running):
    """A killed runner's datapath forwards on, and the next runner takes it over with its connections."""
    held = traffic.connect("client-2", 4)
    running.kill()
    name = traffic.ask(held, "echo one").split()[0]
    assert traffic.who_answers_tcp("client-1", 4) in traffic.BACKENDS
    following = balancer.Balancer(hook, traffic.BACKENDS)
    try:
        assert "adopted" in following.ready, following.ready
        assert traffic.ask(held, "echo two").split()[0] == name
        held.close()
        alternates(4)
        balances_sockets()
    finally:
        code = following.end()
    assert code == 0, f"exit code {code}"
    assert not balancer.left_in_kernel(), balancer.left_in_kernel()
    try:
        traffic.connect("client-1", 4).close()
    except ConnectionRefusedError:
        return
    raise AssertionError("a detached balancer still balances")


def keep_on_hook(hook):
    """All promises that hold on each hook, with one balancer."""
    started = []

    def starts():
        started.append(balancer.Balancer(hook, traffic.BACKENDS))

    keep(f"{hook}: loads and attaches", starts)
    if not started:
        return
    for family in traffic.FAMILIES:
        keep(f"{hook}: TCP and UDP alternate exactly over IPv{family}", lambda family=family: alternates(family))
    keep(f"{hook}: TCP and UDP of the balancer's own host alternate exactly at their sockets", balances_sockets)
    keep(f"{hook}: {CONNECTIONS} connections each of two clients from the same ports", shares_ports)
    keep(f"{hook}: {MEGABYTES} MB through an MTU of {network.NARROW}, SHA-256", carries_files)
    if hook == "tc":  # neither the socket programs nor their runner differ on another hook
        keep("local sockets of a removed backend are aborted after its drain time", lambda: ends_sockets(started[0]))
    keep(f"{hook}: SIGKILL, adoption, clean detach", lambda: outlives_its_process(hook, started[0]))


def decapsulates():
    """A backend takes the outer headers of mode tunnel off, and ends without a trace."""
    with tunnel.decapsulating():
        tunnel.reaches_in_all_headers()
    left = [str(path) for path in pathlib.Path("/sys/fs/bpf").rglob("*")]
    assert not left, left
    try:
        tunnel.reaches("gue", 4, 4, patience=2)
    except TimeoutError:
        return
    raise AssertionError("a detached program still decapsulates")


def packet_cases():
    """The unit suite's packet cases, run through the programs by BPF_PROG_TEST_RUN; returns what this kernel cannot run."""
    report = balancer.EVIDENCE / "packet-cases.trx"
    with (balancer.EVIDENCE / "packet-cases.log").open("w") as output:
        done = subprocess.run(
            ["/suite/EbpfLb.Unit", "-noLogo", "-noColor", "-namespace", "EbpfLb.Unit.Datapath",
             "-namespace", "EbpfLb.Unit.Datapath.*", "-result-trx", report],
            stdout=output, stderr=output, check=False,
            # Code that is compiled twice, to be measured in between, takes an emulated processor longer than it saves.
            env=os.environ | {"DOTNET_TieredPGO": "0"})
    cases = list(xml.etree.ElementTree.parse(report).findall(".//{*}UnitTestResult"))
    failed = [case.get("testName") for case in cases if case.get("outcome") == "Failed"]
    skipped = [case for case in cases if case.get("outcome") == "NotExecuted"]
    assert not failed, f"{len(failed)} of {len(cases)} failed: {'; '.join(failed[:20])}"
    assert done.returncode == 0 and len(cases) > len(skipped), f"the suite ended with {done.returncode}"
    reasons = collections.Counter(" ".join(case.itertext()).strip() for case in skipped)
    unable = "; ".join(f"{count} cannot run: {reason}" for reason, count in reasons.items())
    return f"{len(cases) - len(skipped)} cases passed" + (f"; {unable}" if unable else "")


def main():
    balancer.EVIDENCE.mkdir(exist_ok=True)
    network.build()
    balancer.CLIENTS.mkdir()
    traffic.start_backends()
    keep("doctor", doctor)
    for hook in HOOKS:
        keep_on_hook(hook)
    keep("decapsulate: IPv4 and IPv6 in GUE and IP in IP over either", decapsulates)
    if pathlib.Path("/suite").exists():  # only if the packet cases were asked for
        keep("packet cases", packet_cases)
    with RESULTS.open("a") as results:
        results.write("end\n")


sys.exit(main())
