"""The logs of a home: their ends, and what comes after."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from cloud_side.local.home import Home
from tests.cloud.local.cli.program import PATIENCE_S, Program
from tests.forked import Forked

Write = Callable[..., Path]


@pytest.fixture
def write(stopped: Program) -> Write:
    Home(stopped.home).make()
    Home(stopped.home).database.touch()

    def write_(name: str, *lines: str) -> Path:
        path = stopped.home / "logs" / f"{name}.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            file.writelines(f"{line}\n" for line in lines)
        return path

    return write_


def test_the_end_of_a_log_is_printed(stopped: Program, write: Write) -> None:
    write("engine", *(f"line {number}" for number in range(100_000)))

    assert stopped.local("logs", "--lines", "2").lines == ["line 99998", "line 99999"]
    assert len(stopped.local("logs").lines) == 50
    assert stopped.local("logs", "--lines", "0").out == ""


def test_a_log_is_meant_by_a_part_of_its_name(stopped: Program, write: Write) -> None:
    write("engine", "e")
    write("aws/lambda/find", "f")
    write("aws/lambda/find-more", "m")

    assert stopped.local("logs", "find").out == "f\n"
    assert stopped.local("logs", "aws/lambda/find-more").out == "m\n"
    assert stopped.local("logs", "more").out == "m\n"
    assert stopped.local("logs", "--list").lines == ["aws/lambda/find", "aws/lambda/find-more", "engine"]
    several = stopped.local("logs", "lambda")
    assert (several.code, several.out) == (65, "")
    assert "2 logs are meant: aws/lambda/find, aws/lambda/find-more" in several.err
    assert "no log has this name; expected one of aws/lambda/find" in stopped.local("logs", "x").err


def test_a_log_cannot_steer_the_terminal(stopped: Program, write: Write) -> None:
    write("engine", "a\033[2Jb\tc")

    assert stopped.local("logs").out == "a␛[2Jb\tc\n"


def test_a_log_is_followed_also_when_it_begins_anew(stopped: Program, write: Write) -> None:
    path = write("engine", "before")
    process = Forked(["local", "logs", "--home", str(stopped.home), "--follow"], module="cloud_side.cli")
    with process.stdout, process.stderr:
        assert process.stdout.readline() == "before\n"
        write("engine", "after")
        assert process.stdout.readline() == "after\n"
        path.rename(f"{path}.1")
        write("engine", "anew")
        assert process.stdout.readline() == "anew\n"
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE_S)
