"""The command line: parses arguments, calls one function, prints.

Each command imports what it needs when it runs, so that `--help` and `check-config` need no ONNX Runtime.
"""

import argparse
import math
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edge_inspector import __version__
from edge_inspector.errors import InspectorError

if TYPE_CHECKING:
    from edge_inspector.postprocess import Decode

_DIFFERENT = 1  # a replay; anything else that ends with 1 has a traceback
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; an error is one line, without a traceback."""
    options = _parser().parse_args(arguments)
    try:
        code = int(options.command(options))
        sys.stdout.flush()  # here, where a reader that has gone is no surprise
    except InspectorError as error:
        from edge_inspector.daemon import exit_code

        for line in str(error).splitlines():
            print(f"edge-inspector: error: {line}", file=sys.stderr)
        return exit_code(error)
    except BrokenPipeError:
        # The reader of our output has gone, as `head` does; nothing more can be said to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="edge-inspector",
        description="Visual inspection on the production line: a verdict for every part.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    run = _command(commands, "run", "run the daemon", "edge-inspector run -c station.toml")
    run.add_argument("-c", "--config", type=Path, required=True, metavar="FILE", help="configuration, TOML or JSON")
    run.add_argument("--record", type=Path, metavar="DIR", help="also record frames and results, for `replay`")
    run.add_argument(
        "--record-frames",
        type=_number(int, 1, 1_000_000),
        default=1000,
        metavar="N",
        help="end the recording after N frames (default: %(default)s)",
    )
    run.set_defaults(command=_run)

    demo = _command(
        commands,
        "demo",
        "run a simulated line with the shipped model and a local broker",
        "edge-inspector demo\n  edge-inspector demo --parts 200 --rate 20",
    )
    demo.add_argument(
        "--parts", type=_number(int, 1, math.inf), metavar="N", help="stop after N parts (default: run until Ctrl-C)"
    )
    demo.add_argument(
        "--rate",
        type=_number(float, 0.01, 1000),
        default=4.0,
        metavar="HZ",
        help="parts a second (default: %(default)s)",
    )
    demo.add_argument(
        "--seed", type=_number(int, 0, math.inf), default=0, help="which parts the line brings (default: %(default)s)"
    )
    demo.add_argument(
        "--port", type=_number(int, 1, 65535), default=1883, help="port of the local broker (default: %(default)s)"
    )
    demo.set_defaults(command=_demo)

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
        type=_number(float, 0, 1),
        metavar="X",
        help="also report weak detections, from this confidence on",
    )
    inspect.add_argument("--model", type=Path, metavar="DIR", help="model package (default: the shipped one)")
    inspect.add_argument("-c", "--config", type=Path, metavar="FILE", help="take model and policy from a configuration")
    inspect.set_defaults(command=_inspect)

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
    bench.add_argument("--image", type=_image_wh, metavar="WxH", help="size of the frames (default: the source's)")
    bench.add_argument(
        "--seconds",
        type=_number(float, 0.1, 3600),
        default=30.0,
        metavar="S",
        help="time for measuring (default: %(default)s)",
    )
    bench.add_argument("--json", type=Path, metavar="FILE", help="also write the numbers to a file")
    bench.set_defaults(command=_bench)

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
    check.set_defaults(command=_check_config)

    topics = _command(commands, "topics", "print the MQTT topics of a station", "edge-inspector topics -c station.toml")
    topics.add_argument("-c", "--config", type=Path, metavar="FILE", help="configuration (default: the defaults)")
    topics.set_defaults(command=_topics)

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
    replay.set_defaults(command=_replay)

    support = _command(
        commands,
        "support-bundle",
        "write one file with all that support needs, without secrets",
        "edge-inspector support-bundle -c station.toml",
    )
    support.add_argument("-c", "--config", type=Path, metavar="FILE", help="configuration (default: the defaults)")
    support.add_argument("--out", type=Path, metavar="FILE", help="file to write (default: named after the time)")
    support.set_defaults(command=_support_bundle)

    _add_model_commands(commands)
    return parser


def _add_model_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    model = _command(commands, "model", "import, describe or verify a model package", "edge-inspector model verify DIR")
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
        type=_decode,
        metavar="TYPE",
        help="yolov8, yolov5, xyxy_scores, detr or end2end (default: by the shapes of its outputs)",
    )
    import_.add_argument(
        "--model-wh", type=_image_wh, metavar="WxH", help="size of the input in pixels, where the file leaves it open"
    )
    import_.add_argument(
        "--class-names", nargs="+", metavar="NAME", help="names in the order of the class ids (default: the file's)"
    )
    import_.set_defaults(command=_model_import)

    for name, summary, function in (
        ("describe", "print what a model package says of itself", _model_describe),
        ("verify", "check the sha256 and run the golden images", _model_verify),
    ):
        action = _command(actions, name, summary, f"edge-inspector model {name} models/solder")
        action.add_argument("folder", type=Path, nargs="?", metavar="DIR", help="package (default: the shipped one)")
        action.set_defaults(command=function)


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


def _number(kind: type[int] | type[float], lowest: float, highest: float) -> Callable[[str], float]:
    """Return what reads an argument that is a number from `lowest` to `highest`."""

    def read(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = math.nan
        if not lowest <= value <= highest:
            bounds = f"of at least {lowest:g}" if highest == math.inf else f"from {lowest:g} to {highest:g}"
            msg = f"expected a{' whole' if kind is int else ''} number {bounds}, found {text!r}"
            raise argparse.ArgumentTypeError(msg)
        return value

    return read


def _image_wh(text: str) -> tuple[int, int]:
    """Read an argument that is the size of an image."""
    from edge_inspector.settings import LARGEST_IMAGE_SIDE, SMALLEST_IMAGE_SIDE

    sides = text.split("x")
    if len(sides) == 2 and all(side.isascii() and side.isdigit() for side in sides):
        width, height = map(int, sides)
        if min(width, height) >= SMALLEST_IMAGE_SIDE and max(width, height) <= LARGEST_IMAGE_SIDE:
            return width, height
    bounds = f"with sides of {SMALLEST_IMAGE_SIDE} to {LARGEST_IMAGE_SIDE} pixels"
    msg = f"expected WIDTHxHEIGHT {bounds}, for example 1920x1080, found {text!r}"
    raise argparse.ArgumentTypeError(msg)


def _decode(text: str) -> "Decode":
    """Read an argument that is the layout of a model's output."""
    from edge_inspector.postprocess import Decode

    if text not in [*Decode]:
        msg = f"expected one of {', '.join(Decode)}, found {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return Decode(text)


