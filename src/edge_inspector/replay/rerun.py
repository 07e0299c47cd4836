"""Recorded frames through the real pipeline once more: without broker, journal or samples, and without hurry."""

import tempfile
import threading
from collections import Counter
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

from edge_inspector.app import build
from edge_inspector.app.detector import collects
from edge_inspector.daemon import stop_on_signals
from edge_inspector.errors import ConfigError, InspectorError, SourceError
from edge_inspector.identity import Session
from edge_inspector.inspection import InspectionResult
from edge_inspector.replay.recording import HEADER, Recording, RecordingError
from edge_inspector.replay.results import Found, ResultDocument, WatchedWriter, frame_ids, result_document
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
_QUEUE = 8  # frames that wait for the detector
_FOUND_QUEUE = 1000  # results, and tracks of which one frame may end very many


@dataclass(frozen=True)
class _ResultsAlone(WatchedWriter):
    """Writes no events of results: nobody reads them."""

    def of_result(self, result: InspectionResult) -> list[Message]:
        self.watch(result)
        return []


def recorded_settings(recording: Recording) -> Settings:
    """Return the configuration of a recording, its source, broker and page apart: those are not used again.

    Raises:
        RecordingError: If this version cannot read it.
    """
    header = recording.header
    source: dict[str, object] = {"type": "video", "path": str(recording.folder)}
    if header.frames_per_part is not None:
        source |= {"type": "directory", "frames_per_part": str(header.frames_per_part)}
    recorded = header.settings.get("source")
    if isinstance(recorded, dict) and recorded.get("web") is not None:  # its defects are put together as on the line
        source = {"type": "simulated_web", "lines_hz": None, "web": {**recorded["web"], "speed": None}}
    sections = {name: section for name, section in header.settings.items() if name not in {"mqtt", "page"}}
    if isinstance(products := sections.get("products"), dict):  # no camera is set up again
        sections["products"] = {code: {**product, "camera": None} for code, product in products.items()}
    try:
        return parse({**sections, "source": source}, name=str(recording.folder / HEADER))
    except ConfigError as error:
        raise RecordingError(str(error)) from error


def rerun(recording: Recording, settings: Settings) -> list[ResultDocument]:
    """Return the results of the recorded frames, in the order in which they would be published.

    Args:
        recording: What was recorded.
        settings: Model, policy and tracks; what else they say is replaced. No update takes the model's place: see
            `with_model_in_force`.

    Raises:
        RecordingError: If a picture is not as it was written.
        InspectorError: As `app.build`; or if results were lost, a defect of ours.
        KeyboardInterrupt: If a signal asked for an end.
    """
    source = RecordedFrames(
        recording.folder, inspected_frames(recording), came_back=_came_back(recording), away_ns=_AWAY_NS
    )
    found: list[Found] = []
    stop = stop_on_signals(threading.Event())
    session = Session(recording.header.session_id, recording.header.started_at.astimezone(UTC))
    with (
        tempfile.TemporaryDirectory(prefix="edge-inspector-replay-") as home,
        build(
            without_surroundings(settings, Path(home)),
            stop,
            around_writer=lambda writer: _ResultsAlone.around(writer, found.append),
            source=source,
            session=session,
            watched=False,
        ) as station,
    ):
        try:
            totals = station.run(stop)
        except SourceError as error:
            raise RecordingError(str(error)) from error
    if stop.is_set():
        raise KeyboardInterrupt
    if totals.undelivered:
        msg = f"the replay lost results: {totals.undelivered}"
        raise InspectorError(msg)
    return [result_document(each) for each in found]


def inspected_frames(recording: Recording) -> tuple[RecordedFrame, ...]:
    """Return the frames that are inspected again: all of parts, and of a camera without a trigger those that were."""
    if recording.header.frames_per_part is not None:
        return recording.frames
    known = recording.inspected
    if recording.has_every_result:  # then it is known of which inspections something came out
        results = (result for result in recording.results if result["kind"] == "result")
        known = frozenset(frame_id for result in results for frame_id in frame_ids(result))
    return tuple(frame for frame in recording.frames if frame.frame_id in known)


def without_surroundings(settings: Settings, home: Path) -> Settings:
    """Return settings that need nothing but frames and a model, and have all the time that it takes."""
    return settings.model_copy(
        update={
            "flow": FlowSettings(queue_size=_QUEUE, deadline_ms=_NEVER_MS, deliver_queue_size=_FOUND_QUEUE),
            "model": settings.model.model_copy(update={"remote": None}),  # nobody is asked
            "gate": None,  # nothing is on the line
            "identity": None,
            "mqtt": None,
            "page": None,
            "state": StateSettings(dir=home),
            "journal": JournalSettings(durable=False),
            "samples": type(settings.samples)(mode="collect" if collects(settings) else "off"),
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
