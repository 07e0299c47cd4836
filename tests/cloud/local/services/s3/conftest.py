"""One cloud for all tests, emptied before each."""

from collections.abc import Iterator

import pytest

from cloud_side.local.services.s3 import S3
from tests.cloud.local.kept import Kept, kept
from tests.cloud.local.services.s3.buckets import Cloud


@pytest.fixture(scope="session")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    with kept(tmp_path_factory.mktemp("s3"), [S3]) as made:
        yield made


@pytest.fixture
def cloud(opened: Kept) -> Cloud:
    opened.empty()
    made = Cloud(opened)
    made.empty()
    return made
