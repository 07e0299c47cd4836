"""Scripts as processes: what became of them is on disk, or told."""

import time
from pathlib import Path

import pytest

from cloud_side.local.devices.scripts import KILLED, UNSTARTABLE, Run, Script
from tests.cloud.local.fleet import PATIENCE_S


def ended(run: Run) -> int | str:
    ends_s = time.monotonic() + PATIENCE_S
    while (outcome := run.outcome()) is None:
        assert time.monotonic() < ends_s
        time.sleep(0.005)
    return outcome


def test_a_script_whose_end_cannot_be_written_down_was_killed_for_all_that_is_known(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    run.start(Script(f"ln -s /dev/full {tmp_path}/run/.outcome", {"PATH": "/usr/bin:/bin"}, tmp_path))
    assert ended(run) == KILLED


@pytest.mark.parametrize(
    ("text", "environment", "said"),
    [
        ("true \0", {}, "null byte"),
        ("true \ud800", {}, "surrogates"),
        ("true", {"A=B": "c"}, "environment"),
        ("true", {"A": "x" * 200_000}, "too long"),
    ],
    ids=["null", "surrogate", "name", "size"],
)
def test_what_no_process_can_be_given_is_the_end_of_a_script(
    tmp_path: Path, text: str, environment: dict[str, str], said: str
) -> None:
    run = Run(tmp_path / "run")
    run.start(Script(text, {"PATH": "/usr/bin:/bin", **environment}, tmp_path))
    assert ended(run) == UNSTARTABLE
    assert said in run.told()
    assert ended(Run(tmp_path / "run")) == UNSTARTABLE, "the next engine sees it too"
