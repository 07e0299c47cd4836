"""Takes a picture of an execution as `edge-inspector-cloud local show --html` draws it. By `make pictures`.

A local engine really runs it: branches beside each other, a map over stations, a training job that fails, is tried
again, and fails again.
"""

import json
import shutil
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from cloud_side.drawing.page import page_of
from cloud_side.drawing.reading import Record, read_execution
from cloud_side.local.engine import EngineOptions, serve
from cloud_side.local.installing import BUCKET, MODEL_PACKAGE_GROUP, ROLE
from cloud_side.local.opening import LocalCloud, open_local

_FOLDER = Path(__file__).parent
_WINDOW = (1440, 1080)
_SHOWN = "Train"
_STATIONS = (
    {"name": "station-1", "labeled": 212},
    {"name": "station-2", "labeled": 0},
    {"name": "station-3", "labeled": 97},
)
_REASON = "the dataset has 3 classes, the recipe expects 4: scratch, dent, stain, missing_hole"
_TRAINING = "import os; open(os.environ['EDGE_INSPECTOR_ML_ROOT'] + '/output/failure', 'w').write({reason!r}); exit(1)"


def main() -> None:
    """Run the execution, draw it, and take the picture with the failed state chosen."""
    program = shutil.which("chromium")
    if program is None:
        sys.exit("the picture of an execution needs a browser: apt install chromium")
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "execution.html"
        file.write_bytes(page_of(_run(Path(name) / "engine"), read_at=datetime.now(UTC)))
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": _WINDOW[0], "height": _WINDOW[1]}, locale="en-GB")
            page.goto(file.as_uri())
            page.get_by_role("link", name=f"{_SHOWN}:").click()
            page.mouse.move(0, 0)
            page.evaluate("scrollTo(0, 0)")
            page.screenshot(path=_FOLDER / "execution.png")
            browser.close()


def _run(folder: Path) -> Record:
    """Run the execution on an engine of its own, and read it."""
    stop, is_ready = threading.Event(), threading.Event()
    engine = threading.Thread(target=serve, args=(EngineOptions(folder), stop, lambda _: is_ready.set()))
    engine.start()
    is_ready.wait()
    cloud = open_local(folder)
    try:
        return _executed(cloud)
    finally:
        cloud.close()
        stop.set()
        engine.join()


def _executed(cloud: LocalCloud) -> Record:
    client = cloud.session.client("stepfunctions")
    made = client.create_state_machine(
        name="retrain-line-1", definition=json.dumps(_definition() | {"QueryLanguage": "JSONata"}), roleArn=ROLE
    )
    given = {"dataset": "2026-03-02.1", "stations": _STATIONS}
    arn = client.start_execution(
        stateMachineArn=made["stateMachineArn"], name="nightly-2026-03-02", input=json.dumps(given)
    )["executionArn"]
    while client.describe_execution(executionArn=arn)["status"] == "RUNNING":
        time.sleep(0.2)
    return read_execution(client, arn)


def _definition() -> dict[str, Any]:
    return _machine(
        Gather={
            "Type": "Parallel",
            "Branches": [
                _machine(Champion=_task("sagemaker:listModelPackages", ModelPackageGroupName=MODEL_PACKAGE_GROUP)),
                _machine(Recipe=_task("s3:listObjectsV2", Bucket=BUCKET, Prefix="recipes/")),
            ],
            "Output": "{% $states.input %}",
            "Next": "EachStation",
        },
        EachStation={
            "Type": "Map",
            "Items": "{% $states.input.stations %}",
            "ItemProcessor": _machine(
                HasLabels={
                    "Type": "Choice",
                    "Choices": [{"Condition": "{% $states.input.labeled > 0 %}", "Next": "WriteManifest"}],
                    "Default": "Skip",
                },
                WriteManifest=_task(
                    "s3:putObject",
                    Bucket=BUCKET,
                    Key="{% 'manifests/' & $states.input.name & '.jsonl' %}",
                    Body="{% $states.input %}",
                    Output="{% $states.input %}",
                ),
                Skip={"Type": "Pass", "End": True},
            ),
            "Next": "Train",
        },
        Train={
            "Type": "Task",
            "Resource": "arn:aws:states:::sagemaker:createTrainingJob.sync",
            "Arguments": _job(),
            "Retry": [{"ErrorEquals": ["States.TaskFailed"], "IntervalSeconds": 1, "MaxAttempts": 1}],
            "Next": "Register",
        },
        Register=_task(
            "sagemaker:createModelPackage",
            ModelPackageGroupName=MODEL_PACKAGE_GROUP,
            ModelApprovalStatus="PendingManualApproval",
        ),
    )


def _job() -> dict[str, Any]:
    return {
        "TrainingJobName": "{% 'nightly-2026-03-02-' & $states.context.State.RetryCount %}",
        "RoleArn": ROLE,
        "AlgorithmSpecification": {
            "TrainingImage": "edge-inspector-training:1.4.0",
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["python", "-c", _TRAINING.format(reason=_REASON)],
        },
        "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/models"},
        "ResourceConfig": {"InstanceType": "ml.g5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30},
        "StoppingCondition": {"MaxRuntimeInSeconds": 86_400},
    }


def _machine(**states: dict[str, Any]) -> dict[str, Any]:
    return {"StartAt": next(iter(states)), "States": states}


def _task(call: str, **more: object) -> dict[str, Any]:
    task = {"Type": "Task", "Resource": f"arn:aws:states:::aws-sdk:{call}", "End": True}
    return task | ({"Output": more.pop("Output")} if "Output" in more else {}) | {"Arguments": more}


if __name__ == "__main__":
    main()
