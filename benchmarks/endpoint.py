"""What HTTP costs an inspection, and how many requests an endpoint's server holds at once.

    .venv/bin/python benchmarks/endpoint.py

The server serves the shipped model in a process of its own, with one session a processor. Clients, each on a connection
that is kept alive, send one JPEG of a simulated tag after the other. By turns the same image is looked at in this
process, with no HTTP, and by so many clients at once; the ratios are medians over the turns. At the end more clients
come than there is room for: how many of their requests are answered, and how many are told to come again.
"""

import argparse
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2

from cloud_side.deployment.endpoint.looking import Looker, leave_processors_alone
from edge_inspector.app.detector import SHIPPED_MODEL
from edge_inspector.bench.machine import describe_machine, memory_mb
from edge_inspector.demo.port import HOST, free_port
from edge_inspector.simulation import plan_tag, render_tag

_SERVER = "cloud_side.deployment.endpoint.server"
_CLIENTS = (1, 2, 4, 8, 16)
_WAITING = 8  # for each session, as the server's default


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each turn (default: %(default)s)")
    parser.add_argument("--turns", type=int, default=3, help="of each number of clients (default: %(default)s)")
    parser.add_argument("--json", type=Path, help="write the numbers to a file")
    parser.add_argument("--ask", nargs=3, metavar=("PORT", "CLIENTS", "IMAGE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.ask is not None:
        port, clients, image = options.ask
        print(json.dumps(ask(int(port), int(clients), Path(image).read_bytes(), options.seconds)))
        return
    numbers = measure(seconds=options.seconds, turns=options.turns)
    if options.json:
        options.json.write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")


def measure(*, seconds: float = 2.0, turns: int = 3) -> dict[str, float]:
    """Print what the server does and return it by name."""
    leave_processors_alone()
    sessions, numbers = describe_machine().whole_cores, {}
    image = cv2.imencode(".jpg", render_tag(plan_tag(1, 1)))[1].tobytes()
    looker = Looker.tested(SHIPPED_MODEL)
    with tempfile.NamedTemporaryFile(suffix=".jpg") as file, _server() as (pid, port):
        file.write(image)
        file.flush()
        for clients in _CLIENTS:
            bare, rates, p95 = [], [], []
            for _ in range(turns):
                bare.append(_bare_ms(looker, image, seconds / 4))
                found = _asked(port, clients, file.name, seconds)
                rates.append(found["hz"] * bare[-1] / 1000)
                p95.append(found["p95_ms"] / bare[-1])
            rate, slow = statistics.median(rates), statistics.median(p95)
            print(
                f"{clients} at once: {rate:.2f}x the images a second of one thread without HTTP, "
                f"p95 {slow:.1f}x its {statistics.median(bare):.1f} ms"
            )
            numbers[f"endpoint, rate of {clients} clients over bare"] = rate
            numbers[f"endpoint, p95 of {clients} clients over bare"] = slow
        room = sessions * (1 + _WAITING)
        found = _asked(port, 4 * room, file.name, seconds)
        print(
            f"{4 * room} at once, room for {room}: {found['answered']:.0f} answered, {found['busy']:.0f} told to come "
            f"again, {found['other']:.0f} other; {memory_mb(pid)[0]:.0f} MB"
        )
        numbers["endpoint, memory in MB"] = memory_mb(pid)[0]
        numbers["endpoint, other answers"] = found["other"]
    return numbers


def ask(port: int, clients: int, image: bytes, seconds: float) -> dict[str, float]:
    """Return how many answers so many clients get in a second, and how long 95 of 100 take."""
    times: list[float] = []
    answers: Counter[int] = Counter()
    end = time.perf_counter() + seconds

    def one() -> None:
        connection = http.client.HTTPConnection(HOST, port, timeout=60)
        while (began := time.perf_counter()) < end:
            connection.request("POST", "/invocations", image, {"Content-Type": "image/jpeg"})
            response = connection.getresponse()
            response.read()
            answers[response.status] += 1
            if response.status == http.HTTPStatus.OK:
                times.append((time.perf_counter() - began) * 1000)
            else:
                time.sleep(0.05)

    threads = [threading.Thread(target=one) for _ in range(clients)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - began
    return {
        "hz": len(times) / took,
        "p95_ms": statistics.quantiles(times, n=20)[-1],
        "answered": answers[200],
        "busy": answers[503],
        "other": answers.total() - answers[200] - answers[503],
    }


def _asked(port: int, clients: int, image: str, seconds: float) -> dict[str, float]:
    words = ["--ask", str(port), str(clients), image, "--seconds", str(seconds)]
    done = subprocess.run([sys.executable, __file__, *words], capture_output=True, check=True)
    return dict(json.loads(done.stdout))


def _bare_ms(looker: Looker, image: bytes, seconds: float) -> float:
    times, end = [], time.perf_counter() + seconds
    while (began := time.perf_counter()) < end:
        looker.look(image)
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)


@contextmanager
def _server() -> Iterator[tuple[int, int]]:
    port = free_port()
    environment = {**os.environ, "SM_MODEL_DIR": str(SHIPPED_MODEL), "SAGEMAKER_BIND_TO_PORT": str(port)}
    with subprocess.Popen([sys.executable, "-m", _SERVER], env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield process.pid, port
        finally:
            process.terminate()


if __name__ == "__main__":
    main()
