"""An inspection that gets no memory costs its part the verdict, and nothing else."""

import json
import subprocess
import sys
import textwrap
from pathlib import Path

from tests.daemons import PATIENCE_S
from tests.onnx_models import bright_spot_model

SCRIPT = """
    import json, resource, sys, threading, time
    from datetime import UTC, datetime
    from pathlib import Path

    import numpy as np

    from edge_inspector.app import build
    from edge_inspector.errors import EndOfSource
    from edge_inspector.frame import Frame
    from edge_inspector.settings import parse

    class Source:
        number = 0

        def read(self, timeout_s):
            number, self.number = self.number, self.number + 1
            if number == 6:
                raise EndOfSource
            side = 12_000 if number == 3 else 64
            image = np.zeros((side, side, 3), np.uint8)
            return Frame(image, number, datetime.now(UTC), time.monotonic_ns(), "limited", f"part-{number}")

    class Limit:
        def send(self, message):
            # Once the station runs: what it holds may stay, and a little more.
            if b'"part-1"' in message.payload and message.topic.endswith("/result"):
                size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
                room = 12_000 * 12_000 * 3 + (64 << 20)  # the picture itself, but no copy of it
                resource.setrlimit(resource.RLIMIT_AS, (size + room, size + room))
                limited.set()

    limited = threading.Event()
    settings = parse(json.loads(sys.argv[1]))

    class Waiting(Source):
        def read(self, timeout_s):
            if self.number == 3:
                limited.wait()
            return super().read(timeout_s)

    with build(settings, threading.Event(), sinks={"limit": Limit()}, source=Waiting()) as station:
        totals = station.run(threading.Event())
    parts = totals.parts
    print(json.dumps([parts.seen, parts.outcomes, parts.no_verdict, totals.frames.adds_up, parts.adds_up]))
"""


def test_an_inspection_without_memory_fails_alone(tmp_path: Path) -> None:
    model = bright_spot_model(tmp_path / "model")
    configuration = {
        "source": {"type": "directory", "path": str(tmp_path)},
        "model": {"path": str(model)},
        "state": {"dir": str(tmp_path / "state")},
        "samples": {"mode": "off"},
    }
    finished = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SCRIPT), json.dumps(configuration)],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    accounts = json.loads(finished.stdout)
    assert accounts == [6, {"accept": 5, "no_verdict": 1}, {"inspection_failed": 1}, True, True]
