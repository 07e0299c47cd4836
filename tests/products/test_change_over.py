"""The line changes over as one: whatever comes in between, no part is judged by a mixture of two products."""

import gc
from dataclasses import replace
from pathlib import Path
from typing import Any
from weakref import WeakSet

import pytest

from edge_inspector.alarms import PRODUCT_REFUSED
from edge_inspector.detectors.onnx import open_session
from edge_inspector.errors import ConfigError
from edge_inspector.events import ProductChange
from tests.models.made import sha256_of, spot_package
from tests.mosquitto import eventually
from tests.products.line import A, B, C, Line, Station, mixtures, settings_of, shas_in


def source_of(frames_per_part: int) -> dict[str, Any]:
    return {"type": "simulated", "rate_hz": 400, "frames_per_part": frames_per_part}


def change_often(folder: Path, *, frames_per_part: int, changes: int, between: int) -> None:
    line = Line(frames_per_part=frames_per_part)
    with Station(settings_of(folder, source=source_of(frames_per_part)), line) as station:
        for number in range(changes):
            station.change((B, C, A, C, B, A)[number % 6])
            station.goes_on(between)
        totals = station.end()
        results = station.told.of("result")
        told = station.told.order("result", "product")
    assert mixtures(results, shas_in(folder)) == []
    assert {result["product"] for result in results} == {A, B, C}
    assert totals.frames.captured == totals.frames.inspected + sum(totals.frames.dropped.values())
    assert totals.parts.seen == sum(totals.parts.outcomes.values()) == len(results)
    torn = [result for result in results if result["outcome"] == "no_verdict"]
    if torn and torn[-1] is results[-1] and torn[-1]["no_verdict"]["cause"] == "frame_missing":
        torn.pop()  # the line ended in the middle of it
    assert len(torn) <= changes
    assert {result["no_verdict"]["cause"] for result in torn} <= {"product_mismatch"}
    product = None
    for each in told:  # what is told of the product holds for every result after it, and for no other
        if "cause" in each:
            assert each["previous"] == product
            product = each["product"]
        else:
            assert each["product"] == product


@pytest.mark.parametrize("frames_per_part", [1, 3])
def test_no_part_is_judged_by_a_mixture_of_two_products(tmp_path: Path, frames_per_part: int) -> None:
    change_often(tmp_path, frames_per_part=frames_per_part, changes=6, between=40)


@pytest.mark.nightly
@pytest.mark.timeout(900)
@pytest.mark.parametrize("frames_per_part", [1, 3])
def test_no_part_of_very_many_is_judged_by_a_mixture(tmp_path: Path, frames_per_part: int) -> None:
    change_often(tmp_path, frames_per_part=frames_per_part, changes=300, between=100)


@pytest.mark.thorough
def test_frames_that_wait_for_a_slow_model_are_judged_as_what_they_are(tmp_path: Path) -> None:
    spot_package(tmp_path / "a", "1.0.0", classes=(), turns=20_000)  # about 10 ms: four times the pace of the line
    spot_package(tmp_path / "b", "2.0.0", classes=(), review_at=0.2, reject_at=0.45)
    products = {A: {"model": {"path": str(tmp_path / "a")}}, B: {"model": {"path": str(tmp_path / "b")}}}
    with Station(settings_of(tmp_path, products=products)) as station:
        station.goes_on(60)
        waiting = station.opened.totals().frames.in_flight
        assert waiting > 10
        station.change(B)
        station.goes_on(10)
        station.end()
        results = station.told.of("result")
    assert mixtures(results, shas_in(tmp_path)) == []
    assert sum(result["product"] == A for result in results) >= 60


def test_the_frames_of_a_part_stay_together_where_the_next_part_is_soon(tmp_path: Path) -> None:
    line = Line(0.02, frames_per_part=3)
    with Station(settings_of(tmp_path, source=source_of(3)), line) as station:
        for code in (B, A, B, A):
            station.goes_on(4)
            station.change(code)
        station.end()
        results = station.told.of("result")
    assert [each for each in results[:-1] if each["outcome"] == "no_verdict"] == []


def test_a_part_of_which_frames_of_both_products_come_gets_no_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_inspector.sources.marked._PART_S", 0.1)
    line = Line(frames_per_part=3, stands_after=4)
    with Station(settings_of(tmp_path, source=source_of(3), flow={"deadline_ms": 1e6}), line) as station:
        eventually(lambda: line.captured == 4, what="a part and a third")
        station.change(B)  # the line stands: what is left of the part would be of another product
        line.goes_on()
        station.goes_on(6)
        station.end()
        results = station.told.of("result")
    torn = results[1]
    assert (torn["product"], torn["outcome"]) == (A, "no_verdict")
    assert torn["no_verdict"]["cause"] == "product_mismatch"
    assert "changed over to" in torn["no_verdict"]["problem"]
    assert len([each for each in results if each["part_id"] == torn["part_id"]]) == 1
    assert [each["product"] for each in results[:1]] == [A]
    assert {each["product"] for each in results[2:]} == {B}


