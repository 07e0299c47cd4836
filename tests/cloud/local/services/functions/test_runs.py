"""What a handler gets, and what its caller gets of it, whatever it does."""

import base64
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from cloud_side.local.calling import Caller, calling
from cloud_side.local.services.functions import function_log
from cloud_side.local.services.functions.configuration import find
from cloud_side.local.services.functions.function_log import log_file
from cloud_side.local.services.functions.handler import Fault, load, told
from cloud_side.local.services.functions.pool import Pool, PoolClosed
from cloud_side.local.services.functions.warm import Event
from tests.cloud.local.services.functions.lambdas import Lambdas
from tests.mosquitto import eventually

SLEEP_S = f"{100_000 + os.getpid()}"  # so that no other test's is taken for one of these
MANY = """
    import json, os, subprocess, sys, threading, time

    count = 0

    def handle(event, context):
        match event:
            case "count":
                global count
                count += 1
                return [os.getpid(), count]
            case "set":
                return {1, 2}
            case "nan":
                return float("nan")
            case "raise":
                raise LookupError("it was not there")
            case "exit":
                sys.exit(3)
            case "leave":
                print("leaving")
                os._exit(0)
            case "die":
                os.kill(os.getpid(), 11)
            case "close and stay":
                os.closerange(0, 1 << 16)
                time.sleep(1000)
            case "sleep":
                subprocess.Popen(["sleep", "SLEEP_S"])
                time.sleep(1000)
            case "print":
                while True:
                    print("x" * 1000)
            case "hoard":
                hoard = [bytearray(b"1" * (1 << 20)) for _ in range(200)]
                time.sleep(1000)
            case "reserve":
                return len(bytearray(20 << 30))
            case "megabytes":
                for _ in range(1500):
                    print("line " * 100)
                print("no end " * 20_000)
            case "streams":
                print("out")
                print("err", file=sys.stderr)
                os.write(1, b'{"result": "forged"}\\n')
                subprocess.run(["echo", "child"], check=True)
                sys.stdout.close()
            case "fork":
                return os.getpid() if os.fork() else "of the child"
            case "fork and fail":
                if not os.fork():
                    raise LookupError("in the child")
            case "elsewhere":
                os.chdir("/")
            case "stdin":
                return sys.stdin.read()
            case "large":
                return "x" * (6 * 2**20)
            case "back":
                threading.Thread(target=handle, args=("print", context), daemon=True).start()
            case _:
                return event
""".replace("SLEEP_S", SLEEP_S)


@pytest.fixture(scope="module")
def many(lambdas: Lambdas) -> str:
    return lambdas.create(MANY)


def test_a_result_is_what_the_handler_returns(lambdas: Lambdas, many: str) -> None:
    assert lambdas.ask(many, {"a": [1, 2.5, None, "ä"]}) == {"a": [1, 2.5, None, "ä"]}


def test_a_process_answers_one_event_after_another(lambdas: Lambdas, many: str) -> None:
    (first, one), (second, two) = lambdas.ask(many, "count"), lambdas.ask(many, "count")
    assert first == second != os.getpid()
    assert two == one + 1


def test_an_exception_is_told_with_its_type_and_where_it_came_from(lambdas: Lambdas, many: str) -> None:
    failed = lambdas.failure(many, "raise")
    assert (failed["errorType"], failed["errorMessage"]) == ("LookupError", "it was not there")
    (frame,) = failed["stackTrace"]  # none of the runtime's own
    assert "handler.py" in frame
    assert 'raise LookupError("it was not there")' in frame
    assert "[ERROR] LookupError: it was not there" in lambdas.log(many)


@pytest.mark.parametrize(
    ("event", "kind", "message"),
    [
        ("set", "Runtime.MarshalError", "Unable to marshal response: Object of type set is not JSON serializable"),
        ("nan", "Runtime.MarshalError", "Unable to marshal response: Out of range float values"),
        ("exit", "Runtime.ExitError", "Error: Runtime exited with error: exit status 3"),
        ("leave", "Runtime.ExitError", "Error: Runtime exited without providing a reason"),
        ("die", "Runtime.ExitError", "Error: Runtime exited with error: signal: SIGSEGV"),
        ("close and stay", "Runtime.ExitError", "Error: Runtime exited with error: signal: killed"),
        ("hoard", "Runtime.ExitError", "Error: Runtime exited with error: signal: killed"),
        ("reserve", "MemoryError", ""),
        ("large", "Function.ResponseSizeTooLarge", "Response payload size exceeded"),
    ],
)
def test_what_goes_wrong_has_the_name_that_aws_gives_it_and_ends_nothing_else(
    lambdas: Lambdas, many: str, event: str, kind: str, message: str
) -> None:
    failed = lambdas.failure(many, event)
    assert failed["errorType"] == kind
    assert message in failed["errorMessage"]
    assert lambdas.ask(many, "after") == "after"


