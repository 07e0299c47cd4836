from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra edge-inspector-cloud[train], which is not installed")

from cloud_side.training.hyperparameters import Hyperparameters
from cloud_side.training.learning.runs import course
from edge_inspector.geometry import as_boxes
from tests.cloud.training.learning.datasets import tags, write_data


@pytest.mark.parametrize(
    ("model_wh", "crop_wh", "told"),
    [((544, 384), (320, 320), "544 x 384 gray in parts of 320 x 320,"), ((96, 64), None, "96 x 64 gray, runs final")],
)
def test_the_images_decide_whether_parts_of_them_are_learned_from(
    tmp_path: Path, model_wh: tuple[int, int], crop_wh: tuple[int, int] | None, told: str
) -> None:
    small, one = as_boxes([(10, 10, 30, 20)]), np.zeros(1, np.int64)
    write_data(tmp_path, [replace(tag, boxes=small, class_ids=one) for tag in tags(3)], model_wh=model_wh)
    said: list[str] = []
    (final,) = course(tmp_path / "train", None, Hyperparameters.parse({"threads": 1}), 1, said.append).runs
    assert final.plan.crop_wh == crop_wh
    assert told in said[0]
