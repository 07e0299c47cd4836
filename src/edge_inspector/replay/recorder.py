"""Writes a recording while a station runs, on a thread of its own; never holds up the line, and never leaves a hole."""

import hashlib
import json
import logging
import os
import threading
from collections import deque
from collections.abc import Collection, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias

from edge_inspector.errors import SourceError
from edge_inspector.events import EventWriter
from edge_inspector.frame import DamagedFrame, DropCause, Frame
from edge_inspector.ports import Delivered, FrameSource, OwingSource
from edge_inspector.replay.lines import LineFile
from edge_inspector.replay.recording import END, FRAMES, HEADER, INSPECTED, RESULTS, End, Header
from edge_inspector.replay.results import Found, WatchedWriter, frame_ids, result_document
from edge_inspector.sources.recorded import PICTURES, RecordedFrame, encode_picture

_log = logging.getLogger(__name__)

_MOST_WAITING_BYTES = 64_000_000  # of pictures that wait to be written
_MOST_WAITING = 10_000  # frames and results
_CLOSE_S = 30.0  # what waits is written for so long at the end
_WHOLE = "the session ended"

_Item: TypeAlias = Frame | DamagedFrame | Found | int  # a number: of a frame that is inspected


class Recorder:
    """An open recording: takes frames from the source, and what is published from the writer of its events.

    Cost per frame for the line: three locks and references. All is encoded and written on the thread `record`.
    """

    def __init__(  # noqa: PLR0913 - its limits
        self,
        folder: Path,
        header: Header,
        *,
        most_frames: int,
        min_free_bytes: float,
        patience_s: float = 0.0,
        most_waiting_bytes: int = _MOST_WAITING_BYTES,
    ) -> None:
        """Prepare; `with` makes the folder and starts.

        Args:
            folder: Made; must be new or empty.
            header: How the station is set up.
            most_frames: The recording ends after so many.
            min_free_bytes: And when its disk has less free than this.
            patience_s: How long a frame may wait for room, where the line can be held up.
            most_waiting_bytes: Pictures that may wait to be written.
        """
        self._folder = folder
        self._header = header
        self._most_frames = most_frames
        self._min_free_bytes = min_free_bytes
        self._patience_s = patience_s
        self._most_waiting_bytes = most_waiting_bytes
        self._changed = threading.Condition()
        self._waiting: deque[_Item] = deque()
        self._waiting_bytes = 0
        self._taken = 0
        self._ended: str | None = None
        self._closed = False
        self._sources = 0
        self._recorded: set[int] = set()
        self._results_end = False
        self._thread = threading.Thread(target=self._run, name="record", daemon=True)

    def __enter__(self) -> Self:
        """Make the folder and start.

        Raises:
            SourceError: If the folder cannot be made, or holds something.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            if held := next(self._folder.iterdir(), None):
                msg = f"{self._folder}: expected a new or an empty folder for the recording, found {held.name} in it"
                raise SourceError(msg)
            (self._folder / PICTURES).mkdir()
            content = self._header.model_dump_json(by_alias=True, indent=2).encode() + b"\n"
            (self._folder / HEADER).write_bytes(content)
            self._header_sha256 = hashlib.sha256(content).hexdigest()
            self._frames, self._results = LineFile(self._folder / FRAMES), LineFile(self._folder / RESULTS)
            self._inspected = LineFile(self._folder / INSPECTED)
        except OSError as error:
            msg = f"{self._folder}: expected a folder to record to, found: {error.strerror}"
            raise SourceError(msg) from error
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Write what waits, then the end; a station that could not even start leaves no recording."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join(_CLOSE_S)
        if self._thread.is_alive():
            _log.warning("%s: the recording was not finished within %g s", self._folder, _CLOSE_S)
        elif kind is not None and not self._taken:
            for name in (END, INSPECTED, RESULTS, FRAMES, HEADER):
                (self._folder / name).unlink(missing_ok=True)
            (self._folder / PICTURES).rmdir()

    def around_source(self, source: FrameSource) -> FrameSource:
        """Return the source with every frame of it recorded; a second source ends the recording."""
        self._sources += 1
        if self._sources > 1:
            self.end("the source was opened anew")
        return RecordingSource(source, self)

    def around_writer(self, writer: EventWriter) -> EventWriter:
        """Return a writer of the same events; what it writes of is recorded."""
        return WatchedWriter.around(writer, self.note)

    def note_inspected(self, frame: Frame) -> None:
        """Take the number of a frame that is inspected."""
        self.note(frame.frame_id)

    def note(self, found: Found | int) -> None:
        """Take what is published, or the number of a frame that is inspected; never waits."""
        with self._changed:
            if len(self._waiting) >= _MOST_WAITING:
                self._results_end = True
                self._end("it could not keep up with the results")
            if not self._results_end and not self._closed:
                self._waiting.append(found)
                self._changed.notify_all()

    def take(self, captured: Frame | DamagedFrame) -> None:
        """Take a frame, in the order in which the source delivers them; waits only where the line can be held up."""
        size = captured.image.nbytes if isinstance(captured, Frame) else 0
        with self._changed:
            if self._taken >= self._most_frames:
                self._end(f"{self._taken} frames were recorded")
            if self._patience_s and not self._has_room(size):
                self._changed.wait_for(lambda: self._has_room(size), self._patience_s)
            if not self._has_room(size):
                self._end("it could not keep up with the frames")
            if self._ended is not None:
                return
            self._taken += 1
            self._waiting.append(captured)
            self._waiting_bytes += size
            self._changed.notify_all()

    def end(self, reason: str) -> None:
        """Take no further frames; the results of those that were taken are still recorded."""
        with self._changed:
            self._end(reason)

    def _end(self, reason: str) -> None:
        if self._ended is None:
            self._ended = reason
            _log.warning("%s: the recording ends after %d frames: %s", self._folder, self._taken, reason)

    def _has_room(self, size: int) -> bool:
        if self._ended is not None:
            return True
        fits = self._waiting_bytes + size <= self._most_waiting_bytes or not self._waiting_bytes
        return fits and len(self._waiting) < _MOST_WAITING

    def _run(self) -> None:
        try:
            while (item := self._next()) is not None:
                if isinstance(item, Frame | DamagedFrame):
                    self._write_frame(item)
                elif isinstance(item, int):
                    self._write_found(self._inspected, str(item), [item])
                else:
                    document = result_document(item)
                    self._write_found(self._results, json.dumps(document), frame_ids(document))
            self._write_end()
        except Exception:  # noqa: BLE001 - thread boundary: the line goes on without its recording
            _log.exception("%s: the recording failed", self._folder)
            self.end("it failed")
        finally:
            for file in (self._frames, self._results, self._inspected):
                file.close()

    def _next(self) -> _Item | None:
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._waiting)
            if not self._waiting:
                return None
            item = self._waiting.popleft()
            if isinstance(item, Frame):
                self._waiting_bytes -= item.image.nbytes
            self._changed.notify_all()
            return item

    def _write_frame(self, captured: Frame | DamagedFrame) -> None:
        recorded = RecordedFrame.of(captured)
        path = None if recorded.file is None else self._folder / recorded.file
        try:
            self._check_free()
            if path is not None and isinstance(captured, Frame):
                path.write_bytes(encode_picture(captured.image))
            self._frames.add(recorded.line())
        except OSError as error:
            self._give_up_frames(f"frame {captured.frame_id} cannot be written: {error.strerror}", path)
            return
        self._recorded.add(captured.frame_id)

    def _check_free(self) -> None:
        status = os.statvfs(self._folder)
        free_bytes = status.f_bavail * status.f_frsize
        if free_bytes < self._min_free_bytes:
            raise OSError(0, f"the disk has {free_bytes / 1e6:.0f} MB free, less than health.min_free_mb")

    def _give_up_frames(self, reason: str, path: Path | None) -> None:
        """End the recording before a frame that cannot be written; those that wait behind it go too."""
        with self._changed:
            self._end(reason)
            self._waiting = deque(item for item in self._waiting if not isinstance(item, Frame | DamagedFrame))
            self._waiting_bytes = 0
            self._changed.notify_all()
        if path is not None:
            path.unlink(missing_ok=True)

    def _write_found(self, file: LineFile, line: str, numbers: Collection[int]) -> None:
        """Write what was found on the frames with these numbers, where they are all recorded."""
        if self._results_end or not self._recorded.issuperset(numbers):
            return
        try:
            file.add(line)
        except OSError as error:
            self._results_end = True
            self.end(f"a result cannot be written: {error.strerror}")

    def _write_end(self) -> None:
        with self._changed:
            reason = self._ended
        end = End(
            reason=reason or _WHOLE,
            is_whole=reason is None,
            frames=self._frames.count,
            results=self._results.count,
            sha256={
                HEADER: self._header_sha256,
                FRAMES: self._frames.sha256,
                RESULTS: self._results.sha256,
                INSPECTED: self._inspected.sha256,
            },
        )
        try:
            (self._folder / END).write_text(end.model_dump_json(indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            _log.warning("%s: the end of the recording cannot be written: %s", self._folder, error.strerror)
            (self._folder / END).unlink(missing_ok=True)
            return
        _log.info("%s: %d frames and %d results recorded: %s", self._folder, end.frames, end.results, end.reason)


class RecordingSource:
    """Reads from a source and shows every frame to the recorder."""

    def __init__(self, source: FrameSource, recorder: Recorder) -> None:
        self._source = source
        self._recorder = recorder

    def read(self, timeout_s: float) -> Delivered | None:
        """Return what the source delivers; see `FrameSource.read`."""
        delivered = self._source.read(timeout_s)
        if isinstance(delivered, Frame | DamagedFrame):
            self._recorder.take(delivered)
        return delivered

    def leave(self, cause: DropCause, problem: str) -> Sequence[Delivered]:
        """Return what the source still had; see `OwingSource.leave`."""
        left = self._source.leave(cause, problem) if isinstance(self._source, OwingSource) else ()
        for delivered in left:
            if isinstance(delivered, Frame | DamagedFrame):
                self._recorder.take(delivered)
        return left
