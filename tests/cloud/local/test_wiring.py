import sqlite3
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError, ParamValidationError

from cloud_side.local import wiring
from cloud_side.local.calling import Caller, calling
from cloud_side.local.database import Database
from cloud_side.local.wiring import Answer, RefusedRequest, Request, Service
from edge_inspector.errors import ConfigError

Open = Callable[[Sequence[Service]], tuple[boto3.Session, Database]]
CREATED = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)


class Desk:
    """A service that counts what it does."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.takes_all = False

    def create(self, request: Request, connection: sqlite3.Connection) -> Answer:
        if request.parameters["name"] == "bad" and not self.takes_all:
            connection.execute("CREATE TABLE half_done (a)")
            code = "InvalidName"
            raise RefusedRequest(code, "bad: found a bad name")
        self.done.append(request.parameters["name"])
        return {"stateMachineArn": f"arn:{len(self.done)}", "creationDate": CREATED}

    def service(self) -> Service:
        return Service("stepfunctions", writes={"CreateStateMachine": self.create})


def create(session: boto3.Session, name: str) -> str:
    client = session.client("stepfunctions")
    answer = client.create_state_machine(name=name, definition="{}", roleArn="arn:aws:iam::000000000000:role/r")
    assert answer["creationDate"] == CREATED
    return str(answer["stateMachineArn"])


def test_the_same_call_of_the_same_attempt_is_answered_and_not_done_again(open_services: Open) -> None:
    desk = Desk()
    session, _ = open_services([desk.service()])
    for _ in range(2):
        with calling(Caller("execution", "attempt-1")):
            assert [create(session, "a"), create(session, "b")] == ["arn:1", "arn:2"]
    assert desk.done == ["a", "b"]


def test_the_same_call_twice_in_one_attempt_is_two_calls(open_services: Open) -> None:
    desk = Desk()
    session, _ = open_services([desk.service()])
    with calling(Caller("execution", "attempt-1")):
        assert create(session, "a") != create(session, "a")


def test_another_attempt_and_nobodys_call_are_done(open_services: Open) -> None:
    desk = Desk()
    session, database = open_services([desk.service()])
    with calling(Caller("execution", "attempt-1")):
        create(session, "a")
    with calling(Caller("execution", "attempt-2")):
        create(session, "a")
    create(session, "a")
    create(session, "a")
    assert len(desk.done) == 4
    with database.transaction() as connection:
        wiring.forget_answers(connection, "execution")
    assert database.connection().execute("SELECT COUNT(*) FROM answered").fetchone()[0] == 0


def test_a_refusal_is_the_modeled_exception_and_leaves_nothing_behind(open_services: Open) -> None:
    session, database = open_services([Desk().service()])
    client = session.client("stepfunctions")
    with pytest.raises(client.exceptions.InvalidName, match="found a bad name"):
        create(session, "bad")
    assert not database.connection().execute("SELECT * FROM sqlite_master WHERE name = 'half_done'").fetchall()


def test_a_refusal_is_said_again_to_the_same_attempt_though_the_service_would_take_it_now(open_services: Open) -> None:
    desk = Desk()
    session, _ = open_services([desk.service()])
    client = session.client("stepfunctions")
    for _ in range(2):
        with calling(Caller("execution", "attempt-1")):
            with pytest.raises(client.exceptions.InvalidName, match="found a bad name"):
                create(session, "bad")
            desk.takes_all = True
            assert create(session, "bad") == "arn:1"
    assert desk.done == ["bad"]


def test_what_is_not_there_says_so_and_what_is(open_services: Open) -> None:
    session, _ = open_services([Desk().service()])
    with pytest.raises(ClientError, match=r"DescribeStateMachine is not there .* it has: CreateStateMachine"):
        session.client("stepfunctions").describe_state_machine(stateMachineArn="arn")
    with pytest.raises(ClientError, match=r"dynamodb:ListTables is not there .* services are stepfunctions"):
        session.client("dynamodb").list_tables()


def test_a_request_is_validated_before_anything_is_done(open_services: Open) -> None:
    desk = Desk()
    session, _ = open_services([desk.service()])
    with pytest.raises(ParamValidationError, match="definition"):
        session.client("stepfunctions").create_state_machine(name="a", roleArn="r")
    assert desk.done == []


def test_a_file_that_is_no_database_of_ours_is_named(tmp_path: Path) -> None:
    (tmp_path / "engine.sqlite").write_text("something else" * 100)
    with pytest.raises(ConfigError, match=r"engine\.sqlite: cannot be used as the engine's database"):
        Database(tmp_path / "engine.sqlite", [])


def test_a_database_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    database = Database(tmp_path / "engine.sqlite", ["CREATE TABLE IF NOT EXISTS a (b)"])
    database.connection().execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(ConfigError, match="has version 99, expected 1"):
        Database(tmp_path / "engine.sqlite", [])


def test_a_transaction_that_cannot_be_committed_does_not_stay_open(tmp_path: Path) -> None:
    tables = "CREATE TABLE IF NOT EXISTS a (b REFERENCES a (c) DEFERRABLE INITIALLY DEFERRED, c UNIQUE)"
    database = Database(tmp_path / "engine.sqlite", [tables])
    database.connection().execute("PRAGMA foreign_keys = ON")
    with pytest.raises(sqlite3.IntegrityError), database.transaction() as connection:
        connection.execute("INSERT INTO a VALUES (1, 2)")
    with database.transaction() as connection:
        assert connection.execute("SELECT * FROM a").fetchall() == []
    database.close()


def test_threads_that_have_ended_hold_no_file_open(tmp_path: Path) -> None:
    database = Database(tmp_path / "engine.sqlite", [])
    open_files = Path("/proc/self/fd")
    before = len(list(open_files.iterdir()))
    for _ in range(20):
        thread = threading.Thread(target=database.connection)
        thread.start()
        thread.join()
    assert len(list(open_files.iterdir())) <= before + 3
    database.close()


def test_a_home_is_opened_while_another_one_makes_it(tmp_path: Path) -> None:
    """SQLite refuses at once to switch a file to WAL that somebody writes, and does not wait as it does elsewhere."""
    other = sqlite3.connect(tmp_path / "engine.sqlite", isolation_level=None, check_same_thread=False)
    other.execute("CREATE TABLE a (b)")
    other.execute("BEGIN IMMEDIATE")
    other.execute("INSERT INTO a VALUES (1)")
    threading.Timer(0.05, other.execute, ["COMMIT"]).start()
    database = Database(tmp_path / "engine.sqlite", [])
    assert database.connection().execute("SELECT b FROM a").fetchone()[0] == 1
    database.close()
    other.close()


def test_tables_of_a_later_version_come_to_a_database_that_is_there(tmp_path: Path) -> None:
    for tables in (["CREATE TABLE IF NOT EXISTS a (b)"], ["CREATE TABLE IF NOT EXISTS c (d)"]):
        database = Database(tmp_path / "engine.sqlite", tables)
        database.close()
    database = Database(tmp_path / "engine.sqlite", [])
    names = {row["name"] for row in database.connection().execute("SELECT name FROM sqlite_master")}
    database.close()
    assert names == {"a", "c"}
