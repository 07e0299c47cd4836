"""Engines are killed while a deployment goes on: the next one carries on, and no script that ended runs again."""

import itertools
import multiprocessing
import os
import random
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from cloud_side.local import outbox, wiring
from cloud_side.local.database import Database
from cloud_side.local.devices.chore import CoreDevices
from cloud_side.local.home import Home
from cloud_side.local.services.greengrass.chore import GreengrassCloud
from tests.cloud.local.fleet import OPEN, PATIENCE_S, SERVICES, Fleet, recipe_of

PART, OTHER = "com.example.Part", "com.example.Other"
TOLD = "echo begin >>{{work:path}}/{0}; sleep 0.03; echo end >>{{work:path}}/{0}"
KILLS = [0, *(pytest.param(seed, marks=pytest.mark.nightly) for seed in range(1, 20))]
ENGINES = multiprocessing.get_context("forkserver")
ENGINES.set_forkserver_preload([__name__])


class Killed(BaseException):
    """The engine ends here, and does nothing more."""


class Deadly(Database):
    """Ends the engine at each transaction: before it is kept, then after it was kept, and then lets one be."""

    def __init__(self, home: Home) -> None:
        super().__init__(home.database, ())
        self.count = 0

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        self.count += 1
        with super().transaction() as connection:
            yield connection
            if self.count % 3 == 1:
                raise Killed
        if self.count % 3 == 2:
            raise Killed


def serve(folder: Path) -> None:
    """Be an engine's chores until the end."""
    home = Home(folder)
    database = Database(home.database, [wiring.TABLES, outbox.TABLES, *(service.tables for service in SERVICES)])
    chores = [GreengrassCloud(home, database), CoreDevices(home, database, retry_s=0.0)]
    while True:
        time.sleep(min([0.02, *(chore.turn() for chore in chores)]))


def deploy_under_kills(fleet: Fleet, deployment: str, seed: int) -> int:
    """Let engines work on a deployment, each until it is killed; return how many it took.

    Without a seed they end at each transaction, in this process; with one they are processes, killed at any moment.
    """
    return deploy_under_deaths(fleet, deployment) if seed == 0 else deploy_in_processes(fleet, deployment, seed)


def deploy_under_deaths(fleet: Fleet, deployment: str) -> int:
    with closing(Deadly(fleet.home)) as database:
        ends_s = time.monotonic() + PATIENCE_S
        while fleet.status("press-1", deployment) in OPEN:
            assert time.monotonic() < ends_s, "it never came to an end"
            with suppress(Killed):
                time.sleep(min(0.01, CoreDevices(fleet.home, database, retry_s=0.0).turn()))
        return database.count


def deploy_in_processes(fleet: Fleet, deployment: str, seed: int, kills: int = 12) -> int:
    chance = random.Random(seed)
    for number in itertools.count(1):
        engine = ENGINES.Process(target=serve, args=(fleet.home.folder,), daemon=True)
        engine.start()
        until_s = time.monotonic() + (chance.uniform(0.0, 0.12) if number <= kills else PATIENCE_S)
        while fleet.status("press-1", deployment) in OPEN and time.monotonic() < until_s:
            time.sleep(0.01)
        engine.kill()
        engine.join()
        engine.close()
        if fleet.status("press-1", deployment) not in OPEN:
            return number
        assert number <= kills, "it never came to an end"
    raise AssertionError


def said(fleet: Fleet, component: str) -> dict[str, Counter[str]]:
    """Return what the scripts of a component have told, by the script."""
    folder = fleet.home.devices / "press-1" / "work" / component
    return {path.name: Counter(path.read_text().split()) for path in folder.iterdir()}


@pytest.fixture
def press(fleet: Fleet, tmp_path: Path) -> Fleet:
    """A device with a part, and a part and another one that it can get."""
    fleet.add_device("press-1", "canary", folder=tmp_path)
    fleet.publish(recipe_of(lifecycle={"install": TOLD.format("first")}))
    lifecycle = {"install": TOLD.format("install"), "run": TOLD.format("run")}
    fleet.publish(recipe_of(version="1.1.0", lifecycle=lifecycle))
    fleet.publish(recipe_of(OTHER, lifecycle=lifecycle, needs={PART: "*"}))
    fleet.publish(recipe_of(OTHER, "2.0.0", lifecycle={"install": f"{TOLD.format('bad')}; exit 1"}, needs={PART: "*"}))
    fleet.settle()
    fleet.deploy("canary", {PART: "1.0.0"})
    fleet.settle()
    return fleet


@pytest.mark.parametrize("seed", KILLS)
def test_every_script_runs_once_over_kills_of_the_engine(press: Fleet, seed: int) -> None:
    deployment = press.deploy("canary", {PART: "1.1.0", OTHER: "1.0.0"})
    engines = deploy_under_kills(press, deployment, seed)
    assert engines > 2, "it was killed"
    assert press.status("press-1", deployment) == "SUCCEEDED"
    once = Counter(begin=1, end=1)
    assert said(press, PART) == {"first": once, "install": once, "run": once}
    assert said(press, OTHER) == {"install": once, "run": once}
    assert press.installed("press-1") == {PART: ("1.1.0", "FINISHED"), OTHER: ("1.0.0", "FINISHED")}


@pytest.mark.parametrize("seed", KILLS)
def test_the_way_back_is_the_same_over_kills_of_the_engine(press: Fleet, seed: int) -> None:
    deployment = press.deploy("canary", {PART: "1.1.0", OTHER: "2.0.0"})
    deploy_under_kills(press, deployment, seed)
    assert press.effective("press-1", deployment)["reason"].startswith("FAILED_ROLLBACK_COMPLETE")
    once = Counter(begin=1, end=1)
    assert said(press, PART) == {"first": Counter(begin=2, end=2), "install": once, "run": once}
    assert said(press, OTHER) == {"bad": Counter(begin=3, end=3)}
    assert press.installed("press-1") == {PART: ("1.0.0", "FINISHED")}


def test_a_script_that_was_killed_with_its_engine_runs_again(press: Fleet) -> None:
    lifecycle = {
        "install": "echo begin >>{work:path}/log; test -f {work:path}/go || sleep 600; echo end >>{work:path}/log"
    }
    press.publish(recipe_of(version="1.2.0", lifecycle=lifecycle))
    press.settle()
    deployment = press.deploy("canary", {PART: "1.2.0"})
    work = press.home.devices / "press-1" / "work" / PART
    log = work / "log"
    press.run_until(lambda: log.exists() and log.read_text() == "begin\n")  # the shell makes it before it writes
    (pid,) = (press.home.devices / "press-1" / "runs" / deployment).glob("*/pid")
    os.killpg(int(pid.read_text()), signal.SIGKILL)
    (work / "go").touch()
    later = CoreDevices(press.home, press.database)
    ends_s = time.monotonic() + PATIENCE_S
    while press.status("press-1", deployment) in OPEN:
        assert time.monotonic() < ends_s
        time.sleep(min(later.turn(), 0.05))
    assert press.status("press-1", deployment) == "SUCCEEDED"
    assert log.read_text().split() == ["begin", "begin", "end"]


def test_a_script_that_dies_without_its_engine_has_failed(press: Fleet) -> None:
    press.publish(recipe_of(version="1.2.0", lifecycle={"install": "kill -9 0"}))
    press.settle()
    deployment = press.deploy("canary", {PART: "1.2.0"})
    press.settle()
    reason = press.effective("press-1", deployment)["reason"]
    assert reason == (
        "FAILED_ROLLBACK_COMPLETE: Service com.example.Part in broken state after deployment: "
        "install exited with code 137"
    )