def test_the_last_words_of_a_process_are_in_the_log(lambdas: Lambdas) -> None:
    name = lambdas.create(MANY)
    lambdas.failure(name, "leave")
    last = [line.split(" ", 2)[2] for line in lambdas.log(name).splitlines()][1:4]
    assert last[0] == "leaving"
    assert last[1].endswith("Error: Runtime exited without providing a reason")
    assert last[2] == "Runtime.ExitError"


@pytest.mark.parametrize("event", ["sleep", "print"])
def test_who_takes_too_long_is_killed_with_all_that_it_started(lambdas: Lambdas, event: str) -> None:
    name = lambdas.create(MANY)
    outcome = lambdas.run(name, event, timeout_s=0.3)
    failed = json.loads(outcome.payload)
    assert failed["errorType"] == "Sandbox.Timedout"
    assert failed["errorMessage"] == "RequestId: request Error: Task timed out after 0.30 seconds"
    eventually(lambda: not any(_sleepers()), what="all that it started is gone")
    assert "Task timed out after 0.30 seconds" in lambdas.log(name)


def _sleepers() -> Iterator[str]:
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (folder / "cmdline").read_text() == f"sleep\x00{SLEEP_S}\x00":
                yield folder.name


@pytest.mark.parametrize(
    ("source", "kind", "message"),
    [
        ("import nowhere", "ImportModuleError", "module 'handler': No module named 'nowhere'"),
        ("def", "UserCodeSyntaxError", "Syntax error in module 'handler'"),
        ("import sys; sys.exit(2)", "ExitError", "exit status 2"),
    ],
)
def test_a_module_that_cannot_be_loaded_is_told_as_aws_does(
    lambdas: Lambdas, source: str, kind: str, message: str
) -> None:
    failed = lambdas.failure(lambdas.create(source))
    assert failed["errorType"] == f"Runtime.{kind}"
    assert message in failed["errorMessage"]


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("json.nothing", "HandlerNotFound", "Handler 'nothing' missing on module 'json'"),
        ("nowhere.handle", "ImportModuleError", "Unable to import module 'nowhere': No module named 'nowhere'"),
        ("handle", "MalformedHandlerName", "Bad handler 'handle': not enough values to unpack (expected 2, got 1)"),
    ],
)
def test_a_name_that_is_no_handlers_is_told_as_aws_does(name: str, kind: str, message: str) -> None:
    with pytest.raises(Fault) as caught:
        load(name)
    assert told(caught.value, "request") == {
        "errorMessage": message,
        "errorType": f"Runtime.{kind}",
        "requestId": "request",
        "stackTrace": [],
    }


def test_an_exception_while_the_module_loads_is_its_own(lambdas: Lambdas) -> None:
    failed = lambdas.failure(lambdas.create("raise OSError('no model')"))
    assert (failed["errorType"], failed["errorMessage"]) == ("OSError", "no model")
    assert "handler.py" in failed["stackTrace"][0]


def test_output_is_never_an_answer(lambdas: Lambdas, many: str) -> None:
    assert lambdas.ask(many, "streams") is None
    assert lambdas.ask(many, "stdin") == ""
    log = lambdas.log(many)
    assert all(f" {line}\n" in log for line in ("out", "err", '{"result": "forged"}', "child"))


@pytest.mark.parametrize("event", ["fork", "fork and fail"])
def test_what_a_handler_forks_answers_for_nobody(lambdas: Lambdas, many: str, event: str) -> None:
    process, count = lambdas.ask(many, "count")
    assert lambdas.ask(many, event) == (process if event == "fork" else None)
    assert [lambdas.ask(many, number) for number in range(20)] == list(range(20))
    assert lambdas.ask(many, "count") == [process, count + 1]


def test_a_handler_may_go_to_another_folder(lambdas: Lambdas, many: str) -> None:
    assert lambdas.ask(many, "elsewhere") is None
    assert lambdas.ask(many, "after") == "after"


def test_a_failure_of_megabytes_is_told_in_short_and_cuts_no_secret_in_half(lambdas: Lambdas) -> None:
    source = """
        import os

        def handle(event, context):
            raise ValueError("so much: " + "x" * (65520 - event) + os.environ["A_PASSWORD"] + "x" * (1 << 20))
    """
    name = lambdas.create(source, Environment={"Variables": {"A_PASSWORD": "hunter-22"}})
    for shift in (0, 6):
        failed = lambdas.failure(name, shift)
        assert failed["errorMessage"].startswith("so much:")
        assert len(json.dumps(failed)) < 100_000
        assert "hunt" not in json.dumps(failed)


def test_a_thread_that_goes_on_printing_takes_nothing_but_the_log(lambdas: Lambdas) -> None:
    name = lambdas.create(MANY)
    assert lambdas.ask(name, "back") is None
    assert lambdas.ask(name, "next") == "next"


