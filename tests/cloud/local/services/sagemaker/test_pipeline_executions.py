"""Executions of pipelines with real jobs, which are supervised in the test's own process."""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cloud_side.local.calling import calling
from cloud_side.local.jobs import rows as job_rows
from cloud_side.local.jobs.folder import JobFolder
from cloud_side.local.jobs.report import Ending, JobStatus, Stage
from cloud_side.local.services.s3 import S3
from cloud_side.local.services.sagemaker import SERVICES
from cloud_side.local.services.sagemaker.pipelines.chore import PipelineExecutions
from cloud_side.local.services.sagemaker.pipelines.steps import RetryPolicy
from cloud_side.local.services.sagemaker.retention import OldJobs
from tests.cloud.local.jobs.conftest import Bench
from tests.cloud.local.kept import Kept, kept
from tests.cloud.local.services.sagemaker import asked
from tests.cloud.local.services.sagemaker.piped import (
    OUTPUT,
    check,
    definition,
    equals,
    fail,
    get,
    in_file,
    join,
    processing,
    report,
    training,
)

STARTED = "SageMaker Model Building Pipeline Execution Status Change"
STEP = "SageMaker Model Building Pipeline Execution Step Status Change"


class Line:
    """A bench with a chore that moves executions, by a clock that can be put forward."""

    def __init__(self, opened: Kept) -> None:
        self.bench = Bench(opened)
        self.client, self.database, self.home = self.bench.sagemaker, opened.database, opened.home
        self.later = timedelta()
        self.chore = PipelineExecutions(self.database, self.bench.s3, clock=lambda: datetime.now(UTC) + self.later)

    def create(self, text: str, name: str = "retrain", **more: Any) -> None:
        self.client.create_pipeline(PipelineName=name, PipelineDefinition=text, RoleArn=asked.ROLE, **more)

    def start(self, name: str = "retrain", **more: Any) -> str:
        return str(self.client.start_pipeline_execution(PipelineName=name, **more)["PipelineExecutionArn"])

    def waiting(self) -> list[job_rows.Job]:
        return job_rows.unfinished(self.database.connection())

    def run_jobs(self) -> None:
        for job in self.waiting():
            folder = JobFolder(self.home, job.kind, job.name)
            folder.make()
            self.bench.supervise(folder)
        self.bench.chore.turn()

    def run(self) -> None:
        """Let jobs and executions go on until nothing runs."""
        self.chore.turn()
        while self.waiting():
            self.run_jobs()
            self.chore.turn()

    def execute(self, text: str, **more: Any) -> str:
        """Create a pipeline, execute it to its end, and return the execution's ARN."""
        self.create(text)
        arn = self.start(**more)
        self.run()
        return arn

    def status(self, arn: str) -> str:
        return str(self.client.describe_pipeline_execution(PipelineExecutionArn=arn)["PipelineExecutionStatus"])

    def steps(self, arn: str) -> dict[str, dict[str, Any]]:
        """Return the steps, the first one first."""
        pages = self.client.get_paginator("list_pipeline_execution_steps").paginate(
            PipelineExecutionArn=arn, SortOrder="Ascending"
        )
        return {step["StepName"]: step for page in pages for step in page["PipelineExecutionSteps"]}

    def statuses(self, arn: str) -> dict[str, str]:
        return {name: step["StepStatus"] for name, step in self.steps(arn).items()}

    def events(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.bench.events() if event["detail-type"] == kind]

    def end_job(self, reason: str, job: job_rows.Job | None = None) -> None:
        """Let a job have failed: the one that waits, where none is named."""
        if job is None:
            (job,) = self.waiting()
        ending = Ending(JobStatus.FAILED, Stage.FAILED, reason)
        failed = job_rows.Report((*job.report.transitions,), ending=ending).reached(Stage.FAILED, datetime.now(UTC))
        with self.database.transaction() as connection:
            job_rows.update(connection, job, JobStatus.FAILED, failed, datetime.now(UTC))


