"""Thresholds that a person has set on the page: what they stand above, how long, and what is left on the disk."""

import json
import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from edge_inspector.alarms import OVERRIDE_LAPSED
from edge_inspector.app import build_policy
from edge_inspector.app.thresholds import Entry, LocalThresholds, SetOnThePage, digest_of, with_thresholds_in_force
from edge_inspector.detectors.model_file import Thresholds
from edge_inspector.errors import InspectorError
from edge_inspector.settings import Settings, parse
from edge_inspector.settings.for_product import with_product

RUNNING, OTHER = "a" * 64, "b" * 64
MODEL = {"scratch": Thresholds(review_at=0.4, reject_at=0.7), "dent": Thresholds(review_at=0.3, reject_at=0.6)}


def override(sha256: str, review_at: float, *labels: str) -> dict[str, Any]:
    return {"model_sha256": sha256, "classes": {label: {"review_at": review_at, "reject_at": 0.9} for label in labels}}


def settings_of(folder: Path, **sections: Any) -> Settings:
    return parse({"state": {"dir": str(folder)}, **sections})


def entry(settings: Settings, product: str | None = None, *, review_at: float = 0.5) -> Entry:
    """Return what anna sets for both classes of a model."""
    return Entry.model_validate(
        {
            "product": product,
            **override(RUNNING, review_at, "scratch", "dent"),
            "by": "anna",
            "at": datetime(2026, 1, 2, tzinfo=UTC),
            "configured": digest_of(with_product(settings, product).policy.override),
        }
    )


def limits(settings: Settings, sha256: str = RUNNING) -> tuple[dict[str, float], list[str]]:
    """Return from where on each class is reviewed by a model under settings, and what a person is told."""
    policy, alarms = build_policy(settings.policy, MODEL, sha256)
    return {label: each.review_at for label, each in policy.classes.items()}, [alarm.text for alarm in alarms]


def test_what_was_set_stands_above_the_configuration_and_what_else_that_says_stays(tmp_path: Path) -> None:
    policy = {"override": override(RUNNING, 0.1, "dent"), "min_area_px": {"dent": 7}, "fail_safe": "review"}
    settings = settings_of(tmp_path, policy=policy)
    local = LocalThresholds(tmp_path)
    assert local.over(settings, None) is settings
    local.set(None, entry(settings))
    over = local.over(settings, None)
    assert limits(over) == ({"scratch": 0.5, "dent": 0.5}, [])
    assert (over.policy.min_area_px, over.policy.fail_safe) == ({"dent": 7}, "review")
    local.set(None, None)
    assert limits(local.over(settings, None)) == ({"scratch": 0.4, "dent": 0.1}, [])


def test_it_outlives_the_process_and_belongs_to_its_product(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, products={"one": {}, "two": {}}, station={"product": "one"})
    first = LocalThresholds(tmp_path)
    first.set("one", entry(settings, "one", review_at=0.2))
    first.set("two", entry(settings, "two", review_at=0.25))
    first.set("one", entry(settings, "one", review_at=0.3))
    local = LocalThresholds(tmp_path)
    found = {code: limits(local.over(with_product(settings, code), code))[0]["dent"] for code in settings.products}
    assert found == {"one": 0.3, "two": 0.25}
    assert local.of("one") == first.of("one")
    assert local.of("three") is None


def test_it_lapses_with_an_alarm_when_another_model_runs_and_the_configured_thresholds_of_that_one_rule(
    tmp_path: Path,
) -> None:
    settings = settings_of(tmp_path, policy={"override": override(OTHER, 0.15, "dent")})
    local = LocalThresholds(tmp_path)
    local.set(None, entry(settings))
    over = local.over(settings, None)
    assert limits(over) == ({"scratch": 0.5, "dent": 0.5}, [])
    found, (text,) = limits(over, OTHER)
    assert found == {"scratch": 0.4, "dent": 0.15}
    assert text.startswith(
        "The thresholds that anna set on the page were made for model aaaaaaaaaaaa, but bbbbbbbbbbbb"
    )
    third = "c" * 64
    assert limits(over, third)[0] == {"scratch": 0.4, "dent": 0.3}
    (alarm,) = build_policy(over.policy, MODEL, third)[1]
    assert alarm.name == OVERRIDE_LAPSED


