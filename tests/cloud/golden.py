"""Golden files of requests to AWS, as boto3 takes them; each is held against botocore's shape of it as well."""

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

from botocore.model import ServiceModel
from botocore.validate import ParamValidator

from tests.cloud.local.shapes import LOADER

FOLDER = Path(__file__).parents[1] / "golden" / "requests"


def assert_golden(name: str, request: Any, service: str, operation: str) -> None:
    """Hold the parameters of an operation against their golden file, which `UPDATE_GOLDEN=1` writes again."""
    assert problems_of(request, service, operation) == ""
    path, text = FOLDER / f"{name}.json", json.dumps(request, indent=2, ensure_ascii=False) + "\n"
    if os.environ.get("UPDATE_GOLDEN") == "1":
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text


def problems_of(request: Any, service: str, operation: str) -> str:
    """Return what botocore's shape of an operation has against its parameters; the operation in any case."""
    model = _model(service)
    (name,) = (each for each in model.operation_names if each.lower() == operation.lower())
    return str(ParamValidator().validate(request, model.operation_model(name).input_shape).generate_report())


@cache
def _model(service: str) -> ServiceModel:
    return ServiceModel(LOADER.load_service_model(service, "service-2"), service)