@pytest.fixture(scope="module")
def opened_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    with kept(tmp_path_factory.mktemp("pipelines") / "engine", [S3, *SERVICES]) as opened:
        yield opened


@pytest.fixture
def line(opened_once: Kept) -> Line:
    opened_once.empty()
    return Line(opened_once)


def gate(passed: str) -> str:
    """Return a pipeline in which a file of one step decides whether another one begins."""
    write = f'echo \'{{"passed": {passed}, "scores": {{"map50": [0.9]}}}}\' > processing/out/report.json'
    said = join("map50 is ", in_file("Evaluate", "scores.map50[0]"), on="")
    return definition(
        processing("Prepare", "echo 5 > processing/out/data", writes="made"),
        training("Train", "cat input/data/train/data > model/weights", InputDataConfig=[_channel("train")]),
        processing(
            "Evaluate",
            write,
            reads=get("Steps.Train.ModelArtifacts.S3ModelArtifacts"),
            writes="made",
            PropertyFiles=report(),
        ),
        check(
            "Gate",
            equals(in_file("Evaluate", "passed"), right=True),
            then=[processing("Register", "test -s processing/in/report.json", reads=get(f"Steps.Evaluate.{OUTPUT}"))],
            otherwise=[fail("Refused", said)],
        ),
    )


def _channel(name: str) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": get(f"Steps.Prepare.{OUTPUT}")}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}}


def test_steps_run_one_after_the_other_each_with_what_the_ones_before_it_made(line: Line) -> None:
    arn = line.execute(gate("true"))
    assert line.status(arn) == "Succeeded"
    steps = line.steps(arn)
    assert list(steps) == ["Prepare", "Train", "Evaluate", "Gate", "Register"]
    assert {step["StepStatus"] for step in steps.values()} == {"Succeeded"}
    assert steps["Gate"]["Metadata"] == {"Condition": {"Outcome": "True"}}
    name = steps["Train"]["Metadata"]["TrainingJob"]["Arn"].rpartition("/")[2]
    assert name.startswith(f"pipelines-{arn.rpartition('/')[2]}-Train-")
    assert line.bench.archive(f"models/{name}/output/model.tar.gz") == {"weights": b"5\n"}


def test_a_condition_that_does_not_hold_goes_the_other_way_and_a_fail_step_says_why(line: Line) -> None:
    arn = line.execute(gate("false"))
    found = line.client.describe_pipeline_execution(PipelineExecutionArn=arn)
    assert (found["PipelineExecutionStatus"], found["FailureReason"]) == ("Failed", "map50 is 0.9")
    refused = line.steps(arn)["Refused"]
    assert (refused["StepStatus"], refused["FailureReason"]) == ("Failed", "map50 is 0.9")
    assert refused["Metadata"] == {"Fail": {"ErrorMessage": "map50 is 0.9"}}
    assert "Register" not in line.statuses(arn)


def test_each_change_of_execution_and_steps_is_an_event(line: Line) -> None:
    line.create(definition(processing("One"), processing("Two", "exit 3", DependsOn=["One"])))
    arn = line.start(PipelineExecutionDisplayName="nightly", PipelineExecutionDescription="By hand")
    line.run()
    pipeline = arn.partition("/execution/")[0]
    began, ended = line.events(STARTED)
    assert began["resources"] == ended["resources"] == [pipeline, arn]
    assert "previousPipelineExecutionStatus" not in began["detail"]
    assert {name: ended["detail"][name] for name in ended["detail"] if not name.endswith("Time")} == {
        "pipelineExecutionDisplayName": "nightly",
        "pipelineExecutionDescription": "By hand",
        "currentPipelineExecutionStatus": "Failed",
        "previousPipelineExecutionStatus": "Executing",
        "pipelineArn": pipeline,
        "pipelineExecutionArn": arn,
    }
    changes = [
        (event["detail"]["stepName"], event["detail"]["previousStepStatus"], event["detail"]["currentStepStatus"])
        for event in line.events(STEP)
    ]
    assert changes == [
        ("One", "Starting", "Executing"),
        ("One", "Executing", "Succeeded"),
        ("Two", "Starting", "Executing"),
        ("Two", "Executing", "Failed"),
    ]
    last = line.events(STEP)[-1]["detail"]
    assert last["stepType"] == "Processing"
    assert last["metadata"] == {"processingJob": {"arn": line.steps(arn)["Two"]["Metadata"]["ProcessingJob"]["Arn"]}}
    assert last["failureReason"].endswith("exit code: 3")
    assert {"stepStartTime", "stepEndTime"} <= last.keys()


