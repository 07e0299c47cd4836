"""The command line of the learning loop: parses arguments, calls one function, prints."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from cloud_side import __version__
from cloud_side.catalog.cli import add_commands as add_dataset_commands
from cloud_side.labeling.cli import add_commands as add_labeling_commands
from cloud_side.local.cli import add_commands
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
    train = commands.add_parser(
        "train-demo",
        help="train the shipped demo model and write its package",
        description="Cross-validate over the photographs, choose thresholds from the pooled out-of-fold predictions, "
        "then train once on everything. Without photographs it trains on simulated tags alone, and says so.",
        epilog="examples:\n  edge-inspector-cloud train-demo --out models/metal-tags\n"
        "  EDGE_INSPECTOR_TAGS=../tags edge-inspector-cloud train-demo --out models/metal-tags",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    train.add_argument("--out", type=Path, required=True, metavar="DIR", help="package folder; replaced when complete")
    train.add_argument(
        "--tags", type=Path, metavar="DIR", help=f"photographs with labels.jsonl (default: ${TAGS_VARIABLE}, else none)"
    )
    train.add_argument("--folds", type=int, default=4, help="of the cross-validation (default: %(default)s)")
    train.add_argument("--iterations", type=int, help="steps of each training run (default: the recipe's)")
    train.add_argument("--seed", type=int, default=1, help="default: %(default)s")
    train.set_defaults(command=_train_demo)
    add_commands(commands)
    add_simulate(add_dataset_commands(commands))
    add_labeling_commands(commands)
    add_training_commands(commands)
    add_model_commands(commands)
    return parser


def _train_demo(options: argparse.Namespace) -> int:
    try:
        import torch  # noqa: F401
    except ImportError as error:
        msg = "training needs the extra `train`: pip install 'edge-inspector-cloud[train]', or `make train-demo`"
        raise ConfigError(msg) from error
    from cloud_side.training.shipped.demo_model import train_demo

    tags = options.tags or (Path(os.environ[TAGS_VARIABLE]) if os.environ.get(TAGS_VARIABLE) else None)
    train_demo(tags, options.out, folds=options.folds, iterations=options.iterations, seed=options.seed)
    print(f"written: {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
