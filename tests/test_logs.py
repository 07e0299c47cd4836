import io
import json
import logging
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from edge_inspector.logs import set_up_logging
from edge_inspector.settings import LogSettings


@pytest.fixture(autouse=True)
def _root_logger_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    # Taken off first: basicConfig(force=True) closes what it finds.
    root.handlers.clear()
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def written(*, stream: io.StringIO | None = None, **settings: Any) -> io.StringIO:
    target = io.StringIO() if stream is None else stream
    set_up_logging(LogSettings.model_validate(settings), target)
    return target


def documents(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_record_is_one_line_of_json_with_its_extra_fields() -> None:
    stream = written(format="json")
    logging.getLogger("edge.part").warning("part %s: %d boxes", "p-1", 3, extra={"part_id": "p-1", "boxes": 3})
    (document,) = documents(stream)
    at = datetime.fromisoformat(document.pop("at"))
    assert at.utcoffset() is not None
    assert document == {
        "level": "warning",
        "logger": "edge.part",
        "thread": "MainThread",
        "message": "part p-1: 3 boxes",
        "part_id": "p-1",
        "boxes": 3,
    }


def test_text_of_several_lines_and_other_alphabets_stays_on_one_line() -> None:
    stream = written(format="json")
    logging.getLogger().error("first\nsecond ß 部品")
    assert [document["message"] for document in documents(stream)] == ["first\nsecond ß 部品"]
    assert "部品" in stream.getvalue()


def test_an_exception_is_in_the_record() -> None:
    stream = written(format="json")
    try:
        _ = 1 // 0
    except ZeroDivisionError:
        logging.getLogger().exception("failed")
    (document,) = documents(stream)
    assert document["message"] == "failed"
    assert document["exception"].startswith("Traceback")
    assert "ZeroDivisionError" in document["exception"]


def test_what_json_does_not_know_is_written_as_text() -> None:
    stream = written(format="json")
    logging.getLogger().info("x", extra={"odd": {1}, "error": ValueError("why")})
    (document,) = documents(stream)
    assert (document["odd"], document["error"]) == ("{1}", "why")


@pytest.mark.parametrize(
    ("stream", "setting", "is_json"),
    [
        (io.StringIO(), "auto", True),
        (Terminal(), "auto", False),
        (io.StringIO(), "text", False),
        (Terminal(), "json", True),
    ],
    ids=["file", "terminal", "file as text", "terminal as JSON"],
)
def test_a_terminal_gets_text_and_everything_else_json_unless_it_is_set(
    stream: io.StringIO, setting: str, *, is_json: bool
) -> None:
    written(stream=stream, format=setting)
    logging.getLogger().info("hello")
    assert stream.getvalue().startswith("{") is is_json
    assert "hello" in stream.getvalue()


@pytest.mark.parametrize(("level", "count"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)])
def test_what_is_below_the_level_is_left_out(level: str, count: int) -> None:
    stream = written(level=level, format="json")
    for name in ("debug", "info", "warning", "error"):
        getattr(logging.getLogger("edge"), name)("hello")
    assert len(documents(stream)) == count


def test_setting_it_up_twice_does_not_write_twice() -> None:
    first, second = written(format="json"), written(format="json")
    logging.getLogger().info("hello")
    assert (len(documents(first)), len(documents(second))) == (0, 1)


def test_standard_error_is_the_default(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(LogSettings())
    logging.getLogger().info("hello")
    output = capsys.readouterr()
    assert "hello" in output.err
    assert output.out == ""
