"""Chores take their turns whatever happens to one of them."""

import threading

import pytest

from cloud_side.local.chores import ChoreThreads


class Turns:
    """A chore that counts its turns and fails in the first few."""

    def __init__(self, name: str, *, failures: int = 0) -> None:
        self.name = name
        self.failures = failures
        self.turns = 0
        self.has_three = threading.Event()

    def turn(self) -> float:
        self.turns += 1
        if self.turns == 3:
            self.has_three.set()
        if self.turns <= self.failures:
            msg = "no space left on device"
            raise OSError(msg)
        return 0.01

    def close(self) -> None:
        if self.failures:
            msg = "cannot be closed"
            raise OSError(msg)


def test_a_chore_that_fails_is_tried_again_and_holds_up_neither_the_others_nor_the_end(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cloud_side.local.chores._SHORTEST_PAUSE_S", 0.01)
    bad, good = Turns("bad", failures=2), Turns("good")
    threads = ChoreThreads([bad, good])
    threads.start()
    assert good.has_three.wait(30)
    assert bad.has_three.wait(30)
    threads.stop()
    assert caplog.text.count("bad: failed; trying again") == 2
    assert "bad: did not close well" in caplog.text
