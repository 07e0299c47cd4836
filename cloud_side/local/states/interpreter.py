"""Moves strands: reads where one is, does what is next, and writes where it is then, one transaction a transition.

A process that dies between two transitions leaves the strand where it was; whoever comes next does the same again.
What a task does outside is done with a token that was written before, so that a service does not do it twice.
"""

import random
import time
import uuid
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from sqlite3 import Connection
from typing import Protocol

from cloud_side.local.calling import Caller
from cloud_side.local.database import Database
from cloud_side.local.states import ending, fanning, history
from cloud_side.local.states.failure import StateFailure
from cloud_side.local.states.machine import Called, Fanned, Forked, Moved, Slept, enter, recover, settle, within_limit
from cloud_side.local.states.scenes import Definitions, Scene
from cloud_side.local.states.store import (
    MOST_EVENTS,
    Event,
    Json,
    Phase,
    Seed,
    Status,
    Strand,
    SupersededError,
    outputs_of_children,
    plant,
    record,
    save,
    size_of_outputs,
    strand_of,
    uproot,
)

_STEPS_AT_ONCE = 100  # then others have their turn, and whoever stops the threads
_RECOVERING = ("Task", "Parallel", "Map")


@dataclass(frozen=True)
class Task:
    """One attempt of a Task state.

    Attributes:
        arguments: Evaluated; None without any.
    """

    state: str
    resource: str
    arguments: Json


class Tasks(Protocol):
    """Does the work of Task states; a failure is a StateFailure with the error's name."""

    def start(self, task: Task, caller: Caller) -> Json:
        """Make the call and return its result, or for `.sync` the handle of what it began."""
        ...

    def check(self, task: Task, handle: Json) -> Json | None:
        """Return the result of what was begun; None while it runs."""
        ...

    def pause_s(self, age_s: float) -> float:
        """Return how long to wait before the next check of something that was begun so long ago."""
        ...


