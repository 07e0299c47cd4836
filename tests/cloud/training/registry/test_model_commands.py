"""The commands `model …`: what people read of registered models, and how they approve and reject them."""

import argparse
import getpass
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from cloud_side.commands import CommandError
from cloud_side.objects import Bucket
from cloud_side.training.registry import commands
from cloud_side.training.registry.cli import add_commands
from cloud_side.training.registry.packages import RegistryError
from cloud_side.training.registry.registering import Made, register
from edge_inspector.errors import ConfigError
from tests.cloud.training.gate.run_files import change
from tests.cloud.training.registry.conftest import origin

Run = Callable[..., str]


@pytest.fixture
def run(
    engine: Any, bucket: Bucket, group: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Return a function that runs a command, and returns what it printed."""
    monkeypatch.setattr(commands, "session", lambda: SimpleNamespace(client=engine.client))  # opened once for all
    parser = argparse.ArgumentParser(prog="edge-inspector-cloud")
    add_commands(parser.add_subparsers())

    def go(*arguments: str) -> str:
        options = parser.parse_args(["model", *arguments, "--bucket", bucket.name, "--group", group])
        assert options.command(options) == 0
        return capsys.readouterr().out

    return go


@pytest.fixture
def two(make_run: Callable[..., Made], bucket: Bucket, group: str, sagemaker: Any) -> None:
    """Have two versions of a model, of which the second is better."""
    for version, kind in (("1.0.0", "poor"), ("1.1.0", "good")):
        register(make_run(version, kind=kind), origin(group, f"run-of-{version}"), bucket, sagemaker)


def test_without_models_the_list_says_what_makes_one(run: Run) -> None:
    assert "`edge-inspector-cloud train` makes one" in run("list")


@pytest.mark.usefixtures("two")
def test_models_are_listed_with_their_state(run: Run) -> None:
    run("approve", "1.0.0", "--why", "first")
    head, newest, oldest = run("list").splitlines()
    assert head.split() == ["model", "version", "state", "registered", "data", "mAP50", "escapes", "int8"]
    assert "1.1.0" in newest
    assert "waits for approval" in newest
    assert "approved, champion" in oldest
    assert [each["version"] for each in json.loads(run("list", "metal-tags", "--json"))] == ["1.1.0", "1.0.0"]
    assert "no models" in run("list", "boards")


@pytest.mark.usefixtures("two")
def test_a_model_is_shown_with_its_scores_the_gate_and_its_lineage(run: Run) -> None:
    shown = run("show", "1.0.0")
    for expected in (
        "model:            metal-tags 1.0.0",
        "state:            waits for approval",
        "run:              run-of-1.0.0",
        "scores on 90 images of 30 groups, with 95 % ranges:",
        "escapes of 60 defective parts      6.7 % (",
        "metal-tags 1.0.0 passed all 18 checks",
        "  passed  The number of independent groups",
        "  note    No model was approved yet",
    ):
        assert expected in shown
    said = json.loads(run("show", "latest", "--json"))
    assert said["scores"]["candidate"]["verdicts"]["escapes"]["value"] == 0
    assert said["gate"]["passed"] is True
    assert said["properties"]["run"] == "run-of-1.1.0"


@pytest.mark.usefixtures("two")
def test_a_person_approves_a_model_and_says_why(run: Run) -> None:
    assert run("approve", "1.0.0", "--why", "seen all escapes", "--who", "Kim") == "metal-tags@1.0.0: approved by Kim\n"
    shown = run("show", "champion")
    assert "model:            metal-tags 1.0.0" in shown
    assert "approved by Kim, 20" in shown
    assert ": seen all escapes" in shown


@pytest.mark.usefixtures("two")
def test_a_model_that_was_not_compared_with_the_champion_cannot_take_its_place(run: Run) -> None:
    run("approve", "1.0.0", "--why", "first")
    with pytest.raises(RegistryError, match=r"with the champion metal-tags@1\.0\.0, found one compared with nothing"):
        run("approve", "1.1.0", "--why", "good")
    run("reject", "1.0.0", "--why", "1.1.0 shall take its place")
    run("approve", "1.1.0", "--why", "good")
    run("approve", "1.0.0", "--why", "for the old line: the newest stays the champion")
    assert "metal-tags 1.1.0" in run("show", "champion")


def test_a_model_that_was_compared_with_the_champion_may_take_its_place(
    run: Run, make_run: Callable[..., Made], bucket: Bucket, group: str, sagemaker: Any
) -> None:
    register(make_run("1.0.0"), origin(group, "run-1"), bucket, sagemaker)
    made = make_run("1.1.0")
    change(
        made.evaluation / "evaluation.json",
        lambda said: said.update(champion={**said["candidate"], "version": "1.0.0"}),
    )
    register(made, origin(group, "run-2"), bucket, sagemaker)
    for version in ("1.0.0", "1.1.0"):
        assert "approved by" in run("approve", version, "--why", "good")


@pytest.mark.usefixtures("two")
def test_who_rejects_is_the_user_where_nobody_is_named(run: Run) -> None:
    said = json.loads(run("reject", "latest", "--why", "it stops good parts", "--json"))
    assert (said["version"], said["approval"], said["why"]) == ("1.1.0", "Rejected", "it stops good parts")
    assert said["properties"]["judged_by"] == getpass.getuser()


@pytest.mark.usefixtures("two")
def test_a_model_whose_archive_was_changed_cannot_be_approved(run: Run, bucket: Bucket) -> None:
    bucket.write("models/metal-tags/1.0.0/model.tar.gz", b"another")
    with pytest.raises(RegistryError, match="it was changed after it was registered"):
        run("approve", "1.0.0", "--why", "good")
    assert "waits for approval" in run("show", "1.0.0")
    assert "rejected by" in run("reject", "1.0.0", "--why", "it was changed")


@pytest.mark.usefixtures("two")
def test_a_judgement_without_a_reason_is_none(run: Run) -> None:
    with pytest.raises(ConfigError, match="why: expected a reason"):
        run("approve", "1.0.0", "--why", "  ")
    with pytest.raises(SystemExit):
        run("approve", "1.0.0")


@pytest.mark.usefixtures("two")
def test_two_models_are_compared_on_the_same_parts(run: Run) -> None:
    said = run("compare", "1.1.0", "1.0.0")
    assert "both tested on the same 90 images of 30 groups" in said
    assert "surely better" in said
    difference = json.loads(run("compare", "1.1.0", "1.0.0", "--json"))["differences"]
    assert difference["escapes"]["value"] == pytest.approx(-4 / 60)
    assert difference["cost"]["value"] == pytest.approx(-4 * 50 / 90)
    assert difference["overkill"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert difference["map50"]["low"] > 0


@pytest.mark.usefixtures("two")
def test_models_of_other_data_are_shown_and_not_compared(
    run: Run, make_run: Callable[..., Made], bucket: Bucket, group: str, sagemaker: Any
) -> None:
    register(make_run("1.2.0", dataset_version="77" * 32), origin(group, "run-3"), bucket, sagemaker)
    said = run("compare", "1.2.0", "1.1.0")
    assert "not comparable: metal-tags@1.2.0 was tested on version 777777777777 of its data" in said
    assert json.loads(run("compare", "1.2.0", "1.1.0", "--json"))["differences"] == {}


@pytest.mark.usefixtures("two")
def test_predictions_that_are_not_kept_are_told(run: Run, bucket: Bucket) -> None:
    bucket.remove("models/metal-tags/1.0.0/predictions.jsonl")
    assert "the scores or predictions of metal-tags@1.0.0 are not kept" in run("compare", "1.1.0", "1.0.0")
    bucket.remove("models/metal-tags/1.0.0/evaluation.json")
    bucket.remove("models/metal-tags/1.0.0/gate.json")
    assert "not kept" in run("compare", "1.1.0", "1.0.0")
    shown = run("show", "1.0.0")
    assert "scores: none are kept" in shown
    assert "gate: what it said is not kept" in shown


def test_what_is_not_there_is_an_error_of_one_line(run: Run, bucket: Bucket) -> None:
    with pytest.raises(RegistryError, match=r"^latest: expected one package of group .*, found none among none$"):
        run("show", "latest")
    with pytest.raises(CommandError, match="expected the folder of an engine"):
        run("list", "--home", f"/{bucket.name}")
