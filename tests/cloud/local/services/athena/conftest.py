"""A lake for each test, in a home that is made once."""

from collections.abc import Iterator

import pytest

from cloud_side.local.services.athena import ATHENA
from cloud_side.local.services.glue import GLUE
from cloud_side.local.services.s3 import S3
from cloud_side.local.services.sagemaker import SERVICES
from tests.cloud.local.kept import Kept, kept
from tests.cloud.local.services.athena.lake import Lake


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    with kept(tmp_path_factory.mktemp("athena"), [S3, GLUE, ATHENA, *SERVICES]) as made:
        yield made


@pytest.fixture
def lake(cloud: Kept) -> Lake:
    cloud.empty()
    made = Lake(cloud)
    made.make()
    return made
