from pathlib import Path

import pytest

pytest.importorskip("torch", reason="training needs the extra edge-inspector-cloud[train], which is not installed")

import torch

from cloud_side.training.learning.checkpoints import Checkpoints
from edge_inspector.errors import ConfigError

PLAN = {"batch": "8", "seed": "1"}


def saved(folder: Path, *steps: int) -> Checkpoints:
    checkpoints = Checkpoints(folder, PLAN)
    for step in steps:
        checkpoints.save(step, {"weights": torch.full((3,), float(step)), "seconds": 1.5})
    return checkpoints


def test_the_last_two_are_kept(tmp_path: Path) -> None:
    checkpoints = saved(tmp_path / "final", 100, 200, 300)
    assert sorted(file.name for file in (tmp_path / "final").iterdir()) == ["step-000000200.pt", "step-000000300.pt"]
    found = checkpoints.latest(pytest.fail)
    assert found is not None
    assert found[0] == 300
    assert found[1]["weights"].tolist() == [300.0] * 3


def test_without_a_checkpoint_a_run_begins_anew(tmp_path: Path) -> None:
    assert Checkpoints(tmp_path / "none", PLAN).latest(pytest.fail) is None


@pytest.mark.parametrize("damage", ["cut off", "flipped bit", "empty"])
def test_a_damaged_checkpoint_gives_way_to_the_one_before(tmp_path: Path, damage: str) -> None:
    checkpoints = saved(tmp_path, 100, 200)
    file = tmp_path / "step-000000200.pt"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes({"cut off": bytes(content[:-200]), "flipped bit": bytes(content), "empty": b""}[damage])
    lines: list[str] = []
    found = checkpoints.latest(lines.append)
    assert found is not None
    assert found[0] == 100
    assert [line for line in lines if "step-000000200.pt is damaged" in line]


def test_a_file_that_was_being_written_is_no_checkpoint(tmp_path: Path) -> None:
    checkpoints = saved(tmp_path, 100)
    (tmp_path / "step-000000200.writing").write_bytes(b"half")
    found = checkpoints.latest(pytest.fail)
    assert found is not None
    assert found[0] == 100


def test_the_checkpoint_of_another_training_is_refused_and_told_apart(tmp_path: Path) -> None:
    saved(tmp_path, 100)
    with pytest.raises(ConfigError, match=r"another training: expected batch 16, found 8\.") as error:
        Checkpoints(tmp_path, {"batch": "16", "seed": "1"}).latest(pytest.fail)
    assert "seed" not in str(error.value)
