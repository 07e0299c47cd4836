"""What the families of commands have in common: which engine and bucket is meant, and one line for what is refused."""

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from cloud_side.engines import AWS, ENGINE_VARIABLE, local_engine
from edge_inspector.errors import InspectorError

BUCKET_VARIABLE: Final = "EDGE_INSPECTOR_BUCKET"
BUCKET: Final = "edge-inspector"  # on one machine


class CommandError(InspectorError):
    """What was asked for is not there, or is refused; one line for a person."""


def add_engine(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where a command works; `on_engine` heeds them."""
    parser.add_argument(
        "--home", type=Path, metavar="DIR", help=f"folder of a local engine (default: as ${ENGINE_VARIABLE} says)"
    )
    parser.add_argument(
        "--bucket",
        default=os.environ.get(BUCKET_VARIABLE) or BUCKET,
        metavar="NAME",
        help=f"the product's bucket (default: ${BUCKET_VARIABLE}, else {BUCKET})",
    )


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
