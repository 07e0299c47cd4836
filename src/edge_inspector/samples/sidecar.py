"""The sidecar of a picture: one line of JSON, which is a line of a SageMaker Ground Truth augmented manifest as it is.

The model's boxes travel as pre-labels, also when there are none: empty lists say that the picture is of a good part.
Source: https://docs.aws.amazon.com/sagemaker/latest/dg/sms-data-output.html, "Bounding box job output".
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from edge_inspector.events import Json
from edge_inspector.inspection import InspectionResult
from edge_inspector.sample_keys import SampleKey
from edge_inspector.samples.pictures import Picture
from edge_inspector.sampling import SampleReason

SCHEMA = "edge-inspector/sample/1"
LABEL = "pre-label"
_TYPE = "groundtruth/object-detection"


def sidecar(  # noqa: PLR0913 - what a line tells
    result: InspectionResult,
    picture: Picture,
    *,
    key: SampleKey,
    source_ref: str,
    reason: SampleReason | None,
    document: Mapping[str, Json],
    before: str | None = None,
) -> bytes:
    """Return the line of one picture, with its newline.

    Args:
        result: What was found on its part.
        picture: The encoded frame.
        key: Under which it is stored.
        source_ref: Its final address.
        reason: Why it is kept; None while only the operator page wants it.
        document: The result as it is written everywhere.
        before: The inspection of the defect before which it was taken, where that is why.
    """
    boxes = _boxes(result, picture)
    width, height = picture.image_wh
    line: dict[str, Json] = {
        "source-ref": source_ref,
        LABEL: {
            "image_size": [{"width": width, "height": height, "depth": picture.depth}],
            "annotations": [annotation for annotation, _ in boxes],
        },
        f"{LABEL}-metadata": {
            "objects": [{"confidence": confidence} for _, confidence in boxes],
            "class-map": {str(number): name for number, name in enumerate(result.class_names)},
            "type": _TYPE,
            "human-annotated": "no",
            "creation-date": result.frames[0].captured_at.strftime("%Y-%m-%dT%H:%M:%S.%f"),
            "job-name": f"edge-inspector/{result.model.name}/{result.model.version}",
        },
        "edge-inspector": {
            "schema": SCHEMA,
            "key": str(key),
            "sha256": picture.sha256,
            "reason": None if reason is None else reason.value,
            "before": before,
            "part_frame": picture.part_frame,
            "frame_wh": list(picture.frame_wh),
            "group": _group(document),
            "result": document,
        },
    }
    return write_line(line)


def readdressed(line: bytes, source_ref: str) -> bytes | None:
    """Return a sidecar with another final address, or None where it names that one already.

    Raises:
        ValueError: If it is no sidecar.
    """
    document = parse_line(line)
    if document["source-ref"] == source_ref:
        return None
    return write_line({**document, "source-ref": source_ref})


def label_of(line: bytes) -> str | None:
    """Return the class of the most confident box of a sidecar; None where there is none.

    Raises:
        ValueError: If it is no sidecar.
    """
    document = parse_line(line)
    try:
        annotations = document[LABEL]["annotations"]
        return str(document[f"{LABEL}-metadata"]["class-map"][str(annotations[0]["class_id"])]) if annotations else None
    except (KeyError, TypeError, IndexError) as error:
        msg = f"sidecar: expected boxes as {LABEL!r}, found {line[:80]!r}..."
        raise ValueError(msg) from error


def _boxes(result: InspectionResult, picture: Picture) -> list[tuple[dict[str, Json], float]]:
    """Return the boxes on one picture with their confidences, the most confident first, in whole pixels of it."""
    found = result.detections
    frames = result.detection_frames or (picture.part_frame,) * len(found)
    columns = (found.xyxy.tolist(), found.class_id.tolist(), found.confidence.tolist(), frames)
    return [
        (annotation(class_id, xyxy, frame_wh=picture.frame_wh, image_wh=picture.image_wh), round(confidence, 4))
        for xyxy, class_id, confidence, part_frame in zip(*columns, strict=True)
        if part_frame == picture.part_frame
    ]


def annotation(
    class_id: int, xyxy: Sequence[float], *, frame_wh: tuple[int, int], image_wh: tuple[int, int]
) -> dict[str, Json]:
    """Return a box as a manifest has it: whole pixels of the picture, inside it, at least one pixel large.

    Args:
        class_id: Number of its class.
        xyxy: Its corners in pixels of the frame as captured.
        frame_wh: Width and height of that frame.
        image_wh: The same of the picture.
    """
    (x1, y1, x2, y2), (width, height) = xyxy, image_wh
    x_scale, y_scale = width / frame_wh[0], height / frame_wh[1]
    left, top = min(max(round(x1 * x_scale), 0), width - 1), min(max(round(y1 * y_scale), 0), height - 1)
    right, bottom = max(round(x2 * x_scale), left + 1), max(round(y2 * y_scale), top + 1)
    return {
        "class_id": class_id,
        "left": left,
        "top": top,
        "width": min(right, width) - left,
        "height": min(bottom, height) - top,
    }


def _group(document: Mapping[str, Json]) -> Json:
    """Return what must not be torn apart into training and test: the part, else the lot, else the picture alone."""
    return document["part_id"] or document["lot"] or document["inspection_id"]


def parse_line(line: bytes) -> dict[str, Any]:
    """Return what a sidecar says.

    Raises:
        ValueError: If it is none.
    """
    document = json.loads(line)
    if not isinstance(document, dict) or not isinstance(document.get("source-ref"), str):
        msg = f"sidecar: expected an object with source-ref, found {line[:80]!r}..."
        raise ValueError(msg)  # noqa: TRY004 - whoever wrote it, it is the file that is wrong
    return document


def write_line(line: Mapping[str, Json]) -> bytes:
    """Return a sidecar as it is stored, with its newline."""
    text = json.dumps(line, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-8", "replace") + b"\n"
