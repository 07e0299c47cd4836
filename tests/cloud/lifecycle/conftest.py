"""What all tests of the life cycle share: no settings of this machine's own, and moto where they ask for an account."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from moto import mock_aws

from cloud_side.engines import ENGINE_VARIABLE
from tests.cloud.lifecycle.account_of_moto import REGION


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("cloud_side.lifecycle.commands.OWN", tmp_path / "none.json")
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", ENGINE_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, REGION)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    from tests.cloud.lifecycle.completed_moto import complete_moto  # noqa: PLC0415 - a second, for those who need it

    complete_moto(monkeypatch)
    with mock_aws():
        yield
