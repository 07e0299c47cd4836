"""The PLC's register changes the line over: one after another, the newest wish wins, and nobody waits for it."""

import threading
from pathlib import Path

import pytest

from edge_inspector.alarms import PRODUCT_REFUSED
from edge_inspector.app.one_change import BusyError
from edge_inspector.app.plc_product import PlcProduct
from edge_inspector.errors import RefusedError, SourceError
from edge_inspector.events import Json, ProductChange
from tests.mosquitto import eventually
from tests.products.line import A, B, C, Station, settings_of


class Changes:
    """Notes what was wished for; the first ones fail, the next one is held up."""

    def __init__(self, *first: Exception) -> None:
        self.asked: list[str] = []
        self.begun, self.goes_on = threading.Event(), threading.Event()
        self._first = list(first)
        self.follows_plc = True

    def change(self, code: str, *, by: str | None, cause: ProductChange) -> dict[str, Json]:
        assert (by, cause) == ("plc", ProductChange.PLC)
        self.asked.append(code)
        self.begun.set()
        if self._first:
            raise self._first.pop(0)
        assert self.goes_on.wait(20)
        if code == "unknown":
            msg = "code: expected another"
            raise RefusedError(msg)
        return {}


def test_of_several_wishes_during_a_change_over_the_newest_comes_next() -> None:
    changes = Changes()
    with PlcProduct(changes) as plc:
        plc.want("a")
        assert changes.begun.wait(20)
        for code in ("b", "unknown", "c"):
            plc.want(code)
        changes.goes_on.set()
        eventually(lambda: changes.asked == ["a", "c"], what="the newest")


def test_a_wish_that_failed_is_not_made_again_and_the_next_one_is() -> None:
    changes = Changes()
    changes.goes_on.set()
    with PlcProduct(changes) as plc:
        plc.want("unknown")
        eventually(lambda: changes.asked == ["unknown"], what="the first")
        plc.want("a")
        eventually(lambda: changes.asked == ["unknown", "a"], what="the next")


@pytest.mark.parametrize("error", [BusyError("another one"), SourceError("the camera is away")])
def test_a_wish_waits_for_another_change_over_and_for_the_camera(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_inspector.app.plc_product._AWAY_S", 0.1)
    monkeypatch.setattr("edge_inspector.app.plc_product._BUSY_S", 0.1)
    changes = Changes(error)
    changes.goes_on.set()
    with PlcProduct(changes) as plc:
        plc.want("a")
        eventually(lambda: changes.asked == ["a", "a"], what="it is tried again")


def test_the_end_waits_for_no_change_over() -> None:
    changes = Changes()
    with PlcProduct(changes) as plc:
        plc.want("a")
        assert changes.begun.wait(20)
    changes.goes_on.set()


def test_a_station_follows_its_plc(tmp_path: Path) -> None:
    plc_sections = {
        "plc": {"host": "127.0.0.1"},
        "identity": {"product": {"address": 0}},
    }
    with Station(settings_of(tmp_path, **plc_sections)) as station, PlcProduct(station.products) as plc:
        station.goes_on()
        plc.want(B)
        eventually(lambda: station.products.code == B, what="the PLC's product")
        plc.want("unknown")
        eventually(lambda: station.told.of(f"alarm/{PRODUCT_REFUSED}"), what="the alarm")
        plc.want(C)
        eventually(lambda: station.products.code == C, what="the PLC's next product")
        station.end()
        changes = station.told.of("product")
    assert [(each["product"], each["cause"], each["by"]) for each in changes] == [
        (A, "start", None),
        (B, "plc", "plc"),
        (C, "plc", "plc"),
    ]


def test_a_station_that_is_told_so_does_not_follow_its_plc(tmp_path: Path) -> None:
    sections = {"plc": {"host": "127.0.0.1"}, "identity": {"product": {"address": 0}, "changes_over": False}}
    with Station(settings_of(tmp_path, **sections)) as station, PlcProduct(station.products) as plc:
        plc.want(B)
        station.goes_on(50)
        assert station.products.code == A