class Interpreter:
    """Moves the strands of all executions; several threads may move different ones at once."""

    def __init__(
        self,
        database: Database,
        tasks: Tasks,
        carrier: fanning.Carrier,
        *,
        clock: Callable[[], float] = time.time,
        draw: random.Random | None = None,
    ) -> None:
        """Move the strands of a database.

        Args:
            database: Where they are.
            tasks: Does the work.
            carrier: Reads items and writes results of distributed maps.
            clock: Seconds since 1970.
            draw: For the jitter of retries.
        """
        self._database = database
        self._tasks = tasks
        self._carrier = carrier
        self._clock = clock
        self._draw = draw or random.Random()  # noqa: S311 - a pause is no secret
        self._definitions = Definitions()

    def due(self, *, besides: Collection[int], most: int) -> list[int]:
        """Return strands that have something to do now, the longest due first, without those that are in hand."""
        rows = self._database.connection().execute(
            "SELECT id FROM strands WHERE due <= ? AND status = 'RUNNING' ORDER BY due LIMIT ?",
            (self._clock(), most + len(besides)),
        )
        return [row["id"] for row in rows if row["id"] not in besides][:most]

    def next_due_at(self) -> float | None:
        """Return when the next strand or execution has something to do, in seconds since 1970; None: none has."""
        (at,) = (
            self._database.connection()
            .execute(
                "SELECT MIN(at) FROM (SELECT MIN(due) AS at FROM strands WHERE due IS NOT NULL AND status = 'RUNNING'"
                " UNION ALL SELECT MIN(deadline) FROM executions WHERE deadline IS NOT NULL AND status = 'RUNNING')"
            )
            .fetchone()
        )
        return None if at is None else float(at)

    def expire(self) -> None:
        """End the executions that have run for longer than their definitions allow."""
        now = self._clock()
        late = self._database.connection().execute(
            "SELECT arn FROM executions WHERE deadline <= ? AND status = 'RUNNING'", (now,)
        )
        for row in late.fetchall():
            self._cut_off(row["arn"], Status.TIMED_OUT, StateFailure("States.Timeout", ""))

    def advance(self, identity: int, *, is_over: Callable[[], bool] = lambda: False) -> None:
        """Move a strand until it waits for something, is at its end, or has had its turn.

        Args:
            identity: The strand.
            is_over: Whether to leave the rest to others, asked before each transition.
        """
        strand = strand_of(self._database.connection(), identity)
        scene: Scene | None = None
        try:
            for _ in range(_STEPS_AT_ONCE):
                if strand is None or not self._is_due(strand) or is_over():
                    return
                scene = self._definitions.scene(self._database.connection(), strand, before=scene)
                strand = self._step(strand, scene)
        except SupersededError:
            return  # whoever moved it has seen to the rest
        except _HistoryFullError as full:
            self._cut_off(full.execution, Status.FAILED, StateFailure("States.Runtime", str(full)))

    def give_up(self, identity: int, failure: StateFailure) -> None:
        """Fail the execution of a strand that cannot be moved."""
        if (strand := strand_of(self._database.connection(), identity)) is not None:
            self._cut_off(strand.execution, Status.FAILED, failure)

    def hasten(self) -> None:
        """Make due what waits for nothing but its turn, and was written before the clock was put back."""
        now = self._clock()
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE strands SET due = ? WHERE due > ? AND status = 'RUNNING'"
                " AND (phase IN ('ENTER', 'CALL', 'JOIN', 'FEED') OR answer IS NOT NULL)",
                (now, now),
            )

    def _cut_off(self, execution: str, status: Status, failure: StateFailure) -> None:
        with self._database.transaction() as connection:
            ending.cut_off(connection, execution, status, failure, now=self._clock())

    def _is_due(self, strand: Strand) -> bool:
        return strand.status is Status.RUNNING and strand.due is not None and strand.due <= self._clock()

    def _step(self, strand: Strand, scene: Scene) -> Strand | None:  # noqa: PLR0911 - one for each phase
        try:
            match strand.phase:
                case Phase.ENTER | Phase.AGAIN:
                    return self._enter(strand, scene)
                case Phase.WAIT:
                    return self._leave(strand, scene, None)
                case Phase.CALL:
                    return self._call(strand, scene)
                case Phase.CHECK:
                    return self._check(strand, scene)
                case Phase.TOKEN:
                    return self._hear(strand, scene)
                case Phase.CHILDREN:
                    return self._rest(strand, due=None)
                case Phase.JOIN:
                    return self._join(strand, scene)
                case Phase.FEED:
                    return self._feed(strand, scene)
        except StateFailure as failure:
            return self._fail(strand, scene, failure)

    def _enter(self, strand: Strand, scene: Scene) -> Strand | None:
        """Begin a state; a failure to begin is told after the state was entered."""
        entering = strand
        if scene.state["Type"] == "Task":  # its token may be an argument, and is written before it is used
            entering = replace(strand, token=uuid.uuid4().hex)
        events = history.entered(strand, scene)
        view = scene.view(entering)
        try:
            step = enter(scene.state, view)
        except StateFailure as failure:
            return self._fail(strand, scene, failure, events)
        now = self._clock()
        match step:
            case Moved():
                return self._move(strand, scene, step, events)
            case Slept():
                until = strand.entered_at + (step.seconds or 0) if step.until is None else step.until.timestamp()
                return self._write(replace(strand, phase=Phase.WAIT, due=max(until, now)), events)
            case Called():
                return self._write(_called(entering, step, now), events + history.scheduled(scene, step))
            case Forked():
                return self._fork(strand, scene, step, events)
            case Fanned():
                return self._fan(strand, scene, step, events)

    def _call(self, strand: Strand, scene: Scene) -> Strand | None:
        now = self._clock()
        task = _task(strand, scene)
        left_s = None if strand.deadline is None else strand.deadline - now
        caller = Caller(
            strand.execution, strand.token or "", deadline=None if left_s is None else time.monotonic() + left_s
        )
        failure, answer = None, None
        try:
            answer = self._tasks.start(task, caller)
        except StateFailure as failed:
            failure = failed
        is_late = strand.deadline is not None and self._clock() >= strand.deadline
        if failure is None and _is_followed(task.resource):
            return self._follow(strand, task, answer)  # also when it is late: what it began is to be stopped
        if is_late:  # however it ended, nobody waited
            raise StateFailure("States.Timeout", "")
        if failure is not None:
            raise failure
        if task.resource.endswith(".waitForTaskToken"):
            return self._await_answer(strand, task, answer)
        return self._leave(strand, scene, answer)

    def _follow(self, strand: Strand, task: Task, handle: Json) -> Strand:
        """Wait for the end of what a task began, or have it stopped where the strand was ended meanwhile."""
        now = self._clock()
        work = {**strand.work, "handle": handle, "since": now, "resource": task.resource}
        due = _first(now + self._tasks.pause_s(0), strand.deadline)
        following = replace(strand, phase=Phase.CHECK, work=work, due=due)
        try:
            return self._write(following, history.submitted(task, handle))
        except SupersededError:
            with self._database.transaction() as connection:
                ending.stop_later(connection, task.resource, handle)
            raise

    def _await_answer(self, strand: Strand, task: Task, answer: Json) -> Strand:
        """Wait for somebody to say what came of it; who did so during the call is heard at once."""
        with self._database.transaction() as connection:
            current = strand_of(connection, strand.id) or strand  # it may have beaten its heart
            due = self._clock() if current.answer is not None else _first(current.deadline, current.heartbeat_at)
            waiting = replace(strand, phase=Phase.TOKEN, due=due, heartbeat_at=current.heartbeat_at)
            return self._save(connection, waiting, history.submitted(task, answer))

    def _check(self, strand: Strand, scene: Scene) -> Strand | None:
        task, now = _task(strand, scene), self._clock()
        result = self._tasks.check(task, strand.work["handle"])
        if result is not None:
            return self._leave(strand, scene, result)
        if strand.deadline is not None and now >= strand.deadline:
            with self._database.transaction() as connection:
                ending.stop_later(connection, task.resource, strand.work["handle"])
            raise StateFailure("States.Timeout", "")
        pause = self._tasks.pause_s(now - strand.work["since"])
        return self._rest(strand, due=_first(now + pause, strand.deadline))

    def _hear(self, strand: Strand, scene: Scene) -> Strand | None:
        """Take the answer, or wait on: heartbeats and answers come at any moment, without a version."""
        now = self._clock()
        with self._database.transaction() as connection:
            current = strand_of(connection, strand.id)
            if current is None:
                raise SupersededError
            late = _lateness(current, now)
            if current.answer is None and late is None:
                due = _first(current.deadline, current.heartbeat_at)
                return self._save(connection, replace(current, due=due), ())
        if current.answer is None:
            raise StateFailure(late or "", "")
        if "error" in current.answer:
            raise StateFailure(current.answer["error"], current.answer["cause"])
        return self._leave(strand, scene, current.answer["output"])

    def _fork(self, strand: Strand, scene: Scene, step: Forked, events: Sequence[Event]) -> Strand:
        """Plant the children; a state without any is at its end at once."""
        now = self._clock()
        seeds = [
            Seed(place, (*scene.path, *below), scene.inside(below)["StartAt"], given)
            for place, (below, given) in enumerate(step.children)
        ]
        phase, due = (Phase.CHILDREN, None) if seeds else (Phase.JOIN, now)
        waiting = replace(strand, phase=phase, due=due, work=None, pending=len(seeds))
        with self._database.transaction() as connection:
            written = self._save(connection, waiting, [*events, *history.forked(scene, len(seeds))])
            plant(
                connection,
                strand.execution,
                seeds,
                parent=strand.id,
                now=now,
                limit=step.limit,
                last_event=written.last_event,
            )
        return written

    def _join(self, strand: Strand, scene: Scene) -> Strand | None:
        if strand.work is not None:
            raise StateFailure(strand.work["error"], strand.work["cause"])
        connection = self._database.connection()
        within_limit(size_of_outputs(connection, strand.id))  # not even read: there may be ten thousand
        return self._leave(strand, scene, outputs_of_children(connection, strand.id))

    def _fan(self, strand: Strand, scene: Scene, step: Fanned, events: Sequence[Event]) -> Strand:
        now = self._clock()
        with self._database.transaction() as connection:
            run = fanning.begin(connection, strand, scene, step, now=now)
            feeding = replace(strand, phase=Phase.FEED, due=now, work={"run": run})
            return self._save(connection, feeding, [*events, *history.fanned(run)])

    def _feed(self, strand: Strand, scene: Scene) -> Strand | None:
        """Give the map run more children, or take what it came to."""
        feeding = fanning.Feeding(self._database, self._carrier, strand, scene, now=self._clock())
        if (result := feeding.turn()) is not None:
            return self._leave(strand, scene, result)
        with self._database.transaction() as connection:  # a child that ends meanwhile wakes the strand after this
            due = self._clock() if fanning.has_turn(connection, strand.work["run"]) else None
            return self._save(connection, replace(strand, due=due), ())

    def _leave(self, strand: Strand, scene: Scene, result: Json) -> Strand | None:
        moved = settle(scene.state, scene.view(strand), result)
        return self._move(strand, scene, moved, history.came_to(scene, result))

    def _move(self, strand: Strand, scene: Scene, moved: Moved, events: Sequence[Event]) -> Strand | None:
        """Go to the next state, or end the scope."""
        now = self._clock()
        told = [*events, *history.left(scene, moved)]
        after = replace(
            strand,
            variables={**strand.variables, **moved.assigned},
            retries=(),
            work=None,
            token=None,
            deadline=None,
            heartbeat_s=None,
            heartbeat_at=None,
            pending=0,
        )
        with self._database.transaction() as connection:
            if scene.state["Type"] in _RECOVERING:
                self._clear(connection, strand)
            if moved.next is not None:
                there = replace(after, state=moved.next, phase=Phase.ENTER, due=now, input=moved.output, entered_at=now)
                return self._save(connection, there, told)
            ended = replace(after, status=Status.SUCCEEDED, due=None, output=moved.output)
            ending.succeeded(connection, self._save(connection, ended, told), now=self._clock())
        return None

    def _fail(self, strand: Strand, scene: Scene, failure: StateFailure, events: Sequence[Event] = ()) -> Strand | None:
        """Do what the state says about its failure, or end the scope with it."""
        now = self._clock()
        told = [*events, *history.failed(strand, scene, failure)]
        try:
            if scene.state["Type"] not in _RECOVERING:
                raise failure
            step = recover(scene.state, scene.view(strand), failure, strand.retries, draw=self._draw)
        except StateFailure as last:
            ended = replace(strand, status=Status.FAILED, due=None, output={"error": last.error, "cause": last.cause})
            with self._database.transaction() as connection:
                self._end_map_run(connection, strand)
                ending.failed(connection, self._save(connection, ended, told), last, now=self._clock())
            return None
        if isinstance(step, Moved):
            return self._move(strand, scene, step, told)
        again = replace(
            strand,
            phase=Phase.AGAIN,
            due=now + step.after_s,
            retries=step.retries,
            work=None,
            token=None,
            deadline=None,
            heartbeat_at=None,
        )
        with self._database.transaction() as connection:
            self._clear(connection, strand)
            return self._save(connection, again, told)

    def _clear(self, connection: Connection, strand: Strand) -> None:
        """Drop what the state has begun below, and what was said to its token: it is left, or begins anew."""
        self._end_map_run(connection, strand)
        uproot(connection, strand.id)
        connection.execute("UPDATE strands SET answer = NULL WHERE id = ?", (strand.id,))

    def _end_map_run(self, connection: Connection, strand: Strand) -> None:
        """Fail the map run of a strand whose distributed map failed; one that succeeded before stays as it is."""
        if strand.phase is Phase.FEED:
            ending.abort_map_run(connection, strand.work["run"], now=self._clock(), status=Status.FAILED)

    def _rest(self, strand: Strand, *, due: float | None) -> Strand:
        """Wait until then, or until somebody wakes it."""
        return self._write(replace(strand, due=due), ())

    def _write(self, strand: Strand, events: Sequence[Event]) -> Strand:
        with self._database.transaction() as connection:
            return self._save(connection, strand, events)

    def _save(self, connection: Connection, strand: Strand, events: Sequence[Event]) -> Strand:
        last = record(connection, strand.execution, events, previous=strand.last_event, now=self._clock())
        if events and last >= MOST_EVENTS:  # the end of the execution is one more
            raise _HistoryFullError(strand.execution)
        return save(connection, replace(strand, last_event=last))


