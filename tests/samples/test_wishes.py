import threading
from pathlib import Path

import pytest

from edge_inspector.app.capturing import capture_sample
from edge_inspector.decision import Outcome
from edge_inspector.errors import InspectorError, RefusedError, SourceError
from edge_inspector.samples.keeper import Keeper
from edge_inspector.samples.spool import Spool
from edge_inspector.sampling import SampleReason
from edge_inspector.settings import parse
from tests.mosquitto import PATIENCE_S, eventually
from tests.samples.made import ACCEPT, NO_VERDICT, REJECT, ROOMY, WRITER, files_below, frame, result


def keeper_in(folder: Path, **samples: object) -> Keeper:
    settings = parse({"samples": {"random_share": 0.0, **samples}}).samples
    return Keeper(settings, Spool(folder, quota_bytes=ROOMY), WRITER, address=str)


def offer(keeper: Keeper, number: int, outcome: Outcome = ACCEPT, *, is_news: bool = True) -> str | None:
    return keeper.consider(result(number, outcome), [frame(number)], is_news=is_news)


def kept(folder: Path) -> dict[str, str]:
    """Return the reasons of what is stored, by key."""
    pictures = (path for path in files_below(folder) if path.endswith(".jpg"))
    return {key: reason for reason, _, key in (path.partition("/") for path in pictures)}


@pytest.mark.parametrize("outcome", [ACCEPT, REJECT, NO_VERDICT])
def test_a_wish_keeps_the_next_result_whatever_it_is_and_no_other(tmp_path: Path, outcome: Outcome) -> None:
    with keeper_in(tmp_path) as keeper:
        assert offer(keeper, 0) is None
        wish = keeper.wish()
        assert keeper.consider(result(1, outcome), []) is None, "a result without a picture fulfills no wish"
        key = offer(keeper, 2, outcome)
        assert offer(keeper, 3) is None
    assert wish.result(0) == key
    assert kept(tmp_path) == {key: SampleReason.OPERATOR}


def test_a_defect_that_was_offered_with_its_track_already_is_kept_for_a_wish_alone(tmp_path: Path) -> None:
    with keeper_in(tmp_path) as keeper:
        assert offer(keeper, 0, REJECT, is_news=False) is None
        wish = keeper.wish()
        key = offer(keeper, 1, REJECT, is_news=False)
    assert wish.result(0) == key
    assert keeper.state().kept == {SampleReason.OPERATOR: 1}


def test_a_defect_that_a_person_asked_for_keeps_the_moments_before_it_too(tmp_path: Path) -> None:
    with keeper_in(tmp_path, before_defect=1) as keeper:
        offer(keeper, 0)
        eventually(lambda: keeper._in_hand is None and not keeper.state().waiting, what="the frame is encoded")
        keeper.wish()
        offer(keeper, 1, REJECT)
    assert keeper.state().kept == {SampleReason.DEFECT: 1, SampleReason.OPERATOR: 1}


def test_wishes_have_a_budget_of_their_own(tmp_path: Path) -> None:
    with keeper_in(tmp_path, operator={"per_hour": 1, "per_day": 1, "quota_mb": 9}) as keeper:
        wishes = []
        for number in range(2):
            wishes.append(keeper.wish())
            offer(keeper, number)
        assert offer(keeper, 2, REJECT) is not None
    assert wishes[0].result(0)
    with pytest.raises(InspectorError, match=r"the budget of samples\.operator is spent"):
        wishes[1].result(0)


def test_a_wish_waits_until_there_is_room(tmp_path: Path) -> None:
    with keeper_in(tmp_path) as keeper:
        with keeper._came:  # nothing is taken from the queue
            while offer(keeper, 0, REJECT):
                pass
            wish = keeper.wish()
            assert offer(keeper, 0, REJECT) is None
            assert not wish.done()
        eventually(lambda: not keeper.state().waiting, what="all is stored")
        assert offer(keeper, 1) == wish.result(0)
    assert keeper.state().kept[SampleReason.OPERATOR] == 1


def test_a_wish_that_was_taken_back_keeps_nothing(tmp_path: Path) -> None:
    with keeper_in(tmp_path) as keeper:
        assert keeper.wish().cancel()
        assert offer(keeper, 0) is None
    assert kept(tmp_path) == {}


def test_at_the_stop_every_wish_is_refused_the_late_ones_too(tmp_path: Path) -> None:
    with keeper_in(tmp_path) as keeper:
        early = keeper.wish()
    for wish in (early, keeper.wish()):
        with pytest.raises(InspectorError, match="the station stops"):
            wish.result(0)


def test_the_command_gives_back_the_key_of_the_frame_that_came(tmp_path: Path) -> None:
    came: list[dict[str, object]] = []
    stop = threading.Event()
    with keeper_in(tmp_path) as keeper:
        thread = threading.Thread(target=lambda: came.append(dict(capture_sample(keeper, stop))))
        thread.start()
        eventually(lambda: offer(keeper, 1) is not None, what="the frame is chosen")
        thread.join(PATIENCE_S)
    assert [answer["sample_key"] for answer in came] == list(kept(tmp_path))


def test_the_command_fails_where_no_frame_comes_and_leaves_no_wish_behind(tmp_path: Path) -> None:
    stop = threading.Event()
    with keeper_in(tmp_path) as keeper:
        with pytest.raises(SourceError, match=r"no frame was inspected within 0\.01 s"):
            capture_sample(keeper, stop, patience_s=0.01)
        assert offer(keeper, 0) is None
        stop.set()
        with pytest.raises(SourceError, match="before the station stopped"):
            capture_sample(keeper, stop)


def test_the_command_is_refused_where_no_samples_are_kept() -> None:
    with pytest.raises(RefusedError, match=r"samples\.mode"):
        capture_sample(None, threading.Event())
