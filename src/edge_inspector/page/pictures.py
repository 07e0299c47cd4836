"""The pictures of results: as they were kept, or as small as a list shows them."""

import re
import threading
from collections import OrderedDict
from typing import Final

from pydantic import Field
from starlette.responses import Response

from edge_inspector.imaging import decode_for
from edge_inspector.page.access.roles import Role
from edge_inspector.page.desk import Pictures
from edge_inspector.page.doors import Asked, Document, Door, Turned
from edge_inspector.page.live_picture import encode, shrink
from edge_inspector.ports import StoredPicture

_CACHE_BYTES: Final = 4 << 20
_MEDIA: Final = {"jpg": "image/jpeg", "png": "image/png"}
_ID = re.compile(r"[0-9A-Za-z]{1,64}")  # what may stand in a header
_KEPT = "private, max-age=86400, immutable"


class PictureQuery(Document):
    """Which picture, and how large."""

    frame: int = Field(0, ge=0, le=10_000, description="which frame of the part")
    width: int | None = Field(
        None, ge=64, le=2048, description="a JPEG that is so wide at most; absent: as it was kept"
    )


class ResultPictures:
    """Hands pictures out; makes one small at a time, so that a long list leaves the cores to the line."""

    def __init__(self, pictures: Pictures | None) -> None:
        """Hand out these.

        Args:
            pictures: Of results; None where none are kept.
        """
        self._pictures = pictures
        self._shrinking = threading.Lock()
        self._small: OrderedDict[tuple[str, int, int], StoredPicture] = (
            OrderedDict()
        )  # the last one asked for comes last
        self._lock = threading.Lock()  # for them

    def doors(self) -> list[Door]:
        """Return what can be asked."""
        return [
            Door(
                "GET",
                "/api/v1/results/{inspection_id}/picture",
                Role.VIEWER,
                "The picture of a result, as it was kept or smaller",
                self.picture,
                query=PictureQuery,
                media="image/*",
                errors={304: "it is what the browser has", 404: "there is no picture of it any more"},
            )
        ]

    def picture(self, asked: Asked) -> Response:
        """Return the picture that is asked for.

        Raises:
            Turned: If there is none.
            FrameError: If the file is damaged.
        """
        inspection_id, query = asked.path["inspection_id"], asked.query
        if not _ID.fullmatch(inspection_id):
            raise _none(inspection_id, query.frame)
        headers = {"ETag": f'"{inspection_id}-{query.frame}-{query.width or "full"}"', "Cache-Control": _KEPT}
        if headers["ETag"] in asked.request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        found = self._find(inspection_id, query.frame, query.width)
        return Response(found.content, media_type=_MEDIA[found.suffix], headers=headers)

    def _find(self, inspection_id: str, part_frame: int, width: int | None) -> StoredPicture:
        if width is None:
            return self._read(inspection_id, part_frame)
        key = inspection_id, part_frame, width
        if (small := self._recall(key)) is not None:
            return small
        with self._shrinking:
            if (small := self._recall(key)) is None:
                small = _smaller(self._read(inspection_id, part_frame), width, name=inspection_id)
                self._keep(key, small)
        return small

    def _read(self, inspection_id: str, part_frame: int) -> StoredPicture:
        found = None if self._pictures is None else self._pictures.read(inspection_id, part_frame)
        if found is None:
            raise _none(inspection_id, part_frame)
        return found

    def _recall(self, key: tuple[str, int, int]) -> StoredPicture | None:
        with self._lock:
            if key in self._small:
                self._small.move_to_end(key)
            return self._small.get(key)

    def _keep(self, key: tuple[str, int, int], small: StoredPicture) -> None:
        with self._lock:
            self._small[key] = small
            while sum(len(each.content) for each in self._small.values()) > _CACHE_BYTES:
                self._small.popitem(last=False)


def _smaller(picture: StoredPicture, width: int, *, name: str) -> StoredPicture:
    """Return a JPEG that is at most so wide."""
    decoded = decode_for(picture.content, name, smallest_wh=(-(-width // 2), 1))  # which gives twice that, or more
    pixels = decoded.pixels
    if decoded.full_wh is None and pixels.shape[1] <= width and picture.suffix == "jpg":
        return picture
    return StoredPicture(encode(shrink(pixels, (width, pixels.shape[0]))), "jpg")


def _none(inspection_id: str, part_frame: int) -> Turned:
    return Turned(404, "no_picture", f"{inspection_id[:64]!r}, frame {part_frame}: expected a picture, found none")
