"""What follows from what devices did and stations said: tables of every case."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cloud_side.deployment.evidence import Event, standing_of
from cloud_side.deployment.judging import (
    Device,
    Done,
    Failed,
    Progress,
    Standing,
    Trust,
    Wait,
    count_devices,
    judge_component,
    judge_devices,
    judge_evidence,
    pause_s,
)
from cloud_side.deployment.keeping import waited_s
from cloud_side.deployment.planning import Limits
from cloud_side.deployment.records import Counts, Model, Wish

LIMITS = Limits(offline_share=0.25, failed_share=0.25, device_timeout_s=100, proof_timeout_s=100)
MODEL = Model(name="tags", version="1.2.0", sha256s=("aa", "bb"))
OTHER = {"name": "tags", "version": "1.1.0", "sha256": "cc"}
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def devices(said: str) -> list[Device]:
    """Return a device a letter: ok, failed, offline, queued, busy, untold."""
    return [Device(f"d{n}", next(each for each in Progress if each[0] == letter)) for n, letter in enumerate(said)]


@pytest.mark.parametrize(
    ("said", "elapsed_s", "kind"),
    [
        ("oooo", 0, Done),
        ("", 0, Done),
        ("ooob", 0, Wait),
        ("oooq", 0, Wait),
        ("ooou", 0, Wait),
        ("ooof", 0, Done),
        ("ooff", 0, Failed),
        ("bbff", 0, Failed),
        ("ooob", 100, Done),
        ("oobb", 100, Failed),
        ("oofb", 100, Failed),
        ("oooq", 100, Done),
        ("oouq", 100, Failed),
    ],
)
def test_devices_are_waited_for_and_some_may_fail(said: str, elapsed_s: float, kind: type) -> None:
    found = judge_devices(devices(said), LIMITS, elapsed_s=elapsed_s, is_canary=False)
    assert isinstance(found, kind), found


AWAY = Device("away", Progress.OFFLINE)


@pytest.mark.parametrize(
    ("away", "elapsed_s", "is_canary", "kind"),
    [
        (1, 0, False, Done),
        (2, 0, False, Wait),
        (2, 100, False, Failed),
        (1, 0, True, Wait),
        (1, 100, True, Failed),
        (0, 100, True, Done),
    ],
)
def test_some_devices_may_be_offline_and_none_of_the_canary(
    away: int, elapsed_s: float, kind: type, *, is_canary: bool
) -> None:
    found = [*devices("oooo"[away:]), *[AWAY] * away]
    assert isinstance(judge_devices(found, LIMITS, elapsed_s=elapsed_s, is_canary=is_canary), kind)


def test_a_deployment_that_aws_stopped_has_failed_whatever_the_limits_say() -> None:
    found = judge_devices(devices("oo"), LIMITS, elapsed_s=0, is_canary=False, is_stopped=True)
    assert isinstance(found, Failed)


def test_the_first_five_are_named_and_the_others_counted() -> None:
    found = judge_devices(devices("fffffff"), LIMITS, elapsed_s=0, is_canary=False)
    assert found == Failed("7 of 7 devices failed to install it: d0; d1; d2; d3; d4 and 2 more")


def test_every_device_is_counted_once() -> None:
    assert count_devices([*devices("oofqbu"), AWAY]) == Counts(ok=2, failed=1, offline=1, waiting=3)


@pytest.mark.parametrize(
    ("said", "elapsed_s", "kind"),
    [
        ("pppp", 0, Done),
        ("", 0, Done),
        ("ppps", 0, Wait),
        ("ppps", 100, Failed),
        ("pppb", 0, Done),
        ("ppbb", 0, Failed),
        ("ssbb", 0, Failed),
    ],
)
def test_stations_are_waited_for_and_some_may_refuse(said: str, elapsed_s: float, kind: type) -> None:
    standings = [Standing("s", next(each for each in Trust if each[0] == letter)) for letter in said]
    limits = LIMITS.model_copy(update={"rejected_share": 0.25})
    assert isinstance(judge_evidence(standings, limits, elapsed_s=elapsed_s), kind)


@pytest.mark.parametrize(("most", "kind"), [(1, Failed), (2, Done)])
def test_alarms_are_counted_over_all_stations(most: int, kind: type) -> None:
    standings = [Standing("a", Trust.PROVED, alarms=("x",)), Standing("b", Trust.PROVED, alarms=("y",))]
    limits = LIMITS.model_copy(update={"most_alarms": most})
    assert isinstance(judge_evidence(standings, limits, elapsed_s=0), kind)


@pytest.mark.parametrize(
    ("state", "elapsed_s", "kind"),
    [
        ("DEPLOYABLE", 9999, Done),
        ("REQUESTED", 0, Wait),
        ("INITIATED", 899, Wait),
        ("REQUESTED", 900, Failed),
        ("FAILED", 0, Failed),
        ("DEPRECATED", 0, Failed),
    ],
)
def test_a_component_is_waited_for_until_it_may_be_deployed(state: str, elapsed_s: float, kind: type) -> None:
    assert isinstance(judge_component({"componentState": state}, Limits(), elapsed_s=elapsed_s), kind)


def event(kind: str, camera: str = "top", **data: Any) -> Event:
    return Event(f"com.edgeinspector.{kind}.v1", AT, camera, data)


OURS = {"name": "tags", "version": "1.2.0", "sha256": "bb"}
UPDATE = event("model.changed", model=OURS, previous=OTHER, cause="update")
START = event("model.changed", model=OURS, previous=None, cause="start")
PROVED = event("model.proved", model=OURS, reject_rate=0.03, reject_rate_before=0.02, latency_ms={"p50": 9, "p95": 12})
BACK = event("model.changed", model=OTHER, previous=OURS, cause="rollback", reason="too slow")
BY_HAND = event("model.changed", model=OTHER, previous=OURS, cause="command", reason=None)
REFUSED = event("model.rejected", candidate="/updates/tags/1.2.0", sha256=None, reason="no such file")
OTHERS_REFUSED = event("model.rejected", candidate="tags 1.1.0", sha256="cc", reason="old")


@pytest.mark.parametrize(
    ("events", "trust", "reason"),
    [
        ([], Trust.SILENT, ""),
        ([UPDATE], Trust.SILENT, ""),
        ([UPDATE, PROVED], Trust.PROVED, ""),
        ([PROVED, START], Trust.PROVED, ""),
        ([PROVED, BACK], Trust.BAD, "went back: too slow"),
        ([UPDATE, BACK, UPDATE], Trust.SILENT, ""),
        ([UPDATE, BACK, UPDATE, PROVED], Trust.PROVED, ""),
        ([UPDATE, BY_HAND], Trust.BAD, "went back: command"),
        ([REFUSED], Trust.BAD, "refused: no such file"),
        ([OTHERS_REFUSED], Trust.SILENT, ""),
        ([event("model.rejected", candidate="tags 1.2.0", sha256="aa", reason="x")], Trust.BAD, "refused: x"),
        ([event("model.rejected", candidate="tags 1.2.0", sha256="dd", reason="x")], Trust.SILENT, ""),
        ([event("model.proved", model=OTHER)], Trust.SILENT, ""),
        ([PROVED, event("model.changed", "side", model=OURS, previous=OTHER, cause="update")], Trust.SILENT, ""),
        ([PROVED, event("model.proved", "side", model=OURS)], Trust.PROVED, ""),
        ([PROVED, event("model.rejected", "side", sha256="aa", reason="x")], Trust.BAD, "refused: x"),
        ([event("model.proved", model=OURS, reject_rate=0.2, reject_rate_before=0.02)], Trust.BAD,
         "rejects 20.0% of the parts, 2.0% before; 10.0% may differ"),
        ([event("model.proved", model=OURS, reject_rate=0.2, reject_rate_before=None)], Trust.PROVED, ""),
        ([event("model.proved", model=OURS, latency_ms={"p50": 9, "p95": 30})], Trust.BAD,
         "95 % of inspections take up to 30 ms, 20 ms may be"),
        ([event("model.proved", model=OURS, latency_ms=None)], Trust.PROVED, ""),
    ],
)  # fmt: skip
def test_the_last_word_of_each_camera_counts(events: list[Event], trust: Trust, reason: str) -> None:
    found = standing_of("press-1", events, MODEL, Limits(latency_ms=20))
    assert (found.trust, found.reason) == (trust, reason)


def test_an_alarm_stands_until_its_own_camera_has_cleared_it() -> None:
    raised, cleared = event("alarm.raised", name="x"), event("alarm.cleared", name="x")
    assert standing_of("s", [raised], MODEL, LIMITS).alarms == ("x",)
    assert standing_of("s", [raised, cleared], MODEL, LIMITS).alarms == ()
    assert standing_of("s", [raised, event("alarm.cleared", "side", name="x")], MODEL, LIMITS).alarms == ("x",)
    assert standing_of("s", [raised, cleared, raised], MODEL, LIMITS).alarms == ("x",)


def test_the_time_of_a_pause_does_not_count() -> None:
    now = AT + timedelta(hours=2)
    assert waited_s(now, AT, None) == 7200
    assert waited_s(now, AT, Wish(wish="pause", by="ana", at=AT)) == 0
    assert waited_s(now, AT, Wish(wish="go_on", by="ana", at=AT + timedelta(hours=1))) == 3600
    assert waited_s(now, AT, Wish(wish="go_on", by="ana", at=AT - timedelta(hours=1))) == 7200


def test_thirty_days_of_looks_fit_into_the_history_of_one_execution() -> None:
    stages = [900, *[86_400, 172_800] * 9, 86_400]
    now = looks = 0.0
    for stage_s in stages:
        begun = now
        while now - begun < stage_s:
            pause = pause_s(stage_s=now - begun, all_s=now)
            assert isinstance(pause, int)  # as a Wait takes it
            now += pause
            looks += 1
    events_a_look = 9  # a task's five, a choice and a wait, each entered and left
    assert now > 25 * 86_400
    assert events_a_look * looks < 20_000
