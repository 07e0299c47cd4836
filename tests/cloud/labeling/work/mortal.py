"""Processes that are killed between two calls that change something."""

from typing import Any


class Killed(BaseException):
    """The process ends here."""


class Mortal:
    """A client whose process is killed once so many calls of it and others have changed something."""

    def __init__(self, client: Any, left: list[None]) -> None:
        self._client, self._left = client, left

    def __getattr__(self, name: str) -> Any:
        if not name.startswith(("put_", "delete_", "send_")):
            return getattr(self._client, name)

        def call(**said: Any) -> Any:
            if not self._left:
                raise Killed
            self._left.pop()
            return getattr(self._client, name)(**said)

        return call
