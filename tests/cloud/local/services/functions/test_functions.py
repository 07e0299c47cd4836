"""Functions as they are kept and invoked: their code, what is refused, what waits, and what happens once."""

import io
import json
import logging
import os
import stat
import time
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cloud_side.local.calling import Caller, calling
from cloud_side.local.services.functions.queued import Invocations
from cloud_side.local.services.functions.service import register
from cloud_side.local.wiring import RefusedRequest, forget_answers
from tests.cloud.local.services.functions.lambdas import ROLE, Lambdas, zipped
from tests.mosquitto import eventually

ECHO = "def handle(event, context): return event"
COUNTED = """
    import pathlib

    def handle(event, context):
        file = pathlib.Path(event["file"])
        with file.open("a") as lines:
            lines.write(context.aws_request_id + "\\n")
        if event.get("fails"):
            raise ValueError("no")
        return len(file.read_text().splitlines())
"""


@pytest.fixture(scope="module")
def echo(lambdas: Lambdas) -> str:
    return lambdas.create(ECHO)


@pytest.fixture(scope="module")
def counted(lambdas: Lambdas) -> str:
    return lambdas.create(COUNTED)


def refused(client: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as caught:
        client.create_function(**{"FunctionName": "g", "Runtime": "python3.12", "Role": ROLE, **parameters})
    return str(caught.value)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"Timeout": 901}, "expected 1 to 900"),
        ({"MemorySize": 10_241}, "expected 128 to 10240"),
        ({"Runtime": "nodejs22.x"}, "runs python3.x only"),
        ({"Layers": ["arn:aws:lambda:eu-central-1:000000000000:layer:l:1"]}, "Layers: not there on the local engine"),
        ({"Code": {"ImageUri": "i"}}, "container images are not there on the local engine"),
        ({"Environment": {"Variables": {"AWS_REGION": "x"}}}, "AWS_REGION: reserved"),
        ({"Environment": {"Variables": {"A": "x" * 4096}}}, "4097 bytes"),
        ({"Code": {"ZipFile": b"no zip"}}, "Could not unzip uploaded file"),
        ({"Code": {"S3Bucket": "bucket", "S3Key": "../../lock"}}, "cannot be kept as a file"),
        ({"Code": {"S3Bucket": "bucket", "S3Key": "nothing.zip"}}, "NoSuchKey"),
        ({"Code": {"S3Bucket": "../jobs", "S3Key": "f.zip"}}, "expected ZipFile, or S3Bucket and S3Key"),
        ({"Code": {}}, "expected ZipFile, or S3Bucket and S3Key"),
        ({"FunctionName": "g:1"}, "no version but $LATEST"),
    ],
)
def test_a_function_that_cannot_be_is_refused_with_the_reason(
    lambdas: Lambdas, changes: dict[str, Any], said: str
) -> None:
    message = refused(lambdas.client, **{"Handler": "handler.handle", "Code": {"ZipFile": zipped(ECHO)}, **changes})
    assert said in message
    assert not list(lambdas.home.functions.glob(".part*"))


def test_a_zip_that_reaches_outside_stays_inside(lambdas: Lambdas) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("../../outside.py", "")
        archive.writestr("/etc/outside.py", "")
        archive.writestr("handler.py", ECHO)
    name = lambdas.create("", Code={"ZipFile": content.getvalue()})
    assert lambdas.ask(name, 1) == 1
    assert not (lambdas.home.folder.parent / "outside.py").exists()
    assert not (lambdas.home.folder / "outside.py").exists()


def test_a_zip_with_a_link_is_refused(lambdas: Lambdas) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    assert "is a link" in refused(lambdas.client, Handler="h.h", Code={"ZipFile": content.getvalue()})


