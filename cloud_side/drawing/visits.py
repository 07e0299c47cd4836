"""What happened in an execution, told as visits: one for each time that a state was entered, with its attempts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from cloud_side.drawing.payload import Payload


class Outcome(StrEnum):
    """How a visit, an attempt or an item ended; the worst first."""

    FAILED = "failed"
    RUNNING = "running"
    ABORTED = "aborted"
    CAUGHT = "caught"
    SUCCEEDED = "succeeded"


@dataclass(slots=True)
class Attempt:
    """One call of a task, or one run of what is within a Parallel or a Map.

    Attributes:
        handle: What the service answered when it took on what is waited for.
    """

    started_at: datetime
    resource: str = ""
    arguments: Payload | None = None
    handle: Payload | None = None
    result: Payload | None = None
    outcome: Outcome = Outcome.RUNNING
    ended_at: datetime | None = None
    error: str = ""
    cause: str = ""


@dataclass(slots=True, eq=False)
class Visit:
    """A state was entered.

    Attributes:
        number: Of the event.
        parent: The visit of the Parallel or Map that it is within.
        round: How many attempts of its parent there were then.
        items: Which items of the Maps around it, outermost first.
        exited_at: When it was left for the next state, or the end.
        ended_at: When it was left, failed or was aborted.
        variables: Name and JSON of each that it assigned.
        has_failed: Whether the last that happened was a failure.
        is_aborted: Whether it was ended from outside.
        progress: Of a Map: how each item that was begun ended.
        map_run: Of a distributed Map: its ARN.
    """

    number: int
    state: str
    kind: str
    entered_at: datetime
    input: Payload | None = None
    parent: "Visit | None" = None
    round: int = 0
    items: tuple[int, ...] = ()
    exited_at: datetime | None = None
    ended_at: datetime | None = None
    output: Payload | None = None
    variables: Mapping[str, Payload] = field(default_factory=dict)
    attempts: list[Attempt] = field(default_factory=list)
    has_failed: bool = False
    is_aborted: bool = False
    error: str = ""
    cause: str = ""
    progress: dict[int, Outcome] = field(default_factory=dict)
    length: int | None = None
    map_run: str | None = None

    @property
    def retries(self) -> int:
        """Return how many attempts there were beyond the first."""
        return max(0, len(self.attempts) - 1)

    @property
    def place(self) -> tuple[str, int, tuple[int, ...]]:
        """Return what it shares with those visits only that came after each other."""
        return self.state, self.parent.number if self.parent else 0, self.items

    def around(self) -> Iterator["Visit"]:
        """Yield this visit and those that it is within, inner ones first."""
        visit: Visit | None = self
        while visit is not None:
            yield visit
            visit = visit.parent

    def revive(self) -> None:
        """Note that something happens again within it, after a failure: another attempt, or a redrive."""
        for visit in self.around():
            if visit.exited_at is None:
                visit.has_failed = visit.is_aborted = False
                visit.error = visit.cause = ""
                visit.ended_at = None

    def outcome(self, *, is_execution_over: bool) -> Outcome:
        """Return how it ended.

        Args:
            is_execution_over: Whether nothing more will happen.
        """
        if self.exited_at is not None:
            return Outcome.CAUGHT if self.has_failed else Outcome.SUCCEEDED
        if self.is_aborted:
            return Outcome.ABORTED
        if self.kind == "Fail":
            return Outcome.FAILED
        if not is_execution_over and not self._is_left_behind():
            return Outcome.RUNNING
        return Outcome.FAILED if self.has_failed else Outcome.ABORTED

    def _is_left_behind(self) -> bool:
        """Return whether what it is within has ended or begun anew, so that nothing more will happen in it."""
        parent = self.parent
        if parent is None:
            return False
        is_over = parent.exited_at is not None or parent.has_failed or parent.is_aborted
        return is_over or len(parent.attempts) > self.round or parent._is_left_behind()  # noqa: SLF001 - its own kind
