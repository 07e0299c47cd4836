from edge_inspector.camera import CameraFault, CameraStatus
from edge_inspector.sources.standing import Standing


def test_a_camera_that_works_from_the_start_gives_rise_to_no_report() -> None:
    standing = Standing(0.0)
    assert [standing.delivers(now_s) for now_s in (1.0, 2.0)] == [None, None]


def test_a_camera_that_fails_is_reported_once_and_once_more_when_it_is_back() -> None:
    standing = Standing(0.0)
    standing.delivers(10.0)
    lost = standing.fails(CameraFault.LOST, "unplugged", 12.0)
    assert lost is not None
    assert (lost.status, lost.fault, lost.reason) == (CameraStatus.OFFLINE, CameraFault.LOST, "unplugged")
    assert standing.fails(CameraFault.LOST, "unplugged", 500.0) is None
    back = standing.delivers(510.0)
    assert back is not None
    assert (back.status, back.fault, back.away_s) == (CameraStatus.ONLINE, None, 500.0)
    assert "unplugged" in back.reason
    assert standing.delivers(511.0) is None


def test_another_reason_is_told_but_not_at_every_attempt() -> None:
    standing = Standing(0.0)
    standing.fails(CameraFault.LOST, "nothing listens", 0.0)
    assert standing.fails(CameraFault.LOST, "no answer", 1.0) is None
    told = standing.fails(CameraFault.LOST, "no answer", 20.0)
    assert told is not None
    assert told.reason == "no answer"


def test_another_fault_is_told_at_once() -> None:
    standing = Standing(0.0)
    standing.fails(CameraFault.FROZEN, "frozen", 0.0, status=CameraStatus.DEGRADED)
    lost = standing.fails(CameraFault.LOST, "gone", 0.1)
    assert lost is not None
    assert lost.fault is CameraFault.LOST


def test_a_camera_that_was_never_there_has_been_away_since_the_start() -> None:
    standing = Standing(100.0)
    standing.fails(CameraFault.LOST, "nothing listens", 100.0)
    back = standing.delivers(130.0)
    assert back is not None
    assert back.away_s == 30.0


def test_a_camera_that_waits_for_a_trigger_is_told_of_once_and_again_after_an_outage() -> None:
    standing = Standing(0.0)
    first = standing.waits(1.0)
    assert first is not None
    assert (first.status, first.reason, first.is_waiting) == (CameraStatus.ONLINE, "waiting for a trigger", True)
    assert standing.waits(2.0) is None
    assert standing.delivers(3.0) is None
    assert standing.waits(4.0) is None
    assert standing.fails(CameraFault.LOST, "unplugged", 10.0) is not None
    back = standing.waits(12.0)
    assert back is not None
    assert (back.is_waiting, back.away_s) == (True, 8.0)
    assert standing.waits(13.0) is None
