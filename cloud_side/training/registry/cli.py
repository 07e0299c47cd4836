"""The commands `model …`: look at registered models, approve or reject them, and compare two."""

import argparse
from typing import Final

from cloud_side.commands import Command, Commands, add_command, add_engine, add_group, user

_REFERENCE: Final = "[NAME@]VERSION"
_WHICH: Final = "a version, `latest`, `champion`, the number in its group, or an ARN"


def add_commands(commands: Commands) -> None:
    """Add `model …` to the parser of `edge-inspector-cloud`; each command sets its function as `command`."""
    family = commands.add_parser("model", help="look at registered models, approve or reject them, compare two")
    within = family.add_subparsers(title="commands", required=True, metavar="COMMAND")
    listed = _add(within, "list", "list registered models, the newest first", "", "metal-tags --json")
    listed.add_argument("name", nargs="?", metavar="NAME", help="only of this model")

    show = _add(
        within,
        "show",
        "show a model: its scores with their ranges, what the gate said, and where it comes from",
        "latest",
        "metal-tags@1.2.0",
        "champion --json",
    )
    show.add_argument("reference", metavar=_REFERENCE, help=_WHICH)

    _add_judgement(within, "approve", "approve a model: it becomes the champion, and may go to the line")
    _add_judgement(within, "reject", "reject a model: it stays away from the line")

    compare = _add(
        within,
        "compare",
        "compare two models on the parts that both were tested on, or say why that cannot be",
        "latest champion",
        "1.3.0 1.2.0 --json",
    )
    compare.add_argument("first", metavar="A", help=f"{_REFERENCE}: {_WHICH}")
    compare.add_argument("second", metavar="B", help="the same")


def _add_judgement(commands: Commands, name: str, summary: str) -> None:
    parser = _add(commands, name, summary, '1.2.0 --why "seen all escapes of the test"')
    parser.add_argument("reference", metavar=_REFERENCE, help=_WHICH)
    parser.add_argument("--why", required=True, metavar="TEXT", help="the reason, which others will read")
    parser.add_argument("--who", default=user(), metavar="NAME", help="who decides (default: %(default)s)")


def _add(commands: Commands, name: str, summary: str, *examples: str) -> argparse.ArgumentParser:
    parser = add_command(commands, name, summary, *examples)
    add_engine(parser)
    add_group(parser)
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.set_defaults(command=_later(name))
    return parser


def _later(name: str) -> Command:
    """Return a command that loads what it needs when it runs."""

    def run(options: argparse.Namespace) -> int:
        from cloud_side.training.registry import commands

        return commands.run(name, options, print)

    return run
