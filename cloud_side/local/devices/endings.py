"""How a deployment ends on a device: what is on it then, and what it says of it.

Source:
    The statuses and sentences are those of the Java nucleus, where `reason` is a status, a colon and the cause.
"""

import json
import sqlite3
from dataclasses import replace
from datetime import datetime

from cloud_side.local.devices.failures import DeploymentFailure, types_of
from cloud_side.local.devices.inventory import (
    Ending,
    Phase,
    Trouble,
    Work,
    drop_work,
    installed_on,
    keep_installed,
    keep_roots,
)
from cloud_side.local.devices.planning import Planned, Step, steps_back
from cloud_side.local.devices.preparing import roots_with
from cloud_side.local.devices.scripts import OVER_TIME
from cloud_side.local.services.greengrass.executions import Report, report

_BROKEN = ("DEPLOYMENT_FAILURE", "COMPONENT_UPDATE_ERROR", "COMPONENT_BROKEN")
_MOST_TEXT = 1000


def troubled(step: Step, outcome: int | str, told: str) -> Trouble:
    """Return what is wrong with a component whose script has failed for good."""
    if outcome == OVER_TIME:
        text, code = f"{step.phase} took longer than its Timeout of {step.timeout_s:g} s", "TIMEOUT"
    else:
        text, code = f"{step.phase} exited with code {outcome}", "ERROR"
    said = f"{text}: {told}" if told else text
    return Trouble(step.component, said[:_MOST_TEXT], f"{step.phase.upper()}_{code}")


def nothing_changed(
    connection: sqlite3.Connection, thing: str, work: Work, failure: DeploymentFailure, now: datetime
) -> None:
    """End a deployment that could not begin."""
    said = _failed("FAILED_NO_STATE_CHANGE", failure.reason, failure.codes)
    if drop_work(connection, thing, work):
        report(connection, work.deployment, thing, said, now)


def good(connection: sqlite3.Connection, thing: str, work: Work, deployment: sqlite3.Row, now: datetime) -> None:
    """End a deployment, or the way back from it, after the last of its scripts."""
    if not drop_work(connection, thing, work):
        return
    if work.trouble is not None:
        before = installed_on(connection, thing)
        keep_installed(connection, thing, before.values(), Ending(work.deployment, now))
        said = _failed("FAILED_ROLLBACK_COMPLETE", *_told(work.trouble))
        report(connection, work.deployment, thing, said, now)
        return
    keep_installed(connection, thing, work.plan, Ending(work.deployment, now))
    components = json.loads(deployment["document"])["components"]
    keep_roots(connection, thing, roots_with(connection, thing, deployment["target"], components))
    report(connection, work.deployment, thing, Report(is_good=True), now)


def going_back(connection: sqlite3.Connection, thing: str, work: Work, trouble: Trouble) -> Work:
    """Return the way back from a deployment that has broken a component."""
    steps = steps_back(work.steps[: work.position + 1], installed_on(connection, thing))
    return replace(
        work, phase=Phase.ROLLBACK, steps=tuple(steps), position=0, attempt=0, not_before=None, trouble=trouble
    )


def broken(connection: sqlite3.Connection, thing: str, work: Work, trouble: Trouble, now: datetime) -> None:
    """End a deployment that leaves a component broken: nobody wanted a way back, or it has failed."""
    if not drop_work(connection, thing, work):
        return
    before = installed_on(connection, thing)
    is_back = work.phase is Phase.ROLLBACK
    after = before if is_back else {**before, **{each.name: each for each in _begun(work)}}
    keep_installed(connection, thing, after.values(), Ending(work.deployment, now, trouble))
    status = "FAILED_UNABLE_TO_ROLLBACK" if is_back else "FAILED_ROLLBACK_NOT_REQUESTED"
    report(connection, work.deployment, thing, _failed(status, *_told(work.trouble or trouble)), now)


def _begun(work: Work) -> list[Planned]:
    names = {step.component for step in work.steps[: work.position + 1]}
    return [each for each in work.plan if each.name in names]


def _told(trouble: Trouble) -> tuple[str, tuple[str, ...]]:
    return f"Service {trouble.component} in broken state after deployment: {trouble.text}", _BROKEN


def _failed(status: str, reason: str, codes: tuple[str, ...]) -> Report:
    return Report(is_good=False, reason=f"{status}: {reason}", codes=codes, types=types_of(codes))
