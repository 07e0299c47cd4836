"""Definitions of pipelines whose jobs are small shell scripts."""

import json
from typing import Any

from tests.cloud.local.services.sagemaker import asked

JSON = dict[str, Any]


def definition(*steps: JSON, parameters: list[JSON] | None = None) -> str:
    return json.dumps({"Version": "2020-12-01", "Parameters": parameters or [], "Steps": steps})


def get(text: str) -> JSON:
    return {"Get": text}


def join(*values: Any, on: str = "/") -> JSON:
    return {"Std:Join": {"On": on, "Values": list(values)}}


def in_file(step: str, path: str, file: str = "Report") -> JSON:
    return {"Std:JsonGet": {"PropertyFile": get(f"Steps.{step}.PropertyFiles.{file}"), "Path": path}}


def processing(name: str, script: str = "true", *, writes: str = "", reads: Any = None, **more: Any) -> JSON:
    """Return a step that runs a script, which finds what it reads in processing/in, and may write processing/out."""
    request = asked.processing(command=["/bin/sh", "-c", script])
    del request["ProcessingJobName"]
    if writes:
        place = {
            "S3Uri": join("s3://bench", get("Execution.PipelineExecutionId"), name),
            "LocalPath": "/opt/ml/processing/out",
            "S3UploadMode": "EndOfJob",
        }
        request["ProcessingOutputConfig"] = {"Outputs": [{"OutputName": writes, "S3Output": place}]}
    if reads is not None:
        request["ProcessingInputs"] = [asked.input_("in", reads)]
    arguments = more.pop("Arguments", {})
    return {"Name": name, "Type": "Processing", "Arguments": request | arguments, **more}


def training(name: str, script: str = "true", **more: Any) -> JSON:
    request = asked.training(command=["/bin/sh", "-c", script], **more)
    del request["TrainingJobName"]
    return {"Name": name, "Type": "Training", "Arguments": request}


def check(name: str, *conditions: JSON, then: list[JSON], otherwise: list[JSON] | None = None, **more: Any) -> JSON:
    arguments = {"Conditions": list(conditions), "IfSteps": then, "ElseSteps": otherwise or []}
    return {"Name": name, "Type": "Condition", "Arguments": arguments, **more}


def fail(name: str, message: Any) -> JSON:
    return {"Name": name, "Type": "Fail", "Arguments": {"ErrorMessage": message}}


def equals(left: Any, right: Any) -> JSON:
    return {"Type": "Equals", "LeftValue": left, "RightValue": right}


def report(output: str = "made") -> list[JSON]:
    return [{"PropertyFileName": "Report", "OutputName": output, "FilePath": "report.json"}]


OUTPUT = "ProcessingOutputConfig.Outputs['made'].S3Output.S3Uri"
