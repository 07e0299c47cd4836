"""A browser for tests: asks an application without a network, keeps cookies, and repeats the token of its session."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any

from starlette.types import ASGIApp, Message

JSON = "application/json"
NEVER = b"never comes"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Sequence[tuple[str, str]]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)

    @property
    def code(self) -> str:
        """Return the code of what was not granted."""
        return str(self.json["error"]["code"])

    @property
    def text(self) -> str:
        """Return why it was not granted."""
        return str(self.json["error"]["text"])

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name.lower()), None)


@dataclass
class Browser:
    """One browser at an address."""

    app: ASGIApp
    address: str = "127.0.0.1"
    host: str = "127.0.0.1:8380"
    scheme: str = "http"
    always: Mapping[str, str] = field(default_factory=dict)  # headers of every request
    cookies: dict[str, str] = field(default_factory=dict)
    csrf: str | None = None

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, headers=headers)

    def ask(
        self,
        method: str,
        path: str,
        *,
        document: object = None,
        content: Sequence[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Ask; header names may be spelt with `_` for `-`, and one that is None is left out."""
        sent: dict[str, str | None] = {"host": self.host, **self.always}
        if document is not None:
            content, sent["content-type"] = [json.dumps(document).encode()], JSON
        if self.csrf is not None and method != "GET":
            sent["x-csrf-token"] = self.csrf
        if self.cookies:
            sent["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        sent |= {name.replace("_", "-").lower(): value for name, value in (headers or {}).items()}
        pairs = [(name, value) for name, value in sent.items() if value is not None]
        answer = asyncio.run(self._ask(method, path, pairs, content or [b""]))
        self._keep_cookies(answer)
        return answer

    def sign_in(self, user: str, password: str, **headers: str) -> Answer:
        answer = self.ask("POST", "/api/v1/session", document={"user": user, "password": password}, headers=headers)
        if answer.status == 200:
            self.csrf = answer.json["csrf"]
        return answer

    def _keep_cookies(self, answer: Answer) -> None:
        for name, value in answer.headers:
            if name == "set-cookie":
                for cookie in SimpleCookie(value).values():
                    if cookie["max-age"] == "0":
                        self.cookies.pop(cookie.key, None)
                    else:
                        self.cookies[cookie.key] = cookie.value

    async def _ask(
        self, method: str, path: str, headers: Sequence[tuple[str, str]], content: Sequence[bytes]
    ) -> Answer:
        path, _, query = path.partition("?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": self.scheme,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in headers],
            "client": (self.address, 50000),
            "server": ("127.0.0.1", 8380),
        }
        left, sent = list(content), list[Message]()

        async def receive() -> Message:
            if not left or left[0] is NEVER:
                await asyncio.Event().wait()
            return {"type": "http.request", "body": left.pop(0), "more_body": bool(left)}

        async def send(message: Message) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        start = next(message for message in sent if message["type"] == "http.response.start")
        body = b"".join(message.get("body", b"") for message in sent if message["type"] == "http.response.body")
        return Answer(start["status"], [(name.decode(), value.decode()) for name, value in start["headers"]], body)
