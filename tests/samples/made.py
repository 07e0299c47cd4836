"""Results, frames and stored pairs for the tests of samples."""

import json
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from edge_inspector.decision import Decision, NoVerdict, NoVerdictCause, Outcome, Reason, Verdict
from edge_inspector.detections import Detections
from edge_inspector.events import EventWriter
from edge_inspector.frame import Frame
from edge_inspector.geometry import as_boxes
from edge_inspector.identity import inspection_id
from edge_inspector.inspection import FrameRecord, InspectionResult, ModelIdentity
from edge_inspector.sample_keys import SampleKey, Suffix, day_of
from edge_inspector.samples.sidecar import LABEL
from edge_inspector.samples.spool import Spool
from edge_inspector.sampling import SampleReason
from edge_inspector.topics import TopicTree
from tests.mosquitto import PATIENCE_S, eventually

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
WRITER = EventWriter(TopicTree("edge-inspector", "berlin", "line-1", "press-3", "top"), "01SESSION", "tag", "lot-7")
MODEL = ModelIdentity("metal-tags", "1.2.0", "5a" * 32)
NAMES = ("scratch", "dent")
REJECT = Decision(Verdict.REJECT, (Reason("scratch", 0.9, Verdict.REJECT, 0.7),))
REVIEW = Decision(Verdict.REVIEW, (Reason("dent", 0.5, Verdict.REVIEW, 0.4),))
ACCEPT = Decision(Verdict.ACCEPT)
NO_VERDICT = NoVerdict(NoVerdictCause.INSPECTION_FAILED, "the model failed")
PLENTY = 1 << 40
ROOMY = dict.fromkeys(SampleReason, PLENTY)
PAIR_BYTES = 2 * 4096  # that a picture of 3000 bytes and its sidecar take


class GatedSpool(Spool):
    """A spool whose disk is slow: it stores nothing before the gate is open."""

    def __init__(self, root: Path) -> None:
        super().__init__(root, quota_bytes=ROOMY)
        self.gate, self.busy = threading.Event(), threading.Event()

    def store(self, key: SampleKey, reason: SampleReason, picture: bytes, sidecar: bytes) -> None:
        self.busy.set()
        assert self.gate.wait(PATIENCE_S)
        super().store(key, reason, picture, sidecar)


def identity_of(number: int) -> str:
    """Return the id of the `number`-th part, a second after the one before."""
    at = AT + timedelta(seconds=number)
    return inspection_id(
        at, station="berlin/line-1/press-3", camera="top", session="01SESSION", number=f"part-{number}"
    )


def frame(number: int, *, part_frame: int = 0, shape: tuple[int, ...] = (48, 64), seed: int = 0) -> Frame:
    image = np.random.default_rng(seed + number * 100 + part_frame).integers(0, 255, shape, dtype=np.uint8)
    at = AT + timedelta(seconds=number)
    return Frame(image, number, at, 0, "camera-1", f"part-{number}", "camera", part_frame)


def result(  # noqa: PLR0913 - all that a result can differ in
    number: int,
    outcome: Outcome = REJECT,
    *,
    boxes: Sequence[tuple[float, float, float, float]] = (),
    class_ids: Sequence[int] = (),
    on_frames: Sequence[int] = (),
    frames: int = 1,
    image_wh: tuple[int, int] = (64, 48),
    part_id: str | None = "",
    class_names: tuple[str, ...] = NAMES,
) -> InspectionResult:
    at = AT + timedelta(seconds=number)
    confidences = np.linspace(0.9, 0.5, len(boxes), dtype=np.float32)
    found = Detections(as_boxes(boxes), confidences, np.array(class_ids or [0] * len(boxes), np.int64))
    return InspectionResult(
        identity_of(number),
        f"part-{number}" if part_id == "" else part_id,
        tuple(FrameRecord(number, at, "camera", "camera-1", image_wh, outcome, index) for index in range(frames)),
        found,
        class_names,
        outcome,
        MODEL,
        {"total": 12.5},
        detection_frames=tuple(on_frames),
    )


def key_of(number: int, *, frame_number: int = 0, suffix: Suffix = Suffix.JPG) -> SampleKey:
    identity = identity_of(number)
    return SampleKey("samples", "berlin", "line-1", "press-3", day_of(identity), identity, frame_number, suffix)


def a_sidecar(label: str | None = "scratch", *, source_ref: str = "") -> bytes:
    """Return as much of a sidecar as the spool and the uploader look at."""
    annotations = [] if label is None else [{"class_id": 0, "left": 1, "top": 1, "width": 2, "height": 2}]
    line = {
        "source-ref": source_ref,
        LABEL: {"annotations": annotations},
        f"{LABEL}-metadata": {"class-map": {"0": label}},
    }
    return json.dumps(line).encode() + b"\n"


def content_of(number: int, size: int = 3000) -> bytes:
    """Return bytes that differ from pair to pair."""
    return np.random.default_rng(number).bytes(size)


def store(spool: Spool, number: int, reason: SampleReason = SampleReason.DEFECT, *, size: int = 3000) -> SampleKey:
    key = key_of(number)
    spool.store(key, reason, content_of(number, size), a_sidecar(source_ref=str(key)))
    return key


def wait_until_empty(spool: Spool) -> None:
    """Wait until every pair is uploaded, as long as there is progress."""
    while waits := dict(spool.state().waiting):
        eventually(lambda waits=waits: spool.state().waiting != waits, what=f"fewer than {waits} wait")


def files_below(folder: Path) -> dict[str, bytes]:
    """Return all files below a folder, by their path in it."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def pairs_of(objects: Mapping[str, bytes]) -> dict[str, tuple[bytes, dict[str, Any]]]:
    """Return pictures and parsed sidecars by the key of the picture; each must have the other."""
    pictures = {key for key in objects if not key.endswith(".json")}
    assert {key.rpartition(".")[0] + ".json" for key in pictures} == {key for key in objects if key.endswith(".json")}
    return {key: (objects[key], json.loads(objects[key.rpartition(".")[0] + ".json"])) for key in pictures}
