"""The command line of the learning loop: parses arguments, calls one function, prints."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from cloud_side import __version__
from cloud_side.catalog.cli import add_commands as add_dataset_commands
from cloud_side.commands import Commands, add_said
from cloud_side.deployment.cli import add_commands as add_rollout_commands
from cloud_side.deployment.endpoint.cli import add_commands as add_endpoint_commands
from cloud_side.labeling.cli import add_commands as add_labeling_commands
from cloud_side.lifecycle.cli import add_commands as add_cloud_commands
from cloud_side.local.cli import add_commands
from cloud_side.loop.cli import add_loop
from cloud_side.training.cli import add_commands as add_training_commands
from cloud_side.training.registry.cli import add_commands as add_model_commands
from cloud_side.training.simulated.commands import add_simulate
from edge_inspector.errors import ConfigError, InspectorError

TAGS_VARIABLE = "EDGE_INSPECTOR_TAGS"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; an error is one line, without a traceback."""
    options = _parser().parse_args(arguments)
    try:
        code = int(options.command(options))
        sys.stdout.flush()  # here, where a reader that has gone is no surprise
    except InspectorError as error:
        for line in str(error).splitlines():
            print(f"edge-inspector-cloud: error: {line}", file=sys.stderr)
        return 78 if isinstance(error, ConfigError) else 65
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="edge-inspector-cloud", description="The learning loop of Edge Inspector.")
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_train_demo(commands)
    add_commands(commands)
    add_simulate(add_dataset_commands(commands))
    add_labeling_commands(commands)
    add_training_commands(commands)
    add_model_commands(commands)
    add_rollout_commands(commands)
    add_endpoint_commands(commands)
    add_cloud_commands(commands)
    add_loop(commands)
    return parser


def _add_train_demo(commands: Commands) -> None:
    train = commands.add_parser(
        "train-demo",
        help="train the shipped demo model and write its package",
        description="Train a model for each fold of the photographs and one that knows them all, choose thresholds on "
        "what the folds' models find, and write the package. Without photographs simulated tags take their place, and "
        "the card says so. Started again, it goes on where it was.",
        epilog="examples:\n  edge-inspector-cloud train-demo --out models/metal-tags\n"
        "  EDGE_INSPECTOR_TAGS=../tags edge-inspector-cloud train-demo --out models/metal-tags --work work/1\n"
        "  edge-inspector-cloud train-demo --out models/2 --work work/2 --set seed=2 --champion work/1",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    train.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="of the package; an older one there is replaced"
    )
    train.add_argument(
        "--tags", type=Path, metavar="DIR", help=f"labeled photographs (default: ${TAGS_VARIABLE}, else none)"
    )
    train.add_argument(
        "--work",
        type=Path,
        metavar="DIR",
        help="what it goes on from (default: $XDG_CACHE_HOME/edge-inspector-cloud/train-demo, else below ~/.cache)",
    )
    train.add_argument(
        "--champion",
        type=Path,
        metavar="DIR",
        help="to compare with: a --work that is done, or package/ and predictions.jsonl",
    )
    add_said(train, "another hyperparameter than the recipe's; `train --set list` lists them")
    train.set_defaults(command=_train_demo)


def _train_demo(options: argparse.Namespace) -> int:
    try:
        import torch  # noqa: F401
    except ImportError as error:
        msg = "training needs the extra `train`: pip install 'edge-inspector-cloud[train]', or `make train-demo`"
        raise ConfigError(msg) from error
    from cloud_side.training.shipped.demo_model import Wish, train_demo
    from cloud_side.training.shipped.recipe import Recipe

    recipe = Recipe().with_said(dict(options.said))
    tags = options.tags or (Path(os.environ[TAGS_VARIABLE]) if os.environ.get(TAGS_VARIABLE) else None)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    work = options.work or cache / "edge-inspector-cloud" / "train-demo"
    train_demo(Wish(options.out, work, tags, options.champion), recipe)
    return 0


if __name__ == "__main__":
    sys.exit(main())
