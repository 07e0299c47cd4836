"""What the nucleus of a device does with a deployment, in steps each of which is one transaction.

A kill at any moment leaves a device that knows how far it was. A script whose end was not seen is looked for, and run
again only if it had none.
"""

import json
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from cloud_side.local.database import Database
from cloud_side.local.devices.endings import broken, going_back, good, nothing_changed, troubled
from cloud_side.local.devices.failures import DeploymentFailure
from cloud_side.local.devices.inventory import Phase, Trouble, Work, installed_on, keep_work, take_work, work_of
from cloud_side.local.devices.places import Places
from cloud_side.local.devices.planning import steps_of_changes
from cloud_side.local.devices.preparing import prepare
from cloud_side.local.devices.scripts import Run, Script
from cloud_side.local.services.greengrass.executions import take_next
from cloud_side.local.services.greengrass.rollout import ExecutionStatus

IDLE_S = 0.25
_LOOK_S = 0.02  # while a script runs


class Nucleus:
    """One device."""

    def __init__(self, database: Database, places: Places, clock: Callable[[], datetime], *, retry_s: float) -> None:
        """Do nothing yet.

        Args:
            database: Of the engine.
            places: Of the device.
            clock: Tells the time, aware.
            retry_s: Pause before a script that has failed is run again.
        """
        self._database, self._places, self._clock = database, places, clock
        self._thing = places.device.thing
        self._retry = timedelta(seconds=retry_s)
        self._runs: dict[str, Run] = {}

    def advance(self) -> float:
        """Do one step and return after how many seconds the next one may be due.

        Raises:
            OSError: If a disk does not take what has to be written.
        """
        work = work_of(self._database.connection(), self._thing)
        if work is None:
            return self._begin()
        match work.phase:
            case Phase.PREPARE:
                return self._prepare(work)
            case Phase.APPLY | Phase.ROLLBACK:
                return self._finish(work) if work.position == len(work.steps) else self._proceed(work)
            case _:
                assert_never(work.phase)

    def _begin(self) -> float:
        connection = self._database.connection()
        waiting = connection.execute(
            "SELECT 1 FROM greengrass_executions WHERE thing = ? AND status = ?", (self._thing, ExecutionStatus.QUEUED)
        )
        if waiting.fetchone() is None:
            return IDLE_S
        self._places.forget_runs()
        with self._database.transaction() as writing:
            deployment = take_next(writing, self._thing, self._clock())
            if deployment is not None:
                take_work(writing, self._thing, deployment["id"])
        return 0.0

    def _prepare(self, work: Work) -> float:
        connection = self._database.connection()
        try:
            after = prepare(self._database, self._places, _deployment_of(connection, work))
        except DeploymentFailure as failure:
            with self._database.transaction() as writing:
                nothing_changed(writing, self._thing, work, failure, self._clock())
            self._tidy()
            return 0.0
        steps = tuple(steps_of_changes(after, installed_on(connection, self._thing)))
        self._keep(replace(work, phase=Phase.APPLY, plan=tuple(after), steps=steps))
        return 0.0

    def _proceed(self, work: Work) -> float:
        now = self._clock()
        if work.not_before is not None and now < work.not_before:
            return (work.not_before - now).total_seconds()
        step, run = work.steps[work.position], self._run_of(work)
        is_running = run.is_running()  # asked first: one that ends after that leaves an outcome, or is seen next time
        if (outcome := run.outcome()) is not None:
            self._conclude(work, run, outcome)
            return 0.0
        if is_running:
            if work.started_at is not None and (now - work.started_at).total_seconds() >= step.timeout_s:
                run.end_over_time()
                return 0.0
            return _LOOK_S
        if not self._keep(replace(work, started_at=now)):
            return 0.0
        self._places.make_work(step.component)
        run.start(Script(step.text, step.environment, self._places.work(step.component)))
        return _LOOK_S

    def _conclude(self, work: Work, run: Run, outcome: int | str) -> None:
        """Go on after the end of a script: to the next one, to another try, or back."""
        self._runs.clear()
        if outcome == 0:
            self._keep(replace(work, position=work.position + 1, attempt=0, not_before=None))
        elif work.attempt + 1 < work.steps[work.position].tries:
            self._keep(replace(work, attempt=work.attempt + 1, not_before=self._clock() + self._retry))
        else:
            self._fail(work, troubled(work.steps[work.position], outcome, run.told()))

    def _fail(self, work: Work, trouble: Trouble) -> None:
        """Go back, if that is wanted and possible; else stay with a broken component."""
        with self._database.transaction() as writing:
            policy = json.loads(_deployment_of(writing, work)["document"])["deploymentPolicies"]
            if work.phase is Phase.APPLY and policy["failureHandlingPolicy"] == "ROLLBACK":
                keep_work(writing, self._thing, going_back(writing, self._thing, work, trouble))
                return
            broken(writing, self._thing, work, trouble, self._clock())
        self._tidy()

    def _finish(self, work: Work) -> float:
        with self._database.transaction() as writing:
            good(writing, self._thing, work, _deployment_of(writing, work), self._clock())
        self._tidy()
        return 0.0

    def _tidy(self) -> None:
        """Remove what no component needs that is on the device, after the end of a deployment."""
        installed = installed_on(self._database.connection(), self._thing)
        self._places.keep_only([(each.name, each.version) for each in installed.values()])

    def _keep(self, work: Work) -> bool:
        with self._database.transaction() as connection:
            return keep_work(connection, self._thing, work)

    def _run_of(self, work: Work) -> Run:
        step = work.steps[work.position]
        name = f"{work.phase.lower()}-{work.position}-{work.attempt}-{step.component}-{step.phase}"
        folder = self._places.run(work.deployment, name)
        return self._runs.setdefault(str(folder), Run(folder))


def _deployment_of(connection: sqlite3.Connection, work: Work) -> sqlite3.Row:
    query = "SELECT * FROM greengrass_deployments WHERE id = ?"
    row: sqlite3.Row = connection.execute(query, (work.deployment,)).fetchone()
    return row
