"""The real daemon in a process of its own, and its configuration."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

PATIENCE_S = 60.0
EDGE_INSPECTOR = (sys.executable, "-m", "edge_inspector")


def write_configuration(path: Path, model: Path, /, **sections: Any) -> Path:
    """Write a configuration for a fast simulated line and a model package; `sections` replace its own.

    What the daemon keeps lies beside the file.
    """
    document = {
        "station": {"site": "hall", "line": "line-1", "station": "station-2", "camera": "top"},
        "source": {"type": "simulated", "rate_hz": 200, "image_wh": [96, 64]},
        "model": {"path": str(model)},
        "state": {"dir": str(path.parent / "state")},
        **sections,
    }
    path.write_text(json.dumps(document))
    return path


def run_command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run one command of the command line to its end."""
    return subprocess.run(
        [*EDGE_INSPECTOR, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


class Daemon:
    """`edge-inspector run`, its log read while it runs."""

    def __init__(  # noqa: PLR0913 - what a process has
        self,
        configuration: Path | None,
        *,
        command: Sequence[str] = EDGE_INSPECTOR,
        arguments: Sequence[str] = (),
        folder: Path | None = None,
        environment: Mapping[str, str] | None = None,
        umask: int = -1,
    ) -> None:
        """Start it; without a configuration file as the other arguments of `run` say."""
        origin = () if configuration is None else ("-c", str(configuration))
        self._process = subprocess.Popen(
            [*command, "run", *origin, *arguments],
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=folder,
            env=environment,
            umask=umask,
        )
        self._watch()

    def _watch(self) -> None:
        self.lines: list[str] = []
        self._came = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._reader.join()
        for pipe in (self._process.stdout, self._process.stderr):
            assert pipe is not None
            pipe.close()

    def wait_for(self, text: str, *, count: int = 1) -> str:
        """Return the line of the log that is the `count`-th with `text`, waiting for it."""

        def find() -> str | None:
            found = [line for line in self.lines if text in line]
            return found[count - 1] if len(found) >= count else None

        with self._came:
            line = self._came.wait_for(find, PATIENCE_S)
        assert line is not None, f"never logged: {text!r}; the log:\n" + "\n".join(self.lines)
        return line

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait(self) -> int:
        """Return the exit code once the process has ended and its log is read."""
        code = self._process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        return code

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.send(number)
        return self.wait()

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def records(self) -> list[dict[str, Any]]:
        """Return the log, each line of which must be JSON."""
        return [json.loads(line) for line in self.lines]

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            with self._came:
                self.lines.append(line.rstrip("\n"))
                self._came.notify_all()


def ledger_of(line: str) -> tuple[int, int, int, int]:
    """Return captured, inspected, dropped and in flight of the daemon's last line."""
    words = json.loads(line)["message"].split()
    captured, inspected = int(words[1]), int(words[4])
    dropped = int(words[words.index("dropped") - 1])
    return captured, inspected, dropped, int(words[words.index("flight;") - 2])
