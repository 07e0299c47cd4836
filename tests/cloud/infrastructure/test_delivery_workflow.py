"""The workflow of GitHub Actions: one that GitHub takes, with no more rights than it needs."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

_PATH = Path(__file__).resolve().parents[3] / ".github" / "workflows" / "ci.yml"
_PINNED = re.compile(r"[\w-]+/[\w-]+@[0-9a-f]{40}")


@pytest.fixture(scope="module")
def jobs() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(_PATH.read_text())["jobs"]
    return found


def test_github_takes_the_workflow() -> None:
    pytest.importorskip("check_jsonschema", reason="it needs the extra edge-inspector-cloud[infra]'s tools")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", str(_PATH)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_runs_what_a_person_runs_and_keeps_the_component(jobs: dict[str, Any]) -> None:
    runs = {name: [step["run"] for step in job["steps"] if "run" in step] for name, job in jobs.items()}
    assert runs == {"check": [".ci/run"], "component": ["make component"]}
    (kept,) = [step["with"] for step in jobs["component"]["steps"] if "upload-artifact" in step.get("uses", "")]
    assert kept["path"].split() == ["greengrass-build/", "component/model/greengrass-build/"]
    assert kept["if-no-files-found"] == "error"


def test_it_reads_the_repository_and_may_do_nothing_else(jobs: dict[str, Any]) -> None:
    workflow = yaml.safe_load(_PATH.read_text())
    assert workflow["permissions"] == {"contents": "read"}
    assert all("permissions" not in job for job in jobs.values())
    assert "${{ secrets" not in _PATH.read_text()
    checkouts = [step for job in jobs.values() for step in job["steps"] if "actions/checkout" in step.get("uses", "")]
    assert [step["with"] for step in checkouts] == [{"persist-credentials": False}] * len(jobs)


def test_each_action_is_one_commit_and_no_job_runs_for_ever(jobs: dict[str, Any]) -> None:
    used = [step["uses"] for job in jobs.values() for step in job["steps"] if "uses" in step]
    assert used
    assert [action for action in used if not _PINNED.fullmatch(action)] == []
    assert all(job["timeout-minutes"] <= 180 for job in jobs.values())
