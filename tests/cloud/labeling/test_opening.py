"""The door of a batch: what cannot be asked for is said before anything is looked for, and a name is one batch's."""

from collections.abc import Iterator
from typing import Any

import pytest

from cloud_side.labeling.places import SETTINGS, batch_key
from cloud_side.labeling.runtime.opening import settle
from edge_inspector.errors import ConfigError
from tests.cloud.labeling.stations import STARTED, Bucket, Cut, Home, opened_home

LATER = "2026-06-15T08:00:00.000Z"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with opened_home(tmp_path_factory.mktemp("home")) as made:
        yield made


@pytest.fixture
def bucket(home: Home) -> Iterator[Bucket]:
    made = home.bucket()
    yield made
    made.unhook()


def begun(bucket: Bucket, *, started: str = STARTED, workteam: str = "none", **asked: Any) -> dict[str, Any]:
    event = {"bucket": bucket.name, "batch": "first", "started": started, "workteam": workteam, "input": asked}
    settings: dict[str, Any] = settle(event, None)["settings"]
    return settings


def test_a_name_that_a_batch_has_had_is_refused_and_what_that_one_left_stays(bucket: Bucket) -> None:
    begun(bucket, budget=30)
    left = bucket.objects()
    with pytest.raises(
        ConfigError, match=rf"^batch: expected a name that no batch has had, found 'first', .* at {STARTED}$"
    ):
        begun(bucket, started=LATER, budget=40)
    assert bucket.objects() == left


def test_settings_that_nobody_knows_are_of_another_batch(bucket: Bucket) -> None:
    bucket.put_object(batch_key("first", SETTINGS), b"{}")
    with pytest.raises(ConfigError, match="batch: expected a name that no batch has had"):
        begun(bucket)


def test_the_step_that_is_cut_off_and_runs_again_knows_what_it_wrote(bucket: Bucket) -> None:
    with pytest.raises(Cut), bucket.cut_after(1):
        begun(bucket, budget=30)
    written = bucket.s3.head_object(Bucket=bucket.name, Key=batch_key("first", SETTINGS))["LastModified"]
    assert begun(bucket, budget=30)["budget"] == 30
    assert bucket.s3.head_object(Bucket=bucket.name, Key=batch_key("first", SETTINGS))["LastModified"] == written


def test_ground_truth_is_refused_where_it_cannot_be(bucket: Bucket) -> None:
    with pytest.raises(ConfigError, match=r"^method: expected page, as there is no private work team"):
        begun(bucket, method="ground-truth")
    assert bucket.objects() == {}
    assert (
        begun(bucket, method="ground-truth", workteam="arn:aws:sagemaker:…:workteam/private-crowd/a")["budget"] == 500
    )
