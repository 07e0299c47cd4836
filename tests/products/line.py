"""A line whose products can be told apart by their results, and a station that inspects it."""

import json
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from edge_inspector.app import build
from edge_inspector.app.products import Products
from edge_inspector.errors import EndOfSource, InspectorError
from edge_inspector.events import Json, ProductChange
from edge_inspector.frame import Frame
from edge_inspector.pipeline.options import Totals
from edge_inspector.settings import Settings, parse
from edge_inspector.topics import Message
from tests.models.made import label_of, picture, sha256_of, spot_package
from tests.mosquitto import eventually

PATIENCE_S = 60.0
PERIOD_S = 0.0025
A, B, C = "bracket-a", "bracket-b", "bracket-c"  # C is looked at with the model of A
VERSIONS = {A: "1.0.0", B: "2.0.0", C: "1.0.0"}
VERDICTS = {A: ("review", 0.4), B: ("reject", 0.45), C: ("reject", 0.3)}  # of the one picture, with the threshold


def products_in(folder: Path, *, turns: int = 0) -> dict[str, Any]:
    """Write the models of the three products, and return their section."""
    spot_package(folder / "a", VERSIONS[A], classes=())
    spot_package(folder / "b", VERSIONS[B], classes=(), review_at=0.2, reject_at=0.45, turns=turns)
    override = {
        "model_sha256": sha256_of(folder / "a"),
        "classes": {label_of(VERSIONS[C]): {"review_at": 0.1, "reject_at": 0.3}},
    }
    return {
        A: {"model": {"path": str(folder / "a")}},
        B: {"model": {"path": str(folder / "b")}},
        C: {"model": {"path": str(folder / "a")}, "policy": {"override": override}},
    }


def shas_in(folder: Path) -> dict[str, str]:
    """Return which model file belongs to which product."""
    return {A: sha256_of(folder / "a"), B: sha256_of(folder / "b"), C: sha256_of(folder / "a")}


def document_of(folder: Path, **sections: Any) -> dict[str, Any]:
    """Return the configuration of a station that starts with product A; `sections` replace its own."""
    return {
        "station": {"product": A},
        "source": {"type": "simulated", "rate_hz": 1 / PERIOD_S},
        "products": sections.pop("products", None) or products_in(folder),
        "state": {"dir": str(folder / "state")},
        "samples": {"mode": "off"},
        "flow": {"queue_size": 10_000, "deliver_queue_size": 100_000, "deadline_ms": 60_000},
        "health": {"image": {"enabled": False}, "min_free_mb": 0},
        "log": {"level": "error"},
        **sections,
    }


def settings_of(folder: Path, **sections: Any) -> Settings:
    return parse(document_of(folder, **sections))


class Line:
    """A camera that sees the same picture for ever, at a pace of its own.

    Attributes:
        captured: Frames that it has delivered.
        moves: It delivers none while this is not set.
        stands: Set once that was noticed: all that it has delivered is in the station's books.
    """

    def __init__(
        self, period_s: float = PERIOD_S, *, frames_per_part: int = 1, stands_after: int | None = None
    ) -> None:
        self.captured = 0
        self._stands_after = stands_after
        self.moves = threading.Event()
        self.moves.set()
        self.stands = threading.Event()
        self._image, self._period_s, self._frames_per_part = picture(), period_s, frames_per_part
        self._ended = threading.Event()
        self._next_s = time.monotonic()

    def read(self, timeout_s: float) -> Frame | None:
        after = self._stands_after
        if after is not None and self.captured >= after and (self.captured - after) % self._frames_per_part == 0:
            self.moves.clear()
        if not self.moves.is_set():
            self.stands.set()
        if not self.moves.wait(timeout_s):
            return None
        self._next_s = max(self._next_s + self._period_s, time.monotonic() - 10 * self._period_s)
        if self._ended.wait(max(0.0, self._next_s - time.monotonic())):
            raise EndOfSource
        number, self.captured = self.captured, self.captured + 1
        part, part_frame = divmod(number, self._frames_per_part)
        part_id = None if self._frames_per_part == 0 else f"part-{part}"
        return Frame(
            self._image, number, datetime.now(UTC), time.monotonic_ns(), "line", part_id, part_frame=part_frame
        )

    def stands_in_a_part(self) -> None:
        """Stand once the first frame of a part has come; returns then."""
        self._stands_after = 1
        eventually(lambda: not self.moves.is_set(), what="the line stands")

    def goes_on(self) -> None:
        """Move for good."""
        self._stands_after = None
        self.moves.set()

    def end(self) -> None:
        self._stands_after = None
        self._ended.set()
        self.moves.set()


