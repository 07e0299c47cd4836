"""Somebody who asks a page by HTTP, and says exactly what a test wants said."""

import json
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPMessage
from typing import Any, Self
from urllib.parse import urlsplit

from tests.cloud.labeling.orders import PATIENCE_S


@dataclass(frozen=True)
class Told:
    """An answer."""

    status: int
    headers: HTTPMessage
    content: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.content)


@dataclass(frozen=True)
class Asker:
    """Somebody with a page's address, and the secret of their link."""

    netloc: str
    secret: str
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of_link(cls, link: str) -> Self:
        parts = urlsplit(link)
        secret = parts.query.removeprefix("key=")
        return cls(parts.netloc, secret, {"Authorization": f"Bearer {secret}", "X-Edge-Inspector": "1"})

    def ask(self, method: str, path: str, body: object = None, **headers: str | None) -> Told:
        """Ask; a header that is None is left out, `_` in its name stands for `-`."""
        said = {"Content-Type": "application/json"} if body is not None else {}
        said |= self.headers | {name.replace("_", "-"): value for name, value in headers.items() if value is not None}
        left_out = {name.replace("_", "-").lower() for name, value in headers.items() if value is None}
        said = {name: value for name, value in said.items() if name.lower() not in left_out}
        content = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        with closing(HTTPConnection(self.netloc, timeout=PATIENCE_S)) as connection:
            connection.request(method, path, content, said)
            answer = connection.getresponse()
            return Told(answer.status, answer.headers, answer.read())
