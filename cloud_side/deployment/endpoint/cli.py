"""The commands `endpoint …`: serve a model package by HTTP here, or have SageMaker do it."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Final

from cloud_side.commands import Commands, add_command, add_engine, add_group

_PORT: Final = 8080


def add_commands(commands: Commands) -> None:
    """Add `endpoint …` to the parser of `edge-inspector-cloud`; each command sets its function as `command`."""
    family = commands.add_parser(
        "endpoint", help="serve a model by HTTP, here or in SageMaker, for stations without one"
    )
    within = family.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_serve(within)
    _add_deploy(within)

    status = _add(within, "status", "say what an endpoint serves, and how far a change of it is", "line-3")
    status.add_argument("name", metavar="NAME", help="of the endpoint")

    delete = _add(within, "delete", "delete an endpoint and all that was made for it", "line-3 --plan")
    delete.add_argument("name", metavar="NAME", help="of the endpoint")
    delete.add_argument("--plan", action="store_true", help="only say what would be done")


def _add_serve(within: Commands) -> None:
    parser = add_command(
        within,
        "serve",
        "serve a model package on this machine, without an account, as SageMaker's container does",
        "models/metal-tags",
        "models/metal-tags --host 0.0.0.0 --port 8081 --sessions 2",
    )
    parser.add_argument("folder", type=Path, metavar="MODEL_DIR", help="folder with model.json")
    parser.add_argument("--host", default="127.0.0.1", metavar="ADDRESS", help="where to listen (default: %(default)s)")
    parser.add_argument("--port", type=int, default=_PORT, metavar="PORT", help="0: any (default: %(default)s)")
    parser.add_argument("--sessions", type=int, metavar="N", help="images at once (default: one a processor)")
    parser.add_argument("--waiting", type=int, metavar="N", help="requests that wait (default: 8 for each session)")
    _add_precision(parser)
    parser.set_defaults(command=_serve)


def _add_deploy(within: Commands) -> None:
    parser = _add(
        within,
        "deploy",
        "have SageMaker serve a registered model: a new endpoint, or new instances beside those of an old one",
        "champion --image ACCOUNT.dkr.ecr.REGION.amazonaws.com/edge-inspector-endpoint:1 --role ARN",
        "1.3.0 --image URI --role ARN --count 4 --alarm endpoint-5xx --alarm endpoint-latency --wait",
    )
    parser.add_argument("package", metavar="PACKAGE", help="an ARN, a version, `latest` or `champion`")
    parser.add_argument("--image", required=True, metavar="URI", help="of the endpoint's container")
    parser.add_argument(
        "--role", required=True, metavar="ARN", help="that SageMaker takes: reads the archive and image"
    )
    parser.add_argument("--name", metavar="NAME", help="of the endpoint (default: after the model)")
    parser.add_argument("--instance", default="ml.c7i.large", metavar="TYPE", help="default: %(default)s")
    parser.add_argument("--count", type=int, metavar="N", help="instances (default: as many as stand; a new one has 1)")
    _add_precision(parser)
    parser.add_argument(
        "--alarm", action="append", default=[], metavar="NAME", help="of CloudWatch: rolls an update back; up to 10"
    )
    parser.add_argument(
        "--share", type=float, default=0.1, help="of the instances that are new first, up to 0.5 (default: %(default)s)"
    )
    parser.add_argument("--watch", type=int, default=600, metavar="S", help="so long (default: %(default)s s)")
    parser.add_argument(
        "--end-after", type=int, default=300, metavar="S", help="old instances stay so long (default: %(default)s s)"
    )
    parser.add_argument(
        "--most",
        type=int,
        default=3600,
        metavar="S",
        help="a longer update is rolled back; more than twice --watch plus --end-after (default: %(default)s s)",
    )
    add_group(parser)
    parser.add_argument("--plan", action="store_true", help="only say what would be done")
    parser.add_argument("--wait", action="store_true", help="until it serves, or was rolled back")


def _add_precision(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--precision",
        choices=("float32", "int8"),
        default="float32",
        help="of the package's file (default: %(default)s)",
    )


def _add(within: Commands, name: str, summary: str, *examples: str) -> argparse.ArgumentParser:
    parser = add_command(within, name, summary, *examples)
    add_engine(parser)
    parser.set_defaults(command=_later(name))
    return parser


def _later(name: str) -> Callable[[argparse.Namespace], int]:
    """Return a command that loads what it needs when it runs."""

    def run(options: argparse.Namespace) -> int:
        from cloud_side.deployment.endpoint import commands  # noqa: PLC0415 - boto3, for those who ask for help

        return commands.run(name, options, print)

    return run


def _serve(options: argparse.Namespace) -> int:
    from cloud_side.deployment.endpoint.serving import Serving, serve  # noqa: PLC0415 - ONNX Runtime, likewise

    how = Serving(options.folder, options.host, options.port, options.sessions, options.waiting, options.precision)
    serve(how, lambda line: print(line, flush=True))  # noqa: T201 - a command line prints
    return 0
