"""Commands: what one says, and whether it may run."""

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.commands import (
    LARGEST_COMMAND,
    LONGEST_COMMAND_NAME,
    Answer,
    Command,
    CommandName,
    CommandStatus,
    Read,
    Unreadable,
    read_command,
)
from tests.commander import NOW, SHA256, SOON, TOPICS, payload_of, topic_of


def read(payload: bytes, name: str = "reload") -> Read:
    return read_command(topic_of(name), payload, topics=TOPICS, allowed=set(CommandName), now=NOW)


def test_a_command_has_a_name_an_id_an_expiry_and_arguments() -> None:
    assert read(payload_of(camera="top", to_sha256=SHA256), "model-rollback") == Command(
        "model-rollback", "7f2c", NOW + timedelta(minutes=5), {"to_sha256": SHA256}
    )
    assert read(payload_of()) == Command("reload", "7f2c", NOW + timedelta(minutes=5), {})


@pytest.mark.parametrize(
    "expires_at", ["2026-03-01T12:05:00Z", "2026-03-01t14:05:00.25+02:00", "2026-03-01 04:05:00-08:00"]
)
def test_an_expiry_may_be_in_any_zone(expires_at: str) -> None:
    command = read(payload_of(expires_at=expires_at))
    assert isinstance(command, Command)
    assert timedelta(minutes=5) <= command.expires_at - NOW < timedelta(minutes=5, seconds=1)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xff\xfe\x00",
        b"[]",
        b"reload",
        b"[" * 3000,
        b'{"expires_at": "2026-03-01T12:05:00Z"}',
        payload_of(request_id=7),
        payload_of(request_id=""),
        payload_of(request_id="x" * 65),
        payload_of(request_id="two\nlines"),
        payload_of(request_id="\ud800"),
        payload_of(padding="x" * LARGEST_COMMAND),
    ],
)
def test_what_has_no_readable_request_id_cannot_be_answered(payload: bytes) -> None:
    found = read(payload)
    assert isinstance(found, Unreadable)
    assert "expected" in found.problem
    assert len(found.problem) < 400


def test_a_name_that_no_reply_has_room_for_cannot_be_answered() -> None:
    assert isinstance(read(payload_of(), "n" * (LONGEST_COMMAND_NAME + 1)), Unreadable)
    assert isinstance(read(payload_of(), "n" * LONGEST_COMMAND_NAME), Answer)


@pytest.mark.parametrize("name", ["re\x01load", "re\nload", "re\uffffload", "re load", "#"])
def test_a_name_that_a_broker_may_not_take_in_the_topic_of_the_reply_cannot_be_answered(name: str) -> None:
    found = read(payload_of(), name)
    assert isinstance(found, Unreadable)
    assert found.problem.isprintable()


@pytest.mark.parametrize(
    ("name", "payload", "words"),
    [
        (
            "relaod",
            payload_of(),
            "unknown command 'relaod'; expected one of capture-sample, model-rollback, part, product, reload",
        ),
        ("reload", payload_of(camera=1), "camera: expected a name, found 1"),
        ("reload", payload_of(expires_at=None), "expires_at: expected a time as 2026-03-01T12:00:00Z, found nothing"),
        ("reload", payload_of(expires_at=1772366700), "expires_at: expected a time"),
        ("reload", payload_of(expires_at="2026-03-01T12:05:00"), "expires_at: expected a time"),
        ("reload", payload_of(expires_at="2026-02-30T12:05:00Z"), "expires_at: expected a time"),
        ("reload", payload_of(expires_at="2026-W09-7T12:05:00Z"), "expires_at: expected a time"),
        ("reload", payload_of(expires_at="2026-03-02T12:00:01Z"), "expected within a day from now"),
        ("reload", payload_of(force=True), "unknown argument 'force'; expected none"),
        ("model-rollback", payload_of(to="x"), "unknown argument 'to'; expected by, to_sha256"),
        ("model-rollback", payload_of(to_sha256="5A" * 32), "to_sha256: expected 64 lower-case hexadecimal digits"),
        ("model-rollback", payload_of(to_sha256=None), "to_sha256: expected 64 lower-case hexadecimal digits"),
        ("model-rollback", payload_of(by=""), "by: expected 1 to 64 printable characters, found ''"),
        ("model-rollback", payload_of(by="a" * 65), "by: expected 1 to 64 printable characters"),
    ],
)
def test_what_cannot_be_run_is_refused_in_words(name: str, payload: bytes, words: str) -> None:
    answer = read(payload, name)
    assert isinstance(answer, Answer)
    assert (answer.name, answer.request_id, answer.status) == (name, "7f2c", CommandStatus.REFUSED)
    assert words in answer.text


@pytest.mark.parametrize("expires_at", ["2026-03-01T12:00:00Z", "0001-01-01T00:00:00+14:00"])
def test_an_expired_command_is_answered_as_such_with_the_clock_here(expires_at: str) -> None:
    answer = read(payload_of(expires_at=expires_at))
    assert isinstance(answer, Answer)
    assert answer.status is CommandStatus.EXPIRED
    assert "the clock here says 2026-03-01T12:00:00+00:00" in answer.text


@pytest.mark.parametrize(
    "topic",
    [
        topic_of("heartbeat"),
        topic_of("reload/reply"),
        topic_of(""),
        "edge-inspector/hall/line-1/station-3/cmd/reload",
        "edge-inspector/hall/line-1/station-2/state",
    ],
)
def test_what_comes_on_another_topic_is_no_command(topic: str) -> None:
    assert read_command(topic, payload_of(), topics=TOPICS, allowed=set(CommandName), now=NOW) is None


def test_a_command_for_another_camera_of_the_station_is_left_to_that_one() -> None:
    assert read(payload_of(camera="bottom")) is None


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=70),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)
_keys = st.sampled_from(["request_id", "expires_at", "camera", "to_sha256", "more"])


@given(
    st.binary(max_size=60)
    | st.dictionaries(_keys, _json | st.just(SOON) | st.just("top")).map(lambda document: json.dumps(document).encode())
)
def test_whatever_comes_is_a_command_or_told_why_not(payload: bytes) -> None:
    for name in CommandName:
        match read(payload, name):
            case Command(expires_at=expires_at):
                assert NOW < expires_at <= NOW + timedelta(days=1)
            case Answer(text=text) | Unreadable(problem=text):
                assert text
            case other:
                assert other is None
