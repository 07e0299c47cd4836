"""The commands `cloud …`: bring an installation to an account of AWS, look at it, change it, take it away."""

import argparse
from functools import partial
from pathlib import Path

from cloud_side.commands import CommandError, Commands, add_command

_UNITS = "catalog, ingest, labeling, training, deployment, monitoring, endpoint or simulated-device"


def add_commands(commands: Commands) -> None:
    """Add the family to the parser of `edge-inspector-cloud`; each command sets its function as `command`."""
    family = commands.add_parser("cloud", help="deploy the cloud side to an account of AWS, look at it, take it away")
    within = family.add_subparsers(title="commands", required=True, metavar="COMMAND")

    synth = _add(within, "synth", "write the templates, with no account and no network", "", "dev --out build/cdk.out")
    synth.add_argument("name", nargs="?", metavar="NAME", help="of one environment (default: all)")
    synth.add_argument("--out", type=Path, default=Path("cdk.out"), metavar="DIR", help="default: %(default)s")

    diff = _add(within, "diff", "show what a deployment would change", "dev", "prod --environments environments.json")
    _add_target(diff)
    deploy = _add(
        within,
        "deploy",
        "show what would change, ask, and deploy it; what fails is taken back",
        "dev",
        "dev --unit labeling",
        "prod --environments environments.json --templates build/cdk.out --yes",
    )
    _add_target(deploy)
    deploy.add_argument("--yes", action="store_true", help="ask nobody, in CI")
    _add_destroy(_add(within, "destroy", *_DESTROY))

    status = _add(within, "status", "tell what is deployed, what has run, and what is in alarm", "dev", "dev --json")
    status.add_argument("name", metavar="NAME", help="of the environment")
    status.add_argument("--json", action="store_true", help="for programs")

    cdk = add_command(
        within, "cdk", "run the CDK CLI itself, as `bootstrap` needs it", "bootstrap aws://111122223333/eu-central-1"
    )
    cdk.add_argument("words", nargs=argparse.REMAINDER, metavar="WORD", help="what it is told")
    cdk.set_defaults(command=partial(_run, "cdk"))


_DESTROY = (
    "show what would be deleted and what stays, ask, and delete the stacks; images, labels and models stay",
    "dev",
    "dev --and-data",
    "dev --yes --and-data --confirm-data edge-inspector-dev",
)


def _add_destroy(destroy: argparse.ArgumentParser) -> None:
    destroy.add_argument("name", metavar="NAME", help="of the environment")
    destroy.add_argument("--yes", action="store_true", help="ask nobody whether stacks shall go, in CI")
    destroy.add_argument(
        "--and-data", action="store_true", help="images, labels and models too, for good: asks for the name once more"
    )
    destroy.add_argument(
        "--confirm-data", metavar="INSTALLATION", help="the name that it would ask for, in CI; only with --and-data"
    )


def _add_target(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="of the environment")
    parser.add_argument("--unit", metavar="UNIT", help=f"one stack alone: {_UNITS}")
    parser.add_argument(
        "--templates", type=Path, metavar="DIR", help="what `synth` has written (default: made now, in a cache)"
    )


def _add(commands: Commands, name: str, summary: str, *examples: str) -> argparse.ArgumentParser:
    parser = add_command(commands, name, summary, *examples)
    parser.add_argument(
        "--environments",
        type=Path,
        metavar="FILE",
        help="which installations there are; docs/first-deploy.md has its fields (default: the examples `dev`, `prod`)",
    )
    parser.set_defaults(command=partial(_run, name))
    return parser


def _run(name: str, options: argparse.Namespace) -> int:
    if name == "destroy" and options.confirm_data is not None and not options.and_data:
        msg = "--confirm-data: expected --and-data beside it, found none; nothing was deleted"
        raise CommandError(msg)
    from cloud_side.lifecycle import commands

    return commands.run(name, options, partial(print, flush=True))
