"""An engine that is killed again and again: each event, time, task and invocation has its effect once."""

import json
import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cloud_side.local.database import Database
from cloud_side.local.home import Home
from tests.cloud.local.delivery.engine import HANDLER, open_home, run
from tests.cloud.local.delivery.stage import FUNCTION, MACHINE, ROLE, TOPIC
from tests.cloud.local.services.functions.lambdas import zipped
from tests.forked import Forked

ROOT = Path(__file__).parents[4]


def prepare(session: Any, second: str) -> None:
    """Make what events go to: an execution, and a function or a topic."""
    session.client("sns").create_topic(Name="alarms")
    session.client("lambda").create_function(
        FunctionName="f",
        Runtime="python3.12",
        Role=ROLE,
        Handler="handler.handle",
        Code={"ZipFile": zipped(HANDLER)},
        Timeout=60,
        Environment={"Variables": {"PYTHONPATH": str(ROOT)}},
    )
    events = session.client("events")
    events.put_rule(Name="r", EventPattern='{"source": ["edge"]}')
    targets = [
        {"Id": "1", "Arn": MACHINE, "InputPath": "$.detail"},
        {"Id": "2", "Arn": second, "InputPath": "$.detail"},
    ]
    events.put_targets(Rule="r", Targets=targets)


def give_work(session: Any, database: Database, turn: int, second: str) -> None:
    """Put an event on the bus, make a schedule that is due, and a task of the function."""
    entry = {"Source": "edge", "DetailType": "d", "Detail": json.dumps({"name": f"event-{turn}"})}
    session.client("events").put_events(Entries=[entry])
    session.client("scheduler").create_schedule(
        Name=f"schedule-{turn}",
        ScheduleExpression="at(2020-01-01T00:00:00)",
        Target={"Arn": MACHINE, "RoleArn": ROLE, "Input": json.dumps({"name": f"schedule-{turn}"})},
        FlexibleTimeWindow={"Mode": "OFF"},
        ActionAfterCompletion="DELETE",
    )
    if second == FUNCTION:
        with database.transaction() as connection:
            connection.execute("INSERT INTO tasks VALUES (?, NULL)", (f"task-{turn}",))


def effects(database: Database) -> int:
    query = "SELECT (SELECT count(*) FROM messages) + (SELECT count(*) FROM started)"
    return int(database.connection().execute(query).fetchone()[0])


def wait(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not condition() and time.monotonic() < until:
        time.sleep(0.005)
    assert condition()


def is_done(database: Database) -> bool:
    waiting = ("emitted", "deliveries", "invocations", "schedules", "tasks WHERE answer IS NULL")
    counts = [database.connection().execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in waiting]
    return not any(counts)


# Functions take long to start: those of a whole engine are killed every day.
@pytest.mark.parametrize(
    ("kills", "killed_after", "second", "parts"),
    [
        (1, range(1, 3), TOPIC, []),
        pytest.param(200, range(6), FUNCTION, ["/one", "/two"], marks=[pytest.mark.nightly, pytest.mark.timeout(3600)]),
    ],
)
def test_everything_happens_once_however_often_the_engine_is_killed(
    home: Home, kills: int, killed_after: range, second: str, parts: list[str]
) -> None:
    draw = random.Random(kills)  # reproducible
    session, database, pool = open_home(home.folder)
    prepare(session, second)
    for turn in range(kills):
        give_work(session, database, turn, second)
        goal = effects(database) + draw.choice(killed_after)  # somewhere in the work of this turn
        engine = Forked([str(home.folder)], module="tests.cloud.local.delivery.engine")
        with engine.stdout, engine.stderr:
            wait(lambda goal=goal: effects(database) >= goal)
            time.sleep(draw.uniform(0, 0.05))
            engine.kill()
            engine.wait(30)
    give_work(session, database, kills, second)
    run(home.folder, is_done)
    messages = database.connection().execute("SELECT payload FROM messages").fetchall()
    published = Counter(json.loads(row["payload"])["Message"] for row in messages)
    turns = range(kills + 1)
    expected = [f"{kind}-{turn}{part}" for kind in ("event", "task") for turn in turns for part in parts]
    expected = expected or [json.dumps({"name": f"event-{turn}"}) for turn in turns]
    assert published == Counter(expected)
    started = database.connection().execute("SELECT input FROM started").fetchall()
    names = [f"{kind}-{turn}" for kind in ("event", "schedule") for turn in turns]
    assert Counter(json.loads(row["input"])["name"] for row in started) == Counter(names)
    left = database.connection().execute("SELECT scope FROM answered WHERE scope != 'execution'").fetchall()
    assert not left  # an invocation that has ended is forgotten
    pool.close()
    database.close()
