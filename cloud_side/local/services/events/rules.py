"""Rules and their targets, as they are kept."""

import json
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cloud_side.local.home import ACCOUNT, REGION
from cloud_side.local.services.events.timing import parse_timing
from cloud_side.local.wiring import Parameters, RefusedRequest

TABLES = """
CREATE TABLE IF NOT EXISTS rules (
    name TEXT PRIMARY KEY, pattern TEXT, schedule TEXT, state TEXT NOT NULL, description TEXT, role TEXT,
    created_at REAL NOT NULL, due_at REAL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS targets (
    rule TEXT NOT NULL, id TEXT NOT NULL, target TEXT NOT NULL, PRIMARY KEY (rule, id)
) WITHOUT ROWID
"""
BUS = "default"
ENABLED, DISABLED = "ENABLED", "DISABLED"


@dataclass(frozen=True)
class Rule:
    """Which events, or times, go to its targets.

    Attributes:
        pattern: Of events; None where it has none.
        schedule: Of times; None where it has none.
        due_at: When the next of the times is, as a timestamp; None where there is none.
    """

    name: str
    pattern: str | None
    schedule: str | None
    state: str
    description: str | None
    role: str | None
    created_at: float
    due_at: float | None

    @property
    def arn(self) -> str:
        """The ARN."""
        return arn_of(self.name)

    def told(self) -> dict[str, Any]:
        """Return it as AWS does."""
        members = {
            "Name": self.name,
            "Arn": self.arn,
            "EventPattern": self.pattern,
            "ScheduleExpression": self.schedule,
            "State": self.state,
            "Description": self.description,
            "RoleArn": self.role,
            "EventBusName": BUS,
        }
        return {name: value for name, value in members.items() if value is not None}


def arn_of(name: str) -> str:
    """Return the ARN of a rule."""
    return f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{name}"


def require_bus(parameters: Parameters) -> None:
    """Check that a request is about the one bus that there is.

    Raises:
        RefusedRequest: If it is not.
    """
    bus = parameters.get("EventBusName", BUS)
    if bus not in (BUS, f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/{BUS}"):
        message = f"Event bus {bus} does not exist; the local engine has {BUS} alone"
        raise RefusedRequest("ResourceNotFoundException", message, status=404)


def find(connection: sqlite3.Connection, name: str) -> Rule:
    """Return the rule of a name.

    Raises:
        RefusedRequest: If there is none.
    """
    row = connection.execute("SELECT * FROM rules WHERE name = ?", (name,)).fetchone()
    if row is None:
        message = f"Rule {name} does not exist on EventBusName {BUS}."
        raise RefusedRequest("ResourceNotFoundException", message, status=404)
    return Rule(**dict(row))


def keep(connection: sqlite3.Connection, rule: Rule) -> None:
    """Keep a rule in place of the one of its name."""
    row = vars(rule)
    marks = ", ".join(f":{column}" for column in row)
    connection.execute(f"INSERT OR REPLACE INTO rules ({', '.join(row)}) VALUES ({marks})", row)  # noqa: S608 - ours


def targets_of(connection: sqlite3.Connection, rule: str) -> list[dict[str, Any]]:
    """Return the targets of a rule, by their ids."""
    rows = connection.execute("SELECT target FROM targets WHERE rule = ? ORDER BY id", (rule,))
    return [json.loads(row["target"]) for row in rows]


def next_due(schedule: str | None, created_at: float, after: datetime) -> float | None:
    """Return when a rule is due after a moment: the first time of a rate is one period after it was made."""
    if schedule is None:
        return None
    made = datetime.fromtimestamp(created_at, UTC)
    due = parse_timing(schedule).next_after(max(after, made), made)
    return None if due is None else due.timestamp()
