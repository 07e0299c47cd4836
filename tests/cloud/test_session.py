"""The one session: AWS, or the engine that the environment names, with the same code."""

from pathlib import Path

import pytest

from cloud_side.engines import ENGINE_VARIABLE, local_engine
from cloud_side.session import session
from edge_inspector.errors import ConfigError


def test_a_local_engine_answers_without_account_region_or_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(ENGINE_VARIABLE, local_engine(tmp_path / "engine"))
    session().client("sns").create_topic(Name="told")

    topics = session().client("sns").list_topics()["Topics"]  # of another session, and it is there
    assert [each["TopicArn"].rpartition(":")[2] for each in topics] == ["told"]


@pytest.mark.parametrize("said", ["aws", None])
def test_aws_is_boto3_as_it_is(said: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.delenv(ENGINE_VARIABLE, raising=False)
    if said is not None:
        monkeypatch.setenv(ENGINE_VARIABLE, said)

    assert session().client("sns").meta.endpoint_url == "https://sns.eu-west-1.amazonaws.com"


def test_a_folder_that_cannot_be_used_is_the_configurations_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv(ENGINE_VARIABLE, local_engine(tmp_path / "file"))

    with pytest.raises(ConfigError, match="file: cannot be the engine's folder"):
        session()
