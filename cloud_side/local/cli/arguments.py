"""Single arguments of commands, with one clear error for each."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from cloud_side.engines import AWS, ENGINE_VARIABLE
from cloud_side.local.cli.errors import CommandError

HOME_VARIABLE = "EDGE_INSPECTOR_CLOUD_HOME"


def default_home(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of the local engine, where no option names one."""
    if home := environment.get(HOME_VARIABLE):
        return Path(home)
    state = environment.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local" / "state") / "edge-inspector-cloud"


def folder_meant(options: argparse.Namespace) -> Path:
    """Return the folder of the local engine that a command is about."""
    return Path(os.path.expanduser(options.home or default_home()))  # noqa: PTH111 - Path's raises for unknown users


def engine_meant(options: argparse.Namespace) -> str:
    """Return how a person names the engine that a command talks to."""
    if getattr(options, "family", "local") == "local":
        return str(folder_meant(options))
    return os.environ.get(ENGINE_VARIABLE, AWS)


def add_home(parser: argparse.ArgumentParser) -> None:
    """Add the option that names the engine's folder."""
    parser.add_argument(
        "--home",
        type=Path,
        metavar="DIR",
        help=f"folder of the engine (default: ${HOME_VARIABLE}, else $XDG_STATE_HOME/edge-inspector-cloud, "
        "else ~/.local/state/edge-inspector-cloud)",
    )


def whole(lowest: int, highest: int) -> Callable[[str], int]:
    """Return what reads an argument that is a whole number from `lowest` to `highest`."""

    def read(text: str) -> int:
        value = int(text) if text.isascii() and text.isdigit() else lowest - 1
        if not lowest <= value <= highest:
            msg = f"expected a whole number from {lowest} to {highest}, found {text!r}"
            raise argparse.ArgumentTypeError(msg)
        return value

    return read


def address(text: str) -> str:
    """Read an argument that is a host and a port."""
    host, _, port = text.rpartition(":")
    if not host or not (port.isascii() and port.isdigit()) or not 1 <= int(port) <= 65_535:
        msg = f"expected HOST:PORT, for example 127.0.0.1:1883, found {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return text


def json_text(said: str) -> str:
    """Return the JSON that an argument is or names: itself, `@FILE`, or `-` for standard input.

    Raises:
        CommandError: If it cannot be read, or is no JSON.
    """
    origin = "--input"
    if said == "-":
        origin, text = "standard input", sys.stdin.read()
    elif said.startswith("@"):
        origin = said[1:]
        try:
            text = Path(origin).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            msg = f"{origin}: the input cannot be read: {error}"
            raise CommandError(msg) from error
    else:
        text = said
    try:
        json.loads(text)
    except ValueError as error:
        msg = f"{origin}: expected JSON, found something else: {error}"
        raise CommandError(msg) from error
    return text