def _run(options: argparse.Namespace) -> int:
    if options.record is None:
        from edge_inspector.daemon import run_file

        run_file(options.config)
    else:
        from edge_inspector.configuration.reading import read_settings
        from edge_inspector.replay.record import record

        record(read_settings(options.config), options.record, most_frames=options.record_frames)
    return 0


def _replay(options: argparse.Namespace) -> int:
    from edge_inspector.configuration.reading import read_settings
    from edge_inspector.replay.show import show

    settings = None if options.config is None else read_settings(options.config)
    is_equal = show(options.folder, settings=settings, model=options.model, json_file=options.json)
    return 0 if is_equal else _DIFFERENT


def _support_bundle(options: argparse.Namespace) -> int:
    from edge_inspector.support.show import show

    show(options.config, out=options.out)
    return 0


def _demo(options: argparse.Namespace) -> int:
    from edge_inspector.demo.show import show

    show(parts=options.parts, rate_hz=options.rate, seed=options.seed, port=options.port)
    return 0


def _inspect(options: argparse.Namespace) -> int:
    from edge_inspector.batch import inspect_files
    from edge_inspector.configuration.reading import read_settings
    from edge_inspector.daemon import Exit
    from edge_inspector.settings import ModelSettings, Settings

    settings = Settings() if options.config is None else read_settings(options.config)
    if options.model is not None:
        settings = settings.model_copy(update={"model": ModelSettings(path=options.model)})
    failed = inspect_files(options.paths, settings, min_confidence=options.min_confidence, save=options.save)
    return Exit.UNUSABLE_INPUT if failed else Exit.OK


def _bench(options: argparse.Namespace) -> int:
    from edge_inspector.bench.show import show
    from edge_inspector.configuration.reading import read_settings
    from edge_inspector.settings import Settings

    settings = Settings() if options.config is None else read_settings(options.config)
    if options.model is not None:
        model = settings.model.model_copy(update={"path": options.model})
        settings = settings.model_copy(update={"model": model})
    show(settings, image_wh=options.image, seconds=options.seconds, json_file=options.json)
    return 0


def _check_config(options: argparse.Namespace) -> int:
    from edge_inspector.app import check
    from edge_inspector.configuration.difference import difference
    from edge_inspector.configuration.reading import read_settings

    settings = read_settings(options.file)
    for remark in check(settings):
        print(f"{options.file}: {remark}")
    if options.against is not None:
        for change in difference(read_settings(options.against), settings):
            print(change)
    return 0


def _topics(options: argparse.Namespace) -> int:
    from edge_inspector.app import topic_tree
    from edge_inspector.configuration.reading import read_settings
    from edge_inspector.settings import Settings
    from edge_inspector.topics import catalogue_table

    settings = Settings() if options.config is None else read_settings(options.config)
    print(catalogue_table(topic_tree(settings)))
    return 0


def _model_import(options: argparse.Namespace) -> int:
    from edge_inspector.detectors.importing import import_model

    imported = import_model(
        options.file,
        options.out,
        name=options.name,
        version=options.version,
        decode=options.decode,
        model_wh=options.model_wh,
        class_names=options.class_names,
    )
    manifest = imported.package.manifest
    print(f"{options.out}: {manifest.name} {manifest.version}, {len(manifest.class_names)} classes")
    for assumption in imported.assumptions:
        print(f"assumed: {assumption}")
    return 0


def _model_describe(options: argparse.Namespace) -> int:
    from edge_inspector.app import SHIPPED_MODEL
    from edge_inspector.detectors.model_file import ModelPackage

    print(ModelPackage.open(options.folder or SHIPPED_MODEL).manifest.model_dump_json(indent=2, by_alias=True))
    return 0


def _model_verify(options: argparse.Namespace) -> int:
    from edge_inspector.app import SHIPPED_MODEL
    from edge_inspector.daemon import Exit
    from edge_inspector.detectors.model_file import ModelPackage
    from edge_inspector.detectors.onnx import OnnxDetector
    from edge_inspector.detectors.verification import verify

    package = ModelPackage.open(options.folder or SHIPPED_MODEL)
    failed = False
    with OnnxDetector(package) as detector:
        print(f"{package.folder}: {detector.identity.name} {detector.identity.version}: files and tensors are right")
        for check in verify(package, detector):
            failed |= bool(check.problems)
            print(f"{check.image}: {'; '.join(check.problems) or 'as promised'}")
    if not package.manifest.golden:
        print("the package has no golden images: what it finds was not checked")
    return Exit.UNUSABLE_INPUT if failed else Exit.OK
