"""What the commands `cloud …` say of themselves."""

import argparse
import shlex
import subprocess
import sys

import pytest

from cloud_side.lifecycle.cli import add_commands
from tests.cloud.test_commands import examples


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="edge-inspector-cloud")
    add_commands(made.add_subparsers())
    return made


@pytest.mark.parametrize("example", list(examples(parser())))
def test_every_example_is_a_command_that_is_taken(example: str) -> None:
    program, *words = shlex.split(example)
    assert program == "edge-inspector-cloud"
    parser().parse_args(words)


def test_the_cdk_cli_gets_all_of_its_words() -> None:
    options = parser().parse_args(["cloud", "cdk", "bootstrap", "aws://1/r", "--trust", "2", "--help"])
    assert options.words == ["bootstrap", "aws://1/r", "--trust", "2", "--help"]


def test_help_needs_neither_cdk_nor_boto3() -> None:
    code = (
        "import sys; from cloud_side.cli import main\n"
        "try: main(['cloud', 'deploy', '--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'boto3', 'aws_cdk', 'jsii'} & set(sys.modules)))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.splitlines()[-1] == "[]"
