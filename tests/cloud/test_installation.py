"""Several installations in one account: what code names is the installation's own, and a local engine has one."""

from pathlib import Path
from typing import Any

import pytest

from cloud_side import executions
from cloud_side.deployment.components import version_request
from cloud_side.deployment.endpoint.requests import Wanted
from cloud_side.deployment.planning import Plan
from cloud_side.engines import ENGINE_VARIABLE, local_engine
from cloud_side.installation import INSTALLATION_VARIABLE, installation, installed
from cloud_side.training.hyperparameters import Hyperparameters
from cloud_side.training.triggers.alarms import Alarm, raised_request
from cloud_side.training.triggers.records import Record
from cloud_side.training.triggers.requests import start_request
from cloud_side.training.triggers.settings import TrainingSettings
from edge_inspector.errors import ConfigError

RECORD = Record("execution", "parts", "a" * 64, "parts", Hyperparameters().texts(), "hand", "", "2026-03-01T08:30:00Z")


def names() -> list[str]:
    """Return all that is named in an account by code that runs in it."""
    plan = Plan()
    return [
        installed("edge-inspector-labels"),
        plan.canary,
        *plan.waves,
        str(start_request(RECORD, TrainingSettings())["PipelineName"]),
        Wanted("tags", "1.0.0", "s3://b/model.tar.gz", "", "image", "role").name,
        *version_request("recipe", "content")["tags"],
        str(raised_request(Alarm("id", {}))["Entries"][0]["Source"]),
    ]


OURS = [
    "edge-inspector-labels",
    "edge-inspector-canary",
    "edge-inspector-all",
    "edge-inspector-training",
    "edge-inspector-tags",
    "edge-inspector:content",
    "edge-inspector",
]


def test_all_that_code_names_in_an_account_begins_as_its_installation_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENGINE_VARIABLE, "aws")
    monkeypatch.setenv(INSTALLATION_VARIABLE, "edge-inspector-lyon")
    assert names() == [name.replace("edge-inspector", "edge-inspector-lyon") for name in OURS]


@pytest.mark.parametrize("said", [None, ""])
def test_without_the_variable_things_are_called_as_the_product_calls_them(
    monkeypatch: pytest.MonkeyPatch, said: str | None
) -> None:
    monkeypatch.delenv(INSTALLATION_VARIABLE, raising=False)
    if said is not None:
        monkeypatch.setenv(INSTALLATION_VARIABLE, said)
    assert names() == OURS


def test_a_local_engine_has_the_one_installation_whatever_the_variable_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(INSTALLATION_VARIABLE, "edge-inspector-lyon")
    monkeypatch.setenv(ENGINE_VARIABLE, local_engine(tmp_path))
    assert names() == OURS
    assert (installation(), installed("edge-inspector-labels", "edge-inspector-lyon")) == (
        "edge-inspector",
        "edge-inspector-lyon-labels",
    )


class _States:
    """Step Functions of an account with two installations."""

    def get_paginator(self, operation: str) -> "_States":
        assert operation == "list_state_machines"
        return self

    def paginate(self) -> list[dict[str, Any]]:
        machines = ("edge-inspector-lyon-labeling", "edge-inspector-labeling")
        return [{"stateMachines": [{"name": name, "stateMachineArn": f"arn:{name}"}]} for name in machines]


def test_a_workflow_is_found_in_its_installation_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENGINE_VARIABLE, "aws")
    assert executions.machine_arn(_States(), "edge-inspector-labeling") == "arn:edge-inspector-labeling"
    monkeypatch.setenv(INSTALLATION_VARIABLE, "edge-inspector-lyon")
    assert executions.machine_arn(_States(), "edge-inspector-labeling") == "arn:edge-inspector-lyon-labeling"
    monkeypatch.setenv(INSTALLATION_VARIABLE, "edge-inspector-nowhere")
    with pytest.raises(ConfigError, match=r"edge-inspector-nowhere-labeling: no such .* EDGE_INSPECTOR_INSTALLATION"):
        executions.start(_States(), "edge-inspector-labeling", "n", "{}")
