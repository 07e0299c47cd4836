"""Recordings made by the real recorder, without a station around it."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edge_inspector.frame import DamagedFrame, Frame
from edge_inspector.replay.recorder import Recorder
from edge_inspector.replay.recording import SCHEMA, Header
from edge_inspector.topics import CATALOGUE, Channel, Message

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


def result_message(*frame_ids: int, **fields: Any) -> Message:
    data = {
        "inspection_id": f"ID{frame_ids[0]}",
        "frames": [{"frame_id": number, "part_frame": 0, "captured_at": "x", "source": "s"} for number in frame_ids],
        "frames_total": len(frame_ids),
        "part_id": f"part-{frame_ids[0]}",
        "outcome": "accept",
        "reasons": [],
        "detections": [],
        "detections_total": 0,
        "latency_ms": {"total": 1.5},
        "dropped_before": {"stale": 1},
        "sample_key": "s/1",
        **fields,
    }
    return Message("a/b", json.dumps({"data": data}).encode(), CATALOGUE[Channel.RESULT], "x")


def stats_message(**dropped: int) -> Message:
    payload = json.dumps({"frames": {"dropped": dropped}}).encode()
    return Message("a/stats", payload, CATALOGUE[Channel.STATS])


def write_recording(folder: Path, frames: list[Frame | DamagedFrame], *, results: bool = True) -> Path:
    """Record frames, each with a result of its own."""
    with recorder(folder) as open_recorder:
        for frame in frames:
            open_recorder.take(frame)
            if results:
                open_recorder.send(result_message(frame.frame_id))
    return folder


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]
