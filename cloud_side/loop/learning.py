"""From labels to a model that waits for approval: all of it begins, and goes on, by itself; here it is looked at."""

import json
from pathlib import Path
from typing import Final

from cloud_side.drawing.reports import Axes, Curve
from cloud_side.local.home import ACCOUNT, REGION
from cloud_side.loop import registry
from cloud_side.loop.premises import BUCKET, Site
from cloud_side.loop.programs import LoopError, until
from cloud_side.loop.settings import DATASET, MODEL
from cloud_side.loop.story import Chart
from cloud_side.loop.telling import Page
from cloud_side.objects import parse_address
from cloud_side.training.pipeline.definition import NAME as PIPELINE
from cloud_side.training.places import GATE_FILE
from cloud_side.training.registry.archive import unpack
from cloud_side.training.registry.packages import Registered
from cloud_side.training.registry.requests import Approval
from cloud_side.training.registry.scores import GateFile, gate_of
from cloud_side.training.triggers.settings import KEY as SETTINGS_KEY

RETRAIN: Final = "edge-inspector-retrain"
_CURVES: Final = "curves.jsonl"
_REPORT: Final = "report.html"


def write_training_settings(site: Site) -> None:
    """Say what shall be trained when labels come."""
    document = {
        "dataset": DATASET,
        "model": MODEL,
        "least_new_labels": site.size.budget // 2,
        "triggers": ["labels"],
        "near_duplicates": "report",  # parts of a line look alike by nature; they are other parts all the same
        "hyperparameters": dict(site.size.hyperparameters),
        "parameters": dict(site.size.parameters),
    }
    site.bucket.write(SETTINGS_KEY, json.dumps(document, indent=2).encode(), media="application/json")


def train(site: Site, page: Page) -> Registered:
    """Wait for the model that the ended batch brings by itself, and return its package, which waits for approval.

    Raises:
        LoopError: If the training fails, or the gate refuses the model.
    """

    def waits() -> Registered | None:
        site.check()
        waiting = [each for each in registry.packages(site) if each.approval is Approval.PENDING]
        if not waiting and (why := _failure(site)) is not None:
            msg = f"training: {why}; its jobs are in {site.out / 'engine' / 'jobs'}"
            raise LoopError(msg)
        return waiting[0] if waiting else None

    package = until(waits, site.size.patience_s, "a model that waits for approval")
    _tell_of(site, package, page)
    return package


def _tell_of(site: Site, package: Registered, page: Page) -> None:
    gate, run = gate_of(site.bucket, package), package.properties.get("run", "")
    page.tell(f"{package.title} waits for approval; the gate: {'' if gate is None else gate.summary}")
    page.numbers |= {
        name.removeprefix("metric:"): value for name, value in package.properties.items() if name.startswith("metric:")
    }
    folder = f"engine/s3/{BUCKET}/models/{package.name}/{package.version}"
    page.links["evaluation"], page.links["gate"] = f"{folder}/evaluation.html", f"{folder}/gate.html"
    page.numbers["run"] = run
    _tell_of_training(site, package, page)


def _tell_of_training(site: Site, package: Registered, page: Page) -> None:
    """Add how the training went, which its archive tells."""
    folder = site.out / "training"
    folder.mkdir(exist_ok=True)
    archive = Path(folder, "model.tar.gz")
    archive.write_bytes(site.kept(parse_address(package.properties["weights"])[1]))
    unpack(archive, folder, only=frozenset({_CURVES, _REPORT}))
    archive.unlink()
    page.links["training"] = f"{folder.name}/{_REPORT}"
    points = [json.loads(line) for line in (folder / _CURVES).read_text(encoding="utf-8").splitlines()]
    curve = Curve("loss", [(point["step"], point["loss"]) for point in points if "loss" in point])
    page.charts.append(Chart("loss of the training", Axes("step", "loss"), [curve]))


def _failure(site: Site) -> str | None:
    """Return why there will be no model; None as long as one may come."""
    states = site.client("stepfunctions")
    arn = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{RETRAIN}"
    runs = site.client("sagemaker").list_pipeline_executions(PipelineName=PIPELINE)["PipelineExecutionSummaries"]
    if runs and runs[0]["PipelineExecutionStatus"] in ("Failed", "Stopped"):
        return _run_failure(site, runs[0]["PipelineExecutionArn"])
    for each in states.list_executions(stateMachineArn=arn)["executions"]:
        told = states.describe_execution(executionArn=each["executionArn"])
        if told["status"] not in ("RUNNING", "SUCCEEDED"):
            return f"{RETRAIN}: {told['status']}: {told.get('error')}: {told.get('cause', '')[:500]}"
        if told["status"] == "SUCCEEDED" and not runs:
            return f"{RETRAIN}: it has ended without a run: {told.get('output', '')[:500]}"
    return None


def _run_failure(site: Site, arn: str) -> str:
    """Return why a run has failed; of one that the gate refused, what the gate said."""
    gate = site.bucket.read(f"training/{arn.rpartition('/')[2]}/gate/{GATE_FILE}")
    if gate is not None and not (said := GateFile.model_validate_json(gate.content)).passed:
        return f"the gate refused the model: {said.summary}"
    found = site.client("sagemaker").list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"]
    failed = [each for each in found if each["StepStatus"] == "Failed"]
    return (
        "; ".join(f"{each['StepName']}: {each.get('FailureReason', 'failed')}" for each in failed) or "it was stopped"
    )
