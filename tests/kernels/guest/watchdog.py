#!/usr/bin/env python3
"""Writes to /evidence/idle.log where tasks wait, whenever the machine has been idle for a while: a run that hangs says why."""

import pathlib
import time

PERIOD, PERIODS, BUSY = 5, 6, 0.1  # seconds, samples in a row, share of processor time
PROC = pathlib.Path("/proc")
LOG = pathlib.Path("/evidence/idle.log")


def processor_time():
    """Idle and total time of all processors, in ticks (proc_stat(5))."""
    ticks = [int(field) for field in (PROC / "stat").read_text().splitlines()[0].split()[1:]]
    return ticks[3] + ticks[4], sum(ticks)


def waiting_tasks():
    """Each task that a signal does not wake, with its kernel stack."""
    for task in PROC.glob("[0-9]*/task/*"):
        try:
            state = (task / "stat").read_text().rpartition(")")[2].split()[0]
            if state == "D":
                yield f"{task} {(task / 'comm').read_text().strip()}\n{(task / 'stack').read_text()}"
        except OSError:
            pass  # it ended meanwhile


def main():
    quiet, (idle, total) = 0, processor_time()
    while True:
        time.sleep(PERIOD)
        before, (idle, total) = (idle, total), processor_time()
        share = 1 - (idle - before[0]) / max(1, total - before[1])
        quiet = quiet + 1 if share < BUSY else 0
        if quiet == PERIODS:
            up = (PROC / "uptime").read_text().split()[0]
            with LOG.open("a") as log:
                log.write(f"idle for {PERIOD * PERIODS} s, up since {up} s\n{''.join(waiting_tasks())}\n")
            print(f"watchdog: idle for {PERIOD * PERIODS} s, see idle.log", flush=True)
            quiet = 0


main()
