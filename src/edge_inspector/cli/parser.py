"""The arguments of every command."""

import argparse
import math
from pathlib import Path

from edge_inspector import __version__
from edge_inspector.cli import camera, page
from edge_inspector.cli import commands as execute
from edge_inspector.cli.arguments import decode, image_wh, number, sha256_prefix

_EXIT_CODES = """\
exit codes:
  0   clean stop, or the source came to its end
  1   a replay gave other results than its recording
  2   wrong arguments
  65  a model package, an image or a recording cannot be used
  69  the source failed
  70  a defect of the program; the log has the details
  75  stuck; the supervisor should start it again
  78  the configuration must be changed
"""


def build_parser() -> argparse.ArgumentParser:
    """Return the parser; its options hold the function of the command as `command`."""
    parser = argparse.ArgumentParser(
        prog="edge-inspector",
        description="Visual inspection on the production line: a verdict for every part.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    run = _command(
        commands,
        "run",
        "run the daemon",
        "edge-inspector run -c station.toml\n  edge-inspector run --greengrass --models models",
    )
    origin = run.add_mutually_exclusive_group(required=True)
    origin.add_argument("-c", "--config", type=Path, metavar="FILE", help="configuration, TOML or JSON")
    origin.add_argument(
        "--greengrass", action="store_true", help="as a component: configuration and connection come from the nucleus"
    )
    run.add_argument(
        "--models", type=Path, metavar="DIR", help="with --greengrass: where the model component leaves models"
    )
    run.add_argument("--record", type=Path, metavar="DIR", help="also record frames and results, for `replay`")
    run.add_argument(
        "--record-frames",
        type=number(int, 1, 1_000_000),
        default=1000,
        metavar="N",
        help="end the recording after N frames (default: %(default)s)",
    )
    run.set_defaults(command=execute.run)

    _add_demo(commands)

    inspect = _command(
        commands,
        "inspect",
        "inspect image files: one JSON line an image on standard output",
        "edge-inspector inspect part.jpg\n"
        "  edge-inspector inspect photos/ --save marked/\n"
        "  edge-inspector inspect photos/ --min-confidence 0.001 > detections.jsonl",
    )
    inspect.add_argument("paths", type=Path, nargs="+", metavar="IMAGE_OR_DIR")
    inspect.add_argument("--save", type=Path, metavar="DIR", help="also write the images with the boxes drawn")
    inspect.add_argument(
        "--min-confidence",
        type=number(float, 0, 1),
        metavar="X",
        help="also report weak detections, from this confidence on",
    )
    inspect.add_argument("--model", type=Path, metavar="DIR", help="model package (default: the shipped one)")
    inspect.add_argument("-c", "--config", type=Path, metavar="FILE", help="take model and policy from a configuration")
    inspect.set_defaults(command=execute.inspect)

    bench = _command(
        commands,
        "bench",
        "measure how fast this machine is with a model; opens no camera and no network",
        "edge-inspector bench\n  edge-inspector bench -c station.toml --json speed.json\n"
        "  edge-inspector bench --model models/solder --image 2448x2048",
    )
    bench.add_argument("-c", "--config", type=Path, metavar="FILE", help="take model, policy and image size from it")
    bench.add_argument(
        "--model", type=Path, metavar="DIR", help="model package (default: the configured or shipped one)"
    )
    bench.add_argument("--image", type=image_wh, metavar="WxH", help="size of the frames (default: the source's)")
    bench.add_argument(
        "--seconds",
        type=number(float, 0.1, 3600),
        default=30.0,
        metavar="S",
        help="time for measuring (default: %(default)s)",
    )
    bench.add_argument("--json", type=Path, metavar="FILE", help="also write the numbers to a file")
    bench.set_defaults(command=execute.bench)

    check = _command(
        commands,
        "check-config",
        "check a configuration and its model",
        "edge-inspector check-config station.toml\n  edge-inspector check-config new.toml --against station.toml",
    )
    check.add_argument("file", type=Path, metavar="FILE")
    check.add_argument(
        "--against",
        type=Path,
        metavar="OTHER",
        help="also print each key that differs from OTHER, and whether it applies live, reopens the source or needs a "
        "restart",
    )
    check.set_defaults(command=execute.check_config)

    topics = _command(commands, "topics", "print the MQTT topics of a station", "edge-inspector topics -c station.toml")
    topics.add_argument("-c", "--config", type=Path, metavar="FILE", help="configuration (default: the defaults)")
    topics.set_defaults(command=execute.topics)

    replay = _command(
        commands,
        "replay",
        "run a recording again and compare the results with those that were recorded",
        "edge-inspector replay recording/\n"
        "  edge-inspector replay recording/ --model models/solder --json changes.json",
    )
    replay.add_argument("folder", type=Path, metavar="DIR", help="what `run --record` has written")
    replay.add_argument("--model", type=Path, metavar="DIR", help="what would change with this model package")
    replay.add_argument(
        "-c", "--config", type=Path, metavar="FILE", help="what would change with its model, policy and tracks"
    )
    replay.add_argument("--json", type=Path, metavar="FILE", help="also write the findings to a file")
    replay.set_defaults(command=execute.replay)

    support = _command(
        commands,
        "support-bundle",
        "write one file with all that support needs, without secrets",
        "edge-inspector support-bundle -c station.toml",
    )
    support.add_argument("-c", "--config", type=Path, metavar="FILE", help="configuration (default: the defaults)")
    support.add_argument("--out", type=Path, metavar="FILE", help="file to write (default: named after the time)")
    support.set_defaults(command=execute.support_bundle)

    _add_families(commands)
    return parser


