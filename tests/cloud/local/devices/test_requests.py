"""The requests that bring a model's component to the stations, as they go over the wire.

`UPDATE_GOLDEN=1 pytest tests/cloud/local/devices/test_requests.py` writes the golden files again; read the difference.
"""

import base64
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from cloud_side.local.devices.inspector import INSPECTOR, MODEL
from component.model.build import SHIPPED_MODEL, build
from tests.cloud.local.devices.model_components import publish_model
from tests.cloud.local.fleet import Fleet, recipe_of

GOLDEN = Path(__file__).parents[3] / "golden" / "requests"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built")
    build(SHIPPED_MODEL, folder)
    return folder


@pytest.fixture
def sent(fleet: Fleet) -> Iterator[dict[str, Any]]:
    """What the client sends, by the operation; the last of each."""
    requests: dict[str, Any] = {}

    def note(model: Any, params: Mapping[str, Any], **_: object) -> None:
        body = json.loads(params["body"]) if params["body"] else None
        requests[model.name] = {"method": params["method"], "path": params["url_path"], "body": body}

    fleet.greengrass.meta.events.register_first("before-call.greengrassv2", note)
    yield requests
    fleet.greengrass.meta.events.unregister("before-call.greengrassv2", note)


def assert_golden(name: str, request: Any) -> None:
    path, text = GOLDEN / f"{name}.json", json.dumps(request, indent=2) + "\n"
    if os.environ.get("UPDATE_GOLDEN") == "1":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert path.read_text() == text


def test_the_requests_for_a_model_component_are_their_golden_files(
    fleet: Fleet, sent: dict[str, Any], built: Path, tmp_path: Path
) -> None:
    publish_model(fleet, built, "1.0.7")
    created = sent["CreateComponentVersion"]
    del created["body"]["clientToken"]
    created["body"]["inlineRecipe"] = json.loads(base64.b64decode(created["body"]["inlineRecipe"]))
    assert_golden("create_component_version", created)

    fleet.add_device("press-7", "edge-inspector-canary", folder=tmp_path)
    fleet.publish(recipe_of(INSPECTOR, defaults={"log": {"level": "info"}}))
    fleet.settle()
    criterion = {"failureType": "ALL", "action": "CANCEL", "thresholdPercentage": 10, "minNumberOfExecutedThings": 1}
    deployment = fleet.deploy(
        "edge-inspector-canary",
        {INSPECTOR: "1.0.0", MODEL: "1.0.7"},
        **{INSPECTOR: {"configurationUpdate": {"merge": '{"log": {"level": "warning"}}', "reset": ["/samples"]}}},
        deploymentName="model 1.0.7 to the canary",
        deploymentPolicies={
            "failureHandlingPolicy": "ROLLBACK",
            "componentUpdatePolicy": {"action": "NOTIFY_COMPONENTS", "timeoutInSeconds": 60},
            "configurationValidationPolicy": {"timeoutInSeconds": 60},
        },
        iotJobConfiguration={
            "jobExecutionsRolloutConfig": {"maximumPerMinute": 50},
            "abortConfig": {"criteriaList": [criterion]},
            "timeoutConfig": {"inProgressTimeoutInMinutes": 30},
        },
    )
    del sent["CreateDeployment"]["body"]["clientToken"]
    assert_golden("create_deployment", sent["CreateDeployment"])
    fleet.settle()
    assert fleet.status("press-7", deployment) == "SUCCEEDED"
    version = json.loads((SHIPPED_MODEL / "model.json").read_text())["version"]
    assert (tmp_path / "press-7" / "updates" / "current").read_text() == f"metal-tags/{version}\n"