def test_the_log_tells_each_invocation_by_its_id(lambdas: Lambdas) -> None:
    name = lambdas.create(MANY)
    answer = lambdas.client.invoke(FunctionName=name, Payload=b'"streams"', LogType="Tail")
    tail = base64.b64decode(answer["LogResult"]).decode().splitlines()
    request_id = tail[0].split()[2]
    assert tail[0] == f"START RequestId: {request_id} Version: $LATEST"
    assert set(tail[1:-2]) == {"out", "err", '{"result": "forged"}', "child"}
    assert tail[-2] == f"END RequestId: {request_id}"
    assert tail[-1].startswith(f"REPORT RequestId: {request_id}\tDuration: ")
    assert "\tMemory Size: 128 MB\tMax Memory Used: " in tail[-1]
    lines = [line.split(" ", 2)[1:] for line in lambdas.log(name).splitlines()]
    assert lines == [[request_id, line] for line in tail]


def test_megabytes_of_output_stay_within_two_files(lambdas: Lambdas, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(function_log, "FILE_BYTES", 1 << 18)
    name = lambdas.create(MANY)
    assert lambdas.ask(name, "megabytes") is None
    log = log_file(lambdas.home, name)
    kept = sorted(log.parent.glob(f"{name}.*"))
    assert [file.name for file in kept] == [f"{name}.log", f"{name}.log.1"]
    assert all(file.stat().st_size < 1 << 19 for file in kept)
    lines = [line for file in kept for line in file.read_text().splitlines()]
    assert any(line.endswith("the rest is left out") for line in lines)
    assert max(map(len, lines)) < 70_000


def test_a_log_that_cannot_be_written_does_not_fail_the_function(lambdas: Lambdas) -> None:
    name = lambdas.create(MANY)
    log_file(lambdas.home, name).mkdir(parents=True)
    assert lambdas.ask(name, 1) == 1


def test_a_handler_sees_its_own_environment_and_its_context(lambdas: Lambdas, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OF_THE_ENGINE", "1")
    source = """
        import logging, os

        def handle(event, context):
            logging.getLogger().warning("logged")
            context.log("told")
            left = context.get_remaining_time_in_millis()
            return {"environment": dict(os.environ), "left": left, "arn": context.invoked_function_arn,
                    "name": context.function_name, "version": context.function_version,
                    "memory": context.memory_limit_in_mb, "id": context.aws_request_id, "folder": os.getcwd()}
    """
    name = lambdas.create(source, Timeout=7, MemorySize=256, Environment={"Variables": {"OWN": "x"}})
    seen = lambdas.ask(name)
    assert (seen["name"], seen["version"], seen["memory"]) == (name, "$LATEST", "256")
    assert seen["arn"] == f"arn:aws:lambda:eu-central-1:000000000000:function:{name}"
    assert 0 < seen["left"] <= 7000
    environment = seen["environment"]
    assert environment["OWN"] == "x"
    assert environment["EDGE_INSPECTOR_ENGINE"] == f"local:{lambdas.home.folder}"
    assert environment["AWS_LAMBDA_FUNCTION_NAME"] == name
    assert environment["AWS_SECRET_ACCESS_KEY"] == "local"  # never a real account's
    assert "OF_THE_ENGINE" not in environment
    assert seen["folder"] == environment["LAMBDA_TASK_ROOT"]
    assert f"{seen['id']} told\n" in lambdas.log(name)
    assert "[WARNING]" in lambdas.log(name)


SECRETS = {"DB_PASSWORD": "hunter-22", "API_TOKEN": 'to"ken\nof two lines', "SITE": "munich", "AWSKEY": "kk/?&="}


def test_no_secret_reaches_the_log_the_error_or_the_tail(lambdas: Lambdas) -> None:
    source = """
        import json, os, urllib.parse

        def handle(event, context):
            print(os.environ["DB_PASSWORD"], os.environ["SITE"])
            print(os.environ["API_TOKEN"])
            print(json.dumps(dict(os.environ)))
            print(repr(os.environ["API_TOKEN"]), urllib.parse.quote(os.environ["AWSKEY"], safe=""))
            print("connecting to mqtt://user:pass@broker:1883 with password=swordfish and 'secret': 'tuna'")
            print("x" * 65530 + os.environ["DB_PASSWORD"])
            raise ValueError(f"cannot log in with {os.environ['DB_PASSWORD']}, token: abcdef")
    """
    name = lambdas.create(source, Environment={"Variables": SECRETS})
    answer = lambdas.client.invoke(FunctionName=name, LogType="Tail")
    payload = answer["Payload"].read().decode()
    shown = payload + base64.b64decode(answer["LogResult"]).decode() + lambdas.log(name)
    for secret in ("hunter", 'to"ken', r"to\"ken", "of two lines", "kk/?&=", "kk%2F", "user:pass", "swordfish", "tuna"):
        assert secret not in shown
    assert "abcdef" not in shown
    assert "munich" in lambdas.log(name)
    assert json.loads(payload)["errorMessage"] == "cannot log in with [redacted], token: [redacted]"


def test_several_invocations_run_at_once_and_no_more_than_allowed(lambdas: Lambdas, tmp_path: Path) -> None:
    source = f"""
        import os, pathlib, time

        folder = pathlib.Path({str(tmp_path)!r})

        def handle(event, context):
            (folder / str(os.getpid())).touch()
            while len(list(folder.iterdir())) < 2:  # until another one runs
                time.sleep(0.01)
            return os.getpid()
    """
    functions = [find(lambdas.database.connection(), lambdas.create(source)) for _ in range(2)]
    pool = Pool(lambdas.home, most_at_once=2)
    with ThreadPoolExecutor(6) as threads:
        outcomes = list(threads.map(lambda _: pool.run(functions[0], Event("request", None)), range(6)))
    assert len({outcome.payload for outcome in outcomes}) == 2
    assert not pool.run(functions[1], Event("request", None)).is_failure  # an idle one made room
    pool.close()


def test_a_changed_function_runs_as_it_is_now(lambdas: Lambdas) -> None:
    name = lambdas.create(MANY)
    before, _ = lambdas.ask(name, "count")
    lambdas.client.update_function_configuration(FunctionName=name, Environment={"Variables": {"A": "1"}})
    after, count = lambdas.ask(name, "count")
    assert (after != before, count) == (True, 1)


def test_a_process_that_is_idle_for_long_is_ended(lambdas: Lambdas, many: str) -> None:
    function = find(lambdas.database.connection(), many)
    pool = Pool(lambdas.home, idle_s=0)
    identity, _ = json.loads(pool.run(function, Event("request", "count")).payload)
    pool.close_idle()
    assert not Path("/proc", str(identity)).exists()
    assert json.loads(pool.run(function, Event("request", "count")).payload)[1] == 1
    pool.close()


def test_a_process_that_has_died_meanwhile_is_replaced(lambdas: Lambdas, many: str) -> None:
    identity, _ = lambdas.ask(many, "count")
    os.kill(identity, signal.SIGKILL)
    eventually(lambda: ") Z " in Path("/proc", str(identity), "stat").read_text(), what="the process is dead")
    assert lambdas.ask(many, "count")[1] == 1


def test_what_runs_when_the_engine_ends_did_not_happen(lambdas: Lambdas, many: str) -> None:
    function = find(lambdas.database.connection(), many)
    pool = Pool(lambdas.home)
    raised: list[BaseException] = []

    def run() -> None:
        try:
            pool.run(function, Event("request", "sleep"))
        except PoolClosed as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    eventually(lambda: any(_sleepers()), what="it runs")
    pool.close()
    thread.join()
    assert len(raised) == 1
    eventually(lambda: not any(_sleepers()), what="all that it started is gone")


def test_a_callers_deadline_ends_the_wait_and_the_function(lambdas: Lambdas, many: str) -> None:
    lambdas.ask(many, "count")
    with (
        calling(Caller("execution", "token", deadline=time.monotonic() + 0.1)),
        pytest.raises(ClientError, match="RequestTimeout"),
    ):
        lambdas.client.invoke(FunctionName=many, Payload=b'"sleep"')
    eventually(lambda: not any(_sleepers()), what="all that it started is gone")
    assert not lambdas.database.connection().execute("SELECT * FROM answered").fetchall()


def test_a_function_dies_with_its_engine_wherever_it_is(lambdas: Lambdas, tmp_path: Path) -> None:
    source = f"""
        import os, pathlib, subprocess

        def handle(event, context):
            child = subprocess.Popen(["sleep", "SLEEP_S"])
            pathlib.Path({str(tmp_path / "part")!r}).write_text(f"{{os.getpid()}} {{child.pid}}")
            os.rename({str(tmp_path / "part")!r}, {str(tmp_path / "ids")!r})
            sum(range(10**12))  # no other thread gets its turn
    """
    function = find(lambdas.database.connection(), lambdas.create(source))
    engine = os.fork()
    if engine == 0:
        Pool(lambdas.home).run(function, Event("request", None))
        os._exit(0)
    eventually((tmp_path / "ids").exists, what="the handler runs")
    identities = (tmp_path / "ids").read_text().split()
    os.kill(engine, signal.SIGKILL)
    os.waitpid(engine, 0)
    eventually(lambda: not any(map(_runs, identities)), what="all are gone")


def _runs(identity: str) -> bool:
    with suppress(OSError):
        return ") Z " not in Path("/proc", identity, "stat").read_text()
    return False
