"""Commands from outside: what one says, and whether it may run.

A command is a message on `…/cmd/{name}`: a JSON object with `request_id`, `expires_at` and the arguments of the
command. It runs at most once, and whoever sent it is told what became of it. What has no readable request id cannot be
answered.
"""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NoReturn, TypeAlias

from edge_inspector.topics import TopicTree

LARGEST_COMMAND: Final = 4000  # bytes of the payload
LONGEST_REQUEST_ID: Final = 64  # characters
LONGEST_COMMAND_NAME: Final = 24  # the topic of its reply must fit
LONGEST_LIFE: Final = timedelta(days=1)  # until its expiry; ids are remembered until then
HEARTBEAT: Final = "heartbeat"  # in the place of a command's name: how the nucleus room tries its subscription

_OURS = {"request_id", "expires_at", "camera"}
_QUOTE = 60  # characters of a wrong value in an error
_NAME = re.compile(f"[A-Za-z0-9_-]{{1,{LONGEST_COMMAND_NAME}}}")  # a nucleus passes on what no broker takes in a topic
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


class CommandName(StrEnum):
    """What a station may be told to do."""

    SELF_TEST = "self-test"
    MODEL_ROLLBACK = "model-rollback"
    RELOAD = "reload"
    CAPTURE_SAMPLE = "capture-sample"
    PRODUCT = "product"  # change the line over
    TRIGGER = "trigger"  # a part is in front of the camera
    PART = "part"  # what the next part is
    ROLL = "roll"  # the roll has ended, another one begins


_NAME_OF_IT = (re.compile(r"[^\x00-\x1f\x7f]{1,64}"), "1 to 64 printable characters")
# What the arguments of a command must look like; each may be left out.
_ARGUMENTS: Mapping[str, Mapping[str, tuple[re.Pattern[str], str]]] = {
    CommandName.MODEL_ROLLBACK: {
        "to_sha256": (re.compile("[0-9a-f]{64}"), "64 lower-case hexadecimal digits"),
        "by": _NAME_OF_IT,
    },
    CommandName.PRODUCT: {"code": _NAME_OF_IT, "by": _NAME_OF_IT},
    CommandName.TRIGGER: {"part_id": _NAME_OF_IT, "lot": _NAME_OF_IT, "product": _NAME_OF_IT},
    CommandName.PART: {"part_id": _NAME_OF_IT, "lot": _NAME_OF_IT, "product": _NAME_OF_IT},
    CommandName.ROLL: {"roll": _NAME_OF_IT},
}


class CommandStatus(StrEnum):
    """What became of a command."""

    DONE = "done"
    REFUSED = "refused"  # it did not run
    EXPIRED = "expired"  # likewise: it, or its turn, came too late
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Command:
    """A command that may run.

    Attributes:
        name: Which one.
        request_id: Given by the sender; unique to the request.
        expires_at: Aware time after which it does not run any more.
        arguments: By name; checked where the command is one of `CommandName`.
    """

    name: str
    request_id: str
    expires_at: datetime
    arguments: Mapping[str, object]

    def answer(self, status: CommandStatus, text: str) -> "Answer":
        """Return the answer to it."""
        return Answer(self.name, self.request_id, status, text)

    def expired(self, now: datetime) -> "Answer | None":
        """Return the answer that it is too late, or None while it is not."""
        if now < self.expires_at:
            return None
        text = f"it expired at {self.expires_at.isoformat()}; the clock here says {now.isoformat(timespec='seconds')}"
        return self.answer(CommandStatus.EXPIRED, text)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the sender of a command is told.

    Attributes:
        name: Which command.
        request_id: Of the request.
        status: What became of it.
        text: The same for people.
    """

    name: str
    request_id: str
    status: CommandStatus
    text: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A message that is no command, and whose sender cannot be answered.

    Attributes:
        problem: What was found and what was expected.
    """

    problem: str


Read: TypeAlias = Command | Answer | Unreadable | None


