"""A person's browser, as far as the loop needs one: signs in, asks for JSON, says something."""

import json
import urllib.error
import urllib.request
from contextlib import closing
from http.cookiejar import CookieJar
from typing import Any, Final

from cloud_side.loop.programs import LoopError

_ANSWER_S: Final = 60.0


class Browser:
    """Keeps the cookies of one page."""

    def __init__(self, origin: str) -> None:
        """Ask nothing yet.

        Args:
            origin: Address of the page, without a path.
        """
        self._origin = origin
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        self.headers: dict[str, str] = {}

    def open(self, path: str) -> bytes:
        """Return what is at a path.

        Raises:
            LoopError: If the page does not answer, or not so.
        """
        status, content = self._ask("GET", path, None)
        if status >= 400:
            msg = f"{self._origin}{path}: expected an answer, found {status}"
            raise LoopError(msg)
        return content

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Return the status and the JSON of an answer; None where it has none.

        Raises:
            LoopError: If the page does not answer.
        """
        status, content = self._ask(method, path, body)
        return status, json.loads(content) if content else None

    def _ask(self, method: str, path: str, body: object) -> tuple[int, bytes]:
        request = urllib.request.Request(  # noqa: S310 - of this machine
            f"{self._origin}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Origin": self._origin, **self.headers},
        )
        try:
            with closing(self._opener.open(request, timeout=_ANSWER_S)) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with closing(error):
                return error.code, error.read()
        except OSError as error:
            msg = f"{self._origin}: the page does not answer: {error}"
            raise LoopError(msg) from error


def expect(status: int, answer: Any, *statuses: int) -> Any:  # noqa: ANN401 - any JSON
    """Return an answer that has one of these statuses.

    Raises:
        LoopError: If it has another one.
    """
    if status not in statuses:
        msg = f"expected one of {statuses}, found {status}: {json.dumps(answer)[:300]}"
        raise LoopError(msg)
    return answer
