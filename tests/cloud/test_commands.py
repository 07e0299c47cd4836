"""What the families of commands say of themselves."""

import argparse
import shlex
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import boto3
import pytest
from botocore.stub import Stubber

from cloud_side.catalog.cli import add_commands as add_dataset
from cloud_side.commands import BUCKET_VARIABLE, CommandError, bucket_of, group_of, on_engine
from cloud_side.engines import ENGINE_VARIABLE
from cloud_side.installation import INSTALLATION_VARIABLE
from cloud_side.labeling.cli import add_commands as add_labeling
from cloud_side.training.cli import add_commands as add_training
from cloud_side.training.registry.cli import add_commands as add_model


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="edge-inspector-cloud")
    commands = made.add_subparsers()
    for add in (add_dataset, add_labeling, add_training, add_model):
        add(commands)
    return made


def examples(of: argparse.ArgumentParser) -> Iterator[str]:
    """Yield the examples of a parser's help, and of all commands below it."""
    yield from (line.strip() for line in (of.epilog or "").splitlines()[1:])
    for action in of._actions:  # no public way to the parsers of commands
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from examples(below)


EXAMPLES = list(examples(parser()))


def test_every_command_that_does_something_has_an_example() -> None:
    shown = {" ".join(example.split()[1:3]) for example in EXAMPLES}
    assert {"dataset create", "labeling start", "train --dataset", "train status", "evaluate --model"} <= shown
    assert {"model approve", "model list", "dataset list", "labeling status"} <= shown


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_is_a_command_that_is_taken(example: str) -> None:
    program, *words = shlex.split(example)
    assert program == "edge-inspector-cloud"
    parser().parse_args(words)


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    """Have an account of AWS that answers what the test says, and an installation named."""
    monkeypatch.delenv(BUCKET_VARIABLE, raising=False)
    monkeypatch.setenv(ENGINE_VARIABLE, "aws")
    monkeypatch.setenv(INSTALLATION_VARIABLE, "edge-inspector-lyon")
    nobody = boto3.Session(aws_access_key_id="nobody", aws_secret_access_key="none", region_name="eu-central-1")
    clients = {"ssm": nobody.client("ssm")}
    monkeypatch.setattr(boto3, "Session", lambda: SimpleNamespace(client=clients.__getitem__))
    with Stubber(clients["ssm"]) as answers:
        yield answers
        answers.assert_no_pending_responses()


def test_in_aws_the_bucket_is_the_one_that_the_installation_has_published(
    account: Stubber, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = parser().parse_args(["model", "list"])
    asked = {"Name": "/edge-inspector-lyon/bucket"}
    account.add_client_error("get_parameter", "ParameterNotFound", expected_params=asked)
    with pytest.raises(
        CommandError, match=r"parameter /edge-inspector-lyon/bucket, found no .* EDGE_INSPECTOR_BUCKET, .*INSTALLATION"
    ):
        bucket_of(options)
    account.add_response("get_parameter", {"Parameter": {"Value": "ours"}}, asked)
    assert (bucket_of(options), group_of(options)) == ("ours", "edge-inspector-lyon")
    monkeypatch.setenv(BUCKET_VARIABLE, "by-variable")
    assert bucket_of(options) == "by-variable"
    options = parser().parse_args(["model", "list", "--bucket", "said", "--group", "theirs"])
    assert (bucket_of(options), group_of(options)) == ("said", "theirs")


@pytest.mark.usefixtures("account")
def test_on_a_local_engine_bucket_and_group_are_the_engines_and_aws_is_not_asked(tmp_path: Path) -> None:
    options = parser().parse_args(["model", "list", "--home", str(tmp_path)])
    with on_engine(options):
        assert (bucket_of(options), group_of(options)) == ("edge-inspector", "edge-inspector")


def test_what_a_command_says_of_itself_is_not_asked_of_aws(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(boto3, "Session", None)
    for words in (["model", "list"], ["labeling", "store"], ["dataset", "create"], ["train", "status"]):
        with pytest.raises(SystemExit, match="0"):
            parser().parse_args([*words, "--help"])
        assert "bucket" in capsys.readouterr().out
