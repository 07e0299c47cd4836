"""What a live source says of troubles beside its camera, where several can have the same one."""

from edge_inspector.camera import SourceTrouble
from edge_inspector.sources.mailbox import Mailbox
from edge_inspector.sources.outlet import Outlet

ALARM = "plc-unreachable"


def outlet() -> Outlet:
    return Outlet("camera", Mailbox(2), stuck_after_s=60.0)


def told(source: Outlet) -> list[tuple[str, bool]]:
    found = []
    while isinstance(item := source.take(0.0), SourceTrouble):
        found.append((item.text, item.is_over))
    return found


def test_a_trouble_that_lasts_is_told_once_however_often_its_words_change() -> None:
    source = outlet()
    for number in range(5):
        source.trouble(ALARM, "identity", f"attempt {number}")
    assert told(source) == [("attempt 0", False)]


def test_a_trouble_that_two_have_is_over_when_it_is_well_with_both() -> None:
    source = outlet()
    source.trouble(ALARM, "identity", "no answer")
    source.trouble(ALARM, "trigger", "no answer either")
    source.well(ALARM, "identity", "it answers")
    assert told(source) == [("no answer", False)]
    source.well(ALARM, "trigger", "it answers all")
    assert told(source) == [("it answers all", True)]


def test_what_an_earlier_source_left_standing_is_cleared_by_the_first_good_news() -> None:
    source = outlet()
    source.well(ALARM, "identity", "it answers")
    assert told(source) == [("it answers", True)]
