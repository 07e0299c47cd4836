"""A folder of images as a source: each image, or each few of them, is one part."""

import logging
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

from edge_inspector.errors import EndOfSource, FrameError, SourceError
from edge_inspector.frame import DamagedFrame, Frame
from edge_inspector.imaging import SUFFIXES, decode_for
from edge_inspector.sources.pacing import Pace

_log = logging.getLogger(__name__)


class DirectorySource:
    """Reads the images of a folder in the order of their names, once or again and again."""

    def __init__(  # noqa: PLR0913 - what the configuration says, and what the model needs
        self,
        path: Path,
        *,
        loop: bool,
        rate_hz: float | None,
        stop: threading.Event,
        frames_per_part: int = 1,
        gray: bool = False,
        smallest_wh: tuple[int, int] | None = None,
    ) -> None:
        """List the folder.

        Args:
            path: Folder; its subfolders are not read.
            loop: Start again after the last image.
            rate_hz: Images a second; as fast as they are taken when None.
            stop: Ends a wait.
            frames_per_part: So many images, which follow each other by name, show one part; its id is the first's name.
            gray: Leave the colors out, for a model that needs none.
            smallest_wh: Width and height of the model's input: large JPEGs are decoded to no more than it makes use
                of. Every pixel when None.

        Raises:
            SourceError: If the folder cannot be read or holds no image.
        """
        self._paths = list_images(path)
        self._loop = loop
        self._frames_per_part = frames_per_part
        self._gray, self._smallest_wh = gray, smallest_wh
        self._pace = None if rate_hz is None else Pace(rate_hz, stop)
        self._next = 0

    def read(self, timeout_s: float) -> Frame | DamagedFrame | None:
        """Return the next image as a frame, or None when its time has not come within `timeout_s` seconds.

        Raises:
            EndOfSource: After the last image, unless looped.
        """
        if self._next >= len(self._paths) and not self._loop:
            raise EndOfSource
        if self._pace is not None and not self._pace.wait(timeout_s):
            return None
        frame_id = self._next
        self._next += 1
        captured_at, captured_monotonic_ns = datetime.now(UTC), time.monotonic_ns()
        round_number, index = divmod(frame_id, len(self._paths))
        part_frame = index % self._frames_per_part
        path, name, first = self._paths[index], _name(self._paths[index]), _name(self._paths[index - part_frame])
        part_id = first if round_number == 0 else f"{first}#{round_number}"
        try:
            decoded = decode_for(path.read_bytes(), name, smallest_wh=self._smallest_wh, gray=self._gray)
        except (FrameError, OSError) as error:
            return DamagedFrame(frame_id, captured_at, captured_monotonic_ns, name, part_id, str(error), part_frame)
        return Frame(
            decoded.pixels, frame_id, captured_at, captured_monotonic_ns, name, part_id,
            part_frame=part_frame, full_wh=decoded.full_wh,
        )  # fmt: skip


def _name(path: Path) -> str:
    """Return a file's name as text: it need not be valid UTF-8, but an event must be."""
    return path.name.encode("utf-8", "backslashreplace").decode("utf-8")


def list_images(path: Path) -> list[Path]:
    """Return the image files of a folder by name, or the file itself; hidden files are left out.

    Raises:
        SourceError: If there is none.
    """
    if path.is_file():
        return [path]
    try:
        files = sorted(entry for entry in path.iterdir() if entry.is_file() and not entry.name.startswith("."))
    except OSError as error:
        msg = f"{path}: expected a folder of images, found: {error.strerror}"
        raise SourceError(msg) from error
    images = [file for file in files if file.suffix.lower() in SUFFIXES]
    if not images:
        msg = f"{path}: expected images ({', '.join(sorted(SUFFIXES))}), found {len(files)} other files"
        raise SourceError(msg)
    if len(images) < len(files):
        _log.info("%s: %d files that are no images are left out", path, len(files) - len(images))
    return images
