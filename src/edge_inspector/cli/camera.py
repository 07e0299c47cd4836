"""`edge-inspector camera`: which cameras are there, what they can, and whether their frames arrive."""

import argparse
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from edge_inspector.cli.arguments import number

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_inspector.settings import LiveSettings, Settings

_DEFAULT_COUNT = 10
_DEFAULT_SECONDS = 30.0


class AddCommand(Protocol):
    """Adds a command to the parser."""

    def __call__(
        self, commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, summary: str, example: str
    ) -> argparse.ArgumentParser:
        """Return its own parser."""


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", add: AddCommand) -> None:
    """Add the command with its own commands.

    Args:
        commands: Where.
        add: Adds one of them: name, summary, example.
    """
    camera = add(commands, "camera", "list, describe and try industrial cameras", "edge-inspector camera list")
    actions = camera.add_subparsers(title="commands", required=True, metavar="COMMAND")

    listing = add(
        actions, "list", "list the GigE Vision and USB3 Vision cameras that answer", "edge-inspector camera list"
    )
    listing.add_argument("--json", action="store_true", help="one JSON object a camera")
    listing.set_defaults(command=list_cameras)

    describe = add(
        actions,
        "describe",
        "print a camera's features with value, range and unit",
        "edge-inspector camera describe 22912345\n  edge-inspector camera describe -c station.toml",
    )
    _add_camera(describe)
    describe.add_argument("--all", action="store_true", help="all features by category, not those that matter alone")
    describe.add_argument("--json", action="store_true", help="one JSON object a feature")
    describe.set_defaults(command=describe_camera)

    grab = add(
        actions,
        "grab",
        "grab frames as the daemon does, and check their way: losses, MTU, buffers, rate",
        "edge-inspector camera grab 22912345\n  edge-inspector camera grab -c station.toml --count 500 --out frames/",
    )
    _add_camera(grab)
    grab.add_argument(
        "--count",
        type=number(int, 1, 10_000_000),
        metavar="N",
        help=f"frames (default: {_DEFAULT_COUNT}, or as many as come in --seconds)",
    )
    grab.add_argument(
        "--seconds", type=number(float, 0.1, 86_400), metavar="S", help=f"longest time (default: {_DEFAULT_SECONDS:g})"
    )
    grab.add_argument("--out", type=Path, metavar="DIR", help="save the frames as PNG, once all are grabbed")
    grab.add_argument(
        "--json", action="store_true", help="one JSON object a frame, and one of the self-check at the end"
    )
    grab.set_defaults(command=grab_frames)


def _add_camera(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "camera", nargs="?", metavar="CAMERA", help="serial, address or name (default: the configured or the only one)"
    )
    command.add_argument("-c", "--config", type=Path, metavar="FILE", help="set it up as section `source` says")


def list_cameras(options: argparse.Namespace) -> int:
    """List the cameras that answer; 69 when none does."""
    import json

    from edge_inspector.commissioning.listing import list_cameras as find
    from edge_inspector.daemon import Exit

    listing = find()
    for problem in listing.problems:
        print(f"edge-inspector: {problem}", file=sys.stderr)
    lines = listing.lines()
    if options.json:
        lines = [json.dumps(document) for document in listing.documents()]
    for line in lines:
        print(line)
    return Exit.OK if listing.cameras else Exit.SOURCE_FAILED


def describe_camera(options: argparse.Namespace) -> int:
    """Print the features of a camera; 78 when it refuses one that is configured."""
    import json

    from edge_inspector.commissioning.describing import describe, lines_of, refusals
    from edge_inspector.commissioning.opening import industrial, open_features
    from edge_inspector.daemon import Exit
    from edge_inspector.sources.genicam.features import set_up_of

    settings = industrial(_settings(options))
    with closing(open_features(settings)) as nodes:
        refused = refusals(nodes, set_up_of(settings)) if options.config is not None else []
        features = describe(nodes, all_of_them=options.all)
        if options.json:
            lines = [json.dumps(feature.document()) for feature in features]
        else:
            lines = [f"{nodes.found}, {nodes.found.protocol}", *lines_of(features)]
    for line in lines:
        print(line)
    for refusal in refused:
        print(f"refused: {refusal}", file=sys.stderr)
    if options.config is not None and not refused:
        print(f"{options.config}: the camera takes all that is configured", file=sys.stderr)
    return Exit.CONFIGURATION if refused else Exit.OK


def grab_frames(options: argparse.Namespace) -> int:
    """Grab frames and check their way; 69 unless all came whole."""
    from edge_inspector.commissioning.advice import advise
    from edge_inspector.commissioning.grabbing import GrabbedFrame, grab
    from edge_inspector.commissioning.report import Printer
    from edge_inspector.commissioning.saving import Album
    from edge_inspector.daemon import Exit

    settings = _settings(options)
    album = None if options.out is None else Album(options.out)
    printer = Printer(as_json=options.json)

    def take(frame: GrabbedFrame, image: "NDArray[np.uint8] | None") -> None:
        print(printer.frame(frame), flush=True)
        if album is not None and image is not None:
            album.keep(frame.number, image)

    count = options.count or (_DEFAULT_COUNT if options.seconds is None else sys.maxsize)
    measured = grab(settings, take, count=count, seconds=options.seconds or _DEFAULT_SECONDS)
    for line in printer.check(measured, advise(measured)):
        print(line)
    if album is not None:
        print(f"{album.write()} frames saved in {options.out}, {album.left_out} left out", file=sys.stderr)
    is_complete = measured.frames.whole and not measured.loss and measured.problem is None
    return Exit.OK if is_complete and _is_enough(options, measured.frames.whole) else Exit.SOURCE_FAILED


def _is_enough(options: argparse.Namespace, whole: int) -> bool:
    """Return whether all frames came that were asked for; without a count that is any."""
    return whole >= (options.count or (_DEFAULT_COUNT if options.seconds is None else 1))


def _settings(options: argparse.Namespace) -> "LiveSettings":
    from edge_inspector.commissioning.opening import camera_settings
    from edge_inspector.configuration.reading import read_settings

    settings: Settings | None = None if options.config is None else read_settings(options.config)
    return camera_settings(settings, options.camera)
