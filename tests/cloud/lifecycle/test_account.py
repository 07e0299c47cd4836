"""Nothing is begun in an account or region that the environment does not mean, or that CDK cannot deploy to."""

from pathlib import Path

import pytest
from moto import mock_aws

from cloud_side.cli import main
from cloud_side.commands import CommandError
from cloud_side.engines import ENGINE_VARIABLE, local_engine
from cloud_side.infrastructure.environments import Environment
from cloud_side.lifecycle.account import check_bootstrapped, open_account
from tests.cloud.lifecycle.account_of_moto import NUMBER, REGION, client, write_environments

DEV = Environment(name="dev", region=REGION)


@mock_aws
def test_an_environment_without_an_account_takes_that_of_the_credentials() -> None:
    assert open_account(DEV).number == NUMBER


@mock_aws
def test_another_account_is_refused_by_both_numbers() -> None:
    with pytest.raises(CommandError, match=f"dev: expected the account 111122223333, found credentials of {NUMBER}"):
        open_account(DEV.model_copy(update={"account": "111122223333"}))


@mock_aws
@pytest.mark.parametrize("variable", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_another_region_is_refused_by_both_names(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "us-east-1")
    with pytest.raises(CommandError, match="dev: expected the region eu-central-1, found us-east-1"):
        open_account(DEV)


def test_without_credentials_it_says_how_to_get_some() -> None:
    with pytest.raises(CommandError, match="dev: expected credentials of AWS, found none; sign in"):
        open_account(DEV)


def test_a_local_engine_is_no_account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(ENGINE_VARIABLE, local_engine(tmp_path))
    with pytest.raises(CommandError, match="expected AWS, found the engine of this machine"):
        open_account(DEV)


@mock_aws
def test_an_account_that_is_not_bootstrapped_is_told_how() -> None:
    with pytest.raises(CommandError, match=f"cloud cdk bootstrap aws://{NUMBER}/{REGION}"):
        check_bootstrapped(open_account(DEV))
    client("ssm").put_parameter(Name="/cdk-bootstrap/hnb659fds/version", Value="30", Type="String")
    check_bootstrapped(open_account(DEV))


@mock_aws
@pytest.mark.parametrize("command", ["diff", "deploy", "destroy", "status"])
def test_an_unknown_environment_is_refused_with_the_known_ones(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["cloud", command, "plant-9", "--environments", str(write_environments(tmp_path))])
    assert (code, capsys.readouterr().err) == (
        78, "edge-inspector-cloud: error: environment 'plant-9': expected one of dev\n",
    )  # fmt: skip
