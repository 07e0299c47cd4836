"""Recorded frames through the real pipeline once more: without broker, journal or samples, and without hurry."""

import tempfile
import threading
from collections import Counter
from datetime import UTC
from pathlib import Path

from edge_inspector.app import build
from edge_inspector.daemon import stop_on_signals
from edge_inspector.errors import ConfigError, SourceError
from edge_inspector.frame import DropCause
from edge_inspector.identity import Session
from edge_inspector.replay.recording import HEADER, Recording, RecordingError
from edge_inspector.replay.results import ResultDocument, frame_ids, is_result, result_document
from edge_inspector.settings import (
    FlowSettings,
    HealthSettings,
    ImageQualitySettings,
    JournalSettings,
    LogSettings,
    Settings,
    StateSettings,
    parse,
)
from edge_inspector.sources.recorded import RecordedFrame, RecordedFrames
from edge_inspector.topics import Message

_NEVER_MS = 1e9  # a deadline of eleven days
_AWAY_NS = int(4 * _NEVER_MS * 1e6)  # after which a part is certainly on the line once more
_QUEUE = 8  # frames and results that wait between the threads
_NOT_LOOKED_AT = frozenset({DropCause.SUPERSEDED, DropCause.STALE, DropCause.STOPPED})


class _Results:
    """Keeps what is compared of every result."""

    def __init__(self) -> None:
        self.documents: list[ResultDocument] = []

    def send(self, message: Message) -> None:
        if is_result(message) and (document := result_document(message)) is not None:
            self.documents.append(document)


def recorded_settings(recording: Recording) -> Settings:
    """Return the configuration of a recording, its source and broker apart: those are not used again.

    Raises:
        RecordingError: If this version cannot read it.
    """
    header = recording.header
    source = {"type": "video", "path": str(recording.folder)}
    if header.frames_per_part is not None:
        source |= {"type": "directory", "frames_per_part": str(header.frames_per_part)}
    sections = {name: section for name, section in header.settings.items() if name != "mqtt"}
    try:
        return parse({**sections, "source": source}, name=str(recording.folder / HEADER))
    except ConfigError as error:
        raise RecordingError(str(error)) from error


def rerun(recording: Recording, settings: Settings) -> list[ResultDocument]:
    """Return the results of the recorded frames, in the order in which they would be published.

    Args:
        recording: What was recorded.
        settings: Model, policy and tracks; what else they say is replaced.

    Raises:
        RecordingError: If a picture is not as it was written, or the recording does not tell what was inspected.
        InspectorError: As `app.build`.
        KeyboardInterrupt: If a signal asked for an end.
    """
    source = RecordedFrames(
        recording.folder, inspected_frames(recording), came_back=_came_back(recording), away_ns=_AWAY_NS
    )
    results, stop = _Results(), stop_on_signals(threading.Event())
    session = Session(recording.header.session_id, recording.header.started_at.astimezone(UTC))
    with (
        tempfile.TemporaryDirectory(prefix="edge-inspector-replay-") as home,
        build(
            without_surroundings(settings, Path(home)), stop, sinks={"replay": results}, source=source, session=session
        ) as station,
    ):
        try:
            station.run(stop)
        except SourceError as error:
            raise RecordingError(str(error)) from error
    if stop.is_set():
        raise KeyboardInterrupt
    return results.documents


def inspected_frames(recording: Recording) -> tuple[RecordedFrame, ...]:
    """Return the frames that are inspected again: all of parts, and those with a result without a trigger.

    Raises:
        RecordingError: If results were left out when there were too many, so that it cannot be told.
    """
    if recording.header.frames_per_part is not None:
        return recording.frames
    flow = recording.header.settings.get("flow", {})
    if flow.get("max_results_hz") is None:
        known = {
            frame_id for result in recording.results if result["kind"] == "result" for frame_id in frame_ids(result)
        }
        return tuple(frame for frame in recording.frames if frame.frame_id in known)
    dropped = _NOT_LOOKED_AT & set({} if recording.end is None else recording.end.dropped)
    if recording.end is None or dropped:
        found = "no end" if recording.end is None else f"frames that were {', '.join(sorted(dropped))}"
        msg = (
            f"{recording.folder}: expected every frame to have been inspected, found {found}: with flow.max_results_hz "
            "not every result is published, and which frames were inspected is not in the recording"
        )
        raise RecordingError(msg)
    return recording.frames


def without_surroundings(settings: Settings, home: Path) -> Settings:
    """Return settings that need nothing but frames and a model, and have all the time that it takes."""
    collects = settings.samples.mode == "collect"
    return settings.model_copy(
        update={
            "flow": FlowSettings(queue_size=_QUEUE, deadline_ms=_NEVER_MS, deliver_queue_size=_QUEUE),
            "mqtt": None,
            "state": StateSettings(dir=home),
            "journal": JournalSettings(durable=False),
            "samples": type(settings.samples)(mode="collect" if collects else "off"),
            "health": HealthSettings(image=ImageQualitySettings(enabled=False), min_free_mb=0),
            "log": LogSettings(level="error"),
        }
    )


def _came_back(recording: Recording) -> frozenset[int]:
    """Return the frames of parts that were inspected more than once, from the second time on."""
    parts: Counter[str] = Counter()
    found: set[int] = set()
    for result in recording.results:
        if (part_id := result["part_id"]) is not None:
            parts[part_id] += 1
            found.update(frame_ids(result) if parts[part_id] > 1 else ())
    return frozenset(found)
