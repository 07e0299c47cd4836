"""EventBridge Scheduler on this machine: what is to happen at a time, by the clock of a time zone."""

import json
import sqlite3
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.utils import parse_to_aware_datetime

from cloud_side.local.home import ACCOUNT, REGION
from cloud_side.local.services.events import deliveries
from cloud_side.local.services.events.timing import At, TimingError, parse_timing
from cloud_side.local.services.pages import page
from cloud_side.local.wiring import Answer, Parameters, RefusedRequest, Request, Service, refusing

TABLES = """
CREATE TABLE IF NOT EXISTS schedules (
    name TEXT PRIMARY KEY, expression TEXT NOT NULL, zone TEXT NOT NULL, state TEXT NOT NULL, target TEXT NOT NULL,
    start_at REAL, end_at REAL, after_completion TEXT NOT NULL, flexible TEXT NOT NULL, description TEXT,
    created_at REAL NOT NULL, modified_at REAL NOT NULL, due_at REAL
) WITHOUT ROWID
"""
GROUP = "default"
ENABLED, DELETE = "ENABLED", "DELETE"
_PAGE = 100
_JUST_BEFORE = timedelta(microseconds=1)


@dataclass(frozen=True)
class Schedule:
    """One schedule; times are timestamps.

    Attributes:
        target: What happens, as CreateSchedule takes it, in JSON.
        after_completion: Whether it is deleted once nothing is due any more.
        due_at: When it is due next; None where it never is again.
    """

    name: str
    expression: str
    zone: str
    state: str
    target: str
    start_at: float | None
    end_at: float | None
    after_completion: str
    flexible: str
    description: str | None
    created_at: float
    modified_at: float
    due_at: float | None

    @property
    def arn(self) -> str:
        """The ARN."""
        return arn_of(self.name)

    def due_after(self, moment: float) -> float | None:
        """Return when it is due after a moment; a rate begins with its start, or else when it is made."""
        timing = parse_timing(self.expression, self.zone)
        if isinstance(timing, At):  # start and end are not asked
            return timing.moment.timestamp() if timing.moment.timestamp() > moment else None
        anchor = datetime.fromtimestamp(self.start_at or self.created_at, UTC)
        after = max(datetime.fromtimestamp(moment, UTC), anchor - _JUST_BEFORE)  # its very beginning is due
        due = timing.next_after(after, anchor)
        return None if due is None or (self.end_at is not None and due.timestamp() > self.end_at) else due.timestamp()

    def told(self) -> dict[str, Any]:
        """Return it as AWS does."""
        members = {
            "Arn": self.arn,
            "GroupName": GROUP,
            "Name": self.name,
            "ScheduleExpression": self.expression,
            "ScheduleExpressionTimezone": self.zone,
            "State": self.state,
            "Target": json.loads(self.target),
            "StartDate": _time(self.start_at),
            "EndDate": _time(self.end_at),
            "ActionAfterCompletion": self.after_completion,
            "FlexibleTimeWindow": json.loads(self.flexible),
            "Description": self.description,
            "CreationDate": _time(self.created_at),
            "LastModificationDate": _time(self.modified_at),
        }
        return {name: value for name, value in members.items() if value is not None}


def arn_of(name: str) -> str:
    """Return the ARN of a schedule."""
    return f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/{GROUP}/{name}"


def find(connection: sqlite3.Connection, name: str) -> Schedule:
    """Return the schedule of a name.

    Raises:
        RefusedRequest: If there is none.
    """
    row = connection.execute("SELECT * FROM schedules WHERE name = ?", (name,)).fetchone()
    if row is None:
        raise RefusedRequest("ResourceNotFoundException", f"Schedule {name} does not exist.", status=404)
    return Schedule(**dict(row))


def keep(connection: sqlite3.Connection, schedule: Schedule) -> None:
    """Keep a schedule in place of the one of its name."""
    row = vars(schedule)
    marks = ", ".join(f":{column}" for column in row)
    connection.execute(f"INSERT OR REPLACE INTO schedules ({', '.join(row)}) VALUES ({marks})", row)  # noqa: S608 - ours


def _create(request: Request, connection: sqlite3.Connection) -> Answer:
    name = request.parameters["Name"]
    if connection.execute("SELECT 1 FROM schedules WHERE name = ?", (name,)).fetchone() is not None:
        raise RefusedRequest("ConflictException", f"Schedule {name} already exists.", status=409)
    schedule = _asked_for(request.parameters, request.now, request.now.timestamp())
    keep(connection, replace(schedule, due_at=schedule.due_after(0.0)))
    return {"ScheduleArn": schedule.arn}


