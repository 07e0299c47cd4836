"""Files of runs, made once a module and copied for each test."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from cloud_side.training.gate.reading import Folders
from tests.cloud.training.gate.run_files import BETTER, WORSE, folders_of, write_run

RUNS = {"first": (BETTER, None), "better": (BETTER, WORSE), "worse": (WORSE, BETTER)}


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return a function that gives the folder of a first model's run, or a better or a worse one's; only to be read."""
    made: dict[str, Path] = {}

    def of(kind: str) -> Path:
        if kind not in made:
            made[kind] = tmp_path_factory.mktemp(kind)
            write_run(made[kind], *RUNS[kind])
        return made[kind]

    return of


@pytest.fixture
def run_of(kept: Callable[[str], Path], tmp_path: Path) -> Callable[[str], Folders]:
    """Return a function that gives the folders of such a run, to be changed."""

    def of(kind: str) -> Folders:
        return folders_of(Path(shutil.copytree(kept(kind), tmp_path / kind)))

    return of
