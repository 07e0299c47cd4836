"""An empty bucket at the local S3, nightly also at moto, for what is read and written: their sessions are made once.

That both S3 are alike is what their contract is for; this way the readers and writers meet another one now and then.
"""

from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from cloud_side.local import outbox, wiring
from cloud_side.local.database import Database
from cloud_side.local.home import REGION, Home
from cloud_side.local.services.s3 import S3
from cloud_side.local.states.integrations import Clients
from tests.cloud.local.shapes import validate_answers

BUCKET = "bucket"


@pytest.fixture(scope="module")
def moto_s3() -> Iterator[Clients]:
    with mock_aws():
        yield _with_bucket(boto3.Session(region_name=REGION))


@pytest.fixture(scope="session")
def local_s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clients]:
    home = Home(tmp_path_factory.mktemp("s3") / "engine")
    home.make()
    database = Database(home.database, [wiring.TABLES, outbox.TABLES, S3.tables])
    session = wiring.local_session(home, database, [S3])
    validate_answers(session)
    yield _with_bucket(session)
    database.close()


@pytest.fixture(params=[pytest.param("moto", marks=pytest.mark.nightly), "local"])
def clients(request: pytest.FixtureRequest) -> Iterator[Clients]:
    made: Clients = request.getfixturevalue(f"{request.param}_s3")
    yield made
    s3 = made.of("s3")
    while found := s3.list_objects_v2(Bucket=BUCKET).get("Contents"):
        s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": each["Key"]} for each in found]})


def _with_bucket(session: boto3.Session) -> Clients:
    clients = Clients(session)
    clients.of("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    return clients
