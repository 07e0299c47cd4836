"""The daemon's configuration comes by deployment, into force only if the daemon can use it."""

import json
import sys
from pathlib import Path

import pytest

from cloud_side.local.devices.inspector import INSPECTOR
from tests.cloud.local.fleet import Fleet, recipe_of


@pytest.mark.parametrize("answer", ["true", "false"])
def test_a_configuration_replaces_the_one_before_it_or_leaves_nothing(
    fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    """What the daemon itself says of configurations is asked nightly: its start takes a second."""
    monkeypatch.setattr(sys, "executable", answer)
    configuration = tmp_path / "it's station.json"
    configuration.write_text("{}")
    device = fleet.add_device("press-7", "canary", folder=tmp_path, configuration=configuration)
    defaults = {"accessControl": {"a": {}}, "station": {"line": "line $1"}, "mqtt": {"password": "secret"}}
    fleet.publish(recipe_of(INSPECTOR, defaults=defaults, lifecycle={"install": "exit 1"}))
    fleet.settle()
    deployment = fleet.deploy("canary", {INSPECTOR: "1.0.0"})
    fleet.settle()
    found = json.loads(configuration.read_text())
    assert [path.name for path in tmp_path.iterdir()] == [configuration.name], "what is refused may hold secrets"
    if answer == "false":
        assert fleet.effective("press-7", deployment)["reason"].startswith("FAILED_ROLLBACK_COMPLETE")
        assert found == {}
        return
    assert fleet.status("press-7", deployment) == "SUCCEEDED"
    assert found == {
        "station": {"station": "press-7", "line": "line $1", "thing_name": "press-7"},
        "model": {"updates": {"folder": str(device.models)}},
        "mqtt": {"password": "secret"},
    }
    assert configuration.stat().st_mode & 0o777 == 0o600
