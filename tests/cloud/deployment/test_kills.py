"""A rollout whose steps are killed at their requests ends as one that nobody killed: nothing is made twice."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from cloud_side import clients
from cloud_side.deployment.records import Outcome, Stage
from tests.cloud.deployment.site import ALL, CANARY, Killed, Site, by_hand, model

SERVICES = ("s3", "greengrassv2", "sagemaker", "iot")
MADE_BEFORE = 2  # deployments of the inspector


@contextmanager
def killing(site: Site, dies: Callable[[str, int, int], bool]) -> Iterator[Counter[str]]:
    """Kill steps after requests that have taken effect, and count the kills by state.

    Args:
        site: Whose steps.
        dies: Tells by state, attempt, and number of the request in it, whether the process is killed.
    """
    kills: Counter[str] = Counter()
    now = {"state": "", "attempt": 0, "request": 0}

    def begin(state: str, attempt: int) -> None:
        now.update(state=state, attempt=attempt, request=0)

    def answered(**_: Any) -> None:
        if not now["state"]:
            return
        now["request"] += 1
        if dies(now["state"], now["attempt"], now["request"]):
            kills[now["state"]] += 1
            raise Killed

    site.killer = begin
    used = [clients.client(name) for name in SERVICES]
    for client in used:
        client.meta.events.register("after-call", answered)
    try:
        yield kills
    finally:
        for client in used:
            client.meta.events.unregister("after-call", answered)


def check_done(site: Site) -> None:
    assert site.record("first").outcome is Outcome.DONE
    assert site.versions() == ["1.0.0"]
    assert site.deployments() == MADE_BEFORE + 2
    assert site.bucket.read("deployment/current.json") is None


@pytest.mark.thorough
def test_every_step_killed_after_every_request_makes_nothing_twice(site: Site) -> None:
    package = site.register("1.0.0")
    looked = ("Look at devices", "Look at evidence")  # which ask in threads, and write one record
    with killing(site, lambda state, attempt, request: state not in looked and request == attempt) as kills:
        found = site.run("first", by_hand(package))
    assert found.status == "SUCCEEDED", found.cause
    assert {"Begin", "Build", "Look at component", "Deploy", "Finish"} <= kills.keys()
    assert kills["Deploy"] > 10
    check_done(site)


@pytest.mark.thorough
def test_the_way_back_killed_after_every_request_makes_nothing_twice(site: Site) -> None:
    before = {group: site.latest(group) for group in (CANARY, ALL)}
    site.silent |= {"press-3"}

    def refuse(state: str) -> None:
        if state == "Look at evidence" and site.current("press-3") is not None:
            site.hooks.clear()
            site.say("press-3", "model.rejected", sha256=model("1.0.0")["sha256"], reason="too slow")

    site.hooks.append(refuse)
    package = site.register("1.0.0")
    back = {"Restore", "Close"}
    with killing(site, lambda state, attempt, request: state in back and request == attempt) as kills:
        found = site.run("first", by_hand(package))
    assert found.error == "RolloutFailed"
    assert kills.keys() == back
    assert {group: site.latest(group) for group in (CANARY, ALL)} == before
    assert site.deployments() == MADE_BEFORE + 4
    assert [wave.stage for wave in site.record("first").waves] == [Stage.RESTORED, Stage.RESTORED]
    assert site.approval(package) == ("Rejected", "rollout first")
    assert len(site.told) == 1


@pytest.mark.nightly
def test_a_hundred_kills_at_random_change_nothing(site: Site, tmp_path: Any) -> None:
    killed = run = 0
    while killed < 100:
        run += 1
        site.clear(tmp_path / f"run-{run}")
        dice, package = random.Random(run), site.register("1.0.0")
        with killing(site, lambda *_, dice=dice: dice.random() < 0.05) as kills:  # type: ignore[misc]
            found = site.run("first", by_hand(package))
        assert found.status == "SUCCEEDED", (run, found.cause)
        check_done(site)
        killed += kills.total()
