import io
import json
import logging
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from edge_inspector.logs import LOG_FILE, set_up_logging
from edge_inspector.settings import LogSettings
from tests.small_disk import set_read_only, small_disk


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


@pytest.fixture
def _closed_afterwards() -> Iterator[None]:
    yield
    for handler in logging.getLogger().handlers:
        handler.close()


def in_file(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / LOG_FILE).read_text().splitlines()]


@pytest.mark.usefixtures("_closed_afterwards")
def test_the_last_of_the_log_is_kept_in_the_home_folder_as_json_for_its_owner_alone(tmp_path: Path) -> None:
    stream = io.StringIO()
    set_up_logging(LogSettings(format="text"), stream, folder=tmp_path)
    logging.getLogger().info("part %s", "p-1", extra={"part_id": "p-1"})
    (document,) = in_file(tmp_path)
    assert (document["message"], document["part_id"]) == ("part p-1", "p-1")
    assert (tmp_path / LOG_FILE).stat().st_mode & 0o777 == 0o600
    assert stream.getvalue().endswith("part p-1\n")


@pytest.mark.usefixtures("_closed_afterwards")
def test_the_log_in_the_home_folder_goes_on_after_a_restart_and_never_grows_beyond_two_files(tmp_path: Path) -> None:
    for _ in range(2):
        set_up_logging(LogSettings(), io.StringIO(), folder=tmp_path)
        logging.getLogger().info("hello")
    assert len(in_file(tmp_path)) == 2
    for _ in range(50):
        logging.getLogger().info("x" * 100_000)
    files = sorted(path.name for path in (tmp_path / LOG_FILE).parent.iterdir())
    assert files == ["edge-inspector.log", "edge-inspector.log.1"]
    assert sum(path.stat().st_size for path in (tmp_path / LOG_FILE).parent.iterdir()) < 4_400_000


@pytest.mark.usefixtures("_closed_afterwards")
@pytest.mark.parametrize("state", ["full", "read-only"])
def test_a_disk_that_takes_nothing_costs_one_line_and_no_record(
    tmp_path: Path, state: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with small_disk(tmp_path / "disk", size="256k") as disk:
        if state == "read-only":
            set_read_only(disk, on=True)
        stream = io.StringIO()
        set_up_logging(LogSettings(), stream, folder=disk)
        for _ in range(10):
            logging.getLogger().info("x" * 100_000)
        messages = [document["message"] for document in documents(stream)]
        for handler in logging.getLogger().handlers:
            handler.close()
    assert sum(message.startswith("x") for message in messages) == 10
    (warning,) = [message for message in messages if not message.startswith("x")]
    assert "edge-inspector.log: cannot be written: " in warning
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("_closed_afterwards")
def test_the_file_is_written_again_once_the_disk_can_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_inspector.logs._PAUSE_S", 0.0)
    blocker = tmp_path / LOG_FILE.parent
    blocker.write_text("no folder")
    stream = io.StringIO()
    monkeypatch.setattr("edge_inspector.logs._log.disabled", True)
    set_up_logging(LogSettings(), stream, folder=tmp_path)
    logging.getLogger().info("lost")
    blocker.unlink()
    logging.getLogger().info("kept")
    assert [document["message"] for document in in_file(tmp_path)] == ["kept"]
    assert [document["message"] for document in documents(stream)] == ["lost", "kept"]
