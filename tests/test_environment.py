from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_inspector import __version__
from edge_inspector.environment import installed_version, processor, versions


def test_the_versions_are_those_of_what_computes() -> None:
    found = versions()
    assert found["edge-inspector"] == __version__
    assert found["numpy"] == np.__version__
    assert found["opencv"].startswith(cv2.__version__)
    assert found["onnxruntime"]


def test_a_library_that_is_not_installed_has_no_version() -> None:
    assert installed_version("no-such-distribution") is None


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"proc/cpuinfo": "processor : 0\nmodel name\t: AMD EPYC 7\n"}, "AMD EPYC 7"),
        ({"proc/device-tree/model": "Raspberry Pi 5\0", "proc/cpuinfo": "model name : x\n"}, "Raspberry Pi 5"),
    ],
)
def test_a_board_is_known_by_its_name_and_a_machine_by_its_processor(
    tmp_path: Path, files: dict[str, str], expected: str
) -> None:
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    assert processor(tmp_path) == expected


def test_a_kernel_that_tells_nothing_is_known_by_its_architecture(tmp_path: Path) -> None:
    assert processor(tmp_path)
