"""Nobody loses anything by a word that was not said."""

import os
from collections.abc import Iterator
from typing import TextIO

import pytest

from cloud_side.cli import main
from cloud_side.commands import CommandError
from cloud_side.lifecycle.asking import agree, agree_to_lose


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[TextIO]:
    """Yield where a person types."""
    ours, theirs = os.openpty()
    with os.fdopen(theirs) as stdin, os.fdopen(ours, "w", buffering=1) as person:
        monkeypatch.setattr("sys.stdin", stdin)
        yield person


def test_yes_goes_on(terminal: TextIO) -> None:
    terminal.write("yes\n")
    agree("Go on?", said=False)


@pytest.mark.parametrize("answer", ["no", "", "yess", "edge-inspector-dev"])
def test_anything_else_does_not(terminal: TextIO, answer: str) -> None:
    terminal.write(f"{answer}\n")
    with pytest.raises(CommandError, match="nothing was done: expected yes"):
        agree("Go on?", said=False)


def test_where_nobody_can_be_asked_the_option_is_named() -> None:
    with pytest.raises(CommandError, match="nobody can be asked here; expected --yes"):
        agree("Go on?", said=False)
    with pytest.raises(CommandError, match="expected --confirm-data edge-inspector-dev"):
        agree_to_lose("edge-inspector-dev", said=None)


def test_data_goes_by_the_installations_name_alone(terminal: TextIO) -> None:
    terminal.write("yes\nedge-inspector-dev\n")
    with pytest.raises(CommandError, match="expected the installation's name, edge-inspector-dev, found 'yes'"):
        agree_to_lose("edge-inspector-dev", said=None)
    agree_to_lose("edge-inspector-dev", said=None)


def test_the_option_names_the_same_installation() -> None:
    with pytest.raises(CommandError, match="found 'edge-inspector-prod'"):
        agree_to_lose("edge-inspector-dev", said="edge-inspector-prod")
    agree_to_lose("edge-inspector-dev", said="edge-inspector-dev")


def test_a_name_without_the_wish_to_delete_data_is_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cloud", "destroy", "dev", "--yes", "--confirm-data", "edge-inspector-dev"]) == 65
    assert "expected --and-data beside it" in capsys.readouterr().err
