"""A station as a Greengrass component: its process in a work folder of its own, and what its nucleus hears of it."""

import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.daemons import EDGE_INSPECTOR, PATIENCE_S, Daemon, ledger_of
from tests.integration.watcher import HOME, STATION, ids_on_record
from tests.nucleus.fake import FakeNucleus
from tests.nucleus.messages import Published

IMPATIENT = (sys.executable, str(Path(__file__).with_name("impatient.py")))
_STATION_PATH = STATION.partition("/")[2]
_LEFT = re.compile(r"greengrass-local: closed while (\d+) messages wait")
_LISTENS = "0A"  # as the kernel writes the state of a socket


def station_of(model: Path, /, **sections: Any) -> dict[str, Any]:
    """Return what a nucleus configures for the station of `Watcher`; `sections` replace its own."""
    return {
        "station": {"site": "hall", "line": "line-1", "camera": "top"},
        "source": {"type": "simulated", "rate_hz": 25, "image_wh": [96, 64]},
        "model": {"path": str(model)},
        "flow": {"stats_interval_s": 0.5},
        "health": {"min_free_mb": 0.1},
        **sections,
    }


class Component(Daemon):
    """`edge-inspector run --greengrass` with what a nucleus gives a process, and nothing else."""

    def __init__(
        self,
        work: Path,
        environment: Mapping[str, str],
        *,
        models: Path | None = None,
        command: Sequence[str] = EDGE_INSPECTOR,
    ) -> None:
        work.mkdir(exist_ok=True)
        self.work = work
        super().__init__(
            None,
            command=command,
            arguments=("--greengrass", *(() if models is None else ("--models", str(models)))),
            folder=work,
            environment={"PATH": os.environ["PATH"], **environment},
            umask=0o022,
        )

    @property
    def error(self) -> str:
        """The one line that it ended with."""
        (line,) = [line for line in self.lines if not line.startswith("{")]
        return line.removeprefix("edge-inspector: error: ")

    @property
    def latest_result(self) -> str:
        """The id of the last result in its log."""
        return str(json.loads(next(line for line in reversed(self.lines) if "inspection_id" in line))["inspection_id"])

    @property
    def addresses(self) -> list[str]:
        """Where it listens for TCP, as the kernel writes addresses and ports."""
        sockets = set()
        for descriptor in Path(f"/proc/{self.pid}/fd").iterdir():
            with suppress(OSError):
                sockets.add(str(descriptor.readlink()))
        tables = [Path(f"/proc/{self.pid}/net/{name}").read_text() for name in ("tcp", "tcp6")]
        rows = [line.split() for table in tables for line in table.splitlines()[1:]]
        return [row[1] for row in rows if row[3] == _LISTENS and f"socket:[{row[9]}]" in sockets]

    @property
    def readable_by_others(self) -> list[Path]:
        """What others than its user may read in its work folder."""
        found = []
        for path in self.work.rglob("*"):
            with suppress(FileNotFoundError):
                if path.lstat().st_mode & 0o077:
                    found.append(path)
        return found


class Listener:
    """Hears in order what a component publishes, at one of the two places where its nucleus takes it."""

    def __init__(self, nucleus: FakeNucleus, published: list[Published]) -> None:
        self._nucleus, self._published = nucleus, published
        self._heard = 0

    def wait_for(self, topic: str, *words: str) -> dict[str, Any]:
        """Return the next document on a topic that has all the words."""
        found: list[bytes] = []

        def is_heard() -> bool:
            while not found and self._heard < len(self._published):
                each = self._published[self._heard]
                self._heard += 1
                if _is_on(each, topic) and all(word.encode() in each.payload for word in words):
                    found.append(each.payload)
            return bool(found)

        self._nucleus.wait_until(is_heard, PATIENCE_S)
        return dict(json.loads(found[0]))

    def wait_for_results(self, count: int) -> list[dict[str, Any]]:
        """Return what the next results say."""
        return [self.wait_for("top/result")["data"] for _ in range(count)]

    def catch_up_with(self, component: Component, topic: str = "top/result") -> None:
        """Wait until what the component has logged by now has come."""
        latest = component.latest_result.encode()
        self._nucleus.wait_until(
            lambda: any(_is_on(each, topic) and latest in each.payload for each in reversed(self._published)),
            PATIENCE_S,
        )

    def documents(self, topic: str) -> list[dict[str, Any]]:
        """Return the documents that came on a topic."""
        return [json.loads(each.payload) for each in self._published if _is_on(each, topic)]


def _is_on(published: Published, topic: str) -> bool:
    """Return whether it is a document on a topic of the station, whatever the prefix."""
    _, _, path = published.topic.partition("/")
    return bool(published.payload) and path == f"{_STATION_PATH}/{topic}"


def assert_every_part_has_its_result(local: Listener, *components: Component) -> None:
    """All that one component captured after the other is on record once, and arrived on the device, in order."""
    lines = [line for component in components for line in component.lines]
    ledgers = [ledger_of(line) for line in lines if '"message": "stopped: ' in line]
    captured, inspected, dropped, in_flight = map(sum, zip(*ledgers, strict=True))
    on_record = ids_on_record(components[0].work / HOME / "journal.db")
    assert (captured, dropped, in_flight) == (inspected, 0, 0)
    assert len(on_record) == len(set(on_record)) == captured
    arrived = list(dict.fromkeys(each["id"] for each in local.documents("top/result")))
    left = [int(found[1]) for line in components[-1].lines if (found := _LEFT.search(line))]  # in half a second's flush
    assert arrived == on_record[: len(arrived)]
    assert len(on_record) - len(arrived) <= sum(left)
