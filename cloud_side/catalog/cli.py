"""The commands `dataset …`: make versions of datasets, look at them, bring labels in and take them out."""

import argparse
from datetime import date
from pathlib import Path
from typing import Final

from cloud_side.commands import Command, Commands, add_command, add_engine, user

_REFERENCE: Final = "NAME[@VERSION]"
_WHICH: Final = "the dataset, and how the version begins (default: latest)"
FORMS: Final = ("coco", "yolo", "voc", "augmented", "rows")


def add_commands(commands: Commands) -> Commands:
    """Add `dataset …` to the parser of `edge-inspector-cloud`; each command sets its function as `command`.

    Returns:
        The commands of the family, for those of rooms that the catalog does not know.
    """
    family = commands.add_parser("dataset", help="make versions of datasets, look at them, import and export labels")
    within = family.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_create(within)
    _add_looks(within)
    _add_exchange(within)
    return within


def _add(commands: Commands, name: str, summary: str, *examples: str) -> argparse.ArgumentParser:
    parser = add_command(commands, name, summary, *examples)
    add_engine(parser)
    parser.set_defaults(command=_later(name))
    return parser


def _add_create(commands: Commands) -> None:
    create = _add(
        commands,
        "create",
        "make a version of the labels that there are; the same content is the same version",
        "metal-tags",
        "metal-tags --import 3fa9 --import 77c0 --labels",
        "metal-tags --line press-7 --since 2026-03-01 --near-duplicates join",
    )
    create.add_argument("name", metavar="NAME", help="of the dataset")
    _add_sources(create)
    _add_split(create)
    create.add_argument("--by", default=user(), metavar="NAME", help="who makes it (default: %(default)s)")
    create.add_argument("--json", action="store_true", help="for programs")


def _add_sources(create: argparse.ArgumentParser) -> None:
    create.add_argument(
        "--labels",
        nargs="?",
        const="",
        metavar="STORE",
        help="take labels of a label store (default: that of the installation, where no import is named)",
    )
    create.add_argument(
        "--wait-for",
        action="append",
        default=[],
        metavar="BATCH",
        help="wait until the labels of a labeling batch can be read, 15 minutes at most",
    )
    create.add_argument("--import", dest="imports", action="append", default=[], metavar="ID", help="take an import's")
    create.add_argument("--classes", type=_names, default=(), metavar="A,B", help="default: all that were looked for")
    create.add_argument("--exclude", type=Path, metavar="FILE", help="images to leave out: a sha256 or address a line")
    for name in ("site", "line", "product"):
        create.add_argument(f"--{name}", help=f"only images of this {name}")
    create.add_argument("--since", type=_day, metavar="YYYY-MM-DD", help="only images taken from that day on")


def _add_split(create: argparse.ArgumentParser) -> None:
    create.add_argument("--salt", help="shuffles the groups (default: as before, else the name)")
    create.add_argument("--shares", metavar="TRAIN/VAL/TEST", help="default: as before, else 70/15/15")
    create.add_argument("--least-groups", type=_count, default=1, metavar="N", help="a split needs (default: 1)")
    create.add_argument(
        "--near-duplicates",
        choices=("fail", "report", "join"),
        default="fail",
        help="of two groups: fail if they are in two splits, report them, or let the groups count as one",
    )
    create.add_argument("--sheet", type=Path, metavar="FILE", help="for the page of near duplicates, where it fails")


def _add_looks(commands: Commands) -> None:
    listed = _add(commands, "list", "list datasets and their versions", "", "metal-tags --json")
    listed.add_argument("name", nargs="?", metavar="NAME", help="only of this dataset")
    listed.add_argument("--json", action="store_true", help="for programs")

    show = _add(
        commands,
        "show",
        "show a version: counts, balance, split, exclusions, and where an image comes from",
        "metal-tags",
        "metal-tags@9c64 --image 02ab",
        "metal-tags --html sheet.html",
    )
    show.add_argument("reference", metavar=_REFERENCE, help=_WHICH)
    show.add_argument(
        "--image", metavar="SHA256", help="show all that is known of an image; how its hash begins is enough"
    )
    show.add_argument("--excluded", action="store_true", help="show the images that it leaves out")
    show.add_argument("--html", type=Path, metavar="FILE", help="write a page with the images and their boxes")
    show.add_argument("--most", type=_count, default=1000, metavar="N", help="images shown (default: %(default)s)")
    show.add_argument("--json", action="store_true", help="for programs")

    diff = _add(commands, "diff", "compare two versions", "metal-tags@9c64 metal-tags", "a b --exit-code")
    diff.add_argument("before", metavar="A", help=f"{_REFERENCE}: {_WHICH}")
    diff.add_argument("after", metavar="B", help="the same")
    diff.add_argument("--most", type=_count, default=20, metavar="N", help="images listed (default: %(default)s)")
    diff.add_argument("--exit-code", action="store_true", help="end with 1 if they differ")
    diff.add_argument("--json", action="store_true", help="a line of JSON an image, for programs")


def _add_exchange(commands: Commands) -> None:
    brought = _add(
        commands,
        "import",
        "take labeled images of others in, for `create --import`",
        "tags",
        "tags --form coco",
    )
    brought.add_argument("folder", type=Path, metavar="DIR", help="of the images and their labels")
    brought.add_argument("--form", choices=FORMS, help="of the labels (default: the one that is there)")
    brought.add_argument("--by", default=user(), metavar="NAME", help="who imports it (default: %(default)s)")
    brought.add_argument("--json", action="store_true", help="for programs")

    taken = _add(
        commands,
        "export",
        "write a version with its images into a folder, in a form that others read",
        "metal-tags --form yolo tags",
        "metal-tags@9c64 --form coco tags",
    )
    taken.add_argument("reference", metavar=_REFERENCE, help=_WHICH)
    taken.add_argument("folder", type=Path, metavar="DIR", help="not there, or empty")
    taken.add_argument("--form", choices=FORMS, required=True)


def _later(name: str) -> Command:
    """Return a command that loads what it needs when it runs."""

    def run(options: argparse.Namespace) -> int:
        from cloud_side.catalog import commands

        return commands.run(name, options, print)

    return run


def _names(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    if not all(names):
        msg = f"expected names with commas between them, found {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return names


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        msg = f"expected a day as YYYY-MM-DD, found {text!r}"
        raise argparse.ArgumentTypeError(msg) from error


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        msg = f"expected a whole number above 0, found {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return int(text)