def test_branches_run_at_once_and_one_that_fails_does_not_hold_up_the_other(line: Line) -> None:
    line.create(
        definition(
            processing("Bad", "exit 1"),
            processing("Never", DependsOn=["Bad"]),
            processing("Good"),
            processing("Last", DependsOn=["Good"]),
        )
    )
    arn = line.start()
    line.chore.turn()
    assert len(line.waiting()) == 2
    line.run()
    assert line.statuses(arn) == {"Bad": "Failed", "Good": "Succeeded", "Last": "Succeeded"}
    reason = line.client.describe_pipeline_execution(PipelineExecutionArn=arn)["FailureReason"]
    assert reason.startswith("Step failure: One or multiple steps failed.; Bad: AlgorithmError: ")


def test_no_more_steps_run_at_once_than_are_allowed(line: Line) -> None:
    text = definition(*(processing(name) for name in "abc"))
    line.create(text, ParallelismConfiguration={"MaxParallelExecutionSteps": 2})
    line.start()
    line.chore.turn()
    assert len(line.waiting()) == 2
    line.start(ParallelismConfiguration={"MaxParallelExecutionSteps": 1})
    line.chore.turn()
    assert len(line.waiting()) == 3


def test_an_execution_goes_on_from_the_steps_that_failed_when_it_is_retried(line: Line) -> None:
    line.bench.put("data/x")
    line.create(
        definition(
            processing("One"),
            processing("Two", "test -e processing/in/ready", reads="s3://bench/data/", DependsOn=["One"]),
            processing("Three", DependsOn=["Two"]),
        )
    )
    arn = line.start()
    line.run()
    assert line.statuses(arn) == {"One": "Succeeded", "Two": "Failed"}
    line.bench.put("data/ready")
    line.client.retry_pipeline_execution(PipelineExecutionArn=arn)
    assert line.status(arn) == "Executing"
    line.run()
    assert line.status(arn) == "Succeeded"
    assert {name: step["AttemptCount"] for name, step in line.steps(arn).items()} == {"One": 1, "Two": 2, "Three": 1}
    assert "FailureReason" not in line.client.describe_pipeline_execution(PipelineExecutionArn=arn)
    with pytest.raises(line.client.exceptions.ConflictException, match="is Succeeded, expected one that is Failed"):
        line.client.retry_pipeline_execution(PipelineExecutionArn=arn)


def test_an_execution_that_is_stopped_stops_its_jobs_and_can_go_on(line: Line) -> None:
    line.create(definition(processing("One"), processing("Two", DependsOn=["One"])))
    arn = line.start()
    line.chore.turn()
    line.client.stop_pipeline_execution(PipelineExecutionArn=arn)
    line.client.stop_pipeline_execution(PipelineExecutionArn=arn)
    assert line.status(arn) == "Stopping"
    line.chore.turn()
    (job,) = line.waiting()
    assert job.status is JobStatus.STOPPING
    assert line.statuses(arn) == {"One": "Stopping"}
    line.run()
    assert (line.status(arn), line.statuses(arn)) == ("Stopped", {"One": "Stopped"})
    with pytest.raises(line.client.exceptions.ConflictException, match="is Stopped, expected one that is Executing"):
        line.client.stop_pipeline_execution(PipelineExecutionArn=arn)
    line.client.retry_pipeline_execution(PipelineExecutionArn=arn)
    line.run()
    assert (line.status(arn), line.statuses(arn)) == ("Succeeded", {"One": "Succeeded", "Two": "Succeeded"})


