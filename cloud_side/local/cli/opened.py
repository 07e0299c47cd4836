"""Which engine a command talks to: the one in a folder of this machine, or the one that the environment names."""

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cloud_side.engines import ENGINE_VARIABLE, local_engine
from cloud_side.local.cli.arguments import default_home
from cloud_side.local.cli.errors import CommandError
from cloud_side.local.home import Home, engine_in
from cloud_side.session import session


def home_of(options: argparse.Namespace) -> Home:
    """Return the folder that the options or the environment name, whether it is there or not."""
    return Home((options.home or default_home()).expanduser().absolute())


def existing_home(options: argparse.Namespace) -> Home:
    """Return the folder in which an engine runs or has run.

    Raises:
        CommandError: If there is none.
    """
    home = home_of(options)
    if not home.database.exists():
        msg = f"{home.folder}: no engine has run here; start one by `edge-inspector-cloud local up`, or name its --home"
        raise CommandError(msg)
    return home


def client_of(options: argparse.Namespace) -> Any:  # noqa: ANN401 - boto3's clients have no type
    """Return a client of Step Functions: of the engine in a folder for `local …`, else as the environment says."""
    if options.family == "workflows":
        return session().client("stepfunctions")
    with _engine(existing_home(options).folder):
        return session().client("stepfunctions")


def warn_if_nothing_moves(options: argparse.Namespace) -> None:
    """Say that no engine runs, where what was asked for needs one to go on."""
    if options.family == "local" and engine_in(home_of(options)) is None:
        print("no engine runs: nothing moves until `edge-inspector-cloud local up`", file=sys.stderr)


@contextmanager
def _engine(folder: Path) -> Iterator[None]:
    before = os.environ.get(ENGINE_VARIABLE)
    os.environ[ENGINE_VARIABLE] = local_engine(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ[ENGINE_VARIABLE]
        else:
            os.environ[ENGINE_VARIABLE] = before