def test_code_comes_out_of_a_bucket(lambdas: Lambdas) -> None:
    s3 = lambdas.session.client("s3")
    s3.create_bucket(Bucket="code", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    s3.put_object(Bucket="code", Key="functions/f.zip", Body=zipped(ECHO))
    name = lambdas.create("", Code={"S3Bucket": "code", "S3Key": "functions/f.zip"})
    assert lambdas.ask(name, "x") == "x"


def test_new_code_runs_from_the_next_invocation_on(lambdas: Lambdas) -> None:
    name = lambdas.create(ECHO)
    assert lambdas.ask(name, 1) == 1
    lambdas.client.update_function_code(FunctionName=name, ZipFile=zipped("def handle(event, context): return -event"))
    assert lambdas.ask(name, 1) == -1


def test_a_change_of_another_revision_is_refused(lambdas: Lambdas) -> None:
    name = lambdas.create(ECHO)
    with pytest.raises(ClientError, match="PreconditionFailed"):
        lambdas.client.update_function_configuration(FunctionName=name, Timeout=5, RevisionId="another")


def test_a_handler_of_this_installation_is_a_function_without_a_zip(lambdas: Lambdas) -> None:
    now = datetime.now(UTC)
    with lambdas.database.transaction() as connection:
        arn = register(connection, name="own", handler="json.encoder.JSONEncoder", now=now)
    first = lambdas.client.get_function(FunctionName=arn)["Configuration"]
    assert (first["Handler"], first["CodeSize"]) == ("json.encoder.JSONEncoder", 0)
    with lambdas.database.transaction() as connection:
        register(connection, name="own", handler="json.encoder.JSONEncoder", now=now + timedelta(days=1))
    assert lambdas.client.get_function_configuration(FunctionName="own")["RevisionId"] == first["RevisionId"]
    with lambdas.database.transaction() as connection:
        register(connection, name="own", handler="operator.eq", now=now, timeout_s=60)
    assert lambdas.client.get_function_configuration(FunctionName="own")["RevisionId"] != first["RevisionId"]
    assert lambdas.ask("own", 1) is False  # an event is no context
    with lambdas.database.transaction() as connection, pytest.raises(RefusedRequest, match="expected 1 to 900"):
        register(connection, name="own", handler="operator.eq", now=now, timeout_s=901)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"Payload": b"{"}, "InvalidRequestContentException"),
        ({"Payload": b"\xff"}, "InvalidRequestContentException"),
        ({"Payload": b'"' + b"x" * 6 * 2**20 + b'"'}, "RequestTooLargeException"),
        ({"Payload": b'"' + b"x" * 2**20 + b'"', "InvocationType": "Event"}, "RequestTooLargeException"),
        ({"Qualifier": "7"}, "ResourceNotFoundException"),
    ],
)
def test_an_invocation_that_cannot_be_is_refused(lambdas: Lambdas, echo: str, more: dict[str, Any], said: str) -> None:
    with pytest.raises(ClientError, match=said):
        lambdas.client.invoke(FunctionName=echo, **more)


def test_no_payload_is_an_empty_object_and_a_dry_run_is_none(lambdas: Lambdas, echo: str) -> None:
    assert lambdas.client.invoke(FunctionName=echo)["Payload"].read() == b"{}"
    before = lambdas.log(echo)
    answer = lambdas.client.invoke(FunctionName=echo, InvocationType="DryRun")
    assert (answer["StatusCode"], answer["Payload"].read()) == (204, b"")
    assert lambdas.log(echo) == before


def test_an_event_and_a_result_may_have_6_mebibytes(lambdas: Lambdas, echo: str) -> None:
    event = "ä" * ((3 << 20) - 1)
    payload = json.dumps(event, ensure_ascii=False).encode()
    answer = lambdas.client.invoke(FunctionName=echo, Payload=payload)
    assert answer["Payload"].read() == payload


