"""Thresholds are changed while the line runs: each part is judged by those before or those after, as one."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge_inspector.alarms import OVERRIDE_LAPSED
from edge_inspector.app.threshold_desk import StationThresholds
from edge_inspector.errors import ConfigError, InspectorError, RefusedError
from edge_inspector.frame import Frame
from edge_inspector.page.desk import ClassLimits
from edge_inspector.page.live import LiveView
from edge_inspector.settings import Settings, parse
from tests.models.hurry import hurry
from tests.models.made import POLICY_CLASS, REVIEWED, Updates, label_of, sha256_of, spot_package
from tests.mosquitto import eventually
from tests.products.line import A, B, C, Line, Station, document_of, mixtures, products_in, settings_of, shas_in

VERSION = "1.0.0"
SPOT = label_of(VERSION)  # on every picture, with a confidence of 0.502
OF_THE_MODEL, LOW, HIGH = (0.4, 0.7), (0.3, 0.45), (0.6, 0.8)
VERDICTS = {OF_THE_MODEL: "review", LOW: "reject", HIGH: "accept"}
PAGE = {"port": 0}


def one_model(folder: Path, **sections: Any) -> Settings:
    """Return the settings of a station with one model and no products."""
    package = folder / "spot"
    if not package.exists():
        spot_package(package, VERSION, classes=())
    model = {"path": str(package)}
    document = document_of(folder, products={"none": {}}, **{"station": {}, "model": model, "page": PAGE, **sections})
    del document["products"]
    return parse(document)


def set_to(desk: StationThresholds, pair: tuple[float, float], *, label: str = SPOT) -> None:
    now = desk.in_force()
    assert now is not None
    classes = {**now.classes, label: ClassLimits(*pair)}
    desk.change(classes, model_sha256=now.model.sha256, by="anna")


def override_of(package: Path, pair: tuple[float, float], label: str = SPOT) -> dict[str, Any]:
    classes = {label: {"review_at": pair[0], "reject_at": pair[1]}}
    return {"override": {"model_sha256": sha256_of(package), "classes": classes}}


def judged_by(result: Mapping[str, Any], pair: tuple[float, float], frames: int = 1) -> bool:
    """Return whether all of a result is what one pair of thresholds makes of it: outcome, reasons and detections."""
    outcome = VERDICTS[pair]
    threshold = pair[1] if outcome == "reject" else pair[0]
    count = 0 if outcome == "accept" else frames
    return (
        result["outcome"] == outcome
        and [reason["threshold"] for reason in result["reasons"]] == [threshold] * count
        and result["detections_total"] == count
    )


class Belt(Line):
    """The same without parts."""

    def read(self, timeout_s: float) -> Frame | None:
        frame = super().read(timeout_s)
        return None if frame is None else replace(frame, part_id=None)


def changes(station: Station) -> list[dict[str, Any]]:
    """Return what was told of thresholds."""
    return [each for each in station.told.of("model") if "classes" in each]


def last_outcome(station: Station) -> str | None:
    results = station.told.of("result")
    return results[-1]["outcome"] if results else None


@pytest.mark.parametrize("turns", [2, pytest.param(5, marks=pytest.mark.nightly)])
@pytest.mark.parametrize("frames_per_part", [1, 3])
def test_every_part_is_decided_by_the_thresholds_before_or_after_as_one_and_none_is_lost(
    tmp_path: Path, frames_per_part: int, turns: int
) -> None:
    source = {"type": "simulated", "rate_hz": 400, "frames_per_part": frames_per_part}
    pairs = [HIGH, LOW, OF_THE_MODEL] * turns
    with Station(one_model(tmp_path, source=source), Line(frames_per_part=frames_per_part)) as station:
        station.goes_on()
        for pair in pairs:
            set_to(station.opened.thresholds, pair)
            station.goes_on(30)
        totals = station.end()
        results, told = station.told.of("result"), changes(station)
    whole = [result for result in results if result["outcome"] != "no_verdict"]  # the last part may end in the middle
    assert len(results) - len(whole) <= 1
    decided = []
    for result in whole:
        (pair,) = (pair for pair in VERDICTS if judged_by(result, pair, frames_per_part))
        if not decided or decided[-1] != pair:
            decided.append(pair)
    assert decided == [OF_THE_MODEL, *pairs]
    assert totals.frames.captured == totals.frames.inspected + sum(totals.frames.dropped.values())
    assert totals.parts.seen == sum(totals.parts.outcomes.values()) == len(results)
    assert [change["classes"][0]["review_at"] for change in told] == [pair[0] for pair in pairs]
    assert {change["by"] for change in told} == {"anna"}


def test_a_belt_takes_other_thresholds_too_and_goes_on_following_its_defects(tmp_path: Path) -> None:
    source = {"type": "simulated", "rate_hz": 400, "trigger": "free_running"}
    flow = {"max_results_hz": None, "queue_size": 10_000, "deliver_queue_size": 100_000}
    with Station(one_model(tmp_path, source=source, flow=flow), Belt()) as station:
        station.goes_on()
        set_to(station.opened.thresholds, LOW)
        station.goes_on(40)
        station.end()
        results, defects = station.told.of("result"), station.told.of("defect")
    assert {result["outcome"] for result in results} == {"review", "reject"}
    assert [(each["phase"], each["outcome"]) for each in defects] == [
        ("new", "review"),
        ("update", "reject"),
        ("end", "reject"),
    ]


def test_the_configured_thresholds_change_without_a_restart(tmp_path: Path) -> None:
    plain = one_model(tmp_path)
    high = one_model(tmp_path, policy=override_of(tmp_path / "spot", HIGH))
    gone = one_model(tmp_path, policy=override_of(tmp_path / "spot", LOW) | {"fail_safe": "review"})
    with Station(plain) as station:
        for settings, verdict in ((high, "accept"), (gone, "reject"), (plain, "review")):
            station.opened.apply(settings)
            eventually(lambda wanted=verdict: last_outcome(station) == wanted, what=verdict)
        with pytest.raises(ConfigError, match="the model has no class rust"):
            station.opened.apply(one_model(tmp_path, policy=override_of(tmp_path / "spot", LOW, "rust")))
        now = station.opened.thresholds.in_force()
        station.end()
    assert now.classes[SPOT] == ClassLimits(*OF_THE_MODEL)
    told = [(each["classes"][0]["review_at"], each["by"]) for each in changes(station)]
    assert told == [(0.6, None), (0.3, None), (0.4, None)]


def test_those_of_a_product_change_without_a_restart_and_those_of_no_other_with_them(tmp_path: Path) -> None:
    products = products_in(tmp_path)
    before = settings_of(tmp_path, products=products)
    products[A]["policy"] = override_of(tmp_path / "a", HIGH)
    with Station(before) as station:
        station.goes_on()
        station.opened.apply(settings_of(tmp_path, products=products))
        eventually(lambda: last_outcome(station) == "accept", what="they decide")
        station.change(C)
        station.goes_on()
        station.end()
        results, (told,) = station.told.of("result"), changes(station)
    assert mixtures([each for each in results if each["product"] == C], shas_in(tmp_path)) == []
    assert {each["outcome"] for each in results if each["product"] == A} == {"review", "accept"}
    assert (told["product"], told["classes"][0]["review_at"], told["by"]) == (A, HIGH[0], None)


def test_thresholds_for_another_model_are_told_of_as_long_as_they_are_configured(tmp_path: Path) -> None:
    with Station(one_model(tmp_path)) as station:
        lapsed = {"override": {"model_sha256": "0" * 64, "classes": {}}}
        station.opened.apply(one_model(tmp_path, policy=lapsed))
        eventually(lambda: station.told.of(f"alarm/{OVERRIDE_LAPSED}"), what="it is told")
        assert OVERRIDE_LAPSED in station.opened.alarms.names()
        station.opened.apply(one_model(tmp_path))
        assert OVERRIDE_LAPSED not in station.opened.alarms.names()


def test_they_are_in_force_again_after_a_restart_until_they_are_reset(tmp_path: Path) -> None:
    settings = one_model(tmp_path)
    with Station(settings) as station:
        station.goes_on()
        set_to(station.opened.thresholds, LOW)
        station.goes_on()
        station.end()
    with Station(settings) as station:
        desk = station.opened.thresholds
        station.goes_on()
        now = desk.in_force()
        assert (now.set_by, now.classes[SPOT], now.of_model[SPOT]) == ("anna", ClassLimits(*LOW), ClassLimits(0.4, 0.7))
        assert now.product is None
        desk.reset(by="bert")
        station.goes_on()
        assert (desk.in_force().set_by, desk.in_force().classes[SPOT]) == (None, ClassLimits(*OF_THE_MODEL))
        desk.reset(by="bert")
        station.end()
        results, (told,) = station.told.of("result"), changes(station)
    assert (results[0]["outcome"], results[-1]["outcome"]) == ("reject", "review")
    assert told["by"] == "bert"
    before = {"review_at": LOW[0], "reject_at": LOW[1]}
    assert told["classes"] == [{"label": SPOT, "review_at": 0.4, "reject_at": 0.7, "previous": before}]
    with Station(settings) as station:
        assert station.opened.thresholds.in_force().set_by is None


def test_a_newer_word_of_the_configuration_wins_also_when_it_comes_with_a_restart(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plain, other = one_model(tmp_path), one_model(tmp_path, policy=override_of(tmp_path / "spot", HIGH))
    with Station(plain) as station:
        set_to(station.opened.thresholds, LOW)
        with pytest.raises(ConfigError):
            station.opened.apply(one_model(tmp_path, policy=override_of(tmp_path / "spot", LOW, "rust")))
        assert station.opened.thresholds.in_force().set_by == "anna", "what is refused is no word"
        station.opened.apply(one_model(tmp_path, policy={"fail_safe": "review"}))
        assert station.opened.thresholds.in_force().set_by == "anna", "of thresholds it says nothing new"
        station.opened.apply(other)
        assert station.opened.thresholds.in_force().set_by is None
        set_to(station.opened.thresholds, LOW)
        station.end()
    with caplog.at_level(logging.WARNING), Station(plain) as station:
        now = station.opened.thresholds.in_force()
        assert (now.set_by, now.classes[SPOT]) == (None, ClassLimits(*OF_THE_MODEL))
    assert "the thresholds that anna set on the page lapse" in caplog.text


def test_each_product_has_its_own_and_a_change_over_takes_the_place_of_what_waits(tmp_path: Path) -> None:
    line = Line(stands_after=40)
    with Station(settings_of(tmp_path, page=PAGE), line) as station:
        desk = station.opened.thresholds
        eventually(lambda: station.opened.totals().frames.inspected == 40, what="the line stands")
        set_to(desk, HIGH)
        assert desk.in_force().product == A
        station.change(B)  # nothing has been inspected meanwhile: the thresholds wait with the model of A
        line.goes_on()
        station.goes_on()
        assert desk.in_force().set_by is None
        station.stands()
        results = station.told.of("result")
        assert mixtures(results, shas_in(tmp_path)) == []
        assert {(result["product"], result["outcome"]) for result in results} == {(A, "review"), (B, "reject")}
        before = len(results)
        station.change(A)
        station.line.moves.set()
        station.goes_on()
        assert (desk.in_force().set_by, desk.in_force().classes[SPOT]) == ("anna", ClassLimits(*HIGH))
        station.change(C)  # looked at with the same model
        station.goes_on()
        station.end()
        later = station.told.of("result")[before:]
    assert {result["outcome"] for result in later if result["product"] == A} == {"accept"}
    assert mixtures([result for result in later if result["product"] != A], shas_in(tmp_path)) == []


def test_what_was_meant_for_one_product_is_not_set_for_another_with_the_same_model(tmp_path: Path) -> None:
    with Station(settings_of(tmp_path, page=PAGE)) as station:
        desk = station.opened.thresholds
        station.goes_on()
        seen = desk.in_force()
        assert seen.product == A
        station.change(C)  # while a person thinks
        wanted = {SPOT: ClassLimits(*HIGH)}
        with pytest.raises(RefusedError, match=f"set up for {C}; expected {A}, which they were set for"):
            desk.change(wanted, model_sha256=seen.model.sha256, product=A, by="anna")
        with pytest.raises(RefusedError, match=f"set up for {C}; expected {A}"):
            desk.reset(product=A, by="anna")
        assert desk.in_force().set_by is None
        desk.change(wanted, model_sha256=seen.model.sha256, product=C, by="anna")
        assert (desk.in_force().product, desk.in_force().set_by) == (C, "anna")
        station.change(A)
        assert desk.in_force().set_by is None


def updated(folder: Path, updates: Updates, **options: Any) -> Settings:
    """Return the settings of a station whose first model is updated."""
    package = folder / "spot"
    if not package.exists():
        spot_package(package, VERSION)
    looks = {"folder": str(updates.folder), "max_latency_ms": 200, **options}  # a busy machine is slower than the line
    model = {"path": str(package), "updates": looks}
    return one_model(folder, model=model, policy={"min_area_px": {POLICY_CLASS: 1}})


@pytest.fixture
def updates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Updates:
    hurry(monkeypatch)
    return Updates(tmp_path / "updates")


def outcomes(station: Station) -> set[tuple[str, str]]:
    return {(result["model"]["version"], result["outcome"]) for result in station.told.of("result")}


def test_they_lapse_with_their_model_and_are_back_with_it(tmp_path: Path, updates: Updates) -> None:
    with Station(updated(tmp_path, updates, probation_parts=20)) as station:
        desk, models = station.opened.thresholds, station.opened._products._joined.looks
        station.goes_on()
        set_to(desk, LOW)
        eventually(lambda: (VERSION, "reject") in outcomes(station), what="they decide")
        updates.place("1.1.0")
        eventually(lambda: ("1.1.0", "review") in outcomes(station), what="the new model judges by its own")
        eventually(lambda: station.told.of(f"alarm/{OVERRIDE_LAPSED}"), what="it is told")
        assert "anna set on the page" in station.told.of(f"alarm/{OVERRIDE_LAPSED}")[-1]["text"]
        assert (desk.in_force().set_by, desk.in_force().model.version) == (None, "1.1.0")
        eventually(lambda: models.busy() is None, what="it has proved itself")
        models.rollback(by="anna")
        eventually(lambda: OVERRIDE_LAPSED not in station.opened.alarms.names(), what="it is back")
        eventually(lambda: desk.in_force().set_by == "anna", what="and its thresholds")
        station.goes_on()
        station.end()
        reasons = [each["reason"] for each in station.told.of("model") if "cause" in each]
    assert ("1.1.0", "reject") not in outcomes(station)
    assert station.told.of("result")[-1]["outcome"] == "reject"
    assert reasons[-1] == "it was rolled back by anna"


def test_a_model_on_probation_is_not_blamed_for_other_thresholds(tmp_path: Path, updates: Updates) -> None:
    with Station(updated(tmp_path, updates, probation_parts=150)) as station:
        models = station.opened._products._joined.looks
        station.goes_on(100)
        updates.place("1.1.0")
        eventually(lambda: models.document()["probation"] is not None, what="it is on probation")
        set_to(station.opened.thresholds, LOW, label=label_of("1.1.0"))  # from now on each part is rejected
        eventually(lambda: ("1.1.0", "reject") in outcomes(station), what="they decide")
        eventually(lambda: models.busy() is None, what="the probation ends")
        station.end()
        causes = [each["cause"] for each in station.told.of("model") if "cause" in each]
    assert causes == ["start", "update"]
    assert station.told.of("result")[-1]["model"]["version"] == "1.1.0"


def test_thresholds_that_are_set_while_a_model_waits_for_the_next_part_do_not_take_its_turn(
    tmp_path: Path, updates: Updates
) -> None:
    with Station(updated(tmp_path, updates)) as station:
        models = station.opened._products._joined.looks
        station.goes_on()
        station.stands()
        updates.place("1.1.0")
        eventually(lambda: "takes over" in str(models.busy()), what="it waits for the next part")
        set_to(station.opened.thresholds, LOW)
        before = len(station.told.of("result"))
        station.line.moves.set()
        station.goes_on()
        station.end()
        found = {(each["model"]["version"], each["outcome"]) for each in station.told.of("result")[before:]}
    assert found == {("1.1.0", "review")}


def test_a_policy_that_only_one_of_two_models_can_have_leaves_both_as_they_were(
    tmp_path: Path, updates: Updates
) -> None:
    plain = updated(tmp_path, updates)
    other = plain.policy.model_copy(update={"min_area_px": {label_of("1.1.0"): 10_000}})
    with Station(plain) as station:
        models = station.opened._products._joined.looks
        station.goes_on()
        station.stands()
        updates.place("1.1.0")
        eventually(lambda: "takes over" in str(models.busy()), what="it waits for the next part")
        with pytest.raises(ConfigError, match=r"the model has no class"):
            station.opened.apply(plain.model_copy(update={"policy": other}))
        assert models._coming is not None
        limits = models._coming[0].model.policy.classes[label_of("1.1.0")]
    assert limits.min_area_px == 0


@pytest.mark.parametrize(
    ("classes", "words"),
    [
        ({}, f"expected thresholds of each class of the model, {SPOT}; found none"),
        ({SPOT: (0.1, 0.2), "rust": (0.1, 0.2)}, f"each class of the model, {SPOT}; found rust, {SPOT}"),
        ({SPOT: (0.3, 0.2)}, "expected 0 <= review_at <= reject_at <= 1, found 0.3 and 0.2"),
        ({SPOT: (-0.1, 0.2)}, "expected 0 <= review_at"),
        ({SPOT: (0.1, 1.2)}, "expected 0 <= review_at"),
        ({SPOT: (float("nan"), 0.2)}, "expected 0 <= review_at"),
    ],
)
def test_what_are_no_thresholds_of_the_model_is_refused(
    tmp_path: Path, classes: dict[str, tuple[float, float]], words: str
) -> None:
    limits = {label: ClassLimits(*pair) for label, pair in classes.items()}
    with Station(one_model(tmp_path)) as station:
        desk = station.opened.thresholds
        sha256 = desk.in_force().model.sha256
        with pytest.raises(RefusedError, match=words.replace(".", r"\.")):
            desk.change(limits, model_sha256=sha256, by="anna")
        with pytest.raises(RefusedError, match=words.replace(".", r"\.")):
            desk.preview(limits, 10)
        with pytest.raises(RefusedError, match=f"model {sha256[:12]} runs; expected 000000000000"):
            desk.change({SPOT: ClassLimits(*LOW)}, model_sha256="0" * 64, by="anna")
        assert desk.in_force().set_by is None


def test_they_wait_for_no_change_over_and_what_cannot_be_written_down_does_not_decide(tmp_path: Path) -> None:
    with Station(one_model(tmp_path)) as station:
        desk = station.opened.thresholds
        with station.products.changes.now():
            with pytest.raises(RefusedError, match="busy: another change-over"):
                set_to(desk, LOW)
            with pytest.raises(RefusedError, match="busy"):
                desk.reset(by="anna")
        home = one_model(tmp_path).home
        (home / ".thresholds.json.part").mkdir()
        with pytest.raises(InspectorError, match="expected to write the thresholds down"):
            set_to(desk, LOW)
        assert (desk.in_force().set_by, desk.in_force().classes[SPOT]) == (None, ClassLimits(*OF_THE_MODEL))
        station.goes_on()
        station.end()
    assert {result["outcome"] for result in station.told.of("result")} == {"review"}


def test_while_no_model_runs_there_is_nothing_to_set(tmp_path: Path) -> None:
    with Station(one_model(tmp_path, samples={"mode": "collect"})) as station:
        desk = station.opened.thresholds
        assert desk.in_force() is None
        desk.reset(by="anna")
        for ask in (
            lambda: desk.preview({}, 10),
            lambda: desk.change({}, model_sha256="0" * 64, by="anna"),
        ):
            with pytest.raises(RefusedError, match="no model runs"):
                ask()


def test_they_are_tried_on_the_last_parts_and_nothing_is_decided(tmp_path: Path) -> None:
    with Station(one_model(tmp_path, page={**PAGE, "preview_parts": 50})) as station:
        desk = station.opened.thresholds
        station.goes_on(80)
        station.stands()
        assert desk.in_force().parts == 50
        assert desk.in_force().floor == pytest.approx(OF_THE_MODEL[0] / 2)
        tried = {pair: desk.preview({SPOT: ClassLimits(*pair)}, 40) for pair in VERDICTS}
        results = station.told.of("result")
        assert desk.in_force().set_by is None
    ids = [each.inspection_id for each in tried[LOW]]
    assert ids == [result["inspection_id"] for result in results[::-1][:40]]
    assert [each.part_id for each in tried[LOW]] == [result["part_id"] for result in results[::-1][:40]]
    for pair, found in tried.items():
        assert {(each.before.value, each.after.value) for each in found} == {("review", VERDICTS[pair])}


def test_what_is_weaker_than_any_threshold_can_be_tried_too(tmp_path: Path) -> None:
    spot_package(tmp_path / "spot", VERSION, classes=())
    policy = override_of(tmp_path / "spot", (0.9, 0.95))
    with Station(one_model(tmp_path, policy=policy)) as station:
        desk = station.opened.thresholds
        station.goes_on()
        station.stands()
        assert 0.45 == desk.in_force().floor < REVIEWED / 255
        tried = desk.preview({SPOT: ClassLimits(0.46, 0.5)}, 1000)
        results = station.told.of("result")
    assert {(each.before.value, each.after.value) for each in tried} == {("accept", "reject")}
    assert len(tried) == len(results)
    assert {(result["outcome"], result["detections_total"]) for result in results} == {("accept", 0)}


def test_what_is_weaker_than_any_threshold_is_not_in_the_live_view_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spot_package(tmp_path / "spot", VERSION, classes=())
    seen: set[tuple[str, int]] = set()

    def watch(_: LiveView, __: Frame, finding: Any) -> None:
        seen.add((finding.record.outcome.verdict.value, len(finding.detections)))

    monkeypatch.setattr(LiveView, "watch", watch)
    with Station(one_model(tmp_path, policy=override_of(tmp_path / "spot", (0.9, 0.95)))) as station:
        station.goes_on()
        station.opened.apply(one_model(tmp_path))
        eventually(lambda: last_outcome(station) == "review", what="it is one that counts")
        station.end()
    assert seen == {("accept", 0), ("review", 1)}


def test_of_a_belt_they_are_tried_on_the_frames_of_which_there_is_a_result_to_open(tmp_path: Path) -> None:
    source = {"type": "simulated", "rate_hz": 400, "trigger": "free_running"}
    with Station(one_model(tmp_path, source=source, flow={"max_results_hz": 20}), Belt()) as station:
        station.goes_on(100)
        station.end()
        tried = station.opened.thresholds.preview({SPOT: ClassLimits(*LOW)}, 1000)
        results = station.told.of("result")
    assert [each.inspection_id for each in tried] == [result["inspection_id"] for result in results[::-1]]


@pytest.mark.parametrize("page", [None, {"enabled": False}, {"preview_parts": 0}])
def test_where_nothing_can_be_tried_nothing_weaker_is_looked_for(tmp_path: Path, page: dict[str, Any] | None) -> None:
    with Station(one_model(tmp_path, page=None if page is None else {**PAGE, **page})) as station:
        station.goes_on()
        now = station.opened.thresholds.in_force()
        assert (now.parts, now.floor) == (0, 0.4)
