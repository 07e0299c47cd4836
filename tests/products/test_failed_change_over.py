"""A change-over that fails leaves the line as it was, camera, model and policy, whenever that is."""

import threading
from pathlib import Path
from typing import Any

import pytest

from edge_inspector.alarms import PRODUCT_REFUSED
from edge_inspector.errors import ConfigError, InspectorError, ModelError, RefusedError, SourceError
from edge_inspector.settings import Settings
from tests.models.made import spot_package
from tests.mosquitto import eventually
from tests.products.line import PATIENCE_S, A, B, C, Line, Station, mixtures, settings_of, shas_in


def fails(station: Station, code: str, error: type[InspectorError], *words: str) -> None:
    """Expect that a change-over fails, that it says so, and that nothing has changed."""
    before = station.products.code
    with pytest.raises(error) as caught:
        station.change(code)
    for word in words:
        assert word in str(caught.value)
    assert station.products.code == before
    text = f"The line stays set up for {before!r}, it was not changed over to {code!r}"
    eventually(
        lambda: any(each["text"].startswith(text) for each in station.told.of(f"alarm/{PRODUCT_REFUSED}")),
        what="the alarm",
    )
    station.goes_on()


class HeldLine(Line):
    """A line of which the reader can be held up, with a frame in its hand."""

    def __init__(self) -> None:
        super().__init__()
        self.free, self.is_held = threading.Event(), threading.Event()
        self.free.set()

    def read(self, timeout_s: float) -> Any:
        item = super().read(timeout_s)
        if not self.free.is_set():
            self.is_held.set()
            self.free.wait(PATIENCE_S)
        return item


def test_what_cannot_be_looked_at_changes_nothing(tmp_path: Path) -> None:
    sections = settings_of(tmp_path).model_dump(mode="json")["products"]
    spot_package(tmp_path / "broken", "3.0.0", damaged=True)
    spot_package(tmp_path / "blind", "4.0.0", promises=0)
    sections |= {
        "broken": {"model": {"path": str(tmp_path / "broken")}},
        "blind": {"model": {"path": str(tmp_path / "blind")}},
        "absent": {"model": {"path": str(tmp_path / "absent")}},
        "picky": {"policy": {"min_area_px": {"rust": 1}}, "model": {"path": str(tmp_path / "a")}},
    }
    with Station(settings_of(tmp_path / "station", products=sections)) as station:
        station.goes_on()
        fails(station, "broken", ModelError, "sha256")
        fails(station, "blind", ModelError, "golden images")
        fails(station, "absent", ModelError, "absent")
        fails(station, "picky", ConfigError, "rust")
        fails(station, "unknown", RefusedError, "unknown", A)
        assert len(station.told.of("product")) == 1
        station.change(B)
        station.end()
        results = station.told.of("result")
        assert PRODUCT_REFUSED not in station.told.of("stats")[-1]["alarms"]
    assert {each["product"] for each in results} == {A, B}
    assert mixtures(results, shas_in(tmp_path)) == []


def test_a_source_that_is_not_read_any_more_leaves_all_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = HeldLine()
    with Station(settings_of(tmp_path), line) as station:
        station.goes_on()
        line.free.clear()
        assert line.is_held.wait(PATIENCE_S)
        with monkeypatch.context() as hurry:
            hurry.setattr("edge_inspector.app.changing._SET_UP_S", 0.2)
            with pytest.raises(SourceError, match="nothing comes from it"):
                station.change(B)
        line.free.set()
        station.goes_on()
        station.change(B)
        station.goes_on()
        station.end()
        results = station.told.of("result")
    assert mixtures(results, shas_in(tmp_path)) == []


def test_an_inspection_that_takes_too_long_leaves_all_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_inspector.app.changing._SWITCH_S", 0.3)
    held, busy = threading.Event(), threading.Event()

    def watch(_: object) -> None:
        if busy.is_set():
            held.wait(20)

    with Station(settings_of(tmp_path), watch_frame=watch) as station:
        station.goes_on()
        busy.set()
        station.goes_on()
        with pytest.raises(SourceError, match="has not been inspected"):
            station.change(B)
        busy.clear()
        held.set()
        assert station.products.code == A
        station.goes_on(100)
        station.change(C)
        station.goes_on()
        station.end()
        results = station.told.of("result")
    assert mixtures(results, shas_in(tmp_path)) == []
    torn = [each for each in results if each["outcome"] == "no_verdict"]
    assert {each["no_verdict"]["cause"] for each in torn} == {"product_mismatch"}  # frames of B that nobody looked at
    assert {each["product"] for each in torn} == {B}