def test_an_invocation_that_has_ended_does_not_run_again(lambdas: Lambdas, counted: str, tmp_path: Path) -> None:
    name, file = counted, str(tmp_path / "counted")
    for _ in range(3):
        with calling(Caller("execution", "one")):
            assert lambdas.ask(name, {"file": file}) == 1
            assert lambdas.ask(name, {"file": file}) == 2  # the task itself calls twice
    with calling(Caller("execution", "another attempt")):
        assert lambdas.ask(name, {"file": file}) == 3
        assert lambdas.failure(name, {"file": file, "fails": 1})["errorType"] == "ValueError"
    with calling(Caller("execution", "another attempt")):
        lambdas.ask(name, {"file": file})
        assert lambdas.failure(name, {"file": file, "fails": 1})["errorType"] == "ValueError"
    assert len(set(Path(file).read_text().splitlines())) == 4
    with lambdas.database.transaction() as connection:
        forget_answers(connection, "execution")
    with calling(Caller("execution", "one")):
        assert lambdas.ask(name, {"file": file}) == 5


@pytest.fixture
def later(lambdas: Lambdas) -> Iterator[Invocations]:
    chore = Invocations(lambdas.home, lambdas.database, lambdas.pool, pauses_s=(0.0, 0.0))
    yield chore
    chore._threads.shutdown()


def take_turns(chore: Invocations, lambdas: Lambdas) -> None:
    def is_done() -> bool:
        chore.turn()
        return not lambdas.database.connection().execute("SELECT * FROM invocations").fetchall()

    eventually(is_done, what="all invocations have ended")


def test_an_event_is_handled_later_and_once(lambdas: Lambdas, counted: str, later: Invocations, tmp_path: Path) -> None:
    name, files = counted, [tmp_path / f"{number}" for number in range(10)]
    for file in files:
        payload = json.dumps({"file": str(file)})
        for _ in range(2):
            with calling(Caller("execution", file.name)):
                answer = lambdas.client.invoke(FunctionName=name, InvocationType="Event", Payload=payload)
        assert (answer["StatusCode"], answer["Payload"].read()) == (202, b"")
    assert not any(file.exists() for file in files)
    take_turns(later, lambdas)
    assert all(len(file.read_text().splitlines()) == 1 for file in files)


def test_an_event_that_fails_is_tried_twice_again(
    lambdas: Lambdas, counted: str, later: Invocations, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    name, file = counted, tmp_path / "counted"
    payload = json.dumps({"file": str(file), "fails": True})
    lambdas.client.invoke(FunctionName=name, InvocationType="Event", Payload=payload)
    with caplog.at_level(logging.WARNING):
        take_turns(later, lambdas)
    ids = file.read_text().splitlines()
    assert len(ids) == 3
    assert len(set(ids)) == 1  # one request
    assert f"function {name} failed, 0 attempts are left: ValueError: no" in caplog.text


def test_an_event_of_a_function_that_is_gone_is_dropped(
    lambdas: Lambdas, later: Invocations, caplog: pytest.LogCaptureFixture
) -> None:
    name = lambdas.create(ECHO)
    lambdas.client.invoke(FunctionName=name, InvocationType="Event")
    lambdas.client.delete_function(FunctionName=name)
    take_turns(later, lambdas)
    assert "is dropped: Function not found" in caplog.text


def test_code_that_no_function_has_is_deleted_after_a_while(lambdas: Lambdas, later: Invocations) -> None:
    old = lambdas.home.functions / "old"
    fresh = lambdas.home.functions / "fresh"
    used = lambdas.create("used = True")
    (code,) = lambdas.database.connection().execute("SELECT code FROM functions WHERE name = ?", (used,)).fetchone()
    for folder in (old, fresh):
        folder.mkdir()
    for folder in (old, lambdas.home.functions / code):
        os.utime(folder, (0, time.time() - 7200))
    later._sweep_at_s = 0.0
    later.turn()
    assert [folder.exists() for folder in (old, fresh, lambdas.home.functions / code)] == [False, True, True]
