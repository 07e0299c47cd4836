"""An industrial camera that a test plays, and what a live source made of it."""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import pytest

from edge_inspector.camera import CameraFault, CameraReport, CameraStatus, Skipped, SourceTrouble
from edge_inspector.frame import DamagedFrame, DropCause, Frame
from edge_inspector.ports import Delivered
from edge_inspector.settings import ProductCamera
from edge_inspector.sources.freshness import ByArrival
from edge_inspector.sources.live import Camera, Grabbed, LiveOptions, LiveSource, Picture, TakerMaker, Waiting
from edge_inspector.sources.triggers.signal import Trigger, TriggerDesk
from tests.fakes import PATIENCE_S

Answer: TypeAlias = Callable[[], Sequence[Grabbed]]  # what comes of one firing


def picture(value: int = 0, *, age_s: float = 0.0) -> Picture:
    return Picture(np.full((8, 8), value % 256, np.uint8), time.monotonic_ns() - int(age_s * 1e9), "camera")


class FiredCamera:
    """Answers each firing as the test says, with one picture unless it says otherwise; what is pushed comes unasked.

    Attributes:
        fired: How often it was fired.
        opened: How often it was opened.
        answers: What comes of the next firings, by their number from 0.
        gone: What it fails with, from now on; None while it is there.
        stuck: It does not return from a firing until this is set.
        set_ups: What it was set up for.
    """

    def __init__(self, answers: Mapping[int, Answer] | None = None) -> None:
        self.fired = self.opened = 0
        self.answers = dict(answers or {})
        self.gone: Exception | None = None
        self.stuck: threading.Event | None = None
        self.set_ups: list[ProductCamera] = []
        self._came: deque[Grabbed] = deque()
        self._changed = threading.Condition()

    def open(self) -> Camera:
        self._fail_if_gone()
        self.opened += 1
        return self

    def push(self, *items: Grabbed) -> None:
        with self._changed:
            self._came.extend(items)
            self._changed.notify_all()

    def grab(self) -> Grabbed:
        self._fail_if_gone()
        with self._changed:
            self._changed.wait_for(lambda: self._came, 0.02)
            return self._came.popleft() if self._came else Waiting()

    def fire(self) -> None:
        self._fail_if_gone()
        number, self.fired = self.fired, self.fired + 1
        if self.stuck is not None:
            assert self.stuck.wait(PATIENCE_S)
        self.push(*self.answers.get(number, lambda: (picture(number),))())

    def check(self) -> None:
        self._fail_if_gone()

    def set_up(self, wanted: ProductCamera) -> Sequence[Grabbed]:
        self.set_ups.append(wanted)
        with self._changed:
            left = tuple(self._came)
            self._came.clear()
        return left

    def close(self) -> None:
        pass

    def _fail_if_gone(self) -> None:
        if self.gone is not None:
            raise self.gone


class HandSignal:
    """A signal by hand."""

    def __init__(self) -> None:
        self.desk: TriggerDesk | None = None
        self.is_closed = False

    def start(self, desk: TriggerDesk) -> None:
        self.desk = desk

    def close(self) -> None:
        self.is_closed = True

    def bring(self, *part_ids: str | None) -> None:
        assert self.desk is not None
        for part_id in part_ids:
            self.desk.take(Trigger(time.monotonic_ns(), part_id))


class NotingDesk:
    """Takes what a signal brings."""

    def __init__(self) -> None:
        self.triggers: list[Trigger] = []
        self.notes: list[tuple[str, str, str]] = []
        self._changed = threading.Condition()

    def take(self, trigger: Trigger) -> bool:
        with self._changed:
            self.triggers.append(trigger)
            self._changed.notify_all()
        return True

    def trouble(self, alarm: str, text: str) -> None:
        self._note("trouble", alarm, text)

    def well(self, alarm: str, text: str) -> None:
        self._note("well", alarm, text)

    def happened(self, alarm: str, text: str) -> None:
        self._note("happened", alarm, text)

    def wait_for(self, condition: Callable[[], bool], *, what: str) -> None:
        with self._changed:
            if not self._changed.wait_for(condition, PATIENCE_S):
                pytest.fail(f"never happened: {what}; {len(self.triggers)} triggers, {self.notes}")

    def kinds(self) -> list[str]:
        return [kind for kind, _, _ in self.notes]

    def _note(self, kind: str, alarm: str, text: str) -> None:
        with self._changed:
            self.notes.append((kind, alarm, text))
            self._changed.notify_all()


@dataclass(slots=True)
class Reader:
    """Reads a source, and keeps what came by kind."""

    source: LiveSource
    items: list[Delivered] = field(default_factory=list)
    captured: list[Frame | DamagedFrame] = field(default_factory=list)

    def until(self, condition: Callable[["Reader"], bool], *, what: str) -> None:
        deadline_s = time.monotonic() + PATIENCE_S
        while not condition(self):
            if time.monotonic() > deadline_s:
                pytest.fail(f"never came: {what}; {self.items} did")
            if (item := self.source.read(0.05)) is not None:
                self.items.append(item)
                if isinstance(item, Frame | DamagedFrame):
                    self.captured.append(item)

    def parts(self, count: int) -> list[Frame | DamagedFrame]:
        """Return the first frames of parts, waiting for them."""
        self.until(lambda reader: len(reader.captured) >= count, what=f"{count} frames")
        return self.captured[:count]

    @property
    def reports(self) -> list[tuple[CameraStatus, CameraFault | None, bool]]:
        return [(item.status, item.fault, item.is_waiting) for item in self.items if isinstance(item, CameraReport)]

    @property
    def troubles(self) -> list[tuple[str, bool]]:
        return [(item.alarm, item.is_over) for item in self.items if isinstance(item, SourceTrouble)]

    @property
    def skipped(self) -> Counter[DropCause]:
        counts: Counter[DropCause] = Counter()
        for item in self.items:
            if isinstance(item, Skipped):
                counts[item.cause] += item.count
        return counts


def causes(captured: Sequence[Frame | DamagedFrame]) -> list[DropCause | None]:
    """Return why frames are not inspected; None for those that are."""
    return [item.cause if isinstance(item, DamagedFrame) else None for item in captured]


OPTIONS = LiveOptions(
    staleness_s=1.0, patience_s=5.0, stuck_after_s=60.0, reopen_min_s=0.02, reopen_max_s=0.05, waiting_frames=100,
    keeps_turns=True,
)  # fmt: skip


def source_of(camera: FiredCamera, taker: TakerMaker, options: LiveOptions = OPTIONS) -> LiveSource:
    return LiveSource("line-camera", camera.open, ByArrival(1.0), options, taker=taker)
