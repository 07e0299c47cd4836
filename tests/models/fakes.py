"""A station without pictures: packages that are a few words, and a line whose parts pass when a test lets them."""

import hashlib
import json
import threading
from collections.abc import Callable, Container
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from edge_inspector.alarms import Alarm
from edge_inspector.decision import Decision, NoVerdict, NoVerdictCause, Verdict
from edge_inspector.detections import Detections
from edge_inspector.errors import ConfigError, ModelError
from edge_inspector.frame import Frame
from edge_inspector.inspection import FrameFinding, FrameRecord, ModelIdentity
from edge_inspector.models.lifecycle import Models
from edge_inspector.models.packages import Opened, SelfTest
from edge_inspector.models.pointer import POINTER
from edge_inspector.models.probation import Counts
from edge_inspector.models.starting import start
from edge_inspector.models.store import Store
from edge_inspector.models.telling import Teller
from edge_inspector.models.watched import Watched
from edge_inspector.settings import UpdateSettings
from edge_inspector.topics import Message
from tests.fakes import PATIENCE_S, part
from tests.mosquitto import eventually
from tests.pipeline.line import WRITER

CONFIGURED = ModelIdentity("configured", "0.1.0", "c0" * 32)
FILE = "model.json"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class FakeOpened:
    """A model that does what its package says.

    Attributes:
        closed: How often it was freed.
    """

    def __init__(
        self,
        identity: ModelIdentity,
        says: dict[str, Any] | None = None,
        gate: threading.Event | None = None,
        broken: Container[str] = (),
    ) -> None:
        self.identity = identity
        self.closed = 0
        self._says, self._gate, self._broken = says or {}, gate or threading.Event(), broken

    def self_test(self, *, go_on: Callable[[], None] = lambda: None) -> SelfTest:
        images = self._says.get("golden_images", 1)
        for _ in range(images):
            self._gate.wait(self._says.get("image_s", 0.0))
            go_on()
        return SelfTest(images, tuple(self._says.get("problems", ())))

    def judge(self, frame: Frame) -> str:  # noqa: ARG002 - the port's signature
        assert not self.closed, "a model that was freed still judges"
        if self._says.get("hangs"):
            self._gate.wait(PATIENCE_S)
        if self._says.get("fails") or self.identity.version in self._broken:
            msg = "it fails"
            raise ModelError(msg)
        return str(self._says.get("verdict", "accept"))

    def blank(self) -> Frame:
        return part(-1)

    def close(self) -> None:
        self.closed += 1


class FakePackages:
    """Opens packages that are one JSON file each.

    Attributes:
        opened: Every model that was opened, in order.
        gate: A package that hangs does so until this is set.
        broken: Versions that fail from now on.
        can_open_configured: The configured model is there.
    """

    def __init__(self) -> None:
        self.opened: list[FakeOpened] = []
        self.gate = threading.Event()
        self.broken: set[str] = set()
        self.can_open_configured = True

    def identify(self, folder: Path) -> ModelIdentity:
        says = json.loads((folder / FILE).read_text())
        content = json.dumps(says, sort_keys=True).encode()
        return ModelIdentity("spot", says["version"], hashlib.sha256(content).hexdigest())

    def open(self, folder: Path | None) -> Opened:
        if folder is None:
            if not self.can_open_configured:
                msg = "the configured model: damaged"
                raise ModelError(msg)
            self.opened.append(FakeOpened(CONFIGURED))
            return self.opened[-1]
        try:
            says = json.loads((folder / FILE).read_text())
        except (OSError, ValueError) as error:
            msg = f"{folder}: damaged"
            raise ModelError(msg) from error
        identity = self.identify(folder)
        if says.get("opening_hangs"):
            self.gate.wait(PATIENCE_S)
        if problem := says.get("refuse"):
            raise ConfigError(problem)
        self.opened.append(FakeOpened(identity, says, self.gate, self.broken))
        return self.opened[-1]

    def all_but(self, running: ModelIdentity) -> list[FakeOpened]:
        """Return the models that must have been freed by now."""
        return [opened for opened in self.opened if opened.identity != running]


class FakeLine:
    """A line of one-frame parts; a switch takes effect with the next one.

    Attributes:
        judged_by: The version that has judged each part, in order.
    """

    def __init__(self, watched: Watched, running: Opened) -> None:
        self.judged_by: list[str] = []
        self._watched, self._running = watched, running
        self._counts = Counts()
        self._coming: tuple[Opened, Callable[[], None]] | None = None
        self._lock = threading.Lock()

    @property
    def running(self) -> ModelIdentity:
        return self._running.identity

    def switch(self, opened: Opened, on_switched: Callable[[], None]) -> None:
        with self._lock:
            self._coming = opened, on_switched

    def counts(self) -> Counts:
        return self._counts

    def pass_part(self, *, inspection_ms: float = 1.0, lost: bool = False) -> None:
        """Let a part pass; one that is lost got no verdict before it was inspected."""
        with self._lock:
            coming, self._coming = self._coming, None
        if coming is not None:
            self._running = coming[0]
            coming[1]()
        frame = part(len(self.judged_by))
        self.judged_by.append(self._running.identity.version)
        before = self._counts
        try:
            verdict = "" if lost else self._running.judge(frame)
        except ModelError:
            verdict = ""
        if not verdict:
            self._counts = replace(before, failed=before.failed + 1)
            return
        self._counts = replace(before, judged=before.judged + 1, rejected=before.rejected + (verdict == Verdict.REJECT))
        self._watched.see(frame, finding_of(frame, verdict, inspection_ms))


