"""The wire between boto3's clients and the services of this machine: botocore's documented events, no server.

A client validates and serializes a request as it does for AWS; then, in place of sending it, the operation of that
name is called here, and what it returns is what the client would have parsed. So validation, modeled exceptions,
waiters, paginators and transfers are botocore's own.
"""

import hashlib
import json
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeAlias

import boto3
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.model import OperationModel

from cloud_side.local.calling import current_caller
from cloud_side.local.database import Database
from cloud_side.local.home import REGION, Home

TABLES = """
CREATE TABLE IF NOT EXISTS answered (
    scope TEXT NOT NULL, key TEXT NOT NULL, answer TEXT NOT NULL, PRIMARY KEY (scope, key)
) WITHOUT ROWID
"""
_PARAMETERS = "edge_inspector_parameters"
_REFUSED = "$refused"

Parameters: TypeAlias = Mapping[str, Any]
Answer: TypeAlias = Mapping[str, Any]


class RefusedRequest(Exception):  # noqa: N818 - the service refuses, as AWS would; the client raises its own error
    """A service's answer that is an error of its API.

    Attributes:
        code: As modeled, e.g. `NoSuchKey`: the client raises the exception of that name.
        message: Names the thing, what was found and what was expected.
        status: HTTP status.
        fields: Further members of the modeled error.
    """

    def __init__(self, code: str, message: str, *, status: int = 400, **fields: object) -> None:
        """Keep the parts of the answer."""
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.fields = fields


@dataclass(frozen=True)
class Request:
    """One call of an operation.

    Attributes:
        parameters: As given to the client, validated; botocore has rewritten a few, e.g. S3's `CopySource` as text.
        now: Aware UTC.
        key: The same when a task that was cut off calls again; None where nobody would.
    """

    parameters: Parameters
    home: Home
    database: Database
    now: datetime
    scope: str = ""
    key: str | None = None

    def remembered(self, connection: sqlite3.Connection) -> Answer | None:
        """Return what was answered to this very call before it was cut off."""
        if self.key is None:
            return None
        row = connection.execute(
            "SELECT answer FROM answered WHERE scope = ? AND key = ?", (self.scope, self.key)
        ).fetchone()
        return None if row is None else json.loads(row["answer"], object_hook=_restored)

    def remember(self, connection: sqlite3.Connection, answer: Answer) -> None:
        """Keep the answer in the transaction of its effect, so that both are there or none."""
        if self.key is not None:
            connection.execute(
                "INSERT INTO answered (scope, key, answer) VALUES (?, ?, ?)",
                (self.scope, self.key, json.dumps(answer, default=_kept)),
            )


Read: TypeAlias = Callable[[Request], Answer]
Write: TypeAlias = Callable[[Request, sqlite3.Connection], Answer]


@dataclass(frozen=True)
class Service:
    """What one AWS service does on this machine: the operations that the product uses.

    Attributes:
        name: As in `session.client(name)`.
        reads: Operations that change nothing.
        writes: Operations run in one transaction, and not again when the same call comes again. They are short, and
            call no client.
        slow: Operations that take their transactions themselves and remember their answers themselves.
        tables: `CREATE … IF NOT EXISTS` statements.
    """

    name: str
    reads: Mapping[str, Read] = field(default_factory=dict)
    writes: Mapping[str, Write] = field(default_factory=dict)
    slow: Mapping[str, Read] = field(default_factory=dict)
    tables: str = ""


def forget_answers(connection: sqlite3.Connection, scope: str) -> None:
    """Drop what was remembered for an execution that has ended."""
    connection.execute("DELETE FROM answered WHERE scope = ?", (scope,))


def local_session(
    home: Home, database: Database, services: Sequence[Service], *, clock: Callable[[], float] = time.time
) -> boto3.Session:
    """Return a session whose clients are answered on this machine; the clock tells seconds since 1970."""
    session = boto3.Session(aws_access_key_id="local", aws_secret_access_key="local", region_name=REGION)  # noqa: S106
    session._session.set_default_client_config(  # noqa: SLF001 - boto3 has no other way to a default
        Config(request_checksum_calculation="when_required", response_checksum_validation="when_required")
    )
    desk = _Desk(home, database, {service.name: service for service in services}, clock)
    session.events.register_first("before-parameter-build", desk.note)
    session.events.register_last("before-call", desk.answer)
    return session


