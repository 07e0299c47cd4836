"""What follows from what devices did and stations said: tables of every case."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

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
    judge_time,
    judge_trouble,
    pause_s,
)
from cloud_side.deployment.keeping import waited_s
from cloud_side.deployment.planning import Limits, Plan
from cloud_side.deployment.records import Counts, Model, Outcome, Record, Wish

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


def standings(said: str) -> list[Standing]:
    """Return a station a letter: proved, bad, silent."""
    return [Standing(f"s{n}", next(each for each in Trust if each[0] == letter)) for n, letter in enumerate(said)]


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
    limits = LIMITS.model_copy(update={"rejected_share": 0.25})
    assert isinstance(judge_evidence(standings(said), limits, elapsed_s=elapsed_s, is_canary=False), kind)


@pytest.mark.parametrize(
    ("said", "is_canary", "kind"),
    [
        ("ppps", False, Done),
        ("ppss", False, Failed),
        ("ppps", True, Failed),
        ("pppp", True, Done),
    ],
)
def test_some_stations_may_stay_silent_and_none_of_the_canary(said: str, kind: type, *, is_canary: bool) -> None:
    limits = LIMITS.model_copy(update={"silent_share": 0.25})
    assert isinstance(judge_evidence(standings(said), limits, elapsed_s=99, is_canary=is_canary), Wait | Done)
    assert isinstance(judge_evidence(standings(said), limits, elapsed_s=100, is_canary=is_canary), kind)


@pytest.mark.parametrize(("share", "kind"), [(0.4, Failed), (0.5, Done)])
def test_stations_with_alarms_are_a_share_of_their_wave(share: float, kind: type) -> None:
    alarmed = [Standing("a", Trust.PROVED, alarms=("x", "y")), Standing("b", Trust.PROVED, alarms=("z",))]
    limits = Limits(alarm_share=share)
    found = judge_evidence([*alarmed, *standings("pp")], limits, elapsed_s=0, is_canary=False)
    assert isinstance(found, kind)
    if isinstance(found, Failed):
        assert found.reason == "2 of 4 stations have alarms: a: x, y; b: z"


def test_stations_that_are_to_get_it_are_counted_while_it_is_brought_to_them() -> None:
    limits = Limits(rejected_share=0.25)
    assert judge_trouble(standings("b"), limits, of=4) is None
    assert judge_trouble(standings("bb"), limits, of=4) == Failed("2 of 4 stations do not keep it: s0; s1")


@pytest.mark.parametrize(
    ("found", "blames"),
    [
        (judge_evidence([Standing("s", Trust.BAD)], LIMITS, elapsed_s=0, is_canary=True), True),
        (judge_evidence([Standing("s", Trust.PROVED, alarms=("x",))], LIMITS, elapsed_s=0, is_canary=True), True),
        (judge_evidence([Standing("s", Trust.SILENT)], LIMITS, elapsed_s=100, is_canary=True), False),
        (judge_devices([Device("d", Progress.FAILED)], LIMITS, elapsed_s=0, is_canary=True), True),
        (judge_devices([Device("d", Progress.BUSY)], LIMITS, elapsed_s=100, is_canary=True), True),
        (judge_devices([Device("d", Progress.OFFLINE)], LIMITS, elapsed_s=100, is_canary=True), False),
        (judge_devices([Device("d", Progress.UNTOLD)], LIMITS, elapsed_s=0, is_canary=True, is_stopped=True), False),
        (judge_devices([Device("d", Progress.FAILED)], LIMITS, elapsed_s=0, is_canary=True, is_stopped=True), True),
        (judge_component({"componentState": "FAILED"}, LIMITS, elapsed_s=0), False),
        (judge_component({"componentState": "REQUESTED"}, LIMITS, elapsed_s=900), False),
    ],
)
def test_only_what_devices_and_stations_say_against_it_blames_the_model(found: Any, *, blames: bool) -> None:
    assert isinstance(found, Failed)
    assert found.blames is blames


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
        ([PROVED, event("model.changed", "side", model=OURS, previous=OTHER, cause="update")], Trust.SILENT,
         "nothing of side"),
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


def test_a_station_has_proved_it_when_all_cameras_have_that_are_known_or_have_spoken() -> None:
    found = standing_of("s", [PROVED], MODEL, LIMITS, ["side", "top"])
    assert (found.trust, found.reason) == (Trust.SILENT, "nothing of side")
    both = [PROVED, event("model.proved", "side", model=OURS)]
    assert standing_of("s", both, MODEL, LIMITS, ["side", "top"]).trust is Trust.PROVED
    heard = [PROVED, event("alarm.cleared", "rear", name="x")]
    assert standing_of("s", heard, MODEL, LIMITS, ["top"]).reason == "nothing of rear"


def test_an_alarm_stands_until_its_own_camera_has_cleared_it() -> None:
    raised, cleared = event("alarm.raised", name="x"), event("alarm.cleared", name="x")

    def alarms(*events: Event) -> tuple[str, ...]:
        return standing_of("s", [UPDATE, *events], MODEL, LIMITS).alarms

    assert alarms(raised) == ("x",)
    assert alarms(raised, cleared) == ()
    assert alarms(raised, event("alarm.cleared", "side", name="x")) == ("x",)
    assert alarms(raised, cleared, raised) == ("x",)


def test_an_alarm_from_before_the_station_runs_the_model_counts_for_nothing() -> None:
    at = [AT + timedelta(seconds=n) for n in range(3)]
    raised, taken_over = event("alarm.raised", name="x"), replace(UPDATE, at=at[1])
    assert standing_of("s", [raised], MODEL, LIMITS).alarms == ()
    assert standing_of("s", [raised, taken_over], MODEL, LIMITS).alarms == ()
    assert standing_of("s", [taken_over, replace(raised, at=at[2])], MODEL, LIMITS).alarms == ("x",)


def test_the_time_of_a_pause_does_not_count() -> None:
    now = AT + timedelta(hours=2)
    assert waited_s(now, AT, None) == 7200
    assert waited_s(now, AT, Wish(wish="pause", by="ana", at=AT)) == 0
    assert waited_s(now, AT, Wish(wish="go_on", by="ana", at=AT + timedelta(hours=1))) == 3600
    assert waited_s(now, AT, Wish(wish="go_on", by="ana", at=AT - timedelta(hours=1))) == 7200


DAY_S = 86_400
EVENTS_OF_A_LOOK = 9  # a task's five, a choice and a wait, each entered and left
EVENTS_OF_A_WAVE = 7  # Deploy


def events_of(stages: Sequence[float], waves: int) -> tuple[float, int]:
    """Return how long an execution takes that waits in each stage as long as it may, and the events in its history."""
    now = looks = 0.0
    for stage_s in stages:
        begun = now
        while now - begun < stage_s:
            pause = pause_s(stage_s=now - begun, all_s=now)
            assert isinstance(pause, int)  # as a Wait takes it
            now += pause
            looks += 1
        looks += 1
    return now, round(EVENTS_OF_A_LOOK * looks + EVENTS_OF_A_WAVE * waves)


def test_the_longest_rollouts_that_there_can_be_fit_into_the_history_of_one_execution() -> None:
    most = max(n for n in range(99) if is_plan(waves=[f"hall-{each}" for each in range(n)]))
    for waves in (1, 2, 1 + most):
        for waiting_s, rest_s in ((0, 29 * DAY_S), (22 * DAY_S, 7 * DAY_S), (28 * DAY_S, DAY_S)):
            stages = [waiting_s, *[rest_s / (2 * waves + 1)] * (2 * waves + 1)]
            took_s, events = events_of(stages, waves)
            assert took_s > 29 * DAY_S
            assert events < 15_000  # of 25,000: each look may fail twice and be tried again


def is_plan(**said: Any) -> bool:
    limits = {"device_timeout_s": 60, "proof_timeout_s": 60}
    with suppress(ValidationError):
        Plan.model_validate({"limits": limits, **said})
        return True
    return False


def record(begun_days_ago: float, outcome: Outcome, **more: Any) -> Record:
    begun_at = AT - timedelta(days=begun_days_ago)
    package: dict[str, Any] = {"package": "arn", "by": "ana", "why": "x", "model": MODEL, "plan": Plan()}
    return Record(id="r", execution="e", begun_at=begun_at, since=AT, outcome=outcome, **package, **more)


@pytest.mark.parametrize(
    ("days", "outcome", "more", "ends"),
    [
        (27.9, Outcome.RUNNING, {}, False),  # a day is for the way back, and one in reserve
        (28.1, Outcome.RUNNING, {}, True),
        (21.9, Outcome.WAITING, {}, False),  # the plan may take seven
        (22.1, Outcome.WAITING, {}, True),
        (27.9, Outcome.WAITING, {"rollback_of": "other"}, False),
        (28.1, Outcome.WAITING, {"rollback_of": "other"}, True),
    ],
)
def test_a_rollout_ends_while_there_is_time_for_the_way_back(
    days: float, outcome: Outcome, more: dict[str, Any], *, ends: bool
) -> None:
    found = judge_time(record(days, outcome, **more), AT)
    assert (found is not None) is ends
    assert found is None or not found.blames