def test_a_wish_to_stop_that_comes_while_the_chore_decides_is_heard(line: Line) -> None:
    line.create(definition(processing("One")))
    arn = line.start()
    clock = line.chore.clock

    def stopping() -> datetime:
        line.chore.clock = clock
        line.client.stop_pipeline_execution(PipelineExecutionArn=arn)
        return clock()

    line.chore.clock = stopping
    line.chore.turn()
    assert (line.status(arn), line.waiting()) == ("Stopped", [])


def test_a_job_that_this_machine_made_fail_is_tried_again_by_policy_and_not_for_ever(line: Line) -> None:
    policy = {"ExceptionType": ["SageMaker.JOB_INTERNAL_ERROR"], "IntervalSeconds": 60, "MaxAttempts": 1}
    line.create(definition(processing("One", RetryPolicies=[policy])))
    arn = line.start()
    line.chore.turn()
    line.end_job("InternalServerError: no space")
    line.chore.turn()
    assert (line.status(arn), line.statuses(arn), line.waiting()) == ("Executing", {"One": "Starting"}, [])
    line.later = timedelta(seconds=61)
    line.chore.turn()
    line.end_job("InternalServerError: no space")
    line.chore.turn()
    step = line.steps(arn)["One"]
    assert (line.status(arn), step["StepStatus"], step["AttemptCount"]) == ("Failed", "Failed", 2)
    assert step["FailureReason"] == "InternalServerError: no space"


def test_a_policy_that_ends_at_a_time_tries_as_often_as_there_is_time_for(line: Line) -> None:
    policy = {"IntervalSeconds": 60, "BackoffRate": 1, "ExpireAfterMin": 10}
    line.create(
        definition(processing("One", RetryPolicies=[{"ExceptionType": ["SageMaker.CAPACITY_ERROR"], **policy}]))
    )
    arn = line.start()
    while line.status(arn) == "Executing":
        line.chore.turn()
        line.end_job("CapacityError: no machine is free")
        line.chore.turn()
        line.later += timedelta(seconds=61)
    assert line.steps(arn)["One"]["AttemptCount"] == 11


def test_no_pause_is_too_long_for_a_calendar() -> None:
    assert RetryPolicy((), interval_s=43_200, backoff=100, attempts=20, expires_s=None).pause_s(10_000) == 864_000


def test_a_step_that_waits_for_another_attempt_is_given_up_where_a_fail_step_ends_all(line: Line) -> None:
    policy = {"ExceptionType": ["SageMaker.JOB_INTERNAL_ERROR"], "IntervalSeconds": 60}
    line.create(definition(processing("One", RetryPolicies=[policy]), processing("Two"), _refused(after="Two")))
    arn = line.start()
    line.chore.turn()
    (one,) = (job for job in line.waiting() if "-One-" in job.name)
    line.end_job("InternalServerError: no space", one)
    line.run()
    assert (line.status(arn), line.statuses(arn)) == (
        "Failed",
        {"One": "Stopped", "Two": "Succeeded", "Refused": "Failed"},
    )


def _refused(*, after: str) -> dict[str, Any]:
    return {**fail("Refused", "no"), "DependsOn": [after]}


def test_a_program_that_fails_is_not_tried_again_by_a_policy_for_other_failures(line: Line) -> None:
    policy = {"ExceptionType": ["SageMaker.JOB_INTERNAL_ERROR"]}
    arn = line.execute(definition(processing("One", "exit 1", RetryPolicies=[policy])))
    assert line.steps(arn)["One"]["AttemptCount"] == 1
    assert line.status(arn) == "Failed"


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("{}", "report.json: nothing is at passed"),
        ("{", "report.json: Expecting property name"),
        ('{"passed": NaN}', "report.json: Out of range float values"),
        (f'{{"passed": {"[" * 200}{"]" * 200}}}', "report.json: found deeper nesting, expected 100 levels at most"),
        ("", "NoSuchKey"),
        ('{"passed": "7"}', "GreaterThan: '7' and 1 cannot be compared"),
    ],
)
def test_a_condition_that_cannot_be_decided_fails_with_the_reason(line: Line, written: str, said: str) -> None:
    script = f"echo '{written}' > processing/out/report.json" if written else "true"
    condition = {"Type": "GreaterThan", "LeftValue": in_file("Evaluate", "passed"), "RightValue": 1}
    evaluate = processing("Evaluate", script, writes="made", PropertyFiles=report())
    arn = line.execute(definition(evaluate, check("Gate", condition, then=[processing("Register")])))
    step = line.steps(arn)["Gate"]
    assert (line.status(arn), step["StepStatus"]) == ("Failed", "Failed")
    assert said in step["FailureReason"]


