"""Which engine a command talks to: the one in a folder of this machine, or the one that the environment names."""

import argparse
import os
import sys
from typing import Any

from cloud_side.engines import AWS, ENGINE_VARIABLE, folder_of
from cloud_side.local.cli.arguments import folder_meant
from cloud_side.local.cli.errors import CommandError
from cloud_side.local.home import Home, engine_in
from cloud_side.local.opening import open_local
from cloud_side.session import session


def home_of(options: argparse.Namespace) -> Home:
    """Return the folder that the options or the environment name, whether it is there or not."""
    return Home(folder_meant(options).absolute())


def existing_home(options: argparse.Namespace) -> Home:
    """Return the folder in which an engine runs or has run.

    Raises:
        CommandError: If there is none.
    """
    return _existing(home_of(options))


def client_of(options: argparse.Namespace) -> Any:  # noqa: ANN401 - boto3's clients have no type
    """Return a client of Step Functions: of the engine in a folder for `local …`, else as the environment says.

    Raises:
        CommandError: If no engine has run in the folder.
        ConfigError: If the environment names no engine.
    """
    home = _engine_home(options)
    return (session() if home is None else open_local(home.folder).session).client("stepfunctions")


def warn_if_nothing_moves(options: argparse.Namespace) -> None:
    """Say that no engine runs, where what was asked for needs one to go on."""
    home = _engine_home(options)
    if home is not None and engine_in(home) is None:
        print(f"no engine runs in {home.folder}: nothing moves until `edge-inspector-cloud local up`", file=sys.stderr)


def _engine_home(options: argparse.Namespace) -> Home | None:
    """Return the home of the engine that a command talks to, None for AWS; a command makes none by a slip."""
    if options.family == "local":
        return existing_home(options)
    folder = folder_of(os.environ.get(ENGINE_VARIABLE, AWS))
    return None if folder is None else _existing(Home(folder.absolute()))


def _existing(home: Home) -> Home:
    if not home.database.exists():
        msg = f"{home.folder}: no engine has run here; start one by `edge-inspector-cloud local up`, or name its folder"
        raise CommandError(msg)
    return home
