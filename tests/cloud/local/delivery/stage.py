"""A home with rules, schedules, functions and topics, a stand-in for Step Functions, and chores that take turns."""

import sqlite3
from datetime import datetime
from typing import Any

from cloud_side.local.delivery.events import Delivery
from cloud_side.local.delivery.schedules import Schedules
from cloud_side.local.wiring import RefusedRequest
from tests.cloud.local.kept import Kept
from tests.mosquitto import eventually

MACHINE = "arn:aws:states:eu-central-1:000000000000:stateMachine:m"
FUNCTION = "arn:aws:lambda:eu-central-1:000000000000:function:f"
TOPIC = "arn:aws:sns:eu-central-1:000000000000:alarms"
ROLE = "arn:aws:iam::000000000000:role/r"
TABLES = "CREATE TABLE IF NOT EXISTS started (name TEXT, machine TEXT, input TEXT)"


def start(connection: sqlite3.Connection, *, machine_arn: str, name: str, input_text: str, now: datetime) -> str:
    """Note what is started; every time, so that a test sees what is started twice."""
    if not machine_arn.endswith(":m"):
        code, message = "StateMachineDoesNotExist", f"State Machine Does Not Exist: '{machine_arn}'"
        raise RefusedRequest(code, message)
    assert now.tzinfo is not None
    connection.execute("INSERT INTO started VALUES (?, ?, ?)", (name, machine_arn, input_text))
    return f"{machine_arn.replace('stateMachine', 'execution')}:{name}"


class Stage:
    def __init__(self, kept: Kept) -> None:
        self.client, self.database = kept.client, kept.database
        self.events, self.scheduler, self.sns = map(kept.client, ("events", "scheduler", "sns"))
        self.delivery = Delivery(self.database, start, pauses_s=(0.0, 0.0))

    def rows(self, query: str) -> list[sqlite3.Row]:
        return self.database.connection().execute(query).fetchall()

    def started(self) -> list[sqlite3.Row]:
        return self.rows("SELECT * FROM started ORDER BY rowid")

    def rule(self, name: str, pattern: str, *arns: str, **target: Any) -> None:
        """Put a rule with targets."""
        self.events.put_rule(Name=name, EventPattern=pattern)
        targets = [{"Id": f"{number}", "Arn": arn, **target} for number, arn in enumerate(arns)]
        self.events.put_targets(Rule=name, Targets=targets)

    def emit(self, detail: str = "{}", source: str = "edge", kind: str = "Something") -> str:
        """Put an event on the bus, and return its id."""
        answer = self.events.put_events(Entries=[{"Source": source, "DetailType": kind, "Detail": detail}])
        return str(answer["Entries"][0]["EventId"])

    def deliver(self) -> None:
        """Let the chore take turns until nothing is left to do."""
        eventually(lambda: self.delivery.turn() > 0, what="everything is delivered")
        assert not self.rows("SELECT * FROM emitted")

    def look_at_clock(self, now: float) -> None:
        """Let the time be so late, and deliver what is due."""
        Schedules(self.database, clock=lambda: now).turn()
        self.deliver()
