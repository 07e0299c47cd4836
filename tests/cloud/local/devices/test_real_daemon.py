"""The whole way: a daemon is configured by a deployment, takes a deployed model, and keeps it when one is damaged."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cloud_side.local.devices.inspector import INSPECTOR, MODEL
from component.model.build import build
from edge_inspector.models.store import Store
from tests.cloud.local.devices.model_components import publish_model
from tests.cloud.local.fleet import BUCKET, Fleet, recipe_of
from tests.daemons import write_configuration
from tests.forked import ForkedDaemon
from tests.integration.watcher import HOME
from tests.models.made import NAME, spot_package

CANARY = "edge-inspector-canary"


def deploy(fleet: Fleet, version: str | None = None, **options: Any) -> dict[str, Any]:
    """Deploy the inspector, and a version of the model beside it, to the canary; return what came of it."""
    model = {} if version is None else {MODEL: version}
    deployment = fleet.deploy(CANARY, {INSPECTOR: "1.0.0", **model}, **options)
    fleet.settle()
    return fleet.effective("press-7", deployment)


def station(tmp_path: Path) -> dict[str, Any]:
    """Return the configuration of a daemon that is quick, with a model of its own."""
    sections = {"source": {"type": "simulated", "rate_hz": 50, "image_wh": [96, 64]}, "log": {"level": "info"}}
    health = {"min_free_mb": 0, "image": {"enabled": False}}
    first = spot_package(tmp_path / "first", "1.0.0")
    place = {"site": "hall", "line": "line-1", "camera": "top"}
    path = write_configuration(tmp_path / "sections.json", first, **sections, health=health, station=place)
    return dict(json.loads(path.read_text()))


def model_events(tmp_path: Path) -> list[dict[str, Any]]:
    """Return what the daemon has on record of its models."""
    with closing(sqlite3.connect(f"file:{tmp_path / HOME / 'journal.db'}?mode=ro", uri=True)) as journal:
        rows = journal.execute("SELECT payload FROM events WHERE channel = 'model' ORDER BY seq").fetchall()
    return [json.loads(payload) for (payload,) in rows]


@pytest.mark.nightly
def test_a_daemon_takes_over_what_is_deployed_and_keeps_its_model_when_an_artifact_is_damaged(
    fleet: Fleet, tmp_path: Path
) -> None:
    configuration = tmp_path / "station.json"
    device = fleet.add_device("press-7", CANARY, folder=tmp_path, configuration=configuration)
    build(spot_package(tmp_path / "model", "1.1.0"), tmp_path / "built")
    fleet.publish(recipe_of(INSPECTOR, lifecycle={"install": "exit 1"}, defaults=station(tmp_path)))
    fleet.settle()
    merge = json.dumps({"model": {"updates": {"probation_parts": 0}}})
    assert deploy(fleet, **{INSPECTOR: {"configurationUpdate": {"merge": merge}}})["reason"] == "SUCCESSFUL"

    with ForkedDaemon(configuration) as daemon:
        publish_model(fleet, tmp_path / "built", "1.0.1")
        done = deploy(fleet, "1.0.1")
        assert (done["coreDeviceExecutionStatus"], done["reason"]) == ("SUCCEEDED", "SUCCESSFUL")
        daemon.wait_for("model spot 1.1.0")
        publish_model(fleet, tmp_path / "built", "1.0.2", model=b"no archive")
        broken = deploy(fleet, "1.0.2")
        assert broken["coreDeviceExecutionStatus"] == "FAILED"
        assert broken["reason"].startswith(
            f"FAILED_ROLLBACK_COMPLETE: Service {MODEL} in broken state after deployment: install exited with code 1"
        )
        publish_model(fleet, tmp_path / "built", "1.0.3")
        fleet.s3.put_object(Bucket=BUCKET, Key=f"{MODEL}/1.0.3/model.tar", Body=b"damaged since")
        assert deploy(fleet, "1.0.3")["reason"].startswith("FAILED_NO_STATE_CHANGE: Integrity check")
        assert daemon.stop() == 0

    assert (device.models / "current").read_text() == f"{NAME}/1.1.0\n"
    assert fleet.installed("press-7") == {INSPECTOR: ("1.0.0", "RUNNING"), MODEL: ("1.0.1", "FINISHED")}
    running = Store(tmp_path / HOME / "models").read().running
    assert running is not None
    assert running.version == "1.1.0"
    changed = [event["data"] for event in model_events(tmp_path) if event["type"].endswith("model.changed.v1")]
    assert [(data["cause"], data["model"]["version"]) for data in changed] == [("start", "1.0.0"), ("update", "1.1.0")]


@pytest.mark.nightly
def test_a_configuration_that_the_daemon_cannot_use_is_taken_back(fleet: Fleet, tmp_path: Path) -> None:
    configuration = tmp_path / "station.json"
    fleet.add_device("press-7", CANARY, folder=tmp_path, configuration=configuration)
    fleet.publish(recipe_of(INSPECTOR, defaults=station(tmp_path)))
    fleet.settle()
    assert deploy(fleet)["coreDeviceExecutionStatus"] == "SUCCEEDED"
    good = json.loads(configuration.read_text())
    merge = json.dumps({"policy": {"fail_safe": "perhaps"}})
    bad = deploy(fleet, **{INSPECTOR: {"configurationUpdate": {"merge": merge}}})
    assert bad["reason"].startswith(f"FAILED_ROLLBACK_COMPLETE: Service {INSPECTOR} in broken state after deployment")
    assert "policy.fail_safe" in bad["reason"]
    assert json.loads(configuration.read_text()) == good
    assert [path.name for path in tmp_path.glob(".new-*")] == [], "it may hold secrets"
    again = deploy(fleet)
    assert again["coreDeviceExecutionStatus"] == "SUCCEEDED", "what was refused has left nothing"