def test_arguments_that_a_value_has_made_impossible_fail_the_step(line: Line) -> None:
    write = 'echo \'{"gigabytes": "many"}\' > processing/out/report.json'
    size = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": in_file("Evaluate", "gigabytes")}
    evaluate = processing("Evaluate", write, writes="made", PropertyFiles=report())
    big = processing("Big", Arguments={"ProcessingResources": {"ClusterConfig": size}})
    lost = processing("Lost", reads=get("Parameters.data"))
    data = {"Name": "data", "Type": "String", "DefaultValue": "nowhere"}
    arn = line.execute(definition(evaluate, big, lost, parameters=[data]))
    reasons = {name: step.get("FailureReason", "") for name, step in line.steps(arn).items()}
    assert "VolumeSizeInGB, value: many" in reasons["Big"]
    assert reasons["Lost"] == "ClientError: 'nowhere' is no address in S3, expected s3://bucket/key"


def test_parameters_and_variables_reach_the_jobs(line: Line) -> None:
    said = join("", get("Parameters.word"), get("Parameters.count"), get("Execution.PipelineName"))
    text = definition(
        processing(
            "Say", 'echo "$SAID" > processing/out/said', writes="made", Arguments={"Environment": {"SAID": said}}
        ),
        parameters=[
            {"Name": "word", "Type": "String"},
            {"Name": "count", "Type": "Integer", "DefaultValue": 3},
        ],
    )
    given = [{"Name": "word", "Value": "scratch"}]
    arn = line.execute(text, PipelineParameters=given)
    assert line.bench.get(f"{arn.rpartition('/')[2]}/Say/said") == b"/scratch/3/retrain\n"
    told = line.client.list_pipeline_parameters_for_execution(PipelineExecutionArn=arn)["PipelineParameters"]
    assert told == [{"Name": "count", "Value": "3"}, {"Name": "word", "Value": "scratch"}]
    with pytest.raises(ClientError, match="parameter word: is not given and has no default"):
        line.start()


def test_a_long_reason_is_told_as_far_as_sagemaker_tells_it(line: Line) -> None:
    arn = line.execute(definition(fail("Refused", "no " * 1000)))
    reason = line.client.describe_pipeline_execution(PipelineExecutionArn=arn)["FailureReason"]
    assert (len(reason), len(line.steps(arn)["Refused"]["FailureReason"])) == (1300, 1024)


def test_what_jobs_called_is_forgotten_with_the_end_of_their_execution(line: Line) -> None:
    line.create(definition(processing("One")))
    arn = line.start()
    line.chore.turn()
    (job,) = line.waiting()
    assert job.caller is not None
    with calling(job.caller):
        line.client.create_model_package_group(ModelPackageGroupName="scratches")
    answered = "SELECT count(*) FROM answered WHERE scope = ?"
    assert line.database.connection().execute(answered, (arn,)).fetchone()[0] == 1
    line.run()
    assert line.database.connection().execute(answered, (arn,)).fetchone()[0] == 0


def test_the_same_request_token_starts_one_execution(line: Line) -> None:
    line.create(definition(processing("One")))
    token = "0123456789" * 4
    assert line.start(ClientRequestToken=token) == line.start(ClientRequestToken=token)
    assert line.start() != line.start()


