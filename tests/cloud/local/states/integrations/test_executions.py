"""Executions of this machine whose tasks are this machine's services: S3, Lambda, SageMaker and Step Functions."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from cloud_side.local import outbox, wiring
from cloud_side.local.calling import Caller
from cloud_side.local.database import Database
from cloud_side.local.home import REGION, Home
from cloud_side.local.services.functions.pool import Pool
from cloud_side.local.services.functions.service import lambda_service
from cloud_side.local.services.s3 import S3
from cloud_side.local.services.sagemaker import SAGEMAKER
from cloud_side.local.services.stepfunctions import STEP_FUNCTIONS
from cloud_side.local.states.doing import ServiceCarrier, ServiceTasks
from cloud_side.local.states.integrations import Clients, Integration, check, stop
from cloud_side.local.states.interpreter import Interpreter, Task
from cloud_side.local.states.store import Json
from tests.cloud.local.services.functions.lambdas import zipped
from tests.cloud.local.services.sagemaker import asked
from tests.cloud.local.shapes import validate_answers

STATES = "arn:aws:states:::"
ROLE = "arn:aws:iam::000000000000:role/r"
SOURCE = """
class OddError(Exception):
    pass

def handle(event, context):
    if event.get("n", 0) % 2:
        raise OddError(f"{event['n']} is odd")
    return {**event, "is_done": True}
