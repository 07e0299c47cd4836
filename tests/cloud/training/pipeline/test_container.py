"""The container: its file is linted, and its entry point is the program of a step, also without a container."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from cloud_side.training.places import ROOT_VARIABLE

ROOT = Path(__file__).parents[4]
CONTAINER = ROOT / "container"
HADOLINT = Path(sys.prefix) / "bin" / "hadolint"


def step(*words: str, root: Path) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        ROOT_VARIABLE: str(root),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    run = [str(CONTAINER / "step"), *words]
    return subprocess.run(run, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.skipif(not HADOLINT.exists(), reason="hadolint is no part of this environment")
def test_the_container_is_made_as_containers_should_be() -> None:
    done = subprocess.run([HADOLINT, CONTAINER / "Dockerfile"], capture_output=True, text=True, check=False)
    assert done.stdout == ""
    assert done.returncode == 0


def test_everything_that_the_container_takes_is_there_and_begins_by_its_entry_point() -> None:
    text = (CONTAINER / "Dockerfile").read_text()
    lines = [line.split()[1:-1] for line in text.splitlines() if line.startswith("COPY") and "--from" not in line]
    copied = [word for line in lines for word in line if not word.startswith("--")]
    assert copied
    for each in copied:
        assert (ROOT / each).exists(), each
    assert 'ENTRYPOINT ["/usr/local/bin/step"]' in text
    assert os.access(CONTAINER / "step", os.X_OK)


def test_the_container_has_what_training_needs() -> None:
    said = re.findall(r"^[a-z].*$", (CONTAINER / "requirements.txt").read_text(), re.MULTILINE)
    declared = tomllib.loads((ROOT / "cloud_side/pyproject.toml").read_text())["project"]["optional-dependencies"][
        "train"
    ]
    assert sorted(said) == sorted(declared)


@pytest.mark.thorough
def test_the_entry_point_runs_a_step_and_its_failure_lies_where_sagemaker_reads_it(tmp_path: Path) -> None:
    done = step("gate", "--least-map50", "2", root=tmp_path)
    assert done.returncode == 1
    assert "--least-map50" in (tmp_path / "output/message").read_text()
    assert "Traceback" not in done.stderr


@pytest.mark.thorough
def test_the_entry_point_trains_as_sagemaker_begins_it(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="training needs the extra edge-inspector-cloud[train], which is not installed")
    config = tmp_path / "input/config"
    config.mkdir(parents=True)
    (config / "hyperparameters.json").write_text(json.dumps({"iterations": "-1"}))
    done = step("train", root=tmp_path)
    assert done.returncode == 1
    assert "hyperparameter iterations" in (tmp_path / "output/failure").read_text()
