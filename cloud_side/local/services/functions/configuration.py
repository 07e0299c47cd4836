"""What the engine knows of a function, and how AWS tells it."""

import json
import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from cloud_side.local.home import ACCOUNT, REGION, Home
from cloud_side.local.services.functions.redaction import Redactor
from cloud_side.local.wiring import RefusedRequest

TABLES = """
CREATE TABLE IF NOT EXISTS functions (
    name TEXT PRIMARY KEY, handler TEXT NOT NULL, runtime TEXT NOT NULL, role TEXT NOT NULL, description TEXT NOT NULL,
    timeout_s INTEGER NOT NULL, memory_mb INTEGER NOT NULL, environment TEXT, code TEXT NOT NULL,
    code_sha256 TEXT NOT NULL, code_bytes INTEGER NOT NULL, revision TEXT NOT NULL, modified TEXT NOT NULL
) WITHOUT ROWID
"""
LATEST = "$LATEST"

_NAME = re.compile(r"(?:(?:arn:aws:lambda:)?(?:[a-z0-9-]+:)?(?:\d{12}:)?function:)?([A-Za-z0-9_-]{1,64})(?::(.+))?")


@dataclass(frozen=True)
class Function:
    """One function as it is now.

    Attributes:
        handler: `package.module.function`.
        environment: Its own variables; None where it was given none.
        code: The name of the folder with what its zip held; empty for a handler that this installation has.
        code_sha256: Of the zip, in base64.
        revision: Another one after each change.
        modified: Aware UTC.
    """

    name: str
    handler: str
    runtime: str
    role: str
    description: str
    timeout_s: int
    memory_mb: int
    environment: Mapping[str, str] | None = field(repr=False)
    code: str
    code_sha256: str
    code_bytes: int
    revision: str
    modified: datetime

    @property
    def arn(self) -> str:
        """The ARN without a version."""
        return arn_of(self.name)

    @property
    def redactor(self) -> Redactor:
        """What takes this function's secrets out of texts."""
        return Redactor(self.environment or {})

    def folder(self, home: Home) -> Path:
        """Return where its code is."""
        return home.functions / (self.code or "none")

    def told(self) -> dict[str, Any]:
        """Return it as AWS does."""
        answer: dict[str, Any] = {
            "FunctionName": self.name,
            "FunctionArn": self.arn,
            "Runtime": self.runtime,
            "Role": self.role,
            "Handler": self.handler,
            "CodeSize": self.code_bytes,
            "CodeSha256": self.code_sha256,
            "Description": self.description,
            "Timeout": self.timeout_s,
            "MemorySize": self.memory_mb,
            "LastModified": f"{self.modified:%Y-%m-%dT%H:%M:%S}.{self.modified.microsecond // 1000:03d}+0000",
            "RevisionId": self.revision,
            "Version": LATEST,
            "PackageType": "Zip",
            "State": "Active",
            "LastUpdateStatus": "Successful",
            "LoggingConfig": {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{self.name}"},
        }
        return answer if self.environment is None else {**answer, "Environment": {"Variables": dict(self.environment)}}


def arn_of(name: str) -> str:
    """Return the ARN of a function."""
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"


def name_in(text: str) -> str:
    """Return the name in a function's name or ARN.

    Raises:
        RefusedRequest: If it is none, or names a version.
    """
    found = _NAME.fullmatch(text)
    if found is None:
        message = f"{text!r} names no function, expected a name of letters, digits, - and _, or its ARN"
        raise RefusedRequest("InvalidParameterValueException", message)
    name, version = found.groups()
    if version not in (None, LATEST):
        message = f"Function not found: {arn_of(name)}:{version}; the local engine has no version but {LATEST}"
        raise RefusedRequest("ResourceNotFoundException", message, status=404)
    return name


def find(connection: sqlite3.Connection, text: str) -> Function:
    """Return the function of a name or ARN.

    Raises:
        RefusedRequest: If there is none.
    """
    name = name_in(text)
    row = connection.execute("SELECT * FROM functions WHERE name = ?", (name,)).fetchone()
    if row is None:
        message = f"Function not found: {arn_of(name)}"
        raise RefusedRequest("ResourceNotFoundException", message, status=404, Type="User")
    return from_row(row)


def from_row(row: sqlite3.Row) -> Function:
    """Return a function as it was kept."""
    environment = row["environment"]
    return Function(
        **{
            **dict(row),
            "environment": None if environment is None else json.loads(environment),
            "modified": datetime.fromisoformat(row["modified"]),
        }
    )


def keep(connection: sqlite3.Connection, function: Function) -> None:
    """Keep a function in place of the one of its name."""
    environment = None if function.environment is None else json.dumps(dict(function.environment))
    row = {**vars(function), "environment": environment, "modified": function.modified.isoformat()}
    marks = ", ".join(f":{column}" for column in row)
    connection.execute(f"INSERT OR REPLACE INTO functions ({', '.join(row)}) VALUES ({marks})", row)  # noqa: S608 - ours
