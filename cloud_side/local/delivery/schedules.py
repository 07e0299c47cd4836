"""The chore that looks at the clock: what is due by a rule or a schedule goes to its targets."""

import json
import logging
import sqlite3
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from cloud_side.local.database import Database
from cloud_side.local.home import ACCOUNT, REGION
from cloud_side.local.services import scheduler
from cloud_side.local.services.events import rules
from cloud_side.local.services.events.deliveries import (
    TargetKind,
    deliver_by,
    deliver_later,
    kind_of,
    name_of,
)
from cloud_side.local.services.events.inputs import pipeline_parameters
from cloud_side.local.services.events.rules import Rule
from cloud_side.local.services.scheduler import Schedule

_LOOK_S = 0.5
_LATE_S = 60.0
_EVENTS = uuid.UUID("0b6b6e0a-57f4-4a35-8c0c-4a2c6f8b9d11")  # the ids of events by source and time are drawn from it

_log = logging.getLogger(__name__)


class Schedules:
    """Makes a delivery of each time that is due, once over kills.

    When something is due next is in the database, and moves on in the transaction that makes the delivery. What was
    due while no engine ran, or the machine slept, happens once as soon as one runs, however many times were missed;
    after that it is due as if nothing had been missed.
    """

    name = "schedules"

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.time) -> None:
        """Be ready.

        Args:
            database: Holds rules and schedules.
            clock: Returns the time, as a timestamp.
        """
        self._database = database
        self._clock = clock

    def turn(self) -> float:
        """Make deliveries of all that is due."""
        now = self._clock()
        for table, happen in (("rules", _rule_is_due), ("schedules", _schedule_is_due)):
            due = f"FROM {table} WHERE state = 'ENABLED' AND due_at <= ?"
            names = self._database.connection().execute(f"SELECT name {due} ORDER BY due_at", (now,)).fetchall()
            for (name,) in names:
                with self._database.transaction() as connection:
                    row = connection.execute(f"SELECT * {due} AND name = ?", (now, name)).fetchone()
                    if row is not None:  # else it was changed meanwhile
                        happen(connection, row, now)
        return _LOOK_S

    def close(self) -> None:
        """Do nothing: all is in the database."""


def _rule_is_due(connection: sqlite3.Connection, row: sqlite3.Row, now: float) -> None:
    rule = Rule(**dict(row))
    event = _event("aws.events", rule.arn, row, now)
    moment = datetime.fromtimestamp(now, UTC)
    deliver_by(rule, event, connection, now=moment)
    due_at = rules.next_due(rule.schedule, rule.created_at, moment)
    rules.keep(connection, replace(rule, due_at=due_at))


def _schedule_is_due(connection: sqlite3.Connection, row: sqlite3.Row, now: float) -> None:
    schedule = Schedule(**dict(row))
    event = _event("aws.scheduler", schedule.arn, row, now)
    target = json.loads(schedule.target)
    text = _text(target, event)
    deliver_later(connection, name_of(schedule.arn, event["id"]), schedule.arn, target, text)
    due_at = schedule.due_after(now)
    if due_at is None and schedule.after_completion == scheduler.DELETE:
        connection.execute("DELETE FROM schedules WHERE name = ?", (schedule.name,))
    else:
        scheduler.keep(connection, replace(schedule, due_at=due_at))


def _text(target: Mapping[str, Any], event: Mapping[str, Any]) -> str:
    """Return what the target of a schedule gets."""
    if kind_of(target["Arn"]) is TargetKind.PIPELINE:
        return pipeline_parameters(target, event)
    return _with_context(target["Input"], event) if "Input" in target else json.dumps({**event, "detail": "{}"})


def _event(source: str, arn: str, row: sqlite3.Row, now: float) -> dict[str, Any]:
    """Return the event of a time: the same one whenever it is made of the same time."""
    moment = datetime.fromtimestamp(row["due_at"], UTC)
    if now - row["due_at"] > _LATE_S:
        _log.warning("%s was due at %s, while no engine ran; it happens now, once", arn, moment.isoformat())
    return {
        "version": "0",
        "id": str(uuid.uuid5(_EVENTS, f"{arn} {row['created_at']} {moment.isoformat()}")),
        "detail-type": "Scheduled Event",
        "source": source,
        "account": ACCOUNT,
        "time": f"{moment:%Y-%m-%dT%H:%M:%SZ}",
        "region": REGION,
        "resources": [arn],
        "detail": {},
    }


def _with_context(text: str, event: Mapping[str, Any]) -> str:
    """Fill in what the User Guide has under "Adding context attributes"."""
    attributes = {
        "<aws.scheduler.schedule-arn>": event["resources"][0],
        "<aws.scheduler.scheduled-time>": event["time"],
        "<aws.scheduler.execution-id>": event["id"],
        "<aws.scheduler.attempt-number>": "1",
    }
    for attribute, value in attributes.items():
        text = text.replace(attribute, value)
    return text
