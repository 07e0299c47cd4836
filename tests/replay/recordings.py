"""Recordings made by the real recorder, without a station around it."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from edge_inspector.decision import Decision, Verdict
from edge_inspector.detections import Detections
from edge_inspector.frame import DamagedFrame, Frame
from edge_inspector.inspection import FrameRecord, InspectionResult, ModelIdentity
from edge_inspector.replay.recorder import Recorder
from edge_inspector.replay.recording import SCHEMA, Header

FREE = 0.0


def header(*, frames_per_part: int | None = 1, **settings: Any) -> Header:
    return Header(
        schema=SCHEMA,
        session_id="session",
        started_at=datetime(2026, 3, 1, tzinfo=UTC),
        frames_per_part=frames_per_part,
        settings=settings,
        versions={"edge-inspector": "1"},
        processor="cpu",
        model=None,
    )


def recorder(folder: Path, **limits: Any) -> Recorder:
    return Recorder(folder, header(), **{"most_frames": 100, "min_free_bytes": FREE, **limits})


def result_of(
    *frame_ids: int, outcome: Decision | None = None, boxes: Sequence[Sequence[float]] = (), confidence: float = 0.9
) -> InspectionResult:
    """Return the result of a part with these frames."""
    at = datetime(2026, 3, 1, tzinfo=UTC)
    outcome = outcome or Decision(Verdict.ACCEPT)
    count = len(boxes)
    return InspectionResult(
        inspection_id=f"ID{frame_ids[0]}",
        part_id=f"part-{frame_ids[0]}",
        frames=tuple(
            FrameRecord(number, at, "host", "fake", (64, 48), outcome, place) for place, number in enumerate(frame_ids)
        ),
        detections=Detections(
            np.array(boxes, np.float32).reshape(count, 4),
            np.full(count, confidence, np.float32),
            np.zeros(count, np.int64),
        ),
        class_names=("scratch",),
        outcome=outcome,
        model=ModelIdentity("m", "1", "0" * 64),
        latency_ms={"total": 1.5},
        dropped_before={"stale": 1},
        sample_key="s/1",
    )


def write_recording(folder: Path, frames: list[Frame | DamagedFrame], *, results: bool = True) -> Path:
    """Record frames, each with a result of its own."""
    with recorder(folder) as open_recorder:
        for frame in frames:
            open_recorder.take(frame)
            if results:
                open_recorder.note(frame.frame_id)
                open_recorder.note(result_of(frame.frame_id))
    return folder


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]