class _Desk:
    def __init__(
        self, home: Home, database: Database, services: Mapping[str, Service], clock: Callable[[], float]
    ) -> None:
        self._home = home
        self._database = database
        self._services = services
        self._clock = clock

    def note(self, params: Parameters, context: dict[str, Any], **_: object) -> None:
        """Keep the parameters as the caller gave them: later there is only the serialized request."""
        context[_PARAMETERS] = dict(params)

    def answer(
        self, model: OperationModel, params: Mapping[str, Any], context: Mapping[str, Any], **_: object
    ) -> tuple[AWSResponse, dict[str, Any]]:
        """Answer in place of the network."""
        try:
            answer = dict(self._run(model, context[_PARAMETERS]))
            status = 200
        except RefusedRequest as refusal:
            status = refusal.status
            answer = {"Error": {"Code": refusal.code, "Message": refusal.message}, **refusal.fields}
        answer["ResponseMetadata"] = {
            "RequestId": str(uuid.uuid4()),
            "HTTPStatusCode": status,
            "HTTPHeaders": {},
            "RetryAttempts": 0,
        }
        return AWSResponse(params["url"], status, {}, None), answer

    def _run(self, model: OperationModel, parameters: Parameters) -> Answer:
        name = model.service_model.service_name
        service = self._services.get(name)
        known = {} if service is None else {**service.reads, **service.writes, **service.slow}
        if service is None or model.name not in known:
            there = ", ".join(sorted(known)) or f"nothing; services are {', '.join(sorted(self._services))}"
            msg = f"{name}:{model.name} is not there on the local engine; of {name} it has: {there}"
            raise RefusedRequest("NotOnLocalEngine", msg, status=501)
        request = self._request(model, parameters)
        if model.name not in service.writes:
            return {**service.reads, **service.slow}[model.name](request)
        answer = self._write(service.writes[model.name], request)
        if _REFUSED in answer:
            code, message, status, fields = answer[_REFUSED]
            raise RefusedRequest(code, message, status=status, **fields)
        return answer

    def _write(self, operation: Write, request: Request) -> Answer:
        """Return what an operation answers, or answered before; a refusal is an answer that had no effect."""
        with self._database.transaction() as connection:
            if (before := request.remembered(connection)) is not None:
                return before
            connection.execute("SAVEPOINT operation")
            try:
                answer = operation(request, connection)
            except RefusedRequest as refusal:
                connection.execute("ROLLBACK TO operation")
                answer = {_REFUSED: [refusal.code, refusal.message, refusal.status, refusal.fields]}
            request.remember(connection, answer)
            return answer

    def _request(self, model: OperationModel, parameters: Parameters) -> Request:
        caller = current_caller()
        key = None if caller is None else caller.key(_fingerprint(model, parameters))
        scope = "" if caller is None else caller.scope
        now = datetime.fromtimestamp(self._clock(), UTC)
        return Request(parameters, self._home, self._database, now, scope, key)


def _fingerprint(model: OperationModel, parameters: Parameters) -> str:
    """Return a hash of a call that is the same in a repetition; a stream counts as what it is, not what it holds."""
    drawn = set(model.idempotent_members)  # botocore fills these with a random token
    said = {key: value for key, value in parameters.items() if key not in drawn}
    text = json.dumps([model.service_model.service_name, model.name, said], sort_keys=True, default=_told)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _told(value: object) -> str:
    if isinstance(value, bytes | bytearray):
        return hashlib.sha256(value).hexdigest()
    return value.isoformat() if isinstance(value, datetime) else type(value).__name__


def _kept(value: object) -> dict[str, str]:
    if isinstance(value, datetime):
        return {"$datetime": value.isoformat()}
    msg = f"an answer to be remembered has a {type(value).__name__}, expected JSON or a datetime"
    raise TypeError(msg)


def _restored(value: dict[str, Any]) -> Any:  # noqa: ANN401 - any JSON
    return datetime.fromisoformat(value["$datetime"]) if value.keys() == {"$datetime"} else value


@contextmanager
def refusing(code: str, kind: type[Exception], *, status: int = 400) -> Iterator[None]:
    """Make an error of the block the service's answer."""
    try:
        yield
    except kind as error:
        raise RefusedRequest(code, str(error), status=status) from error