def test_a_second_change_over_while_one_takes_place_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Station(settings_of(tmp_path)) as station:
        station.goes_on()
        opening, goes_on = threading.Event(), threading.Event()
        prepare = station.products._joined.looks.prepare

        def slowly(settings: Settings) -> Any:
            opening.set()
            goes_on.wait(20)
            return prepare(settings)

        monkeypatch.setattr(station.products._joined.looks, "prepare", slowly)
        first = threading.Thread(target=station.change, args=(B,))
        first.start()
        assert opening.wait(20)
        with pytest.raises(RefusedError, match="busy"):
            station.change(C)
        goes_on.set()
        first.join(20)
        assert station.products.code == B


def test_a_stop_in_the_middle_leaves_all_as_it_was(tmp_path: Path) -> None:
    held, busy = threading.Event(), threading.Event()
    with Station(settings_of(tmp_path), watch_frame=lambda _: busy.is_set() and held.wait(20)) as station:
        station.goes_on()
        busy.set()
        station.goes_on()
        failures: list[BaseException] = []

        def change() -> None:
            try:
                station.change(B)
            except InspectorError as error:
                failures.append(error)

        changing = threading.Thread(target=change)
        changing.start()
        station.stop.set()
        changing.join(20)
        held.set()
        station.end()
        (failure,) = failures
        assert isinstance(failure, RefusedError)
        results = station.told.of("result")
    assert mixtures(results, shas_in(tmp_path)) == []


def test_frames_left_of_a_failed_change_over_do_not_begin_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_inspector.app.changing._SWITCH_S", 0.3)
    monkeypatch.setattr("edge_inspector.app.changing._SET_UP_S", 0.3)
    line, inspecting = HeldLine(), threading.Event()
    inspecting.set()
    with Station(settings_of(tmp_path), line, watch_frame=lambda _: inspecting.wait(PATIENCE_S)) as station:
        station.goes_on()
        inspecting.clear()
        station.goes_on()
        source, asked = station.products._joined.source, list[str | None]()
        set_up, put_back = source.change_over, source.put_back

        def note(settings: Settings, product: str | None) -> Any:
            asked.append(product)
            if len(asked) == 2:  # what is left of the first one is looked at while the second one waits
                inspecting.set()
            return set_up(settings, product)

        def hold(*given_up: Any) -> None:  # nothing is read before it is set up as before
            line.free.clear()
            put_back(*given_up)

        monkeypatch.setattr(source, "change_over", note)
        monkeypatch.setattr(source, "put_back", hold)
        with pytest.raises(SourceError, match="has not been inspected"):
            station.change(B)
        with pytest.raises(SourceError, match="nothing comes from it"):
            station.change(B)
        assert (station.products.code, len(station.told.of("product"))) == (A, 1)
        line.free.set()
        station.goes_on()
        station.change(C)
        station.goes_on()
        station.end()
        results = station.told.of("result")
    assert mixtures(results, shas_in(tmp_path)) == []
    causes = [each["no_verdict"]["cause"] for each in results if each["outcome"] == "no_verdict"]
    assert set(causes) == {"product_mismatch"}
    assert results[-1]["product"] == C


def test_a_product_that_cannot_be_written_down_is_told_and_the_same_command_tries_again(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    with Station(settings) as station:
        station.goes_on()
        (settings.home / ".product.json.part").mkdir()  # nothing can be written there
        station.change(B)
        station.change(B)
        eventually(lambda: station.told.of(f"alarm/{PRODUCT_REFUSED}"), what="the alarm")
        assert "a restart would not know it" in station.told.of(f"alarm/{PRODUCT_REFUSED}")[0]["text"]
        (settings.home / ".product.json.part").rmdir()
        station.change(B)
        station.end()
        assert PRODUCT_REFUSED not in station.told.of("stats")[-1]["alarms"]
    with Station(settings) as station:
        assert station.products.code == B


def test_a_configuration_that_does_not_start_leaves_the_product_that_is_in_force(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    with Station(settings) as station:
        station.change(B)
    products = settings.model_dump(mode="json")["products"]
    products[C]["model"]["path"] = str(tmp_path / "absent")
    with pytest.raises(ModelError), Station(settings_of(tmp_path, products=products, station={"product": C})):
        pass
    with Station(settings) as station:
        assert station.products.code == B


def test_a_memory_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    with Station(settings) as station:
        station.goes_on()
    (settings.home / "product.json").write_bytes(b"{")
    with Station(settings) as station:
        station.goes_on()
        eventually(lambda: station.told.of(f"alarm/{PRODUCT_REFUSED}"), what="the alarm")
        assert "product.json" in station.told.of(f"alarm/{PRODUCT_REFUSED}")[0]["text"]
