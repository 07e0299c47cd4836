"""Static files: what a browser loads first, in a table that is read once, so that no path leads out of it."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from edge_inspector.page.access.roles import Role
from edge_inspector.page.doors import Asked, Door, Turned

MEDIA: Final = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "ico": "image/x-icon",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "mjs": "text/javascript; charset=utf-8",
    "png": "image/png",
    "svg": "image/svg+xml",
    "webmanifest": "application/manifest+json",
    "woff2": "font/woff2",
}
_FIRST, _ICON = "index.html", "favicon.svg"


@dataclass(frozen=True, slots=True)
class StaticFile:
    """One file.

    Attributes:
        content: All of it.
        media: Its media type.
        etag: Of its content.
    """

    content: bytes
    media: str
    etag: str


def doors(folder: Traversable | None = None) -> Sequence[Door]:
    """Return the doors of the static files.

    Args:
        folder: Where they are; the package's own when None. It is read now.
    """
    table = read_table(files("edge_inspector.page") / "static" if folder is None else folder)

    def first(asked: Asked) -> Response:
        return _answer(table, _FIRST, asked.request)

    def icon(asked: Asked) -> Response:
        return _answer(table, _ICON, asked.request)

    def named(asked: Asked) -> Response:
        return _answer(table, asked.path["name"], asked.request)

    return tuple(
        Door("GET", path, Role.NOTHING, summary, handler, media=media, is_public=False)
        for path, summary, handler, media in (
            ("/", "The page", first, "text/html"),
            ("/favicon.svg", "Its icon", icon, "image/svg+xml"),
            ("/static/{name:path}", "What it is made of", named, "*/*"),
        )
    )


def read_table(folder: Traversable) -> Mapping[str, StaticFile]:
    """Return the files of a folder by name, `/` between folder and file; those of other types than `MEDIA` stay out."""
    return dict(_files(folder, ""))


def _files(folder: Traversable, before: str) -> Iterator[tuple[str, StaticFile]]:
    for entry in folder.iterdir():
        media = MEDIA.get(entry.name.rpartition(".")[2])
        if entry.is_dir():
            yield from _files(entry, f"{before}{entry.name}/")
        elif media is not None and not entry.name.startswith("."):
            content = entry.read_bytes()
            yield f"{before}{entry.name}", StaticFile(content, media, f'"{hashlib.sha256(content).hexdigest()[:32]}"')


def _answer(table: Mapping[str, StaticFile], name: str, request: Request) -> Response:
    file = table.get(name)
    if file is None:
        raise Turned(404, "unknown", f"{name!r:.200}: expected a file of the page, found none")
    headers = {"ETag": file.etag, "Cache-Control": "no-cache", "Content-Type": file.media}
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    if file.etag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(file.content, headers=headers)