def test_for_the_same_file_with_other_classes_it_lapses_too_and_keeps_no_station_from_starting(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    local = LocalThresholds(tmp_path)
    local.set(None, entry(settings))
    renamed = {"scratch": MODEL["scratch"], "rust": MODEL["dent"]}
    policy, (alarm,) = build_policy(local.over(settings, None).policy, renamed, RUNNING)
    assert policy.classes["rust"].review_at == 0.3
    assert alarm.name == OVERRIDE_LAPSED


def test_a_newer_word_of_the_configuration_wins_for_good(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    before = settings_of(tmp_path, policy={"override": override(RUNNING, 0.1, "dent")})
    after = settings_of(tmp_path, policy={"override": override(RUNNING, 0.2, "dent")})
    local = LocalThresholds(tmp_path)
    local.set(None, entry(before))
    local.forget_outdated(before)
    assert limits(local.over(before, None))[0]["dent"] == 0.5
    assert limits(local.over(after, None))[0]["dent"] == 0.2
    assert limits(local.over(before, None))[0]["dent"] == 0.5, "until the other one is in force"
    with caplog.at_level(logging.WARNING):
        local.forget_outdated(after)
    (record,) = caplog.records
    assert record.message == "the thresholds that anna set on the page lapse: policy.override was changed since"
    assert limits(LocalThresholds(tmp_path).over(before, None))[0]["dent"] == 0.1


def test_what_was_set_for_a_product_that_is_not_configured_any_more_is_left_alone(tmp_path: Path) -> None:
    both = settings_of(tmp_path, products={"one": {}, "two": {}}, station={"product": "one"})
    local = LocalThresholds(tmp_path)
    local.set("two", entry(both, "two"))
    local.forget_outdated(settings_of(tmp_path, products={"one": {}}, station={"product": "one"}))
    assert local.of("two") is not None


@pytest.mark.parametrize(
    "content",
    [b"{", b"[]x", b'[{"product": null}]', b'{"one": 1}', b'[{"product": null, "classes": {"a": {}}}]', b"\xff"],
)
def test_a_file_that_cannot_be_read_is_kept_aside_and_the_configured_thresholds_rule(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    settings, path = settings_of(tmp_path), tmp_path / "thresholds.json"
    path.write_bytes(content)
    with caplog.at_level(logging.ERROR):
        local = LocalThresholds(tmp_path)
    (record,) = caplog.records
    assert f"{path}: expected thresholds that were set on the page, found: " in record.message
    assert len(record.message.splitlines()) == 1
    assert local.over(settings, None) is settings
    assert (tmp_path / "thresholds.json.unreadable").read_bytes() == content
    local.set(None, entry(settings))
    assert LocalThresholds(tmp_path).of(None) == local.of(None)


def test_one_whose_thresholds_are_in_no_order_is_no_such_file(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    LocalThresholds(tmp_path).set(None, entry(settings))
    path = tmp_path / "thresholds.json"
    document = json.loads(path.read_bytes())
    document[0]["classes"]["dent"] = {"review_at": 0.9, "reject_at": 0.1}
    path.write_text(json.dumps(document))
    assert LocalThresholds(tmp_path).of(None) is None


def test_what_cannot_be_written_down_is_one_clear_error_and_changes_nothing(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    local = LocalThresholds(tmp_path)
    local.set(None, entry(settings, review_at=0.2))
    (tmp_path / ".thresholds.json.part").mkdir()
    with pytest.raises(InspectorError, match=r"thresholds\.json: expected to write the thresholds down, found: "):
        local.set(None, entry(settings, review_at=0.3))
    assert limits(local.over(settings, None))[0]["dent"] == 0.2
    assert limits(LocalThresholds(tmp_path).over(settings, None))[0]["dent"] == 0.2


def test_without_a_home_it_lasts_as_long_as_the_process() -> None:
    settings, local = parse({}), LocalThresholds(None)
    local.set(None, entry(settings))
    assert limits(local.over(settings, None))[0]["dent"] == 0.5


def test_a_recording_holds_them_as_if_they_were_configured(tmp_path: Path) -> None:
    policy = {"override": override(RUNNING, 0.1, "dent")}
    plain = settings_of(tmp_path, policy=policy)
    plain.home.mkdir(parents=True)
    LocalThresholds(plain.home).set(None, entry(plain))
    pinned = with_thresholds_in_force(plain)
    assert limits(pinned)[0] == {"scratch": 0.5, "dent": 0.5}
    assert not isinstance(pinned.policy.override, SetOnThePage)
    assert parse(json.loads(pinned.model_dump_json(exclude_none=True))).policy == pinned.policy
    products = settings_of(tmp_path, policy=policy, products={"one": {}, "two": {}}, station={"product": "one"})
    LocalThresholds(products.home).set("two", entry(products, "two", review_at=0.6))
    pinned = with_thresholds_in_force(products)
    assert pinned.policy == products.policy
    assert pinned.products["one"] == products.products["one"]
    assert limits(with_product(pinned, "two"))[0] == {"scratch": 0.6, "dent": 0.6}


def test_a_reader_leaves_a_damaged_file_where_it_is(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    settings.home.mkdir(parents=True)
    (settings.home / "thresholds.json").write_text("{")
    assert with_thresholds_in_force(settings) == settings
    assert [path.name for path in settings.home.iterdir()] == ["thresholds.json"]
