"""How long an outcome takes from the exposure to the coil of a PLC, with the journal well and with it stuck.

The simulated line at 30 parts a second with the shipped model, everything that is kept on disk, and a real Modbus
server in a process of its own. In the second run every commit of the journal hangs from the first second on.
"""

import argparse
import json
import multiprocessing
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from edge_inspector.app.build import build
from edge_inspector.journal.batch import Batch
from edge_inspector.journal.database import Database
from edge_inspector.settings import parse
from edge_inspector.topics import Message

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # for the PLC of the tests

from tests.plc import Plc

REJECT_COIL, OUTCOME = 10, 30


class LastStats:
    """A sink that keeps the latest statistics."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def send(self, message: Message) -> None:
        """Keep what is on the topic of the statistics."""
        if message.topic.endswith("/stats"):
            self.values = json.loads(message.payload)


def serve(port: "multiprocessing.Queue[int]") -> None:
    """Run a PLC until the process is ended."""
    with Plc() as plc:
        port.put(plc.port)
        threading.Event().wait()


@contextmanager
def plc_process() -> Iterator[int]:
    """Yield the port of a PLC in a process of its own."""
    context = multiprocessing.get_context("spawn")
    port: multiprocessing.Queue[int] = context.Queue()
    process = context.Process(target=serve, args=(port,), daemon=True)
    process.start()
    try:
        yield port.get(timeout=30)
    finally:
        process.terminate()
        process.join()


def stick(free: threading.Event) -> None:
    """Let every commit wait, as on a disk that does not answer."""
    write = Database.write

    def hang(database: Database, batch: Batch, operated_s: float) -> None:
        free.wait()
        write(database, batch, operated_s)

    Database.write = hang  # type: ignore[method-assign]


def run(port: int, *, seconds: float, rate_hz: float, stuck: bool) -> dict[str, Any]:
    """Run the line and return what the statistics tell of its gate."""
    with tempfile.TemporaryDirectory() as folder:
        settings = parse(
            {
                "source": {"type": "simulated", "rate_hz": rate_hz, "count": int(seconds * rate_hz)},
                "state": {"dir": folder},
                "plc": {"host": "127.0.0.1", "port": port},
                "gate": {
                    "output": {"type": "modbus", "reject_coil": REJECT_COIL, "outcome_register": OUTCOME},
                    "deadline_ms": 1000,
                    "pulse_ms": 15,
                    "fail_safe": "release",
                },
                "log": {"level": "error"},
            }
        )
        stop, free, write, stats = threading.Event(), threading.Event(), Database.write, LastStats()
        with build(settings, stop, sinks={"benchmark": stats}) as station:
            if stuck:
                threading.Timer(1.0, stick, (free,)).start()
            began_s, cpu_s = time.monotonic(), time.process_time()
            station.run(stop)
            took_s, cpu_s = time.monotonic() - began_s, time.process_time() - cpu_s
            free.set()
        Database.write = write  # type: ignore[method-assign]
    return {**stats.values["gate"], "cpu_share": round(cpu_s / took_s, 3)}


def summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what runs of the same kind say together: medians of the latencies, the longest of all, and sums."""
    latencies = [run["latency_ms"] for run in runs]
    return {
        "p50_ms": round(median(found["p50"] for found in latencies), 2),
        "p99_ms": round(median(found["p99"] for found in latencies), 2),
        "max_ms": round(max(found["max"] for found in latencies), 2),
        "cpu_share": round(median(run["cpu_share"] for run in runs), 3),
        **{name: sum(run[name] for run in runs) for name in ("decided", "rejected", "pulses", "missed")},
    }


def main() -> None:
    """Run both by turns, as other load on the machine comes and goes, and print both and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--rate-hz", type=float, default=30)
    options = parser.parse_args()
    runs: dict[bool, list[dict[str, Any]]] = {False: [], True: []}
    with plc_process() as port:
        for _ in range(options.turns):
            for stuck, found in runs.items():
                found.append(run(port, seconds=options.seconds, rate_hz=options.rate_hz, stuck=stuck))
    well, stuck_summary = summary(runs[False]), summary(runs[True])
    for name, found_in_all in (("journal well", well), ("journal stuck", stuck_summary)):
        print(f"{name:14} {json.dumps(found_in_all)}")
    ratios = {name: round(stuck_summary[name] / well[name], 2) for name in ("p50_ms", "p99_ms")}
    print(f"{'stuck / well':14} {json.dumps(ratios)}")


if __name__ == "__main__":
    main()
