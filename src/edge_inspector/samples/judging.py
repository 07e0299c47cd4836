"""What a person's word makes of a sidecar: the reason, what was said, and the boxes from which labeling starts.

    false_reject     no boxes: the part is good; of a belt, whose frames may show other defects, none of that one
    missed_defect    the person's boxes, then the model's
    all others       the model's boxes

The model's boxes stay under a key of their own, so that a person may change their mind as often as they like.
"""

import hashlib
from collections.abc import Mapping, Sequence
from itertools import compress
from typing import Any

from edge_inspector.dispositions import Disposition, DrawnBox, JudgedResult, Judgement
from edge_inspector.events import Json
from edge_inspector.events.documents import drawn_documents, timestamp
from edge_inspector.sample_keys import SampleKey, parse_key
from edge_inspector.samples.sidecar import LABEL, annotation, parse_line, write_line
from edge_inspector.sampling import SampleReason

_OURS, _AS_FOUND = "edge-inspector", "as_found"
_SURE = {"confidence": 1.0, "source": "operator"}


def key_in(line: bytes, content: bytes) -> SampleKey:
    """Return the key that a sidecar says its picture is stored under.

    Raises:
        ValueError: If it is no sidecar, or that of another picture than `content`.
    """
    ours = parse_line(line).get(_OURS)
    if not isinstance(ours, dict) or not isinstance(ours.get("key"), str):
        msg = f"sidecar: expected {_OURS}.key, found {line[:80]!r}..."
        raise ValueError(msg)  # noqa: TRY004 - whoever wrote it, it is the file that is wrong
    if (found := hashlib.sha256(content).hexdigest()) != ours.get("sha256"):
        msg = f"{ours['key']}: expected a picture with SHA-256 {ours.get('sha256')}, found {found}"
        raise ValueError(msg)
    return parse_key(ours["key"])


def judged_line(line: bytes, judged: JudgedResult, judgement: Judgement) -> bytes:
    """Return the sidecar of a picture after a person has judged its result, with its newline.

    Args:
        line: The sidecar until now, judged or not.
        judged: The result.
        judgement: What the person said; boxes on other frames of the part are told, and are no boxes of this picture.

    Raises:
        ValueError: If it is no sidecar.
    """
    document = parse_line(line)
    try:
        return write_line(_judged(document, judged, judgement))
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        msg = f"sidecar: expected one that this program wrote, found {line[:80]!r}...: {error!r}"
        raise ValueError(msg) from error


def _judged(document: Mapping[str, Any], judged: JudgedResult, judgement: Judgement) -> dict[str, Json]:
    ours, boxes, metadata = document[_OURS], document[LABEL], document[f"{LABEL}-metadata"]
    found = ours.get(_AS_FOUND) or {
        "reason": ours["reason"],
        "annotations": boxes["annotations"],
        "objects": metadata["objects"],
        "class-map": metadata["class-map"],
    }
    annotations, objects, classes = list(found["annotations"]), list(found["objects"]), dict(found["class-map"])
    match judgement.disposition:
        case Disposition.FALSE_REJECT:
            stays = [not each for each in _is_refuted(annotations, classes, judged)]
            annotations, objects = list(compress(annotations, stays)), list(compress(objects, stays))
        case Disposition.MISSED_DEFECT:
            drawn = [box for box in judgement.boxes if box.part_frame == ours["part_frame"]]
            annotations = [_annotation(box, ours, boxes["image_size"][0], classes) for box in drawn] + annotations
            objects = [_SURE] * len(drawn) + objects
        case Disposition.TRUE_REJECT | Disposition.TRUE_ACCEPT | Disposition.UNSURE | Disposition.WITHDRAWN:
            pass
    return {
        **document,
        LABEL: {**boxes, "annotations": annotations},
        f"{LABEL}-metadata": {**metadata, "objects": objects, "class-map": classes},
        _OURS: {
            **ours,
            "reason": SampleReason.OPERATOR.value,
            "disposition": {
                "disposition": judgement.disposition.value,
                "track_id": judged.track_id,
                "by": judgement.by,
                "at": timestamp(judgement.at),
                "note": judgement.note,
                "boxes": drawn_documents(judgement.boxes),
            },
            _AS_FOUND: found,
        },
    }


def _is_refuted(
    annotations: Sequence[Mapping[str, Any]], classes: Mapping[str, str], judged: JudgedResult
) -> list[bool]:
    """Return of each of the model's boxes whether a false reject says that nothing is there.

    Of several boxes of the class of a followed defect nobody knows which one it is: a person who labels had better
    delete one too many than miss one.
    """
    if judged.track_id is None:
        return [True] * len(annotations)
    is_of_class = [classes[str(box["class_id"])] == judged.label for box in annotations]
    return is_of_class if sum(is_of_class) == 1 else [False] * len(annotations)


def _annotation(
    box: DrawnBox, ours: Mapping[str, Any], size: Mapping[str, int], classes: dict[str, str]
) -> dict[str, Json]:
    """Return a person's box; a class that is new gets the next number in `classes`."""
    number = next((number for number, label in classes.items() if label == box.label), None)
    if number is None:
        number = str(max(map(int, classes), default=-1) + 1)
        classes[number] = box.label
    width, height = ours["frame_wh"]
    return annotation(int(number), box.xyxy, frame_wh=(width, height), image_wh=(size["width"], size["height"]))
