"""A subscriber that knows the station of `tests.daemons`, and the record that the station keeps."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from edge_inspector.pipeline.accounts import Accounts
from tests.collector import Collector
from tests.daemons import Daemon, ledger_of

STATION = "edge-inspector/hall/line-1/station-2"
HOME = Path("state", "top")


class Watcher(Collector):
    """Waits for what a station says, and keeps all of it."""

    def wait_for(self, topic: str, *words: str) -> dict[str, Any]:
        """Return the next document on a topic that has all the words."""
        topic = f"{STATION}/{topic}"
        message = self.collect_until(lambda m: m.topic == topic and all(word.encode() in m.payload for word in words))
        return dict(json.loads(message.payload))

    def wait_for_alarm(self, name: str, what: str = "raised", *words: str) -> dict[str, Any]:
        """Return what an alarm that is raised or cleared says."""
        return dict(self.wait_for(f"alarm/{name}", f"alarm.{what}", *words)["data"])

    def wait_for_results(self, count: int) -> list[dict[str, Any]]:
        """Return what the next results say."""
        return [self.wait_for("top/result")["data"] for _ in range(count)]

    def documents(self, topic: str) -> list[dict[str, Any]]:
        """Return the documents that came on a topic."""
        topic = f"{STATION}/{topic}"
        return [json.loads(each.payload) for each in self.messages if each.topic == topic and each.payload]

    def result_ids(self) -> list[str]:
        """Return the ids of the results that came, in order, those that came again too."""
        return [document["id"] for document in self.documents("top/result")]

    def total(self) -> Accounts:
        """Return the accounts over all restarts that the last statistics tell; they must add up."""
        total = Accounts.parse(self.documents("stats")[-1]["total"])
        assert total.frames.adds_up
        assert total.parts.adds_up
        assert (total.frames.in_flight, total.parts.in_flight) == (0, 0)
        return total


def ids_on_record(journal: Path, channel: str = "{camera}/result") -> list[str]:
    """Return the ids of a channel's rows, in order."""
    with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as database:
        rows = database.execute("SELECT id FROM events WHERE channel = ? ORDER BY seq", (channel,))
        return [row[0] for row in rows]


def assert_all_is_told_and_on_record(watcher: Watcher, daemon: Daemon, journal: Path) -> None:
    """Every frame of one run was inspected, its result came and is on record, once."""
    captured, inspected, dropped, in_flight = ledger_of(daemon.lines[-1])
    assert (captured, in_flight) == (inspected + dropped, 0)
    total, on_record = watcher.total(), ids_on_record(journal)
    assert total.frames.captured == captured
    assert len(on_record) == len(set(on_record)) == captured
    assert set(watcher.result_ids()) == set(on_record)
