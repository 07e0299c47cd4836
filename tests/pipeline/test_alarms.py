import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from edge_inspector.alarms import Alarm, Severity
from edge_inspector.pipeline.alarms import QUIET_S, Alarms
from edge_inspector.topics import Message
from tests.pipeline.line import WRITER

START = datetime(2026, 1, 2, tzinfo=UTC)
OVERFLOW = Alarm("no-verdict-queue-overflow", Severity.CRITICAL, "part 7: no room", "Slow the line down.")
LAPSED = Alarm("threshold-override-lapsed", Severity.WARNING, "Lapsed.", "Bind it.")


class Board:
    """Alarms on a clock that the test moves."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.alarms = Alarms(WRITER, self.add)

    def add(self, message: Message) -> None:
        self.messages.append(message)

    def raise_at(self, second: float, alarm: Alarm = OVERFLOW, *, lasting: bool = False) -> None:
        at = START + timedelta(seconds=second)
        self.alarms.raise_(alarm, at=at, monotonic_s=second, lasting=lasting)

    def look_at(self, second: float) -> None:
        self.alarms.clear_quiet(at=START + timedelta(seconds=second), monotonic_s=second)

    def kinds(self) -> list[str]:
        return [json.loads(message.payload)["type"] if message.payload else "" for message in self.messages]


RAISED, CLEARED, GONE = "com.edgeinspector.alarm.raised.v1", "com.edgeinspector.alarm.cleared.v1", ""


def test_an_alarm_is_raised_once_while_it_stands() -> None:
    board = Board()
    for second in range(5):
        board.raise_at(second)
    assert board.kinds() == [RAISED]
    assert board.alarms.names() == ["no-verdict-queue-overflow"]


def test_an_alarm_is_cleared_when_its_reason_has_not_come_back_for_a_while() -> None:
    board = Board()
    board.raise_at(0)
    board.raise_at(10)
    board.look_at(QUIET_S)
    assert board.kinds() == [RAISED]
    board.look_at(10 + QUIET_S)
    assert board.kinds() == [RAISED, CLEARED, GONE]
    assert board.alarms.names() == []
    board.look_at(10 + 2 * QUIET_S)
    assert len(board.messages) == 3


def test_an_alarm_that_was_cleared_can_be_raised_again_under_another_id() -> None:
    board = Board()
    board.raise_at(0)
    board.look_at(QUIET_S)
    board.raise_at(100)
    assert board.kinds() == [RAISED, CLEARED, GONE, RAISED]
    ids = [message.id for message in board.messages if message.id]
    assert len(set(ids)) == 3


def test_alarms_stand_and_end_each_on_its_own() -> None:
    board = Board()
    board.raise_at(0)
    board.raise_at(30, LAPSED)
    board.look_at(QUIET_S)
    assert board.alarms.names() == ["threshold-override-lapsed"]
    assert len({message.topic for message in board.messages}) == 2


def test_a_lasting_alarm_is_never_cleared() -> None:
    board = Board()
    board.raise_at(0, LAPSED, lasting=True)
    board.look_at(1e9)
    assert board.kinds() == [RAISED]


def test_the_first_text_of_an_alarm_stands_until_it_is_cleared() -> None:
    board = Board()
    board.raise_at(0)
    board.raise_at(1, Alarm(OVERFLOW.name, Severity.CRITICAL, "part 8: no room", OVERFLOW.what_to_do))
    (raised,) = board.messages
    assert json.loads(raised.payload)["data"]["text"] == "part 7: no room"
    assert raised.delivery.retain


def test_what_an_earlier_session_left_is_taken_away_but_nothing_that_stands_or_is_raised_meanwhile() -> None:
    board = Board()
    board.raise_at(0)
    raising = threading.Thread(target=board.raise_at, args=(1, LAPSED))

    def names() -> Iterator[str]:
        yield OVERFLOW.name
        raising.start()
        yield LAPSED.name

    board.alarms.forget_earlier(names())
    raising.join()
    assert board.kinds() == [RAISED, GONE, RAISED]
    assert board.messages[2].topic == board.messages[1].topic
