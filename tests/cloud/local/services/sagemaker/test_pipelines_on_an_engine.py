"""A whole engine, and a workflow that starts a pipeline, waits for it and reads what became of it."""

import json
import time
from pathlib import Path

import pytest

from cloud_side.local.cli.standing import standing
from tests.cloud.local.engines import make_machine, opened, running_engine
from tests.cloud.local.services.sagemaker import asked
from tests.cloud.local.services.sagemaker.piped import definition, get, processing

SDK = "arn:aws:states:::aws-sdk:sagemaker:"
PATIENCE_S = 60
STATUS = "{% $states.result.PipelineExecutionStatus %}"


def test_an_execution_that_runs_is_told_of_with_what_else_runs_in_a_home(tmp_path: Path) -> None:
    with opened(tmp_path) as cloud:
        client = cloud.session.client("sagemaker")
        client.create_pipeline(
            PipelineName="retrain", PipelineDefinition=definition(processing("Say")), RoleArn=asked.ROLE
        )
        arn = client.start_pipeline_execution(PipelineName="retrain")["PipelineExecutionArn"]
        assert standing(cloud.home).jobs == [f"retrain/{arn.rpartition('/')[2]} (pipeline, Executing)"]


@pytest.mark.thorough
def test_a_workflow_starts_a_pipeline_and_waits_for_it(tmp_path: Path) -> None:
    folder, mark = tmp_path / "home", tmp_path / "mark"
    said = processing("Say", f'echo "$WORD" > {mark}', Arguments={"Environment": {"WORD": get("Parameters.word")}})
    text = definition(said, parameters=[{"Name": "word", "Type": "String"}])
    started = {
        "PipelineName": "retrain",
        "ClientRequestToken": "{% $uuid() %}",
        "PipelineParameters": [{"Name": "word", "Value": "{% $states.input.word %}"}],
    }
    described = {"PipelineExecutionArn": "{% $arn %}"}
    states = {
        "Start": {
            "Type": "Task",
            "Resource": f"{SDK}startPipelineExecution",
            "Arguments": started,
            "Assign": {"arn": "{% $states.result.PipelineExecutionArn %}"},
            "Next": "Look",
        },
        "Look": {
            "Type": "Task",
            "Resource": f"{SDK}describePipelineExecution",
            "Arguments": described,
            "Output": STATUS,
            "Next": "Ended",
        },
        "Ended": {
            "Type": "Choice",
            "Choices": [{"Condition": "{% $states.input in ['Executing', 'Stopping'] %}", "Next": "Wait"}],
            "Default": "Done",
        },
        "Wait": {"Type": "Wait", "Seconds": 1, "Next": "Look"},
        "Done": {"Type": "Succeed"},
    }
    with opened(folder) as cloud:
        cloud.session.client("sagemaker").create_pipeline(
            PipelineName="retrain", PipelineDefinition=text, RoleArn=asked.ROLE
        )
        machine = make_machine(cloud, "tour", states)
        client = cloud.session.client("stepfunctions")
        execution = client.start_execution(stateMachineArn=machine, input='{"word": "scratch"}')["executionArn"]
        with running_engine(folder):
            until = time.monotonic() + PATIENCE_S
            while (told := client.describe_execution(executionArn=execution))["status"] == "RUNNING":
                assert time.monotonic() < until
                time.sleep(0.05)
    assert (told["status"], json.loads(told.get("output", "null"))) == ("SUCCEEDED", "Succeeded"), told.get("cause")
    assert mark.read_text() == "scratch\n"
