"""Aravis itself: which camera is meant, and what is said where the library is missing."""

import ctypes

import pytest

from edge_inspector.errors import SourceError
from edge_inspector.sources.genicam import finding
from edge_inspector.sources.genicam.aravis import Library
from edge_inspector.sources.genicam.finding import FoundCamera, chosen, open_camera

LEFT = FoundCamera("Basler-acA-21", "Basler", "acA", "21", "10.0.0.1", "GigEVision")
RIGHT = FoundCamera("FLIR-BFS-22", "FLIR", "BFS", "22", "10.0.0.2", "GigEVision")
TWIN = FoundCamera("FLIR-BFS-21", "FLIR", "BFS", "21", "10.0.0.3", "GigEVision")


@pytest.mark.parametrize("wanted", ["22", "10.0.0.2", "FLIR-BFS-22"])
def test_a_camera_is_found_by_serial_address_and_name(wanted: str) -> None:
    assert chosen(wanted, [LEFT, RIGHT]) is RIGHT


def test_the_only_one_needs_no_name() -> None:
    assert chosen(None, [LEFT]) is LEFT


def test_of_several_one_must_be_named() -> None:
    with pytest.raises(SourceError, match=r"expected which of 2 cameras: Basler acA, serial 21, 10.0.0.1; FLIR BFS, s"):
        chosen(None, [LEFT, RIGHT])


def test_two_of_one_serial_are_not_mistaken_for_each_other() -> None:
    with pytest.raises(SourceError, match=r"camera '21': expected one, found 2: "):
        chosen("21", [LEFT, TWIN])


def test_no_camera_at_all_is_said() -> None:
    with pytest.raises(SourceError, match=r"no camera answers; none does: check its power, cable and network"):
        chosen(None, [])


def test_a_name_that_nobody_has_is_left_to_aravis() -> None:
    assert chosen("user's own name", [LEFT]) is None


def test_a_missing_library_is_one_error_that_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> ctypes.CDLL:
        raise OSError(f"{name}: cannot open shared object file")  # noqa: EM102, TRY003 - as ctypes does

    monkeypatch.setattr(ctypes, "CDLL", absent)
    with pytest.raises(SourceError, match=r"cannot be loaded \(libaravis-0.8.so.0: .*\): apt install libaravis-0.8-0"):
        Library()


def test_any_number_but_0_is_true_as_in_glib() -> None:
    library = Library()
    library._declare(ctypes.CDLL(None), {"abs": (ctypes.c_bool, ctypes.c_int)})
    assert [library("abs", number) for number in (0, 1, 256)] == [False, True, True]


def test_a_camera_that_is_not_there_is_said_with_those_that_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "_find", lambda _call: [LEFT])
    with pytest.raises(
        SourceError, match=r"camera 'nobody' does not answer; these do: Basler acA, serial 21, 10.0.0.1"
    ):
        open_camera("nobody")