"""


class Engine:
    """The interpreter and its services, moved by whoever waits for an execution."""

    def __init__(self, home: Home, pool: Pool) -> None:
        services = [S3, SAGEMAKER, STEP_FUNCTIONS, lambda_service(pool)]
        self.database = Database(home.database, [wiring.TABLES, outbox.TABLES, *(each.tables for each in services)])
        self.session = wiring.local_session(home, self.database, services)
        validate_answers(self.session)
        self.clients = Clients(self.session)
        self.tasks = ServiceTasks(self.clients)
        self._interpreter = Interpreter(self.database, self.tasks, ServiceCarrier(self.clients))
        self.s3 = self.clients.of("s3")
        self.s3.create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": REGION})
        self.function = self.clients.of("lambda").create_function(
            FunctionName="f",
            Runtime="python3.12",
            Role=ROLE,
            Handler="handler.handle",
            Code={"ZipFile": zipped(SOURCE)},
            Timeout=60,
        )["FunctionArn"]

    def machine(self, name: str, states: dict[str, Json]) -> str:
        definition = {"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states}
        made = self.clients.of("stepfunctions").create_state_machine(
            name=name, definition=json.dumps(definition), roleArn=ROLE
        )
        return str(made["stateMachineArn"])

    def run(self, machine: str, given: Json) -> Any:
        """Return the description of an execution that has ended."""
        client = self.clients.of("stepfunctions")
        arn = client.start_execution(stateMachineArn=machine, input=json.dumps(given))["executionArn"]
        until = time.monotonic() + 60
        while (told := client.describe_execution(executionArn=arn))["status"] == "RUNNING":
            assert time.monotonic() < until
            for strand in self._interpreter.due(besides=(), most=100):
                self._interpreter.advance(strand)
            time.sleep(0.01)
        return told


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    home = Home(tmp_path_factory.mktemp("executions") / "engine")
    home.make()
    pool = Pool(home)
    made = Engine(home, pool)
    yield made
    pool.close()
    made.database.close()


def call(resource: str, arguments: Json, **more: Json) -> Json:
    return {"Type": "Task", "Resource": resource, "Arguments": arguments, "End": True, **more}


def test_a_function_gives_its_result_and_an_error_that_is_caught_by_its_type(engine: Engine) -> None:
    caught = {"Catch": [{"ErrorEquals": ["OddError"], "Next": "Odd", "Output": "{% $states.errorOutput %}"}]}
    states = {
        "Ask": call(f"{STATES}lambda:invoke", {"FunctionName": "f", "Payload": "{% $states.input %}"}, **caught),
        "Odd": call(engine.function, {"n": 4, "was": "{% $states.input.Error %}"}),
    }
    machine = engine.machine("ask", states)
    told = engine.run(machine, {"n": 2})
    assert json.loads(told["output"])["Payload"] == {"n": 2, "is_done": True}
    told = engine.run(machine, {"n": 3})
    assert json.loads(told["output"]) == {"n": 4, "was": "OddError", "is_done": True}


def test_a_nested_execution_gives_its_output_or_fails_with_what_it_failed_of(engine: Engine) -> None:
    inner = engine.machine("inner", {"Ask": call(engine.function, "{% $states.input %}")})
    arguments = {"StateMachineArn": inner, "Input": "{% $states.input %}"}
    machine = engine.machine("outer", {"Start": call(f"{STATES}states:startExecution.sync:2", arguments)})
    result = json.loads(engine.run(machine, {"n": 0})["output"])
    assert (result["Status"], result["Output"]) == ("SUCCEEDED", {"n": 0, "is_done": True})
    told = engine.run(machine, {"n": 1})
    cause = json.loads(told["cause"])
    assert (told["error"], cause["Status"], cause["Error"]) == ("States.TaskFailed", "FAILED", "OddError")


def test_each_line_of_an_object_becomes_an_execution_and_its_result_a_line_of_another(engine: Engine) -> None:
    engine.s3.put_object(Bucket="bucket", Key="in.jsonl", Body="".join(f'{{"n": {n}}}\n' for n in range(0, 60, 2)))
    config = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    map_ = {
        "Type": "Map",
        "ItemReader": {
            "Resource": f"{STATES}s3:getObject",
            "ReaderConfig": {"InputType": "JSONL"},
            "Arguments": {"Bucket": "bucket", "Key": "{% $states.input %}"},
        },
        "ItemProcessor": {
            "ProcessorConfig": config,
            "StartAt": "Ask",
            "States": {"Ask": call(engine.function, "{% $states.input %}")},
        },
        "ResultWriter": {
            "Resource": f"{STATES}s3:putObject",
            "WriterConfig": {"Transformation": "COMPACT", "OutputType": "JSONL"},
            "Arguments": {"Bucket": "bucket", "Prefix": "out"},
        },
        "End": True,
    }
    result = json.loads(engine.run(engine.machine("map", {"Each": map_}), "in.jsonl")["output"])
    details = result["ResultWriterDetails"]
    assert details["Key"] == f"out/{result['MapRunArn'].rpartition(':')[2]}/manifest.json"
    manifest = json.loads(engine.s3.get_object(**details)["Body"].read())
    assert (manifest["ResultFiles"]["FAILED"], manifest["ResultFiles"]["PENDING"]) == ([], [])
    (file,) = manifest["ResultFiles"]["SUCCEEDED"]
    body = engine.s3.get_object(Bucket="bucket", Key=file["Key"])["Body"].read()
    assert len(body) == file["Size"]
    assert [json.loads(line)["n"] for line in body.splitlines()] == list(range(0, 60, 2))


@pytest.mark.parametrize(
    ("kind", "request_"), [("Training", asked.training("t")), ("Processing", asked.processing("p"))]
)
def test_a_job_is_begun_once_however_often_its_task_is_and_is_stopped(
    kind: str, request_: Json, engine: Engine
) -> None:
    task = Task("Train", f"{STATES}sagemaker:create{kind}Job.sync", request_)
    handle = engine.tasks.start(task, Caller("execution", "token"))
    again = engine.tasks.start(task, Caller("execution", "token"))
    arn, name = f"{kind}JobArn", f"{kind}JobName"
    assert (handle[arn], handle[name]) == (again[arn], request_[name])
    integration = Integration.parse(task.resource)
    assert check(integration, handle, engine.clients) is None
    for _ in range(2):
        stop(integration, handle, engine.clients)
    described = getattr(engine.clients.of("sagemaker"), f"describe_{kind.lower()}_job")(**{name: request_[name]})
    assert described[f"{kind}JobStatus"] == "Stopping"


def test_a_task_that_asks_for_what_is_not_there_fails_by_the_name_that_aws_gives_it(engine: Engine) -> None:
    states = {"Get": call(f"{STATES}aws-sdk:s3:getObject", {"Bucket": "bucket", "Key": "none"})}
    assert engine.run(engine.machine("get", states), None)["error"] == "S3.NoSuchKeyException"
    states = {"Invoke": call(f"{STATES}lambda:invoke", {"FunctionName": "none"})}
    told = engine.run(engine.machine("invoke", states), None)
    assert told["error"] == "Lambda.ResourceNotFoundException"
    assert "(Service: AWSLambda; Status Code: 404; Error Code: ResourceNotFoundException; " in told["cause"]