def read_command(topic: str, payload: bytes, *, topics: TopicTree, allowed: Collection[str], now: datetime) -> Read:
    """Return the command that came on a topic of commands, or the answer where it must not run.

    None where it is for somebody else.

    Args:
        topic: Where it came.
        payload: What came.
        topics: Of the station and camera that took it.
        allowed: Names of the commands that may run.
        now: Aware time.
    """
    name = _name_in(topic, topics)
    if name is None or name == HEARTBEAT:
        return None
    try:
        document = _parse(payload)
        request_id = _request_id(document)
        if not _NAME.fullmatch(name):
            _fail(f"expected a name of at most {LONGEST_COMMAND_NAME} letters, digits, hyphens and underscores")
    except ValueError as error:
        return Unreadable(f"{topic[: 4 * _QUOTE]!r}: {error}")
    camera = document.get("camera")
    if isinstance(camera, str) and camera != topics.camera:
        return None
    try:
        return _check(name, request_id, document, allowed, now)
    except ValueError as error:
        return Answer(name, request_id, CommandStatus.REFUSED, f"{error}")


def _name_in(topic: str, topics: TopicTree) -> str | None:
    before = topics.command("")
    name = topic.removeprefix(before)
    return name if topic.startswith(before) and name and "/" not in name else None


def _parse(payload: bytes) -> dict[str, object]:
    if len(payload) > LARGEST_COMMAND:
        _fail(f"expected at most {LARGEST_COMMAND} bytes, found {len(payload)}")
    try:
        document = json.loads(payload)
    except (ValueError, RecursionError):
        _fail(f"expected a JSON object, found {payload[:_QUOTE]!r}")
    if not isinstance(document, dict):
        _fail(f"expected a JSON object, found {payload[:_QUOTE]!r}")
    return document


def _request_id(document: Mapping[str, object]) -> str:
    request_id = document.get("request_id")
    if not (isinstance(request_id, str) and request_id.isprintable() and 0 < len(request_id) <= LONGEST_REQUEST_ID):
        _fail(f"request_id: expected 1 to {LONGEST_REQUEST_ID} printable characters, found {_quote(request_id)}")
    return request_id


def _check(
    name: str, request_id: str, document: Mapping[str, object], allowed: Collection[str], now: datetime
) -> Command | Answer:
    if name not in allowed:
        _fail(f"unknown command {name!r}; expected one of {', '.join(sorted(allowed))}")
    if (camera := document.get("camera")) is not None and not isinstance(camera, str):
        _fail(f"camera: expected a name, found {_quote(camera)}")
    arguments = {key: value for key, value in document.items() if key not in _OURS}
    command = Command(name, request_id, _moment(document.get("expires_at")), arguments)
    if (expired := command.expired(now)) is not None:
        return expired
    if command.expires_at - now > LONGEST_LIFE:
        here = now.isoformat(timespec="seconds")
        _fail(f"expires_at: expected within a day from now, {here} by the clock here, found {command.expires_at}")
    known = _ARGUMENTS.get(name, {})
    for key, value in arguments.items():
        if key not in known:
            _fail(f"unknown argument {_quote(key)}; expected {', '.join(sorted(known)) or 'none'}")
        pattern, expected = known[key]
        if not isinstance(value, str) or not pattern.fullmatch(value):
            _fail(f"{key}: expected {expected}, found {_quote(value)}")
    return command


def _moment(value: object) -> datetime:
    problem = f"expires_at: expected a time as 2026-03-01T12:00:00Z, found {_quote(value)}"
    if not isinstance(value, str) or not _RFC_3339.fullmatch(value):
        _fail(problem)
    try:
        return datetime.fromisoformat(value.upper())
    except ValueError as error:  # a day or an hour that does not exist
        raise ValueError(problem) from error


def _quote(value: object) -> str:
    return "nothing" if value is None else repr(value)[:_QUOTE]


def _fail(problem: str) -> NoReturn:
    raise ValueError(problem)
