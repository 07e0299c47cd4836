"""A strict reader of augmented manifest lines, written from AWS' documentation and not from our writer.

https://docs.aws.amazon.com/sagemaker/latest/dg/sms-data-output.html ("Bounding box job output") and
https://docs.aws.amazon.com/sagemaker/latest/dg/augmented-manifest.html
"""

import json
import re
from typing import Any

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?")


def read_line(line: bytes, *, label: str) -> dict[str, Any]:
    """Return the document of a line after checking everything that the format asks for."""
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert len(line) < 100_000, "a line of a manifest has at most 100,000 characters"
    document = json.loads(line.decode("utf-8"))
    assert isinstance(document, dict)
    reference = document["source-ref"]
    assert isinstance(reference, str)
    assert "source" not in document
    assert re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,126}", label)
    assert not label.endswith(("-metadata", "-ref"))
    boxes, metadata = document[label], document[f"{label}-metadata"]
    assert set(boxes) == {"image_size", "annotations"}
    (size,) = boxes["image_size"]
    assert set(size) == {"width", "height", "depth"}
    assert all(type(value) is int and value > 0 for value in size.values())
    assert size["depth"] in {1, 3}
    assert set(metadata) == {"objects", "class-map", "type", "human-annotated", "creation-date", "job-name"}
    assert metadata["type"] == "groundtruth/object-detection"
    assert metadata["human-annotated"] in {"yes", "no"}
    assert _DATE.fullmatch(metadata["creation-date"])
    assert isinstance(metadata["job-name"], str)
    assert len(metadata["objects"]) == len(boxes["annotations"])
    for scores in metadata["objects"]:
        assert set(scores) - {"source"} == {"confidence"}, "what else an object says is left alone"
        assert 0 <= scores["confidence"] <= 1
    for key, name in metadata["class-map"].items():
        assert key == str(int(key))
        assert isinstance(name, str)
    for box in boxes["annotations"]:
        assert set(box) == {"class_id", "left", "top", "width", "height"}
        assert all(type(value) is int for value in box.values())
        assert str(box["class_id"]) in metadata["class-map"]
        assert box["left"] >= 0
        assert box["top"] >= 0
        assert box["width"] > 0
        assert box["height"] > 0
        assert box["left"] + box["width"] <= size["width"]
        assert box["top"] + box["height"] <= size["height"]
    return document