def _add_demo(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    demo = _command(
        commands,
        "demo",
        "run a simulated line with the shipped model and a local broker",
        "edge-inspector demo\n  edge-inspector demo --parts 200 --rate 20",
    )
    demo.add_argument(
        "--parts", type=number(int, 1, math.inf), metavar="N", help="stop after N parts (default: run until Ctrl-C)"
    )
    demo.add_argument(
        "--rate",
        type=number(float, 0.01, 1000),
        default=4.0,
        metavar="HZ",
        help="parts a second (default: %(default)s)",
    )
    demo.add_argument(
        "--seed", type=number(int, 0, math.inf), default=0, help="which parts the line brings (default: %(default)s)"
    )
    demo.add_argument(
        "--port", type=number(int, 1, 65535), default=1883, help="port of the local broker (default: %(default)s)"
    )
    demo.add_argument(
        "--page-port", type=number(int, 1, 65535), default=8380, help="port of the operator page (default: %(default)s)"
    )
    demo.set_defaults(command=execute.demo)


def _add_families(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the commands that have commands of their own."""
    _add_model_commands(commands)
    camera.add_commands(commands, _command)
    page.add_commands(commands, _command)


def _add_model_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    model = _command(
        commands,
        "model",
        "import, describe, verify or place a model package; tell which runs",
        "edge-inspector model verify DIR",
    )
    actions = model.add_subparsers(title="commands", required=True, metavar="COMMAND")

    import_ = _command(
        actions,
        "import",
        "make a model package of a plain ONNX export (YOLO, RT-DETR, D-FINE, RF-DETR and alike)",
        "edge-inspector model import best.onnx --out models/solder\n"
        "  edge-inspector model import dfine.onnx --out models/solder --class-names bridge void",
    )
    import_.add_argument("file", type=Path, metavar="ONNX")
    import_.add_argument("--out", type=Path, required=True, metavar="DIR", help="package folder to make")
    import_.add_argument("--name", help="name of the model (default: the file's name)")
    import_.add_argument("--version", default="1.0.0", help="semantic version (default: %(default)s)")
    import_.add_argument(
        "--decode",
        type=decode,
        metavar="TYPE",
        help="yolov8, yolov5, xyxy_scores, detr or end2end (default: by the shapes of its outputs)",
    )
    import_.add_argument(
        "--model-wh", type=image_wh, metavar="WxH", help="size of the input in pixels, where the file leaves it open"
    )
    import_.add_argument(
        "--class-names", nargs="+", metavar="NAME", help="names in the order of the class ids (default: the file's)"
    )
    import_.set_defaults(command=execute.model_import)

    for name, summary, function in (
        ("describe", "print what a model package says of itself", execute.model_describe),
        ("verify", "check the sha256 and run the golden images", execute.model_verify),
    ):
        action = _command(actions, name, summary, f"edge-inspector model {name} models/solder")
        action.add_argument("folder", type=Path, nargs="?", metavar="DIR", help="package (default: the shipped one)")
        action.set_defaults(command=function)

    place = _command(
        actions,
        "place",
        "copy a model package into a folder of updates, for the station that watches it",
        "edge-inspector model place models/solder --to /var/lib/edge-inspector/updates",
    )
    place.add_argument("folder", type=Path, metavar="DIR", help="package")
    place.add_argument("--to", type=Path, required=True, metavar="FOLDER", help="model.updates.folder of the station")
    place.set_defaults(command=execute.model_place)

    status = _command(
        actions,
        "status",
        "print which model runs, which ran before, and which were refused",
        "edge-inspector model status -c station.toml",
    )
    status.add_argument("-c", "--config", type=Path, required=True, metavar="FILE", help="configuration")
    status.set_defaults(command=execute.model_status)

    forget = _command(
        actions,
        "forget-rejected",
        "let a model be tried again that was refused; the station may run meanwhile",
        "edge-inspector model forget-rejected 523cb92e8f50 -c station.toml",
    )
    forget.add_argument("sha256", type=sha256_prefix, metavar="SHA256", help="of its file, or how that begins")
    forget.add_argument("-c", "--config", type=Path, required=True, metavar="FILE", help="configuration")
    forget.set_defaults(command=execute.model_forget_rejected)


def _command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, summary: str, example: str
) -> argparse.ArgumentParser:
    return commands.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog=f"examples:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
