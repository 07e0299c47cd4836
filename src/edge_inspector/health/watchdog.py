"""The watchdog: which part of the daemon has had the same piece of work in hand for too long.

A thread tells its `Stage` when it takes up work and when it has none. Waiting is healthy, for ever: a trigger may not
come for a weekend. The marks are plain attribute stores without a lock, so that the hot path does not feel them.
"""

import threading
from dataclasses import dataclass
from time import monotonic

_ABSENT_S = 5.0  # who was not run for so long himself blames nobody else


@dataclass(frozen=True, slots=True)
class Stuck:
    """A stage that does not get on.

    Attributes:
        stage: Its name.
        busy_s: For so many seconds it has had the same piece of work.
        limit_s: More than this is too long.
    """

    stage: str
    busy_s: float
    limit_s: float

    @property
    def text(self) -> str:
        """The same in words."""
        return f"{self.stage} has had the same piece of work for {self.busy_s:.0f} s; expected {self.limit_s:g} at most"


class Stage:
    """Marks when one thread works and when it waits; also a context manager around one piece of work."""

    __slots__ = ("busy_since_s", "limit_s", "name")

    def __init__(self, name: str, limit_s: float) -> None:
        """Wait for work.

        Args:
            name: For people, for example "inspect".
            limit_s: Longest time that one piece of work may take.
        """
        self.name, self.limit_s = name, limit_s
        self.busy_since_s: float | None = None

    def busy(self) -> None:
        """Take up a piece of work, the first or the next."""
        self.busy_since_s = monotonic()

    def beat(self) -> None:
        """Get on with a long piece of work; nothing where there is none."""
        if self.busy_since_s is not None:
            self.busy_since_s = monotonic()

    def idle(self) -> None:
        """Wait for work, however long."""
        self.busy_since_s = None

    def __enter__(self) -> None:
        self.busy_since_s = monotonic()

    def __exit__(self, *_: object) -> None:
        self.busy_since_s = None


class Watchdog:
    """Reads the stages' marks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stages: dict[str, Stage] = {}
        self._looked_s: float | None = None
        self._present_since_s = 0.0

    def stage(self, name: str, limit_s: float) -> Stage:
        """Return the marks for a thread that is watched from now on, instead of an earlier one of this name."""
        stage = Stage(name, limit_s)
        with self._lock:
            self._stages[name] = stage
        return stage

    def forget(self, stage: Stage) -> None:
        """Watch a stage no longer."""
        with self._lock:
            if self._stages.get(stage.name) is stage:
                del self._stages[stage.name]

    def look(self, now_s: float | None = None) -> list[Stuck]:
        """Return the stages that are stuck, the longest first; call it about every second.

        Args:
            now_s: On the monotonic clock; now when None. After a pause between two looks, as when the whole process was
                stopped or starved, everyone's time begins again.
        """
        now_s = monotonic() if now_s is None else now_s
        if self._looked_s is None or now_s - self._looked_s > _ABSENT_S:
            self._present_since_s = now_s
        self._looked_s = now_s
        with self._lock:
            stages = list(self._stages.values())
        found = []
        for stage in stages:
            if (since_s := stage.busy_since_s) is None:
                continue
            busy_s = now_s - max(since_s, self._present_since_s)
            if busy_s > stage.limit_s:
                found.append(Stuck(stage.name, busy_s, stage.limit_s))
        return sorted(found, key=lambda stuck: -stuck.busy_s)

    def probe(self) -> str | None:
        """Return in words who is stuck, or None."""
        return "; ".join(stuck.text for stuck in self.look()) or None
