"""SageMaker and S3 in a home that is empty at the beginning of each test."""

from collections.abc import Iterator

import pytest

from cloud_side.local.services.s3 import S3
from cloud_side.local.services.sagemaker import SERVICES
from tests.cloud.local.kept import Kept, kept


@pytest.fixture(scope="session")
def opened_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    with kept(tmp_path_factory.mktemp("sagemaker") / "engine", [S3, *SERVICES]) as opened:
        yield opened


@pytest.fixture
def opened(opened_once: Kept) -> Kept:
    opened_once.empty()
    return opened_once