def test_an_execution_keeps_the_definition_that_it_began_with(line: Line) -> None:
    before, after = definition(processing("One")), definition(processing("Two"))
    line.create(before)
    arn = line.start()
    line.client.update_pipeline(PipelineName="retrain", PipelineDefinition=after)
    line.run()
    assert line.statuses(arn) == {"One": "Succeeded"}
    told = line.client.describe_pipeline_definition_for_execution(PipelineExecutionArn=arn)
    assert told["PipelineDefinition"] == before
    assert line.client.describe_pipeline(PipelineName="retrain")["PipelineDefinition"] == after


def test_a_pipeline_with_executions_that_run_is_not_deleted_and_else_with_them(line: Line) -> None:
    line.create(definition(processing("One")))
    arn = line.start()
    with pytest.raises(line.client.exceptions.ConflictException, match="has executions that run"):
        line.client.delete_pipeline(PipelineName="retrain")
    line.run()
    line.client.delete_pipeline(PipelineName="retrain")
    with pytest.raises(line.client.exceptions.ResourceNotFound):
        line.client.describe_pipeline_execution(PipelineExecutionArn=arn)
    assert not line.database.connection().execute("SELECT * FROM pipeline_steps").fetchall()


def test_a_definition_that_cannot_be_executed_is_refused_with_its_problems(line: Line) -> None:
    with pytest.raises(ClientError, match=r"ValidationException.*Steps is \[\], expected a list of steps"):
        line.create(definition())
    line.create(definition(processing("One")))
    with pytest.raises(ClientError, match="the definition cannot be read"):
        line.client.update_pipeline(PipelineName="retrain", PipelineDefinition="{")


def test_a_definition_that_only_another_version_understands_is_refused_and_its_executions_fail(line: Line) -> None:
    line.create(definition(processing("One")))
    arn = line.start()
    with line.database.transaction() as connection:
        for table in ("pipelines", "pipeline_executions"):
            connection.execute(f"UPDATE {table} SET definition = '{{}}'")
    said = "Version is None, expected '2020-12-01'"
    with pytest.raises(ClientError, match=f"ValidationException.*{said}"):
        line.start()
    line.chore.turn()
    assert said in line.client.describe_pipeline_execution(PipelineExecutionArn=arn)["FailureReason"]
    with pytest.raises(ClientError, match=f"ValidationException.*{said}"):
        line.steps(arn)


def test_a_step_whose_job_cannot_be_kept_has_not_begun(line: Line) -> None:
    line.create(definition(processing("One")))
    arn = line.start()
    events = len(line.bench.events())
    with line.database.transaction() as connection:
        connection.execute(
            "CREATE TRIGGER full BEFORE INSERT ON jobs BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
        )
    with pytest.raises(sqlite3.IntegrityError, match="the disk is full"):
        line.chore.turn()
    assert (line.statuses(arn), len(line.bench.events())) == ({}, events)
    with line.database.transaction() as connection:
        connection.execute("DROP TRIGGER full")
    line.run()
    assert (line.status(arn), line.steps(arn)["One"]["AttemptCount"]) == ("Succeeded", 1)


def test_a_job_that_a_person_stopped_makes_its_step_stopped_and_the_execution_failed(line: Line) -> None:
    line.create(definition(processing("One")))
    arn = line.start()
    line.chore.turn()
    line.client.stop_processing_job(ProcessingJobName=line.waiting()[0].name)
    line.run()
    assert (line.status(arn), line.statuses(arn)) == ("Failed", {"One": "Stopped"})
    reason = line.client.describe_pipeline_execution(PipelineExecutionArn=arn)["FailureReason"]
    assert reason.endswith("One: its job was stopped")


def test_ninety_days_after_its_end_an_execution_is_forgotten_and_the_pipeline_is_not(line: Line) -> None:
    ended = line.execute(definition(processing("One")))
    runs = line.start()
    old = OldJobs(line.home, line.database, clock=lambda: datetime.now(UTC) + timedelta(days=91))
    old.turn()
    found = line.client.list_pipeline_executions(PipelineName="retrain")["PipelineExecutionSummaries"]
    assert [each["PipelineExecutionArn"] for each in found] == [runs]
    assert ended != runs
    assert line.client.describe_pipeline(PipelineName="retrain")["LastRunTime"]
