"""The commands `rollout …`: bring an approved model to the stations, look at how far it is, and take it back."""

import argparse
from functools import partial
from typing import Final

from cloud_side.commands import Commands, add_command, add_engine, add_group, add_said, engine_command

_ID: Final = "of the rollout, as `start` and `status` say it"


def add_commands(commands: Commands) -> None:
    """Add `rollout …` to the parser of `edge-inspector-cloud`; each command sets its function as `command`."""
    family = commands.add_parser("rollout", help="bring an approved model to the stations, or take it back")
    within = family.add_subparsers(title="commands", required=True, metavar="COMMAND")
    start = _add(
        within,
        "start",
        "roll an approved model out: the canary, then wave after wave",
        "latest --wait",
        'metal-tags@1.2.0 --why "the canary was rebuilt"',
    )
    start.add_argument("package", metavar="PACKAGE", help="[NAME@]VERSION, `latest`, `champion`, or an ARN")
    add_group(start)
    start.add_argument("--why", default="by hand", metavar="TEXT", help="the reason, which others will read")
    start.add_argument("--wait", action="store_true", help="until it has ended; fails where it does")

    status = _add(within, "status", "show the last rollouts and how far they are", "", "rollout-20260301-083000-000000")
    status.add_argument("id", nargs="?", metavar="ID", help=_ID)
    status.add_argument("--json", action="store_true", help="for programs")

    for name, summary, is_why_needed in (
        ("pause", "begin nothing new in a rollout until `go-on`; what is begun is still looked after", False),
        ("go-on", "go on with a rollout that was paused", False),
        ("abort", "end a rollout, and bring back what its waves had", True),
    ):
        wish = _add(within, name, summary, f"ID{' --why TEXT' if is_why_needed else ''}")
        wish.add_argument("id", metavar="ID", help=_ID)
        wish.add_argument("--why", required=is_why_needed, default="", metavar="TEXT", help="the reason")

    rollback = _add(within, "rollback", "take a rollout that has ended back, and reject its model", "ID --why TEXT")
    rollback.add_argument("id", metavar="ID", help=_ID)
    rollback.add_argument("--why", required=True, metavar="TEXT", help="the reason, which others will read")
    rollback.add_argument("--wait", action="store_true", help="until it has ended; fails where it does")

    plan = _add(
        within,
        "plan",
        "show how models are rolled out, or change it for the next one",
        "",
        "--set waves=berlin,lyon --set limits.offline_share=0.2",
    )
    add_said(plan, "as it is shown")


def _add(commands: Commands, name: str, summary: str, *examples: str) -> argparse.ArgumentParser:
    parser = add_command(commands, name, summary, *examples)
    add_engine(parser)
    parser.set_defaults(command=engine_command(partial(_run, name)))
    return parser


def _run(name: str, options: argparse.Namespace) -> int:
    from cloud_side.deployment import commands  # noqa: PLC0415 - boto3, for those who ask for help

    return commands.run(name, options, partial(print, flush=True))
