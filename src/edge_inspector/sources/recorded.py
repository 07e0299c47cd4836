"""A recording as a source: what a camera once delivered, pixel for pixel; and how each frame of one is written down."""

import hashlib
import json
import time
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError, model_validator

from edge_inspector.errors import EndOfSource, FrameError, SourceError
from edge_inspector.frame import DamagedFrame, DropCause, Frame, check_image
from edge_inspector.settings.section import Section
from edge_inspector.web import WebPlace

PICTURES = "frames"  # folder of the pictures, beside the list of the frames


_SAME = (
    "frame_id", "captured_at", "captured_monotonic_ns", "source", "part_id", "part_frame", "lot", "product", "web",
)  # fmt: skip


class RecordedFrame(Section):
    """One line of the list: a frame, or one that arrived damaged and has no picture.

    Attributes:
        frame_id, captured_at, captured_monotonic_ns, captured_at_source, source, part_id, part_frame, full_wh: As in
            Frame.
        lot, product, web: Likewise.
        file: Its picture, relative to the recording.
        sha256: Of its pixels, row by row.
        problem, cause: As in DamagedFrame.
    """

    frame_id: int
    captured_at: datetime
    captured_monotonic_ns: int
    captured_at_source: str = "host"
    source: str
    part_id: str | None = None
    part_frame: int = 0
    full_wh: tuple[int, int] | None = None
    lot: str | None = None
    product: str | None = None
    web: WebPlace | None = None
    file: str | None = None
    sha256: str | None = None
    problem: str | None = None
    cause: DropCause | None = None

    @classmethod
    def of(cls, captured: Frame | DamagedFrame) -> Self:
        """Return what is written of a frame."""
        same = {name: getattr(captured, name) for name in _SAME}
        if isinstance(captured, DamagedFrame):
            return cls(**same, problem=captured.problem, cause=captured.cause)
        return cls(
            **same,
            captured_at_source=captured.captured_at_source,
            full_wh=captured.full_wh,
            file=f"{PICTURES}/{captured.frame_id:06d}.png",
            sha256=sha256_of(captured.image),
        )

    @classmethod
    def parse(cls, line: str | bytes) -> Self:
        """Return the frame in a line of the list.

        Raises:
            ValueError: If it is none.
        """
        try:
            return cls.model_validate(json.loads(line))
        except ValidationError as error:
            (first, *_) = error.errors(include_url=False)
            field = ".".join(map(str, first["loc"]))
            msg = f"{field}: {first['msg']}" if field else first["msg"].removeprefix("Value error, ")
            raise ValueError(msg) from error

    def line(self) -> str:
        """Return it as a line of the list."""
        return json.dumps(self.model_dump(mode="json", exclude_none=True))

    @model_validator(mode="after")
    def _is_a_frame_or_damaged(self) -> Self:
        if self.captured_at.tzinfo is None:
            msg = "captured_at: expected a time with its offset from UTC"
            raise ValueError(msg)
        has_picture, is_damaged = self.file is not None and self.sha256 is not None, self.problem is not None
        if has_picture == is_damaged or (self.cause is not None) != is_damaged:
            msg = "expected either file and sha256, or problem and cause"
            raise ValueError(msg)
        if self.file is not None and (Path(self.file).is_absolute() or ".." in Path(self.file).parts):
            msg = f"file: expected a path inside the recording, found {self.file!r}"
            raise ValueError(msg)
        return self


class RecordedFrames:
    """Delivers recorded frames as fast as they are taken, then ends."""

    def __init__(
        self, folder: Path, frames: Sequence[RecordedFrame], *, came_back: Collection[int] = (), away_ns: int = 0
    ) -> None:
        """Start at the first frame.

        The monotonic clock of another day is moved to now. Frames of a camera without a trigger keep the time between
        them. To those of parts only their order matters: all are stamped as captured now, so that late and duplicate
        ones are still known as such, and the ones of parts that came back `away_ns` later.

        Args:
            folder: The recording.
            frames: Its frames that are delivered.
            came_back: Ids of frames of parts that were on the line once before and are inspected again.
            away_ns: How much later these were captured, in nanoseconds.
        """
        self._folder = folder
        self._frames = frames
        self._came_back, self._away_ns = came_back, away_ns
        self._next = 0
        self._began_ns = time.monotonic_ns()

    def read(self, timeout_s: float) -> Frame | DamagedFrame:  # noqa: ARG002 - the port's signature: nothing to wait for
        """Return the next frame.

        Raises:
            EndOfSource: After the last one.
            SourceError: If its picture is missing, or is not the one that was recorded.
        """
        if self._next >= len(self._frames):
            raise EndOfSource
        recorded = self._frames[self._next]
        self._next += 1
        captured_at, monotonic_ns = recorded.captured_at.astimezone(UTC), self._monotonic_ns(recorded)
        if recorded.file is None or recorded.sha256 is None:
            return DamagedFrame(
                recorded.frame_id, captured_at, monotonic_ns, recorded.source, recorded.part_id,
                recorded.problem or "", recorded.part_frame, recorded.cause or DropCause.FRAME_DAMAGED,
                recorded.lot, recorded.product, recorded.web,
            )  # fmt: skip
        image = read_picture(self._folder / recorded.file, recorded.sha256)
        try:
            return Frame(
                image, recorded.frame_id, captured_at, monotonic_ns, recorded.source, recorded.part_id,
                recorded.captured_at_source, recorded.part_frame, recorded.full_wh,
                recorded.lot, recorded.product, recorded.web,
            )  # fmt: skip
        except FrameError as error:
            msg = f"{self._folder / recorded.file}: {error}"
            raise SourceError(msg) from error

    def _monotonic_ns(self, recorded: RecordedFrame) -> int:
        if recorded.part_id is None:
            return self._began_ns + recorded.captured_monotonic_ns - self._frames[0].captured_monotonic_ns
        return self._began_ns + (self._away_ns if recorded.frame_id in self._came_back else 0)


def read_picture(path: Path, sha256: str) -> NDArray[np.uint8]:
    """Return the (h, w) or (h, w, 3) uint8 pixels of a recorded picture.

    Raises:
        SourceError: If it is missing, no picture, or has other pixels than those with this sha256.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        msg = f"{path}: expected a picture of the recording, found: {error.strerror}"
        raise SourceError(msg) from error
    try:
        image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:  # an empty file
        image = None
    if image is None:
        msg = f"{path}: expected a picture, found {len(content)} bytes that are none"
        raise SourceError(msg)
    pixels = np.asarray(image, np.uint8)
    if (found := sha256_of(pixels)) != sha256:
        msg = f"{path}: expected pixels with sha256 {sha256}, found {found}"
        raise SourceError(msg)
    return pixels


def encode_picture(image: NDArray[np.uint8]) -> bytes:
    """Return a lossless PNG of (h, w) or (h, w, 3) uint8 pixels, encoded for speed."""
    check_image(image, "recorded frame")
    _, content = cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    return content.tobytes()


def sha256_of(image: NDArray[np.uint8]) -> str:
    """Return the sha256 of pixels, row by row."""
    return hashlib.sha256(np.ascontiguousarray(image).data).hexdigest()
