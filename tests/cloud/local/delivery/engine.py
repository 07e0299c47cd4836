"""An engine of these chores and a few tasks, as a process that can be killed: `python -m tests.….engine FOLDER`."""

import json
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cloud_side.local import outbox, wiring
from cloud_side.local.calling import Caller, calling
from cloud_side.local.database import Database
from cloud_side.local.delivery.events import Delivery
from cloud_side.local.delivery.schedules import Schedules
from cloud_side.local.home import Home
from cloud_side.local.services.events import EVENTS
from cloud_side.local.services.functions.pool import Pool
from cloud_side.local.services.functions.queued import Invocations
from cloud_side.local.services.functions.service import lambda_service
from cloud_side.local.services.notifications import SNS
from cloud_side.local.services.scheduler import SCHEDULER
from tests.cloud.local.delivery import stage

TABLES = "CREATE TABLE IF NOT EXISTS tasks (name TEXT PRIMARY KEY, answer TEXT)"

# Publishes twice, with a pause in which it may be killed. What it publishes is remembered under its token.
HANDLER = """
import os, random, time
from pathlib import Path
from tests.cloud.local.delivery.engine import open_home
from tests.cloud.local.delivery.stage import TOPIC

session, _, _ = open_home(Path(os.environ["EDGE_INSPECTOR_ENGINE"].removeprefix("local:")))
sns = session.client("sns")

def handle(event, context):
    for part in ("one", "two"):
        sns.publish(TopicArn=TOPIC, Message=f"{event['name']}/{part}")
        time.sleep(random.random() * 0.05)
    return event["name"]
"""


def open_home(folder: Path) -> tuple[Any, Database, Pool]:
    home = Home(folder)
    pool = Pool(home)
    services = [EVENTS, SCHEDULER, SNS, lambda_service(pool)]
    tables = [wiring.TABLES, outbox.TABLES, stage.TABLES, TABLES, *(service.tables for service in services)]
    database = Database(home.database, tables)
    return wiring.local_session(home, database, services), database, pool


def carry_out_a_task(client: Any, database: Database) -> None:
    row = database.connection().execute("SELECT name FROM tasks WHERE answer IS NULL ORDER BY name").fetchone()
    if row is None:
        return
    with calling(Caller("execution", row["name"])):
        answer = client.invoke(FunctionName="f", Payload=json.dumps({"name": row["name"]}))
    with database.transaction() as connection:
        values = (answer["Payload"].read().decode(), row["name"])
        connection.execute("UPDATE tasks SET answer = ? WHERE name = ?", values)


def run(folder: Path, is_done: Callable[[Database], bool]) -> None:
    """Be an engine until everything is done."""
    session, database, pool = open_home(folder)
    client = session.client("lambda")
    chores = (Delivery(database, stage.start), Schedules(database), Invocations(Home(folder), database, pool))
    while not is_done(database):
        for chore in chores:
            chore.turn()
        carry_out_a_task(client, database)
        time.sleep(random.random() * 0.01)
    for chore in chores:
        chore.close()
    database.close()


if __name__ == "__main__":
    run(Path(sys.argv[1]), lambda _: False)
