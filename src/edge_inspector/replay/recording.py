"""A recording on disk: what is in it, and one clear error for what is not as it was written."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import Field, ValidationError

from edge_inspector.errors import FrameError
from edge_inspector.replay.results import ResultDocument, frame_ids
from edge_inspector.settings.section import Section
from edge_inspector.sources.recorded import RecordedFrame

SCHEMA = "edge-inspector/recording/2"
HEADER, FRAMES, END = "recording.json", "frames.jsonl", "end.json"
RESULTS, INSPECTED = "results.jsonl", "inspected.jsonl"

_Document = TypeVar("_Document", bound=Section)


class RecordingError(FrameError):
    """A recording cannot be used: input of ours, as an image is."""


class RecordedModel(Section):
    """The model that gave the results."""

    name: str
    version: str
    sha256: str


class Header(Section):
    """`recording.json`: written before the first frame.

    Attributes:
        schema_: Which kind of file it is.
        session_id, started_at: Identity of the run; ids of results depend on it.
        frames_per_part: Frames that a part has; None for a camera without a trigger.
        settings: The whole configuration, without its secrets.
        versions: Of this program and of what computes.
        processor: The same for the same numbers to the last digit.
        model: None where none ran.
    """

    schema_: Literal["edge-inspector/recording/2"] = Field(alias="schema")
    session_id: str
    started_at: datetime
    frames_per_part: int | None
    settings: dict[str, Any]
    versions: dict[str, str]
    processor: str
    model: RecordedModel | None


class End(Section):
    """`end.json`: written last; a recording without it was cut off, for example by a power failure.

    Attributes:
        reason: Why it ended.
        is_whole: It has the session to its end.
        frames, results: How many there are.
        sha256: Of the other files, by name.
    """

    reason: str
    is_whole: bool
    frames: int
    results: int
    sha256: dict[str, str]


@dataclass(frozen=True, slots=True)
class Recording:
    """What a recording holds.

    Attributes:
        folder: Where it is.
        header: How the station was set up.
        frames: In the order in which they were delivered.
        results: In the order in which they were published.
        inspected: Ids of the frames that were inspected.
        end: None where it was cut off.
    """

    folder: Path
    header: Header
    frames: tuple[RecordedFrame, ...]
    results: tuple[ResultDocument, ...]
    inspected: frozenset[int]
    end: End | None

    @property
    def is_whole(self) -> bool:
        """Whether it has the session to its end."""
        return self.end is not None and self.end.is_whole

    @property
    def has_every_result(self) -> bool:
        """Whether every result was published: without a trigger there may be a limit on how many."""
        is_triggered = self.header.frames_per_part is not None
        return is_triggered or self.header.settings.get("flow", {}).get("max_results_hz") is None


def open_recording(folder: Path) -> Recording:
    """Read a recording and check all but its pictures, which are checked when they are read.

    Raises:
        RecordingError: If something is missing or is not as it was written.
    """
    header = _document(folder / HEADER, Header)
    end = _document(folder / END, End) if (folder / END).exists() else None
    if end is not None:
        for name, expected in end.sha256.items():
            found = hashlib.sha256(_read(folder / name)).hexdigest()
            if found != expected:
                msg = f"{folder / name}: expected sha256 {expected}, found {found}: it was changed or cut off"
                raise RecordingError(msg)
    frames = tuple(_frame(*line) for line in _lines(folder / FRAMES, is_closed=end is not None))
    results = tuple(_result(*line) for line in _lines(folder / RESULTS, is_closed=end is not None))
    inspected = frozenset(_number(*line) for line in _lines(folder / INSPECTED, is_closed=end is not None))
    if not frames:
        msg = f"{folder / FRAMES}: expected frames, found none"
        raise RecordingError(msg)
    known = {frame.frame_id for frame in frames}
    for result in results:
        if unknown := [number for number in frame_ids(result) if number not in known]:
            msg = (
                f"{folder / FRAMES}: expected frame {unknown[0]}, of which there is a result; found {len(known)} others"
            )
            raise RecordingError(msg)
    for frame in frames:
        if frame.file is not None and not (folder / frame.file).is_file():
            msg = f"{folder / frame.file}: expected a picture of the recording, found no such file"
            raise RecordingError(msg)
    return Recording(folder, header, frames, results, inspected, end)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        msg = f"{path}: expected a file of a recording, found: {error.strerror}"
        raise RecordingError(msg) from error


def _document(path: Path, kind: type[_Document]) -> _Document:
    try:
        return kind.model_validate_json(_read(path))
    except ValidationError as error:
        (first, *_) = error.errors(include_url=False)
        field = ".".join(map(str, first["loc"]))
        msg = f"{path}: {f'{field}: ' if field else ''}{first['msg']}"
        raise RecordingError(msg) from error


def _lines(path: Path, *, is_closed: bool) -> list[tuple[str, bytes]]:
    """Return the lines of a file, each with its name for errors; the last may be half where the recording was cut."""
    lines = _read(path).split(b"\n")
    rest = lines.pop()
    if rest and is_closed:
        msg = f"{path}: line {len(lines) + 1}: expected a whole line, found one that is cut off"
        raise RecordingError(msg)
    return [(f"{path}: line {number}", line) for number, line in enumerate(lines, start=1)]


def _frame(name: str, line: bytes) -> RecordedFrame:
    try:
        return RecordedFrame.parse(line)
    except ValueError as error:
        msg = f"{name}: expected a recorded frame, found: {error}"
        raise RecordingError(msg) from error


def _number(name: str, line: bytes) -> int:
    try:
        return int(line)
    except ValueError as error:
        msg = f"{name}: expected the number of an inspected frame, found {line[:80]!r}"
        raise RecordingError(msg) from error


def _result(name: str, line: bytes) -> ResultDocument:
    try:
        document = json.loads(line)
    except ValueError as error:
        msg = f"{name}: expected a recorded result, found: {error}"
        raise RecordingError(msg) from error
    match document:
        case {"kind": "result" | "track", "id": str(), "frames": [{"frame_id": int()}, *_], "outcome": str()} if (
            all(isinstance(frame, dict) and "frame_id" in frame for frame in document["frames"])
            and ("track_id" in document) == (document["kind"] == "track")
            and "part_id" in document
        ):
            return dict(document)
    msg = f"{name}: expected a recorded result, found {line[:80]!r}"
    raise RecordingError(msg)
