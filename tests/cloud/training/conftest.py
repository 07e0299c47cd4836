"""Small networks and label files for the tests of training."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest


@pytest.fixture
def labels(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes `labels.jsonl` and its images, from rows or raw text."""

    def write(*rows: dict[str, Any] | str) -> Path:
        lines = []
        for row in rows:
            lines.append(row if isinstance(row, str) else json.dumps(row))
            if isinstance(row, dict) and isinstance(row.get("image"), str):
                image = np.full((60, 90), 90, np.uint8)
                cv2.imwrite(str(tmp_path / row["image"]), image)
        (tmp_path / "labels.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return tmp_path

    return write
