import threading

from edge_inspector.camera import CameraReport, Skipped
from edge_inspector.frame import DamagedFrame, DropCause, Frame
from edge_inspector.ports import Delivered
from edge_inspector.sources.mailbox import Mailbox
from edge_inspector.sources.standing import CameraFault, Standing
from tests.fakes import PATIENCE_S, belt_frame, part


def report(reason: str) -> CameraReport:
    found = Standing(0.0).fails(CameraFault.LOST, reason, 0.0)
    assert found is not None
    return found


def drain(mailbox: Mailbox) -> list[Delivered]:
    items: list[Delivered] = []
    while (item := mailbox.take(0.0)) is not None:
        items.append(item)
    return items


def test_everything_comes_in_order() -> None:
    mailbox = Mailbox(2)
    items = [belt_frame(0), report("a"), belt_frame(1), Skipped(DropCause.STALE, 3)]
    for item in items:
        mailbox.put(item)
    assert drain(mailbox) == items


def test_when_frames_pile_up_the_oldest_is_counted_in_its_place_and_no_report_is_lost() -> None:
    mailbox = Mailbox(2)
    frames, first, second = [belt_frame(number) for number in range(4)], report("a"), report("b")
    for item in (frames[0], first, frames[1], second, frames[2], frames[3]):
        mailbox.put(item)
    superseded = Skipped(DropCause.SUPERSEDED, 1)
    assert drain(mailbox) == [superseded, first, superseded, second, frames[2], frames[3]]


def test_counts_of_one_cause_become_one() -> None:
    mailbox = Mailbox(1)
    for item in (Skipped(DropCause.STALE, 1), Skipped(DropCause.STALE, 2), Skipped(DropCause.FROZEN, 1)):
        mailbox.put(item)
    assert drain(mailbox) == [Skipped(DropCause.STALE, 3), Skipped(DropCause.FROZEN, 1)]


def test_a_reader_that_never_comes_costs_one_count_however_many_frames_come() -> None:
    mailbox = Mailbox(1)
    for number in range(1000):
        mailbox.put(belt_frame(number))
    superseded, last = drain(mailbox)
    assert superseded == Skipped(DropCause.SUPERSEDED, 999)
    assert isinstance(last, Frame)
    assert last.frame_id == 999


def test_a_reader_that_waits_is_woken() -> None:
    mailbox = Mailbox(1)
    threading.Timer(0.05, mailbox.put, (belt_frame(0),)).start()
    assert mailbox.take(PATIENCE_S) is not None


def test_a_reader_gets_nothing_when_nothing_comes_in_its_time() -> None:
    assert Mailbox(1).take(0.01) is None


def test_where_turns_are_kept_a_frame_that_does_not_fit_gives_up_its_picture_and_nothing_else() -> None:
    mailbox = Mailbox(2, keeps_turns=True)
    for number in range(5):
        mailbox.put(part(number))
    first = [mailbox.take(0.0), mailbox.take(0.0)]
    mailbox.put(part(5))
    items = [*first, *drain(mailbox)]
    assert [item.part_id for item in items if isinstance(item, Frame | DamagedFrame)] == [f"part-{n}" for n in range(6)]
    assert [isinstance(item, Frame) for item in items] == [True, True, False, False, False, True]
    assert {item.cause for item in items if isinstance(item, DamagedFrame)} == {DropCause.QUEUE_OVERFLOW}


def test_who_brings_turns_is_held_up_while_thousands_wait_and_let_go_by_a_reader_or_a_close() -> None:
    mailbox = Mailbox(1, keeps_turns=True)
    for number in range(10_000):
        mailbox.put(part(number))
    for release in (lambda: mailbox.take(0.0), mailbox.close):
        bringer = threading.Thread(target=mailbox.wait_for_room, daemon=True)
        bringer.start()
        bringer.join(0.05)
        assert bringer.is_alive()
        release()
        bringer.join(PATIENCE_S)
        assert not bringer.is_alive()
        mailbox.put(part(0))
