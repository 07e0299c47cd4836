"""What the nucleus of a device remembers: its components, whose deployment brought them, and the one in its hands."""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from cloud_side.local.devices.planning import Planned, Step
from cloud_side.local.services.greengrass.core_devices import CoreStatus, LifecycleState


class Phase(StrEnum):
    """How far a device is with the deployment in its hands."""

    PREPARE = "PREPARE"
    APPLY = "APPLY"
    ROLLBACK = "ROLLBACK"


@dataclass(frozen=True)
class Trouble:
    """What is wrong with a component.

    Attributes:
        component: Its name.
        text: In one sentence.
        code: E.g. `INSTALL_ERROR`.
    """

    component: str
    text: str
    code: str


@dataclass(frozen=True)
class Work:
    """The deployment in a device's hands.

    Attributes:
        plan: The components after it; empty as long as it is not prepared.
        steps: What is to be run in this phase.
        position: The step that is next.
        attempt: How often it has failed.
        started_at: When its script was started last.
        not_before: When it is tried again.
        trouble: What has made the device go back.
    """

    deployment: str
    phase: Phase = Phase.PREPARE
    plan: tuple[Planned, ...] = ()
    steps: tuple[Step, ...] = ()
    position: int = 0
    attempt: int = 0
    started_at: datetime | None = None
    not_before: datetime | None = None
    trouble: Trouble | None = None


@dataclass(frozen=True)
class Ending:
    """The end of a deployment on a device.

    Attributes:
        deployment: Its id.
        now: When.
        trouble: What is wrong with one of the components that are left; None when all are well.
    """

    deployment: str
    now: datetime
    trouble: Trouble | None = None


def work_of(connection: sqlite3.Connection, thing: str) -> Work | None:
    """Return the deployment in a device's hands."""
    row = connection.execute("SELECT * FROM greengrass_work WHERE thing = ?", (thing,)).fetchone()
    if row is None:
        return None
    return Work(
        deployment=row["deployment"],
        phase=Phase(row["phase"]),
        plan=tuple(map(_planned, json.loads(row["plan"]))),
        steps=tuple(Step(**step) for step in json.loads(row["steps"])),
        position=row["position"],
        attempt=row["attempt"],
        started_at=_time(row["started_at"]),
        not_before=_time(row["not_before"]),
        trouble=None if row["failure"] is None else Trouble(**json.loads(row["failure"])),
    )


def take_work(connection: sqlite3.Connection, thing: str, deployment: str) -> None:
    """Let a device have a deployment in its hands."""
    connection.execute(
        "INSERT INTO greengrass_work (thing, deployment, phase, plan, steps, position, attempt)"
        " VALUES (?, ?, ?, '[]', '[]', 0, 0)",
        (thing, deployment, Phase.PREPARE),
    )


def keep_work(connection: sqlite3.Connection, thing: str, work: Work) -> bool:
    """Remember how far a device is; return False where it does not have that any more, as it was removed."""
    changed = connection.execute(
        "UPDATE greengrass_work SET phase = ?, plan = ?, steps = ?, position = ?, attempt = ?, started_at = ?,"
        " not_before = ?, failure = ? WHERE thing = ? AND deployment = ?",
        (work.phase, _json(work.plan), _json(work.steps), work.position, work.attempt, _text(work.started_at),
         _text(work.not_before), None if work.trouble is None else json.dumps(asdict(work.trouble)),
         thing, work.deployment),
    ).rowcount  # fmt: skip
    return changed > 0


def drop_work(connection: sqlite3.Connection, thing: str, work: Work) -> bool:
    """Let a device have nothing in its hands; return False where it does not have that any more."""
    query = "DELETE FROM greengrass_work WHERE thing = ? AND deployment = ?"
    return connection.execute(query, (thing, work.deployment)).rowcount > 0


def installed_on(connection: sqlite3.Connection, thing: str) -> dict[str, Planned]:
    """Return the components on a device, by name."""
    rows = connection.execute("SELECT * FROM greengrass_installed WHERE thing = ?", (thing,))
    return {
        row["name"]: Planned(
            row["name"],
            row["version"],
            bool(row["is_root"]),
            json.loads(row["configuration"]),
            tuple(Step(**step) for step in json.loads(row["steps"])),
            LifecycleState(row["state"]),
        )
        for row in rows
    }


def keep_installed(connection: sqlite3.Connection, thing: str, components: Iterable[Planned], ending: Ending) -> None:
    """Replace what is on a device, and with it the device's health."""
    rows = connection.execute("SELECT * FROM greengrass_installed WHERE thing = ?", (thing,)).fetchall()
    before = {row["name"]: row for row in rows}
    connection.execute("DELETE FROM greengrass_installed WHERE thing = ?", (thing,))
    for each in components:
        _insert(connection, thing, each, before.get(each.name), ending)
    status = CoreStatus.HEALTHY if ending.trouble is None else CoreStatus.UNHEALTHY
    connection.execute(
        "UPDATE greengrass_cores SET status = ?, status_at = ? WHERE thing = ?",
        (status, ending.now.isoformat(), thing),
    )


def _insert(
    connection: sqlite3.Connection, thing: str, component: Planned, before: sqlite3.Row | None, ending: Ending
) -> None:
    trouble = ending.trouble if ending.trouble is not None and ending.trouble.component == component.name else None
    state = component.state if trouble is None else LifecycleState.BROKEN
    source, changed_at, now = ending.deployment, ending.now.isoformat(), ending.now.isoformat()
    if before is not None and (before["version"], before["state"]) == (component.version, state):
        source, changed_at = before["source"], before["changed_at"]
    connection.execute(
        "INSERT INTO greengrass_installed (thing, name, version, is_root, state, details, codes, changed_at,"
        " reported_at, source, configuration, steps) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (thing, component.name, component.version, component.is_root, state, None if trouble is None else trouble.text,
         json.dumps([] if trouble is None else [trouble.code]), changed_at, now, source,
         json.dumps(component.configuration), _json(component.steps)),
    )  # fmt: skip


def roots_on(connection: sqlite3.Connection, thing: str) -> dict[str, dict[str, str]]:
    """Return the versions of components that a device has by deployment, by the target's ARN."""
    rows = connection.execute("SELECT target, components FROM greengrass_roots WHERE thing = ?", (thing,))
    return {row["target"]: json.loads(row["components"]) for row in rows}


def keep_roots(connection: sqlite3.Connection, thing: str, roots: Mapping[str, Mapping[str, str]]) -> None:
    """Replace them."""
    connection.execute("DELETE FROM greengrass_roots WHERE thing = ?", (thing,))
    connection.executemany(
        "INSERT INTO greengrass_roots (thing, target, components) VALUES (?, ?, ?)",
        [(thing, target, json.dumps(components)) for target, components in roots.items()],
    )


def _planned(document: Mapping[str, Any]) -> Planned:
    steps = tuple(Step(**step) for step in document["steps"])
    return Planned(**{**document, "steps": steps, "state": LifecycleState(document["state"])})


def _json(items: Sequence[Planned] | Sequence[Step]) -> str:
    return json.dumps([asdict(item) for item in items])


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _text(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat()
