"""A stage for executions."""

from collections.abc import Callable, Iterator, Sequence

import boto3
import pytest

from cloud_side.local.database import Database
from cloud_side.local.services.stepfunctions import STEP_FUNCTIONS
from cloud_side.local.wiring import Service
from tests.cloud.local.states.ours import Ours
from tests.cloud.local.states.staged import Stage


@pytest.fixture(scope="module")
def ours() -> Iterator[Ours]:
    interpreter = Ours()
    yield interpreter
    interpreter.close()


@pytest.fixture
def stage(open_services: Callable[[Sequence[Service]], tuple[boto3.Session, Database]]) -> Stage:
    return Stage(*open_services([STEP_FUNCTIONS]))
