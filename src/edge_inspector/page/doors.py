"""Doors: everything that can be asked of the page, each with the role that it takes. Nothing is served without one."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from inspect import iscoroutinefunction
from typing import Any, Final, TypeAlias

from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import Response

from edge_inspector.page.access.roles import Role, Visitor

METHODS: Final = ("GET", "POST", "PUT", "DELETE")


class Document(BaseModel):
    """A document that comes in or goes out: unknown keys are errors, and values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Nothing(Document):
    """No query, no body."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request that may pass, parsed.

    Attributes:
        visitor: Who asks.
        path: What stands in the path, by name.
        query: The door's `query`, filled in.
        body: The door's `body`, filled in.
        request: What is left of it.
    """

    visitor: Visitor
    path: Mapping[str, str]
    query: Any
    body: Any
    request: Request


Handler: TypeAlias = Callable[[Asked], Document | Response]  # runs on a thread of its own; may read the disk
Streamer: TypeAlias = Callable[[Asked], Awaitable[Response]]  # runs on the event loop; must not wait otherwise


@dataclass(frozen=True, slots=True)
class Door:
    """One thing that can be asked.

    Attributes:
        method: GET, POST, PUT or DELETE. What is no GET changes something and asks for the CSRF token too.
        path: As Starlette spells it, for example `/api/v1/results/{inspection_id}`.
        role: What the visitor must be at least; NOTHING for what everybody may ask.
        summary: One line, for the description of the API.
        handler: Answers; a stream is answered on the event loop.
        query, body: How both are read.
        answer: What comes back; None for what is no JSON.
        media: Media type of what is no JSON.
        status: Of the answer where all is well.
        errors: Other statuses that it answers with, and why, beside those that any door has.
        is_public: Part of the documented API.
        needs_csrf: Whether a change repeats the token; only signing in, which gives it, does not.
    """

    method: str
    path: str
    role: Role
    summary: str
    handler: Handler | Streamer
    query: type[Document] = Nothing
    body: type[Document] = Nothing
    answer: type[Document] | None = None
    media: str = "application/json"
    status: int = 200
    errors: Mapping[int, str] = field(default_factory=dict)
    is_public: bool = True
    needs_csrf: bool = True

    def __post_init__(self) -> None:
        if self.method not in METHODS or not self.path.startswith("/"):
            msg = f"expected one of {', '.join(METHODS)} and a path from /, found {self.method} {self.path!r}"
            raise ValueError(msg)
        if self.is_stream and self.method != "GET":
            msg = f"{self.method} {self.path}: expected a function as its handler; only a GET can be a stream"
            raise ValueError(msg)
        if not self.needs_csrf and self.role is not Role.NOTHING:
            msg = f"{self.method} {self.path}: expected the CSRF token for what takes the role {self.role.label}"
            raise ValueError(msg)

    @property
    def is_stream(self) -> bool:
        """Whether its handler is a coroutine, which runs on the event loop."""
        return iscoroutinefunction(self.handler) or iscoroutinefunction(type(self.handler).__call__)


class Turned(Exception):  # noqa: N818 - an answer, not a fault of ours
    """The answer to a request that is not granted.

    Attributes:
        status: HTTP status.
        code: The same as one word, for programs.
        text: The same for people: what was found and what was expected.
        headers: More of the answer.
    """

    def __init__(self, status: int, code: str, text: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(text)
        self.status, self.code, self.text, self.headers = status, code, text, dict(headers or {})


class Problem(Document):
    """What every answer that grants nothing says, as `{"error": {"code", "text"}}`."""

    class Words(Document):
        """Of it."""

        code: str
        text: str

    error: Words
