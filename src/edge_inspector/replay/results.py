"""What is compared of a result: all that frames, model and configuration decide, and nothing of when it happened."""

import json
from collections.abc import Mapping
from typing import Any, TypeAlias

from edge_inspector.topics import CATALOGUE, Channel, Message

ResultDocument: TypeAlias = dict[str, Any]

_KEPT = ("part_id", "outcome", "no_verdict", "reasons", "detections", "detections_total", "phase", "track_id", "track")
_KEPT_OF_FRAMES = ("frame_id", "part_frame", "outcome", "cause")
# Of parts whose frames came in time or not: nothing that can be shown a second time.
_BY_THE_CLOCK = frozenset({"deadline_missed", "queue_overflow", "stopped"})


def is_result(message: Message) -> bool:
    """Return whether a message may be a result, by its channel; cheap."""
    return message.delivery in {CATALOGUE[Channel.RESULT], CATALOGUE[Channel.DEFECT]}


def result_document(message: Message) -> ResultDocument | None:
    """Return what is compared of a message; None for one that is no result, or says a result a second time."""
    if not message.payload:
        return None
    data = json.loads(message.payload).get("data", {})
    is_track = "track_id" in data
    if not is_track and message.delivery is not CATALOGUE[Channel.RESULT]:
        return None
    return {
        "kind": "track" if is_track else "result",
        "id": data["inspection_id"],
        "frames": [{name: frame[name] for name in _KEPT_OF_FRAMES if name in frame} for frame in data["frames"]],
        "frames_total": data["frames_total"],
        **{name: data[name] for name in _KEPT if name in data},
    }


def frame_ids(result: Mapping[str, Any]) -> list[int]:
    """Return the frames that a result names; of a part of many, the first ones."""
    return [frame["frame_id"] for frame in result["frames"]]


def clock_cause(result: Mapping[str, Any]) -> str | None:
    """Return why a result cannot come out again in a replay, which takes its own time; None where it can."""
    causes = [frame.get("cause") for frame in result["frames"]]
    causes.append(result.get("no_verdict", {}).get("cause"))
    return next((cause for cause in causes if cause in _BY_THE_CLOCK), None)


def subject(result: Mapping[str, Any]) -> str:
    """Return what a result is about, for people."""
    (first, *_) = frame_ids(result)
    if result["kind"] == "track":
        return f"track {result['track_id']}, {result['phase']} on frame {first}"
    return f"frame {first}" if result["part_id"] is None else f"part {result['part_id']}"
