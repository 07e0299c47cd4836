"""Static files: read once into a table, so that no path leads out of it."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from cloud_side.labeling.page.guard import Turned

_MEDIA: Final = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "png": "image/png",
    "svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class StaticFile:
    """One file, with its media type."""

    content: bytes
    media: str

    @property
    def etag(self) -> str:
        """Of its content."""
        return f'"{hashlib.sha256(self.content).hexdigest()[:32]}"'


class StaticFiles:
    """What a browser loads first."""

    def __init__(self, folder: Traversable | None = None) -> None:
        """Read them.

        Args:
            folder: Where they are; the package's own when None.
        """
        self._table = _table(files("cloud_side.labeling.page") / "static" if folder is None else folder)

    def answer(self, name: str, request: Request) -> Response:
        """Return a file as an answer; browsers ask each time whether it is still the same.

        Raises:
            Turned: 404.
        """
        file = self._table.get(name)
        if file is None:
            raise Turned(404, f"{name!r:.200}: expected a file of the page, found none")
        headers = {"ETag": file.etag, "Cache-Control": "no-cache", "Content-Type": file.media}
        if request.headers.get("if-none-match", "").removeprefix("W/") == file.etag:
            return Response(status_code=304, headers=headers)
        return Response(file.content, headers=headers)


def _table(folder: Traversable, before: str = "") -> Mapping[str, StaticFile]:
    return dict(_files(folder, before))


def _files(folder: Traversable, before: str) -> Iterator[tuple[str, StaticFile]]:
    for entry in folder.iterdir():
        media = _MEDIA.get(entry.name.rpartition(".")[2])
        if entry.is_dir():
            yield from _files(entry, f"{before}{entry.name}/")
        elif media is not None and not entry.name.startswith("."):
            yield f"{before}{entry.name}", StaticFile(entry.read_bytes(), media)
