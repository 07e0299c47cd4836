"""Every trigger gives a result: what a source owes to parts is told when it is read no more."""

from collections.abc import Sequence

from edge_inspector.frame import DamagedFrame, DropCause
from edge_inspector.topics import Channel
from tests.fakes import ScriptedSource, damaged_part, part
from tests.mosquitto import eventually
from tests.pipeline.line import Running, line


class Owing(ScriptedSource):
    """Delivers a part, and owes the next one."""

    def __init__(self, number: int) -> None:
        super().__init__([part(number)], ends=False)
        self._owed = number + 1

    def leave(self, cause: DropCause, problem: str) -> Sequence[DamagedFrame]:
        return [DamagedFrame.of(damaged_part(self._owed), problem, cause)]


def test_what_a_source_owes_is_told_when_another_one_takes_its_place_and_at_the_stop() -> None:
    flow = line(Owing(0))
    with Running(flow) as running:
        eventually(lambda: flow.on(Channel.RESULT), what="the first part")
        flow.pipeline.swap_source(Owing(2), close_old=lambda: None)
        eventually(lambda: len(flow.on(Channel.RESULT)) == 3, what="a part of the second source")
        running.stop.set()
        totals = running.totals()
    results = [each["data"] for each in flow.documents(Channel.RESULT)]
    assert [result["part_id"] for result in results] == [f"part-{n}" for n in range(4)]
    assert [result["no_verdict"]["cause"] for result in (results[1], results[3])] == ["frame_missing", "stopped"]
    assert totals.parts.adds_up
    assert totals.frames.adds_up
