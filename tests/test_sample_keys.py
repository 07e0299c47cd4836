from datetime import UTC, date, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edge_inspector.errors import ConfigError
from edge_inspector.identity import inspection_id
from edge_inspector.sample_keys import LONGEST_KEY, SampleKey, Suffix, day_of, parse_key, prefix_problem
from edge_inspector.settings import parse
from edge_inspector.settings.keeping import LONGEST_KEY_PREFIX
from edge_inspector.topics import LONGEST_LEVEL, level_problem

IDENTITY = "01KJMMA2G0HBA0CAVB2M3SWTSS"
TEXT = f"samples/site=berlin/line=line-1/station=press-3/dt=2026-03-01/{IDENTITY}-0.jpg"
KEY = SampleKey("samples", "berlin", "line-1", "press-3", date(2026, 3, 1), IDENTITY, 0, Suffix.JPG)

_level = st.text(st.sampled_from('aZ7-_.="\\ß部😀%?&'), min_size=1, max_size=12)
_id = st.text("0123456789ABCDEFGHJKMNPQRSTVWXYZ", min_size=25, max_size=25).map(lambda rest: f"0{rest}")
_keys = st.builds(
    SampleKey,
    st.from_regex(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,8}(/[A-Za-z0-9_-][A-Za-z0-9._-]{0,8}){0,3}", fullmatch=True),
    _level,
    _level,
    _level,
    st.dates(),
    _id,
    st.integers(0, 999_999),
    st.sampled_from(Suffix),
)


def test_a_key_as_the_contract_writes_it() -> None:
    assert str(KEY) == TEXT
    assert parse_key(TEXT) == KEY
    assert str(KEY.sidecar) == TEXT.replace(".jpg", ".json")


@given(_keys)
def test_what_is_built_is_read_again(key: SampleKey) -> None:
    assert parse_key(str(key)) == key


@given(st.text(min_size=1, max_size=LONGEST_LEVEL), st.integers(1, 64))
@example("😀" * 12, LONGEST_KEY_PREFIX)
def test_every_station_that_settings_let_in_has_keys(level: str, prefix_length: int) -> None:
    if level_problem(level) is None:
        key = SampleKey("p" * prefix_length, level, level, level, date(2026, 3, 1), IDENTITY, 999_999, Suffix.JSON)
        assert parse_key(str(key)) == key


@given(_keys)
def test_no_key_leaves_the_folder_that_it_is_put_into(key: SampleKey) -> None:
    parts = str(key).split("/")
    assert not {"", ".", ".."} & set(parts)
    assert not str(key).startswith("/")


@given(st.text() | st.text(st.sampled_from("samples/.=dt0-jpg\\ \n\x00"), max_size=200))
def test_any_other_text_is_refused_and_said(text: str) -> None:
    try:
        key = parse_key(text)
    except ValueError as error:
        assert "expected" in str(error)  # noqa: PT017 - most texts are none, whichever are
    else:
        assert str(key) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        TEXT.replace("samples/", ""),
        TEXT.replace("samples", "../samples"),
        TEXT.replace("samples", "a/../samples"),
        TEXT.replace("samples", "/samples"),
        TEXT.replace("berlin", "ber/lin"),
        TEXT.replace("berlin", ""),
        TEXT.replace("site=", "sites="),
        TEXT.replace("site=berlin/line=line-1", "line=line-1/site=berlin"),
        TEXT.replace("2026-03-01", "2026-02-30"),
        TEXT.replace("2026-03-01", "20260301"),
        TEXT.replace("2026-03-01", "٢026-03-01"),
        TEXT.replace("-0.jpg", ".jpg"),
        TEXT.replace("-0.jpg", "-00.jpg"),
        TEXT.replace("-0.jpg", "-1000000.jpg"),
        TEXT.replace("-0.jpg", "-٣.jpg"),
        TEXT.replace(".jpg", ".gif"),
        TEXT.replace(".jpg", ".JPG"),
        TEXT.replace(IDENTITY, "9" + IDENTITY[1:]),
        TEXT.replace(IDENTITY, IDENTITY.lower()),
        TEXT + "\n",
        TEXT + "/",
    ],
)
def test_what_is_nearly_a_key_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        parse_key(text)


def test_the_error_shows_what_was_found() -> None:
    with pytest.raises(ValueError, match=r"expected a sample key as .*site=.*, found 'a/b\.jpg'"):
        parse_key("a/b.jpg")
    with pytest.raises(ValueError, match="expected a day as YYYY-MM-DD, found '2026-13-01'"):
        parse_key(TEXT.replace("2026-03-01", "2026-13-01"))


def test_a_key_is_never_longer_than_s3_lets_it_be() -> None:
    with pytest.raises(ValueError, match=f"at most {LONGEST_KEY} bytes"):
        SampleKey("p/" * 500 + "p", "berlin", "line-1", "press-3", date(2026, 3, 1), IDENTITY, 0, Suffix.JPG)


@given(st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC)))  # noqa: DTZ001 - hypothesis' way
def test_the_day_of_an_inspection_is_told_by_its_id(captured_at: datetime) -> None:
    identity = inspection_id(captured_at, station="s", camera="c", session="x", number="1")
    assert day_of(identity) == captured_at.date()


def test_the_highest_id_still_has_a_day() -> None:
    assert day_of("7" + "Z" * 25) == date(9999, 12, 31)


@pytest.mark.parametrize("prefix", ["..", "a/../b", "/a", "a//b", "a/", ".hidden", "a b", "ß", "", "a/.", "a\n"])
def test_settings_refuse_a_prefix_that_cannot_begin_a_key(prefix: str) -> None:
    assert prefix_problem(prefix) is not None
    with pytest.raises(ConfigError, match=r"samples\.prefix"):
        parse({"samples": {"prefix": prefix}})


def test_settings_take_a_prefix_of_several_names() -> None:
    assert parse({"samples": {"prefix": "plant-7/edge.samples"}}).samples.prefix == "plant-7/edge.samples"