class Told:
    """What a station publishes, in order."""

    def __init__(self) -> None:
        self._messages: list[Message] = []

    def send(self, message: Message) -> None:
        self._messages.append(message)

    def of(self, channel: str) -> list[dict[str, Any]]:
        """Return the documents of a channel, those of events without their envelope."""
        payloads = [each.payload for each in list(self._messages) if each.topic.endswith(f"/{channel}")]
        documents = [json.loads(payload) for payload in payloads if payload]
        return [document.get("data", document) for document in documents]

    def order(self, *channels: str) -> list[dict[str, Any]]:
        """Return the data of events of several channels in the order in which they were told."""
        found = [each for each in self._messages if each.topic.rsplit("/", 1)[1] in channels and each.payload]
        return [json.loads(each.payload)["data"] for each in found]


class Station:
    """A station that runs on a thread of its own until its line ends."""

    def __init__(self, settings: Settings, line: Any = None, **around: Any) -> None:
        self.line = Line() if line is None else line
        self.told = Told()
        self.stop = threading.Event()
        self._settings, self._around = settings, around
        self._stack = ExitStack()
        self._totals: list[Totals] = []

    def __enter__(self) -> Self:
        opened = build(self._settings, self.stop, sinks={"told": self.told}, source=self.line or None, **self._around)
        self.opened = self._stack.enter_context(opened)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if hasattr(self.line, "end"):
            self.line.end()
        self._thread.join(PATIENCE_S)
        self._stack.close()

    @property
    def products(self) -> Products:
        return self.opened._products

    def change(self, code: str, *, by: str = "a test") -> dict[str, Json]:
        return self.products.change(code, by=by, cause=ProductChange.COMMAND)

    def goes_on(self, frames: int = 20) -> None:
        """Wait until the line has brought so many frames more."""
        until = self.line.captured + frames
        eventually(lambda: self.line.captured >= until, what="the line goes on")

    def stands(self) -> None:
        """Let the line stand, and wait until all that it has brought is inspected and told."""
        self.line.stands.clear()
        self.line.moves.clear()
        eventually(self.line.stands.is_set, what="the line stands")
        eventually(lambda: self.opened.totals().frames.in_flight == 0, what="all is inspected")
        parts = sum(self.opened.totals().parts.outcomes.values())
        eventually(lambda: len(self.told.of("result")) >= parts, what="all is told")

    def end(self) -> Totals:
        if hasattr(self.line, "end"):
            self.line.end()
        self._thread.join(PATIENCE_S)
        return self._totals[0]

    def _run(self) -> None:
        try:
            self._totals.append(self.opened.run(self.stop))
        except InspectorError as error:
            self._totals.append(error)  # type: ignore[arg-type]


def mixtures(results: Sequence[dict[str, Any]], shas: dict[str, str]) -> list[dict[str, Any]]:
    """Return the judged results of which product, model, label, verdict and threshold do not belong together."""

    def belongs_together(result: dict[str, Any]) -> bool:
        product = result["product"]
        verdict, threshold = VERDICTS[product]
        label = label_of(VERSIONS[product])
        reasons = {(reason["label"], reason["verdict"], reason["threshold"]) for reason in result["reasons"]}
        seen = {detection["label"] for detection in result["detections"]}
        return (
            result["model"]["sha256"] == shas[product]
            and result["outcome"] == verdict
            and reasons == {(label, verdict, threshold)}
            and seen == {label}
        )

    return [each for each in results if each["outcome"] != "no_verdict" and not belongs_together(each)]
