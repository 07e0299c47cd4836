"""The command `dataset simulate`: a product with known defects, written as labeled images that anything can read."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from cloud_side.commands import Commands, add_command

FORMS: Final = ("coco", "yolo", "voc", "rows")
PRODUCTS: Final = ("tags", "boards")


def add_simulate(commands: Commands) -> None:
    """Add `simulate` to the commands of `dataset`."""
    simulated = add_command(
        commands,
        "simulate",
        "write images of a simulated product with its labels, to try the training with",
        "--product boards --count 200 --form coco --out boards",
        "--product tags --count 100 --seed 7 --form yolo --out tags",
    )
    simulated.description = (
        "Write images of a simulated product with its labels: grey metal tags with scratches, or circuit boards in "
        "color with bridges, holes and missing solder. The same seed gives the same images."
    )
    simulated.add_argument("--product", choices=PRODUCTS, required=True)
    simulated.add_argument("--count", type=_whole(1), default=200, metavar="N", help="images (default: %(default)s)")
    simulated.add_argument("--seed", type=_whole(0), default=1, metavar="N", help="default: %(default)s")
    simulated.add_argument("--form", choices=FORMS, default="rows", help="of the labels (default: %(default)s)")
    simulated.add_argument("--out", type=Path, required=True, metavar="DIR", help="not there, or empty")
    simulated.set_defaults(command=_simulate)


def _simulate(options: argparse.Namespace) -> int:
    from cloud_side.training.simulated.writing import simulate  # noqa: PLC0415 - seconds, for those who ask for help

    done = simulate(options.product, options.count, options.seed, options.form, options.out)
    sys.stdout.write(f"written: {options.out} ({len(done.images)} images of {options.product}, as {options.form})\n")
    return 0


def _whole(least: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and int(text) >= least):
            msg = f"expected a whole number from {least} on, found {text!r}"
            raise argparse.ArgumentTypeError(msg)
        return int(text)

    return parse
