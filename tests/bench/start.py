"""What it costs to start: ``graftwork --help``, and ``graftwork up`` from an empty and from a used data directory.

``python -m tests.bench.start [--repeat 5] [--up]``
CPU seconds are those of every process of the platform until it is ready and stopped again; on a machine that is
shared they tell more than the wall does.
"""

import argparse
import json
import os
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HELP = (sys.executable, "-m", "graftwork.cli.main", "--help")
UP = (sys.executable, "-m", "graftwork.cli.main", "up", "--json", "--port", "0")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--up", action="store_true", help="start the platform too, twice")
    arguments = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    walls, cpus = zip(*(_help() for _ in range(arguments.repeat)), strict=True)
    print(f"graftwork --help: median {statistics.median(walls):.2f} s, CPU {statistics.median(cpus):.2f} s")
    if arguments.up:
        with tempfile.TemporaryDirectory(prefix="graftwork-bench-") as home:
            for what in ("empty", "used"):
                ready, cpu = _up(Path(home))
                print(f"graftwork up, {what} data directory: ready after {ready:.1f} s, CPU {cpu:.1f} s in all")


def _help() -> tuple[float, float]:
    """Wall and CPU seconds."""
    began, before = time.perf_counter(), _cpu_seconds()
    subprocess.run(HELP, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 (our own command)
    return time.perf_counter() - began, _cpu_seconds() - before


def _up(home: Path) -> tuple[float, float]:
    """Seconds until it is ready, and CPU seconds until it has stopped."""
    began, before = time.perf_counter(), _cpu_seconds()
    environment = {**os.environ, "GRAFTWORK_HOME": str(home)}
    with subprocess.Popen(UP, env=environment, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        assert process.stdout is not None
        for line in process.stdout:
            record = json.loads(line)
            if record["what"] == "ready":
                break
            print(f"  {record['seconds']:6.1f} s  {record['message']}")
        ready = time.perf_counter() - began
        process.send_signal(signal.SIGTERM)
        process.communicate()
    return ready, _cpu_seconds() - before


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