def finding_of(frame: Frame, verdict: str, inspection_ms: float) -> FrameFinding:
    """Return the finding of a frame with this verdict; none when empty."""
    outcome = Decision(Verdict(verdict)) if verdict else NoVerdict(NoVerdictCause.INSPECTION_FAILED)
    record = FrameRecord(frame.frame_id, frame.captured_at, "host", "fake", frame.image_wh, outcome)
    latency_ms = {"queue": 1000.0, "inference": inspection_ms, "total": 1000.0 + inspection_ms}
    return FrameFinding(record, Detections.empty(), latency_ms, frame.captured_monotonic_ns)


class Panel:
    """The alarms that stand, by name."""

    def __init__(self) -> None:
        self.standing: dict[str, Alarm] = {}

    def raise_(self, alarm: Alarm, *, lasting: bool = False) -> None:
        assert lasting
        self.standing[alarm.name] = alarm

    def clear(self, name: str, *, text: str | None = None) -> None:  # noqa: ARG002 - the port's signature
        self.standing.pop(name, None)


class FakeStation:
    """The models of a station that is entered, its line, and what it tells.

    Attributes:
        events: The data of the events, each with its `type`.
    """

    def __init__(self, home: Path, *, is_comparable: bool = True, first: Path | None = None, **settings: Any) -> None:
        fields = {"probation_parts": 20, "max_latency_ms": 1000.0, **settings}
        self.updates = home / "updates"
        self.settings = UpdateSettings(folder=self.updates, **fields)
        self.packages, self.panel = FakePackages(), Panel()
        self.events: list[dict[str, Any]] = []
        self.store = Store(home / "models")
        self.started = start(self.store, self.packages, at=NOW, first=first)
        self.watched = Watched(self.settings.max_latency_ms, line_waits=True)
        self.line = FakeLine(self.watched, self.started.opened)
        self.models = Models(
            self.settings,
            self.store,
            self.packages,
            self.started,
            self.line,
            folder=self.updates,
            watched=self.watched,
            teller=Teller(self.panel, WRITER, self._publish),
            is_comparable=is_comparable,
        )

    def __enter__(self) -> Self:
        self.models.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.packages.gate.set()
        self.models.__exit__(None, None, None)

    def _publish(self, message: Message) -> None:
        event = json.loads(message.payload)
        self.events.append({"type": event["type"].split(".", 2)[2].removesuffix(".v1"), **event["data"]})

    def place(self, version: str, **says: Any) -> Path:
        """Make a package in the folder of updates and point at it."""
        return place(self.updates, version, **says)

    def told(self, kind: str) -> list[dict[str, Any]]:
        """Return the events of a kind."""
        return [event for event in list(self.events) if event["type"] == kind]

    def run_until(self, condition: Callable[[], object], *, what: str, **parts: Any) -> None:
        """Let parts pass until something has become true."""
        pause = threading.Event()
        for _ in range(int(PATIENCE_S / 0.001)):
            if condition():
                return
            self.line.pass_part(**parts)
            pause.wait(0.001)
        msg = f"never happened: {what}; told: {self.events}"
        raise AssertionError(msg)

    def pass_parts(self, count: int) -> None:
        """Let so many parts pass."""
        for _ in range(count):
            self.line.pass_part()

    def wait_before_switch(self) -> None:
        """Wait, while the line stands still, until a model is ready to take over with the next part."""
        eventually(lambda: "takes over with the next part" in str(self.models.busy()), what="a model is ready")

    def run_until_runs(self, version: str) -> None:
        """Let parts pass until a version judges them."""
        self.run_until(lambda: self.line.running.version == version, what=f"{version} runs")

    def run_until_idle(self) -> None:
        """Let parts pass until nothing is examined and nothing on probation."""
        self.run_until(lambda: self.models.busy() is None, what="all is settled")

    def run_until_trusted(self, version: str, **says: Any) -> None:
        """Place a version, and let parts pass until it runs and has proved itself."""
        self.place(version, **says)
        self.run_until_runs(version)
        self.run_until_idle()

    def run_until_refused(self, version: str) -> dict[str, Any]:
        """Let parts pass until a version is refused, and return the event."""
        name = f"spot {version}"

        def refusals() -> list[dict[str, Any]]:
            return [event for event in self.told("model.rejected") if event["candidate"] == name]

        self.run_until(refusals, what=f"{version} is refused")
        return refusals()[-1]


def place(updates: Path, version: str, **says: Any) -> Path:
    """Make a package in a folder of updates and point at it."""
    package = updates / "spot" / version
    package.mkdir(parents=True, exist_ok=True)
    (package / FILE).write_text(json.dumps({"version": version, **says}))
    point_at(updates, f"spot/{version}\n")
    return package


def point_at(updates: Path, content: str) -> None:
    """Move the pointer of a folder of updates."""
    updates.mkdir(parents=True, exist_ok=True)
    (updates / ".new").write_text(content)
    (updates / ".new").rename(updates / POINTER)
