"""Deliveries: what is to reach a target, kept until it has, or until it never will."""

import sqlite3
import time
import uuid
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from cloud_side.local.services.events.inputs import Occasion, input_of, pipeline_parameters
from cloud_side.local.services.events.rules import Rule, targets_of
from cloud_side.local.wiring import RefusedRequest

TABLES = """
CREATE TABLE IF NOT EXISTS deliveries (
    id TEXT PRIMARY KEY, source TEXT NOT NULL, arn TEXT NOT NULL, input TEXT NOT NULL,
    attempt INTEGER NOT NULL, attempts INTEGER NOT NULL, due_at REAL NOT NULL, expires_at REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS deliveries_by_due ON deliveries (due_at);
CREATE TABLE IF NOT EXISTS dead_letters (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL,
    source TEXT NOT NULL, arn TEXT NOT NULL, input TEXT NOT NULL, reason TEXT NOT NULL
)
"""
_RETRIES = 8  # AWS tries 185 times within a day
_LONGEST_S = 86_400
_NAMES = uuid.UUID("3c0e5c5e-77c5-4c0b-8a3a-0d3c3a6b8a52")  # the names of deliveries are drawn from it


class TargetKind(StrEnum):
    """What can be a target; the value is in its ARN."""

    STATE_MACHINE = ":states:"
    FUNCTION = ":lambda:"
    TOPIC = ":sns:"
    PIPELINE = ":sagemaker:"


def kind_of(arn: str) -> TargetKind:
    """Return what a target is.

    Raises:
        RefusedRequest: If it is nothing that the local engine can reach.
    """
    for kind in TargetKind:
        if arn.startswith(f"arn:aws{kind}"):
            return kind
    known = "a state machine, a function, a topic or a pipeline"
    message = f"target {arn} is not there on the local engine, expected {known}"
    raise RefusedRequest("NotOnLocalEngine", message, status=501)


def require_target(target: Mapping[str, Any]) -> None:
    """Check that a target can be delivered to.

    Raises:
        RefusedRequest: If it cannot.
    """
    kind_of(target["Arn"])
    if "DeadLetterConfig" in target:
        message = f"DeadLetterConfig of {target['Arn']}: not there on the local engine, which keeps dead letters itself"
        raise RefusedRequest("NotOnLocalEngine", message, status=501)


def name_of(source: str, event: str, target: str = "") -> str:
    """Return the name of a delivery: the same one whenever the same is to be delivered; one that an execution may have.

    Args:
        source: The ARN of the rule or schedule.
        event: What is unique for the event, or the time that was due.
        target: Which of several targets.
    """
    return f"{uuid.uuid5(_NAMES, event)}_{uuid.uuid5(_NAMES, f'{source} {target}')}"


def deliver_later(
    connection: sqlite3.Connection, name: str, source: str, target: Mapping[str, Any], input_text: str
) -> None:
    """Have something delivered, once the caller's transaction is committed; once, however often this is asked.

    Args:
        connection: In that transaction.
        name: See `name_of`.
        source: The ARN of the rule or schedule.
        target: As PutTargets or CreateSchedule take it.
        input_text: What it gets.
    """
    policy, now = target.get("RetryPolicy", {}), time.time()
    attempts = 1 + policy.get("MaximumRetryAttempts", _RETRIES)
    expires_at = now + policy.get("MaximumEventAgeInSeconds", _LONGEST_S)
    values = (name, source, target["Arn"], input_text, attempts, now, expires_at)
    connection.execute("INSERT OR IGNORE INTO deliveries VALUES (?, ?, ?, ?, 0, ?, ?, ?)", values)


def deliver_by(rule: Rule, event: Mapping[str, Any], connection: sqlite3.Connection, *, now: datetime) -> None:
    """Have an event delivered to all targets of a rule, once the caller's transaction is committed.

    Args:
        rule: That the event goes by.
        event: With its `id`.
        connection: In that transaction.
        now: Aware UTC.
    """
    occasion = Occasion(event, rule.arn, now)
    for target in targets_of(connection, rule.name):
        name = name_of(rule.arn, event["id"], target["Id"])
        is_pipeline = kind_of(target["Arn"]) is TargetKind.PIPELINE
        text = pipeline_parameters(target, event) if is_pipeline else input_of(target, occasion)
        deliver_later(connection, name, rule.arn, target, text)
