"""What the families of commands say of themselves."""

import argparse
import shlex
from collections.abc import Iterator

import pytest

from cloud_side.catalog.cli import add_commands as add_dataset
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
