"""What the operator page costs the line: the inspection rate with viewers over that with none, and memory.

    .venv/bin/python benchmarks/page.py

One daemon inspects a folder of pictures as fast as it can, with the shipped model and the journal and samples on disk.
By turns nobody looks, and five viewers do: each reads the event stream and the live view, and asks for the documents of
its pages once in two seconds, as a browser does. Rates are medians over the turns. Memory is that of this daemon at the
end, above that of one without a page that has run as long.
"""

import argparse
import http.client
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import cv2

from edge_inspector.bench.machine import memory_mb
from edge_inspector.demo.port import HOST, free_port
from edge_inspector.simulation import plan_tag, render_tag

_PICTURES = 60
_READ = 1 << 14
_ASK_S = 2.0
_DOCUMENTS = ("/api/v1/results?limit=50&outcome=reject", "/api/v1/quality", "/api/v1/health")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=6.0, help="of each turn (default: %(default)s)")
    parser.add_argument("--turns", type=int, default=6, help="of each kind (default: %(default)s)")
    parser.add_argument("--viewers", type=int, default=5, help="default: %(default)s")
    parser.add_argument("--json", type=Path, help="write the numbers to a file")
    parser.add_argument("--view", type=int, metavar="PORT", help=argparse.SUPPRESS)  # the process of the viewers
    options = parser.parse_args()
    if options.view is not None:
        view(options.view, options.viewers)
        return
    numbers = measure(seconds=options.seconds, turns=options.turns, viewers=options.viewers)
    if options.json:
        options.json.write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")


def measure(*, seconds: float = 6.0, turns: int = 6, viewers: int = 5) -> dict[str, float]:
    """Print what viewers cost and return it by name."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write_pictures(folder / "pictures")
        port = free_port()
        with _daemon(folder / "with", folder / "pictures", port) as pid:
            _wait_until_served(port)
            alone, watched = [], []
            for _ in range(turns):
                alone.append(_rate_hz(port, seconds))
                with _viewers(port, viewers):
                    time.sleep(1.0)
                    watched.append(_rate_hz(port, seconds))
            with _viewers(port, viewers):
                time.sleep(2.0)
                with_mb = memory_mb(pid)[0]
        with _daemon(folder / "without", folder / "pictures", None) as pid:
            time.sleep(turns * (2 * seconds + 1.0))
            without_mb = memory_mb(pid)[0]
    ratio = statistics.median(watched) / statistics.median(alone)
    by_turns = ", ".join(f"{with_ / without:.3f}" for without, with_ in zip(alone, watched, strict=True))
    print(
        f"inspections a second: {statistics.median(alone):.1f} with no viewer, {statistics.median(watched):.1f} "
        f"with {viewers}: {ratio:.3f}x (turns: {by_turns})"
    )
    print(
        f"memory: {with_mb:.1f} MB with page and {viewers} viewers, {without_mb:.1f} MB without a page: "
        f"{with_mb - without_mb:+.1f} MB"
    )
    return {"page, rate with viewers over without": ratio, "page, memory more in MB": with_mb - without_mb}


def view(port: int, viewers: int) -> None:
    """Look at the page until standard input ends, as so many browsers do."""
    for _ in range(viewers):
        for path in ("/api/v1/events", "/api/v1/live"):
            threading.Thread(target=_drain, args=(port, path), daemon=True).start()
        threading.Thread(target=_ask, args=(port,), daemon=True).start()
    sys.stdin.read()


def _drain(port: int, path: str) -> None:
    connection = http.client.HTTPConnection(HOST, port)
    connection.request("GET", path)
    response = connection.getresponse()
    while response.read1(_READ):
        pass


def _ask(port: int) -> None:
    connection = http.client.HTTPConnection(HOST, port)
    while True:
        for path in _DOCUMENTS:
            connection.request("GET", path)
            connection.getresponse().read()
        time.sleep(_ASK_S)


@contextmanager
def _viewers(port: int, count: int) -> Iterator[None]:
    process = subprocess.Popen(
        [sys.executable, __file__, "--view", str(port), "--viewers", str(count)], stdin=subprocess.PIPE
    )
    try:
        yield
    finally:
        process.kill()
        process.wait()
        if process.stdin is not None:
            process.stdin.close()


@contextmanager
def _daemon(folder: Path, pictures: Path, port: int | None) -> Iterator[int]:
    folder.mkdir()
    document: dict[str, object] = {
        "source": {"type": "directory", "path": str(pictures), "loop": True},
        "state": {"dir": str(folder / "state")},
        "health": {"clock_synchronized": False},
        "log": {"level": "warning"},
    }
    if port is not None:
        document["page"] = {"port": port}
    file = folder / "station.json"
    file.write_text(json.dumps(document), encoding="utf-8")
    process = subprocess.Popen([sys.executable, "-m", "edge_inspector", "run", "-c", str(file)])
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def _wait_until_served(port: int) -> None:
    while True:
        with suppress(OSError):
            if _inspected(port) > 0:
                return
        time.sleep(0.1)


def _rate_hz(port: int, seconds: float) -> float:
    before, began_s = _inspected(port), time.monotonic()
    time.sleep(seconds)
    return (_inspected(port) - before) / (time.monotonic() - began_s)


def _inspected(port: int) -> int:
    connection = http.client.HTTPConnection(HOST, port)
    try:
        connection.request("GET", "/api/v1/health")
        return int(json.loads(connection.getresponse().read())["values"]["frames"]["inspected"])
    finally:
        connection.close()


def _write_pictures(folder: Path) -> None:
    folder.mkdir()
    for number in range(_PICTURES):
        cv2.imwrite(str(folder / f"{number:04d}.jpg"), render_tag(plan_tag(0, number, image_wh=(450, 300))))


if __name__ == "__main__":
    main()
