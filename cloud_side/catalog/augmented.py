"""Boxes as an augmented manifest of SageMaker Ground Truth has them: a label attribute, and its metadata.

Source:
    https://docs.aws.amazon.com/sagemaker/latest/dg/sms-data-output.html, "Bounding box job output" and "Label
    verification job output".
"""

from collections.abc import Mapping, Sequence
from typing import Any

from cloud_side.catalog.labels import Box, LabelError

BOXES_TYPE = "groundtruth/object-detection"
VERIFICATION_TYPE = "groundtruth/label-verification"


def write_boxes(
    boxes: Sequence[Box], class_names: Sequence[str], *, width: int, height: int, depth: int = 3
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the value of a label attribute, and the class map of its metadata.

    Raises:
        LabelError: If a box has a class that is not among `class_names`.
    """
    numbers = {name: number for number, name in enumerate(class_names)}
    for box in boxes:
        if box.label not in numbers:
            msg = f"expected one of {', '.join(class_names)}, found {box.label!r}"
            raise LabelError(msg)
    annotations = [
        {
            "class_id": numbers[box.label],
            "left": document["x"],
            "top": document["y"],
            "width": document["width"],
            "height": document["height"],
        }
        for box, document in ((box, box.document()) for box in boxes)
    ]
    label = {"image_size": [{"width": width, "height": height, "depth": depth}], "annotations": annotations}
    return label, {str(number): name for name, number in numbers.items()}


def read_boxes(label: Mapping[str, Any], metadata: Mapping[str, Any]) -> list[Box]:
    """Return the boxes of a label attribute; none for empty lists, which say that nothing is on the image.

    Raises:
        LabelError: If it has no such form; says what was found.
    """
    try:
        classes = {int(number): str(name) for number, name in metadata["class-map"].items()}
        return [
            Box(
                classes[int(each["class_id"])],
                float(each["left"]),
                float(each["top"]),
                float(each["width"]),
                float(each["height"]),
            )
            for each in label["annotations"]
        ]
    except LabelError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        msg = f"expected annotations with class_id, left, top, width, height and a class-map, found {label!r:.200}: {error!r}"
        raise LabelError(msg) from error
