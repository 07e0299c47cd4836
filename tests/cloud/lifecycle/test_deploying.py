"""The real CDK CLI, from the lock, against an account of moto: the plan, a first deployment, and a second one."""

import json
import logging
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("aws_cdk", reason="it needs the extra edge-inspector-cloud[infra], which is not installed")

from cloud_side.cli import main
from cloud_side.infrastructure.environments import Environment
from cloud_side.infrastructure.node import choose_node
from cloud_side.lifecycle.commands import cache_folder
from cloud_side.lifecycle.tool import Cdk, install
from tests.cloud.lifecycle.account_of_moto import (
    BUCKET,
    INSTALLATION,
    NUMBER,
    REGION,
    bootstrap,
    client,
    write_environments,
)

AS_NEW_APPS_DO = {"@aws-cdk/aws-s3:serverAccessLogsUseBucketPolicy": True}
pytestmark = [pytest.mark.thorough, pytest.mark.filterwarnings("ignore:Tried to parse")]


@pytest.fixture(scope="module")
def cdk() -> Cdk:
    """Install the CDK CLI where the commands look for it, so that it is installed once a machine."""
    return install(cache_folder(), print)


@pytest.fixture(scope="module")
def synthesized(tmp_path_factory: pytest.TempPathFactory) -> Mapping[int, Path]:
    """Make the template of two versions of a catalog, by the days for which events are kept."""
    choose_node()
    import aws_cdk  # noqa: PLC0415 - after its Node.js is chosen

    from cloud_side.infrastructure.catalog import Catalog  # noqa: PLC0415 - likewise

    made = {}
    for days in (400, 800):
        made[days] = tmp_path_factory.mktemp("out")
        app = aws_cdk.App(outdir=str(made[days]), analytics_reporting=False, context=AS_NEW_APPS_DO)
        Catalog(aws_cdk.Stage(app, "dev"), Environment(name="dev", region=REGION, expire_events_days=days))
        app.synth()
    return made


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Serve an account that is bootstrapped, to boto3 and to the CDK CLI."""
    from tests.cloud.lifecycle.completed_moto import complete_moto  # noqa: PLC0415 - a second, for those who need it

    complete_moto(monkeypatch)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    from moto.server import ThreadedMotoServer  # noqa: PLC0415 - likewise

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    # By this name moto finds the bucket of a template in the address's path.
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://localhost:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("CDK_HOME", str(tmp_path / "cdk"))
    monkeypatch.setenv("NO_PROXY", "localhost")
    urllib.request.urlopen(f"http://localhost:{port}/moto-api/reset", data=b"")
    bootstrap()
    yield
    server.stop()


def run(name: str, out: Path, folder: Path, *words: str) -> int:
    environments = str(write_environments(folder))
    return main(["cloud", name, "dev", "--environments", environments, "--templates", str(out), *words])


@pytest.mark.usefixtures("server", "cdk")
def test_a_second_deployment_changes_what_changed_and_keeps_every_object(
    synthesized: Mapping[int, Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run("diff", synthesized[400], tmp_path, "--unit", "catalog") == 0
    plan = capfd.readouterr().out
    assert "IAM Statement Changes" in plan
    assert "[+] AWS::S3::Bucket catalog/Bucket" in plan
    assert client("cloudformation").describe_stacks()["Stacks"] == []

    assert run("deploy", synthesized[400], tmp_path, "--unit", "catalog", "--yes") == 0
    said = capfd.readouterr().out
    assert said.index("[+] AWS::S3::Bucket") < said.index("creating CloudFormation changeset")
    assert f"/{INSTALLATION}/bucket = {BUCKET}\n" in said
    s3 = client("s3")
    s3.put_object(Bucket=BUCKET, Key="samples/a.jpg", Body=b"an image")

    assert run("deploy", synthesized[800], tmp_path, "--unit", "catalog", "--yes") == 0
    said = capfd.readouterr().out
    assert "[~] AWS::S3::Bucket catalog/Bucket" in said
    assert '[-]   "ExpirationInDays": 400' in said
    deployed: Any = client("cloudformation").get_template(StackName=f"{INSTALLATION}-catalog")["TemplateBody"]
    assert '"ExpirationInDays": 800' in (deployed if isinstance(deployed, str) else json.dumps(deployed, indent=1))
    assert s3.get_object(Bucket=BUCKET, Key="samples/a.jpg")["Body"].read() == b"an image"


@pytest.mark.usefixtures("server", "cdk")
def test_nothing_is_deployed_where_nobody_can_say_yes(
    synthesized: Mapping[int, Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run("deploy", synthesized[400], tmp_path, "--unit", "catalog") == 65
    assert "nobody can be asked here; expected --yes" in capfd.readouterr().err
    assert client("cloudformation").describe_stacks()["Stacks"] == []


@pytest.mark.usefixtures("server", "cdk")
def test_what_the_cdk_cli_refuses_is_said_with_what_to_do(
    synthesized: Mapping[int, Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    client("s3").delete_bucket(Bucket=f"cdk-hnb659fds-assets-{NUMBER}-{REGION}")
    assert run("deploy", synthesized[400], tmp_path, "--unit", "catalog", "--yes") == 65
    assert "one that was rolled back is as before" in capfd.readouterr().err
