"""A station that a Greengrass nucleus runs, as a process: told, asked, updated, cut off, stopped."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import cv2
import pytest

from edge_inspector.cli import main
from edge_inspector.component import overlay
from edge_inspector.sample_keys import parse_key
from tests.commander import command_of
from tests.daemons import EDGE_INSPECTOR
from tests.integration.component import IMPATIENT, Component, Listener, assert_every_part_has_its_result, station_of
from tests.integration.watcher import STATION, Watcher
from tests.models.made import Updates, label_of, picture, spot_package
from tests.mosquitto import Mosquitto
from tests.nucleus.fake import FakeNucleus
from tests.onnx_models import bright_spot_model

pytestmark = pytest.mark.thorough

STUCK, CONFIGURATION = 75, 78
Flavor = Literal["java", "lite"]


def nightly(name: Flavor) -> Any:
    return pytest.param(name, EDGE_INSPECTOR, marks=pytest.mark.nightly, id=name)


def with_an_impatient(name: Flavor) -> Any:
    return pytest.mark.parametrize(
        ("flavor", "command"), [pytest.param(name, IMPATIENT, id=f"{name}-impatient"), nightly("java"), nightly("lite")]
    )


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return bright_spot_model(tmp_path / "model", model_wh=(96, 64))


@pytest.mark.parametrize("flavor", ["lite", pytest.param("java", marks=pytest.mark.nightly)])
def test_a_component_runs_as_its_nucleus_configures_it_and_does_what_it_is_told_from_near_and_far(
    tmp_path: Path, flavor: Flavor, model: Path
) -> None:
    configuration = station_of(model, samples={"mode": "select", "random_share": 1.0})
    with (
        FakeNucleus(tmp_path, flavor, recipe="yaml", configuration=configuration) as nucleus,
        Component(tmp_path / "work", nucleus.environment) as component,
    ):
        local, cloud = Listener(nucleus, nucleus.local), Listener(nucleus, nucleus.iot_core)
        nucleus.wait_until(lambda: nucleus.states and nucleus.requests["SubscribeToIoTCore"])
        for publish in (nucleus.publish_local, nucleus.publish_iot):
            way = publish.__name__
            answers = {}
            for name in ("self-test", "reload", "capture-sample", "model-rollback"):
                publish(f"{STATION}/cmd/{name}", command_of(f"{name}-{way}"))
                answers[name] = cloud.wait_for(f"cmd/{name}/reply", f"{name}-{way}")["data"]
            assert {name: answer["status"] for name, answer in answers.items()} == {
                "self-test": "done",
                "reload": "done",
                "capture-sample": "done",
                "model-rollback": "refused",
            }
            assert parse_key(answers["capture-sample"]["result"]["sample_key"]).station == "station-2"
        assert component.addresses == []
        assert component.readable_by_others == []
        cloud.catch_up_with(component, "top/defect")
        assert component.stop() == 0
        assert nucleus.states == ["RUNNING"]
        assert component.readable_by_others == []
    assert_every_part_has_its_result(local, component)
    assert [each["id"] for each in cloud.documents("top/defect")] == [
        each["id"] for each in local.documents("top/defect")
    ]
    assert [each["status"] for each in cloud.documents("status")] == ["online", "stopped"]
    assert cloud.documents("top/result") == []
    assert cloud.documents("stats")[-1]["parts"]["seen"] == len(local.documents("top/result"))


@with_an_impatient("java")
def test_what_is_deployed_comes_into_force_between_two_parts_and_what_cannot_is_refused_in_words(
    tmp_path: Path, flavor: Flavor, command: Sequence[str], model: Path
) -> None:
    configuration = station_of(model, health={"min_free_mb": 0.1, "metrics_port": 0})
    topics = ("edge-inspector/*", "factory/*")  # in the cloud only the first is allowed
    with (
        FakeNucleus(tmp_path, flavor, configuration=configuration, pubsub=topics) as nucleus,
        Component(tmp_path / "work", nucleus.environment, command=command) as component,
    ):
        local, cloud = Listener(nucleus, nucleus.local), Listener(nucleus, nucleus.iot_core)
        assert {each["outcome"] for each in local.wait_for_results(5)} == {"reject"}
        nucleus.configure({"policy": {"ignore": [[[0, 0], [1, 0], [1, 1], [0, 1]]]}})
        local.wait_for("top/result", '"outcome":"accept"')

        report = nucleus.configure({"policy": {"fail_safe": "maybe"}})
        if report is not None:
            assert (report.status, nucleus.flavor.is_java) == ("REJECTED", True)
            assert "policy.fail_safe: Input should be 'reject', 'review' or 'accept'; found 'maybe'" in report.message
            nucleus.configure({"model": {"path": str(tmp_path / "nowhere")}})
        alarm = cloud.wait_for("alarm/configuration-rejected", "raised")["data"]
        assert ("nowhere" if report else "policy.fail_safe") in alarm["text"]
        assert {each["outcome"] for each in local.wait_for_results(5)} == {"accept"}
        assert [each["status"] for each in cloud.documents("status")] == ["online"], "it is the same flow"
        assert {address.partition(":")[0] for address in component.addresses} == {"0100007F"}

        nucleus.configure({"policy": {"fail_safe": "reject"}, "model": {"path": str(model)}})
        cloud.wait_for("alarm/configuration-rejected", "cleared")
        assert component.is_running
        nucleus.configure({"station": {"topic_prefix": "factory"}})
        local.wait_for("alarm/dead-letter", "raised")
        local.wait_for_results(5)
        assert component.stop() == 0
    assert {each.topic.split("/")[0] for each in nucleus.local} == {"edge-inspector", "factory"}
    assert {each.topic.split("/")[0] for each in nucleus.iot_core} == {"edge-inspector"}
    assert_every_part_has_its_result(local, component)


@with_an_impatient("java")
def test_a_model_takes_over_on_the_running_line_while_the_nucleus_dies_and_comes_back_and_no_result_is_lost(
    tmp_path: Path, flavor: Flavor, command: Sequence[str]
) -> None:
    pictures, updates = tmp_path / "pictures", Updates(tmp_path / "models")
    pictures.mkdir()
    cv2.imwrite(str(pictures / "spot.png"), picture())
    first = spot_package(tmp_path / "first", "1.0.0")
    configuration = station_of(
        first,
        source={"type": "directory", "path": str(pictures), "loop": True, "rate_hz": 50},
        model={"path": str(first), "updates": {"probation_parts": 100}},
    )
    with (
        FakeNucleus(tmp_path, flavor, configuration=configuration) as nucleus,
        Component(tmp_path / "work", nucleus.environment, models=updates.folder, command=command) as component,
    ):
        local, cloud = Listener(nucleus, nucleus.local), Listener(nucleus, nucleus.iot_core)
        local.wait_for_results(10)
        good = spot_package(tmp_path / "good", "1.1.0")
        assert main(["model", "place", str(good), "--to", str(updates.folder)]) == 0
        changed = cloud.wait_for("model", "model.changed", '"update"')["data"]
        assert (changed["model"]["version"], changed["previous"]["version"]) == ("1.1.0", "1.0.0")
        answers = nucleus.offer_update("during-probation")
        assert [("on probation" in each.message, each.recheck_after_ms > 0) for each in answers] in ([(True, True)], [])

        nucleus.stop()
        component.wait_for("the connection was lost")
        component.wait_for("has proved itself on")
        updates.place("1.2.0", damaged=True)
        component.wait_for("model spot 1.2.0 is refused")
        nucleus.start()
        rejected = cloud.wait_for("model", "model.rejected")["data"]
        assert "expected sha256" in rejected["reason"]
        local.catch_up_with(component)
        assert [each.recheck_after_ms for each in nucleus.offer_update("afterwards")] == ([0] if answers else [])
        assert len(answers) == nucleus.flavor.is_java
        assert component.stop() == 0
    assert_every_part_has_its_result(local, component)
    results = [each["data"] for each in local.documents("top/result")]
    versions = [each["model"]["version"] for each in results]
    assert list(dict.fromkeys(versions)) == ["1.0.0", "1.1.0"]
    assert [each["detections"][0]["label"] for each in results] == [label_of(version) for version in versions]


@with_an_impatient("java")
def test_a_token_that_is_dead_ends_the_process_within_its_budget_and_then_the_line_runs_on_without_the_nucleus(
    tmp_path: Path, flavor: Flavor, command: Sequence[str], model: Path
) -> None:
    work, health = tmp_path / "work", {"min_free_mb": 0.1, "watchdog": {"exits_per_hour": 1}}
    with Mosquitto(tmp_path) as broker, Watcher(broker.port) as watcher:
        configuration = station_of(model, mqtt={"port": broker.port}, health=health)
        with FakeNucleus(tmp_path, flavor, configuration=configuration) as nucleus:
            local, old = Listener(nucleus, nucleus.local), nucleus.environment
            with Component(work, old, command=command) as first:
                local.wait_for_results(5)
                nucleus.restart(new_token=True)
                assert first.wait() == STUCK
            assert first.error.endswith("ipc.socket: hung up when it saw the token of this process")
            with Component(work, old, command=command) as second:
                second.wait_for("going on with the configuration of the last time")
                assert watcher.wait_for_alarm("nucleus-unreachable")["text"] == first.error
                watcher.wait_for_results(5)
                assert second.is_running
                assert second.stop() == 0
            assert nucleus.refused_connects >= 6
            with Component(work, nucleus.environment, command=command) as third:
                third.wait_for("part-000005")
                local.catch_up_with(third)
                assert third.stop() == 0
    assert_every_part_has_its_result(local, first, second, third)


@with_an_impatient("lite")
def test_a_nucleus_that_is_away_at_the_start_is_waited_for_by_who_knows_what_to_do_meanwhile(
    tmp_path: Path, flavor: Flavor, command: Sequence[str], model: Path
) -> None:
    work, configuration = tmp_path / "work", station_of(model)
    with FakeNucleus(tmp_path, flavor, configuration=configuration) as nucleus:
        local, environment = Listener(nucleus, nucleus.local), nucleus.environment
        nucleus.stop()
        with Component(work, environment, command=command) as component:
            assert component.wait() == STUCK
        assert component.error.startswith("no configuration: no connection to the nucleus in ")
        assert component.error.endswith(f"nothing listens at {nucleus.socket_path}")
        of_the_last_time = overlay(configuration, thing_name="station-2", models=None)
        (work / "component.json").write_text(json.dumps(of_the_last_time))
        with Component(work, environment, command=command) as component:
            component.wait_for("part-000005")
            nucleus.start()
            local.catch_up_with(component)
            assert component.stop() == 0
    assert_every_part_has_its_result(local, component)


def test_a_process_that_no_nucleus_has_started_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("SVCUID", raising=False)
    monkeypatch.setenv("AWS_IOT_THING_NAME", "station-2")
    assert main(["run", "--greengrass"]) == CONFIGURATION
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("edge-inspector: error: expected to be started by a Greengrass nucleus, but AWS_GG_NUCLEUS")
