"""What the families of commands share: how one is added, which engine is meant, one line for what is refused."""

import argparse
import getpass
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeAlias

from cloud_side.engines import AWS, ENGINE_VARIABLE, engine_folder, local_engine
from cloud_side.installation import INSTALLATION_VARIABLE, PRODUCT, installation
from edge_inspector.errors import InspectorError

BUCKET_VARIABLE: Final = "EDGE_INSPECTOR_BUCKET"
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 - has no other name
Command: TypeAlias = Callable[[argparse.Namespace], int]


class CommandError(InspectorError):
    """What was asked for is not there, or is refused; one line for a person."""


def add_command(commands: Commands, name: str, summary: str, *examples: str, more: str = "") -> argparse.ArgumentParser:
    """Add a command and return its parser.

    Args:
        commands: Of the family.
        name: Of the command.
        summary: What it does, in the list of the family's commands and in its own help.
        examples: What can stand behind the command's name.
        more: A sentence for its own help alone.
    """
    parser = commands.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.{f' {more}' if more else ''}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.epilog = "examples:" + "".join(f"\n  {parser.prog} {example}".rstrip() for example in examples)
    return parser


def add_engine(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where a command works; `on_engine` and `bucket_of` heed them."""
    parser.add_argument(
        "--home", type=Path, metavar="DIR", help=f"folder of a local engine (default: as ${ENGINE_VARIABLE} says)"
    )
    parser.add_argument(
        "--bucket",
        metavar="NAME",
        help=f"the product's bucket (default: ${BUCKET_VARIABLE}, else that of the engine, in AWS of "
        f"${INSTALLATION_VARIABLE})",
    )


def bucket_of(options: argparse.Namespace) -> str:
    """Return the name of the product's bucket, which AWS is asked for where nothing else says it.

    Raises:
        CommandError: If AWS does not know it either.
    """
    said: str | None = options.bucket or os.environ.get(BUCKET_VARIABLE)
    if said:
        return said
    return _published_bucket() if engine_folder() is None else PRODUCT


def _published_bucket() -> str:
    import boto3  # noqa: PLC0415 - a second, for those who ask for help

    name, ssm = f"/{installation()}/bucket", boto3.Session().client("ssm")
    try:
        return str(ssm.get_parameter(Name=name)["Parameter"]["Value"])
    except ssm.exceptions.ParameterNotFound as error:
        msg = (
            f"--bucket: expected the product's bucket in the parameter {name}, found no such parameter; say "
            f"--bucket NAME, set {BUCKET_VARIABLE}, or let {INSTALLATION_VARIABLE} name an installation of this account"
        )
        raise CommandError(msg) from error


def add_group(parser: argparse.ArgumentParser) -> None:
    """Add the option that names a model package group; `group_of` heeds it."""
    parser.add_argument("--group", metavar="NAME", help="model package group (default: that of the installation)")


def group_of(options: argparse.Namespace) -> str:
    """Return the name of the model package group, which is called as the installation where nothing else is said."""
    said: str | None = options.group
    return said or installation()


def name_and_value(text: str) -> tuple[str, str]:
    """Return what `NAME=VALUE` says, for an option that may be said several times.

    Raises:
        ArgumentTypeError: If it says something else.
    """
    name, equals, value = text.partition("=")
    if not name or not equals:
        msg = f"expected NAME=VALUE, found {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return name, value


def add_said(
    parser: argparse.ArgumentParser, means: str, *, read: Callable[[str], tuple[str, str]] = name_and_value
) -> None:
    """Add `--set NAME=VALUE`, which may be given again: `said`, a list of names and values.

    Args:
        parser: Of the command.
        means: What is set.
        read: Reads one of them.
    """
    parser.add_argument("--set", dest="said", action="append", type=read, default=[], metavar="NAME=VALUE", help=means)


@contextmanager
def on_engine(options: argparse.Namespace) -> Iterator[None]:
    """Have `cloud_side.session` open the engine that is meant; what it refuses is an error of one line.

    Raises:
        CommandError: If the folder that is named is none of an engine, or something is refused or cannot be asked.
    """
    if options.home is not None:
        if not options.home.expanduser().is_dir():
            msg = f"--home: expected the folder of an engine, found none at {options.home}"
            raise CommandError(msg)
        os.environ[ENGINE_VARIABLE] = local_engine(options.home.expanduser())
    with one_line_errors():
        yield


def engine_command(command: Command) -> Command:
    """Return a command that works on the engine that is meant, and says in one line what AWS refuses."""

    def run(options: argparse.Namespace) -> int:
        with on_engine(options):
            return command(options)

    return run


def user() -> str:
    """Return the name of the person at this machine, for what is told of who did it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user need not have a name
        return "unknown"


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Make what a service refuses, and what keeps one from asking it, an error of one line."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - a second, for those who ask for help

    try:
        yield
    except ClientError as error:
        said = error.response["Error"]
        msg = f"{said.get('Code', 'refused')}: {said.get('Message') or error}"
        raise CommandError(" ".join(msg.split())) from error
    except BotoCoreError as error:
        msg = f"AWS cannot be asked: {' '.join(str(error).split()).rstrip('.')}"
        if os.environ.get(ENGINE_VARIABLE, AWS) == AWS:
            msg += f"; for an engine of this machine name its folder, or set {ENGINE_VARIABLE}=local:FOLDER"
        raise CommandError(msg) from error
