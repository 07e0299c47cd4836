from functools import cache

import pytest

from edge_inspector.commissioning import listing
from edge_inspector.commissioning.listing import Driver, Listing, driver_of
from edge_inspector.sources.genicam.finding import FoundCamera, find_cameras
from tests.pylon_emulator import SERIALS, require_pylon

CAMERA = FoundCamera("Maker-Model-17", "Maker", "Model", "17", "192.168.5.20", "GigEVision")


def test_columns_of_the_table_stand_under_each_other() -> None:
    head, row = Listing(((Driver.GENICAM, CAMERA),)).lines()
    assert head.index("serial") == row.index("17")
    assert head.index("address") == row.index("192.168.5.20")


@pytest.mark.parametrize("what", ["subnet", "firewall", "cable", "power", "udev", "rp_filter", "other program"])
def test_an_empty_list_says_what_to_check(what: str) -> None:
    assert any(what in line for line in Listing(()).lines())


def test_a_camera_that_only_pylon_finds_is_opened_by_pylon(monkeypatch: pytest.MonkeyPatch) -> None:
    require_pylon()
    monkeypatch.setattr(listing, "find_cameras", cache(find_cameras))  # it looks for a second each time
    assert driver_of(SERIALS[0]) is Driver.PYLON
    assert driver_of("nobody") is Driver.GENICAM