def _update(request: Request, connection: sqlite3.Connection) -> Answer:
    _require_group(request.parameters)
    before = find(connection, request.parameters["Name"])
    schedule = _asked_for(request.parameters, request.now, before.created_at)
    is_as_before = _times_of(before) == _times_of(schedule)
    due_at = before.due_at if is_as_before else schedule.due_after(request.now.timestamp())
    keep(connection, replace(schedule, due_at=due_at))
    return {"ScheduleArn": schedule.arn}


def _times_of(schedule: Schedule) -> tuple[object, ...]:
    return schedule.expression, schedule.zone, schedule.start_at, schedule.end_at, schedule.state


def _asked_for(parameters: Parameters, now: datetime, created_at: float) -> Schedule:
    _require_group(parameters)
    deliveries.require_target(parameters["Target"])
    _require_json(parameters["Target"].get("Input", "{}"))
    expression, zone = parameters["ScheduleExpression"], parameters.get("ScheduleExpressionTimezone", "UTC")
    with refusing("ValidationException", TimingError):
        parse_timing(expression, zone)
    return Schedule(
        name=parameters["Name"],
        expression=expression,
        zone=zone,
        state=parameters.get("State", ENABLED),
        target=json.dumps(parameters["Target"]),
        start_at=_timestamp(parameters.get("StartDate")),
        end_at=_timestamp(parameters.get("EndDate")),
        after_completion=parameters.get("ActionAfterCompletion", "NONE"),
        flexible=json.dumps(parameters["FlexibleTimeWindow"]),
        description=parameters.get("Description"),
        created_at=created_at,
        modified_at=now.timestamp(),
        due_at=None,
    )


def _require_json(text: str) -> None:
    try:
        json.loads(text)
    except ValueError as error:
        message = f"Target.Input is not JSON, as all targets on the local engine expect: {error}"
        raise RefusedRequest("ValidationException", message) from error


def _delete(request: Request, connection: sqlite3.Connection) -> Answer:
    _require_group(request.parameters)
    schedule = find(connection, request.parameters["Name"])
    connection.execute("DELETE FROM schedules WHERE name = ?", (schedule.name,))
    return {}


def _get(request: Request) -> Answer:
    _require_group(request.parameters)
    return find(request.database.connection(), request.parameters["Name"]).told()


def _list(request: Request) -> Answer:
    _require_group(request.parameters)
    parameters = request.parameters
    prefix, limit = parameters.get("NamePrefix", ""), parameters.get("MaxResults", _PAGE)
    query = (
        "SELECT * FROM schedules WHERE name > ? AND substr(name, 1, length(?)) = ? AND (? IS NULL OR state = ?)"
        " ORDER BY name LIMIT ?"
    )
    state = parameters.get("State")
    values = (parameters.get("NextToken", ""), prefix, prefix, state, state, limit + 1)
    rows = request.database.connection().execute(query, values)
    return page("Schedules", [_summary(Schedule(**dict(row)).told()) for row in rows], limit, "Name")


def _summary(told: dict[str, Any]) -> dict[str, Any]:
    members = ("Arn", "CreationDate", "GroupName", "LastModificationDate", "Name", "State")
    return {**{name: told[name] for name in members}, "Target": {"Arn": told["Target"]["Arn"]}}


def _require_group(parameters: Parameters) -> None:
    group = parameters.get("GroupName", GROUP)
    if group != GROUP:
        message = f"Schedule group {group} does not exist; the local engine has {GROUP} alone"
        raise RefusedRequest("ResourceNotFoundException", message, status=404)


def _timestamp(given: Any) -> float | None:  # noqa: ANN401 - what botocore takes for a time
    return None if given is None else float(parse_to_aware_datetime(given).timestamp())


def _time(timestamp: float | None) -> datetime | None:
    return None if timestamp is None else datetime.fromtimestamp(timestamp, UTC)


SCHEDULER = Service(
    "scheduler",
    reads={"GetSchedule": _get, "ListSchedules": _list},
    writes={"CreateSchedule": _create, "UpdateSchedule": _update, "DeleteSchedule": _delete},
    tables=f"{TABLES}; {deliveries.TABLES}",
)
