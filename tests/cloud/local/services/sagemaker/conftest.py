"""SageMaker and S3 in a home that is empty at the beginning of each test."""

from collections.abc import Iterator
from typing import Any

import pytest

from cloud_side.local.services.s3 import S3
from cloud_side.local.services.sagemaker import SERVICES
from tests.cloud.local.services.sagemaker.emptied import Opened, open_home


@pytest.fixture(scope="module")
def opened_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Opened, dict[str, Any]]]:
    with open_home(tmp_path_factory.mktemp("home") / "engine", [S3, *SERVICES]) as opened:
        names = ("s3", "sagemaker", "sagemaker-featurestore-runtime")
        yield opened, {name: opened.session.client(name) for name in names}


@pytest.fixture
def opened(opened_once: tuple[Opened, dict[str, Any]]) -> Opened:
    opened_once[0].empty()
    return opened_once[0]


@pytest.fixture
def clients(opened_once: tuple[Opened, dict[str, Any]], opened: Opened) -> dict[str, Any]:
    assert opened is opened_once[0]
    return opened_once[1]