class _HistoryFullError(Exception):
    def __init__(self, execution: str) -> None:
        super().__init__(f"The execution reached the maximum number of history events ({MOST_EVENTS}).")
        self.execution = execution


def _called(strand: Strand, step: Called, now: float) -> Strand:
    return replace(
        strand,
        phase=Phase.CALL,
        due=now,
        work={"arguments": step.arguments},
        deadline=None if step.timeout_s is None else now + step.timeout_s,
        heartbeat_s=step.heartbeat_s,
        heartbeat_at=None if step.heartbeat_s is None else now + step.heartbeat_s,
    )


def _task(strand: Strand, scene: Scene) -> Task:
    return Task(strand.state, scene.state["Resource"], strand.work["arguments"])


def _is_followed(resource: str) -> bool:
    return resource.endswith((".sync", ".sync:2"))


def _lateness(strand: Strand, now: float) -> str | None:
    """Return the error of a task that nobody answered in time."""
    if strand.deadline is not None and now >= strand.deadline:
        return "States.Timeout"
    if strand.heartbeat_at is not None and now >= strand.heartbeat_at:
        return "States.HeartbeatTimeout"
    return None


def _first(*instants: float | None) -> float | None:
    known = [instant for instant in instants if instant is not None]
    return min(known, default=None)