def test_a_line_that_stands_changes_over_too(tmp_path: Path) -> None:
    with Station(settings_of(tmp_path)) as station:
        station.goes_on()
        station.stands()
        judged = len(station.told.of("result"))
        answer = station.change(C)
        assert (answer["product"], answer["previous"]) == (C, A)
        eventually(lambda: station.told.of("product")[-1]["product"] == C, what="it is told")
        assert station.told.of("state")[-1]["product"] == C
        station.line.moves.set()
        station.goes_on()
        station.end()
        results = station.told.of("result")
    assert {each["product"] for each in results[judged:]} == {C}
    assert mixtures(results, shas_in(tmp_path)) == []


def test_what_is_told_of_a_change_over(tmp_path: Path) -> None:
    with Station(settings_of(tmp_path)) as station:
        station.goes_on()
        answer = station.change(B, by="shift lead")
        assert station.change(B) == {**answer, "previous": B}
        station.end()
        start, change = station.told.of("product")
        state = station.told.of("state")[-1]
    assert (start["product"], start["previous"], start["cause"], start["by"]) == (A, None, "start", None)
    assert (change["product"], change["previous"], change["cause"], change["by"]) == (B, A, "command", "shift lead")
    assert change["model"]["sha256"] == sha256_of(tmp_path / "b") == state["model"]["sha256"]
    assert state["product"] == B


def test_the_line_starts_as_it_ended_unless_a_person_has_configured_another_product(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    with Station(settings) as station:
        station.change(B)
    with Station(settings) as station:
        station.goes_on()
        station.end()
        (start,) = station.told.of("product")
        assert {each["product"] for each in station.told.of("result")} == {B}
        assert (start["product"], start["previous"], start["cause"], start["by"]) == (B, B, "start", "a test")
    other = settings.model_copy(update={"station": settings.station.model_copy(update={"product": C})})
    with Station(other) as station:
        station.goes_on()
        station.end()
        (start,) = station.told.of("product")
        assert mixtures(station.told.of("result"), shas_in(tmp_path)) == []
    assert (start["product"], start["previous"], start["cause"]) == (C, B, ProductChange.CONFIGURATION)
    left = {code: product for code, product in settings.products.items() if code != C}
    back = settings.model_copy(update={"products": left})
    with Station(back) as station:
        assert station.products.code == A


def test_a_product_that_is_configured_no_more_is_told(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    with Station(settings) as station:
        station.change(B)
    left = {code: product for code, product in settings.products.items() if code != B}
    with Station(settings.model_copy(update={"products": left})) as station:
        station.goes_on()
        alarm = station.told.of(f"alarm/{PRODUCT_REFUSED}")[0]
        assert station.products.code == A
    assert B in alarm["text"]


def test_a_belt_changes_over_between_two_frames_and_every_track_ends_before(tmp_path: Path) -> None:
    line = Line(0.01, frames_per_part=1)
    read = line.read

    def free_running(timeout_s: float) -> Any:
        frame = read(timeout_s)
        return None if frame is None else replace(frame, part_id=None)

    line.read = free_running  # type: ignore[method-assign]
    source = {"type": "simulated", "rate_hz": 100, "trigger": "free_running"}
    with Station(settings_of(tmp_path, source=source), line) as station:
        station.goes_on()
        station.change(B)
        station.goes_on()
        station.change(C)
        station.goes_on()
        station.end()
        results, defects = station.told.of("result"), station.told.of("defect")
    assert mixtures(results, shas_in(tmp_path)) == []
    phases = [(each["product"], each["phase"]) for each in defects]
    assert phases == [(code, phase) for code in (A, B, C) for phase in ("new", "end")]
    for product, model in shas_in(tmp_path).items():
        assert {each["model"]["sha256"] for each in defects if each["product"] == product} == {model}


def test_a_changed_configuration_holds_for_the_product_in_force(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, policy={"fail_safe": "review"})
    with Station(settings) as station:
        station.goes_on()
        station.change(C)
        changed = {"policy": settings.policy.model_copy(update={"min_area_px": {"rust": 1.0}})}
        station.opened.apply(settings.model_copy(update=changed))  # C has a policy of its own: nothing to apply
        station.goes_on()
        with pytest.raises(ConfigError, match="rust"):
            station.change(A)
        station.end()
        results = station.told.of("result")
    assert mixtures(results, shas_in(tmp_path)) == []


def test_a_model_that_looks_no_more_is_freed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: WeakSet[object] = WeakSet()

    def open_noted(*args: Any, **options: Any) -> Any:
        loaded.add(session := open_session(*args, **options))
        return session

    monkeypatch.setattr("edge_inspector.detectors.onnx.open_session", open_noted)
    with Station(settings_of(tmp_path)) as station:
        for code in (B, A, C, B):
            station.change(code)
            gc.collect()
            assert len(loaded) == 1
