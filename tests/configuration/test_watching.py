import os
from itertools import count
from pathlib import Path

import pytest

from edge_inspector.configuration.watching import FileWatch
from edge_inspector.errors import ConfigError


class Polls:
    """A watch, polled once a second of a clock that the test owns."""

    def __init__(self, path: Path) -> None:
        self.watch = FileWatch(path)
        self.watch.note(path.read_bytes())
        self._seconds = count(100)

    def are_due(self, times: int) -> list[bool]:
        return [self.watch.is_due(next(self._seconds)) for _ in range(times)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "station.toml"
    path.write_text("one")
    return path


def test_a_file_that_stays_as_it_is_is_never_due(file: Path) -> None:
    assert not any(Polls(file).are_due(5))


def test_a_change_is_due_once_the_file_has_come_to_rest(file: Path) -> None:
    polls = Polls(file)
    file.write_text("two, half of it")
    assert polls.are_due(1) == [False]
    file.write_text("two, all of it, at last")
    assert polls.are_due(2) == [False, True]
    assert polls.watch.take() == (b"two, all of it, at last", True)
    assert not any(polls.are_due(3))


def test_it_looks_at_most_once_a_second(file: Path) -> None:
    watch = FileWatch(file)
    assert not watch.is_due(10.0)
    file.write_text("two")
    assert not any(watch.is_due(10.0 + tenth / 10) for tenth in range(1, 10))
    assert not watch.is_due(11.0)
    assert not watch.is_due(11.5)
    assert watch.is_due(12.0)


def test_a_file_renamed_over_it_is_due_and_its_absence_in_between_is_not(file: Path, tmp_path: Path) -> None:
    polls = Polls(file)
    file.rename(tmp_path / "station.toml~")
    assert not any(polls.are_due(3))
    new = tmp_path / "new"
    new.write_text("two")
    new.rename(file)
    assert polls.are_due(2) == [False, True]
    assert polls.watch.take() == (b"two", True)


def test_a_link_that_is_turned_is_due(tmp_path: Path) -> None:
    """As Kubernetes does: the file is a link into a folder that is itself a link, and that one is replaced."""
    for name, text in (("first", "one"), ("second", "two")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "station.toml").write_text(text)
    now, file = tmp_path / "..data", tmp_path / "station.toml"
    now.symlink_to("first")
    file.symlink_to("..data/station.toml")
    polls = Polls(file)
    turned = tmp_path / "..tmp"
    turned.symlink_to("second")
    turned.rename(now)
    assert polls.are_due(2) == [False, True]
    assert polls.watch.take() == (b"two", True)


def test_a_file_written_again_with_the_same_content_is_not_new(file: Path) -> None:
    polls = Polls(file)
    file.write_text("one")
    os.utime(file, (1, 1))
    assert polls.are_due(2) == [False, True]
    assert polls.watch.take() == (b"one", False)
    assert not any(polls.are_due(3))


def test_a_file_of_the_same_size_and_time_is_due_when_it_is_another_file(file: Path, tmp_path: Path) -> None:
    os.utime(file, (1, 1))
    polls = Polls(file)
    other = tmp_path / "other"
    other.write_text("two")
    os.utime(other, (1, 1))
    other.rename(file)
    assert polls.are_due(2) == [False, True]


def test_what_is_no_file_is_not_watched_and_not_read_again(tmp_path: Path) -> None:
    pipe = tmp_path / "station.toml"
    os.mkfifo(pipe)
    watch = FileWatch(pipe)
    assert not any(watch.is_due(second) for second in range(4))
    with pytest.raises(ConfigError, match="expected a file"):
        watch.take()


def test_a_file_that_is_away_is_an_error_when_it_is_asked_for(file: Path) -> None:
    watch = FileWatch(file)
    file.unlink()
    with pytest.raises(ConfigError, match="cannot be read"):
        watch.take()
