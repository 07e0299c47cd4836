"""Holds what a service answers against botocore's model of it: no missing, unknown or mistyped member."""

from typing import Any

import boto3
from botocore.model import OperationModel, Shape
from botocore.validate import ParamValidator

from tests.cloud.loaded import LOADER

__all__ = ["LOADER", "validate_answers"]


def validate_answers(session: boto3.Session) -> None:
    """Fail the test whose client gets an answer that AWS could not give."""
    session.events.register("after-call", _validate)


def _validate(model: OperationModel, parsed: dict[str, Any], **_: object) -> None:
    if "Error" in parsed:
        return
    answer = {key: value for key, value in parsed.items() if key != "ResponseMetadata"}
    shape: Shape | None = model.output_shape
    if shape is None:
        assert not answer, f"{model.name} answers nothing, found {answer}"
        return
    stream = shape.serialization.get("payload") if shape.serialization else None
    if stream is not None and stream in answer and hasattr(answer[stream], "read"):
        answer[stream] = b""
    report = ParamValidator().validate(answer, shape)
    # AWS does answer with empty lists of which its model says that they are not
    problems = [line for line in report.generate_report().splitlines() if ", value: 0, valid min length" not in line]
    assert not problems, f"{model.service_model.service_name}:{model.name}: {problems}"
