from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.identity import inspection_id, session_id

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
PLACE = {"station": "site/line/station", "camera": "camera", "session": "session-1", "number": "7"}

_moments = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - by contract of datetimes()
_milliseconds = timedelta(milliseconds=1)


def of(captured_at: datetime, **replaced: str) -> str:
    return inspection_id(captured_at, **{**PLACE, **replaced})


def milliseconds_in(ulid: str) -> int:
    value = 0
    for letter in ulid[:10]:
        value = value * 32 + CROCKFORD.index(letter)
    return value


def test_the_time_part_is_that_of_the_specification() -> None:
    # https://github.com/ulid/spec: 01ARZ3NDEKTSV4RRFFQ69G5FAV; 01AN4Z07BY is 1465824320894.
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=1465824320894)
    assert of(moment)[:10] == "01AN4Z07BY"


def test_an_id_stays_the_same_from_release_to_release() -> None:
    assert of(datetime(2026, 3, 1, 12, tzinfo=UTC)) == "01KJMMA2G0HBA0CAVB2M3SWTSS"


@given(_moments)
def test_an_id_is_26_letters_of_crockfords_alphabet(moment: datetime) -> None:
    ulid = of(moment)
    assert len(ulid) == 26
    assert set(ulid) <= set(CROCKFORD)
    assert ulid[0] <= "7"


@given(_moments)
def test_the_time_in_an_id_is_the_time_of_capture_to_the_millisecond(moment: datetime) -> None:
    assert milliseconds_in(of(moment)) == (moment - datetime(1970, 1, 1, tzinfo=UTC)) // _milliseconds


@given(_moments, _moments)
def test_ids_sort_by_the_time_of_capture(first: datetime, second: datetime) -> None:
    if (second - first) // _milliseconds > 1:
        assert of(first, number="9") < of(second, number="1")


@given(_moments)
def test_a_replay_gives_the_same_id(moment: datetime) -> None:
    assert of(moment) == of(moment)


@pytest.mark.parametrize("name", sorted(PLACE))
def test_another_station_camera_session_or_number_gives_another_id(name: str) -> None:
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    assert of(moment, **{name: PLACE[name] + "x"}) != of(moment)


def test_names_are_not_run_together() -> None:
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    assert of(moment, camera="ab", session="c") != of(moment, camera="a", session="bc")


@pytest.mark.parametrize("number", ["Größe", "部品-1", "\udcff.jpg", ""])
def test_any_text_can_be_a_part_number(number: str) -> None:
    assert len(of(datetime(2026, 3, 1, tzinfo=UTC), number=number)) == 26


def test_a_session_is_a_ulid_of_its_start_and_its_entropy() -> None:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    assert session_id(start, b"\0" * 10)[10:] == "0" * 16
    assert session_id(start, b"\xff" * 10)[10:] == "Z" * 16
    assert session_id(start, b"\0" * 10) < session_id(start + timedelta(seconds=1), b"\0" * 10)


@pytest.mark.parametrize("length", [0, 9, 11])
def test_entropy_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match=f"entropy: expected 10 bytes, found {length}"):
        session_id(datetime(2026, 3, 1, tzinfo=UTC), bytes(length))
