"""The command `loop`: plays how a line teaches its own model, on this machine."""

import argparse
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Final

from cloud_side.commands import Commands, add_command
from edge_inspector.errors import ConfigError

_OUT: Final = Path("loop")


def add_loop(commands: Commands) -> None:
    """Add `loop` to the commands of `edge-inspector-cloud`."""
    loop = add_command(
        commands,
        "loop",
        "play how a line teaches its own model: two stations, people, an engine, from a defect that escapes to a model "
        "that finds it",
        "",
        "--short --out tried",
        "--unhappy",
    )
    loop.add_argument(
        "--out", type=Path, default=_OUT, metavar="DIR", help="gets the report and all else (default: %(default)s)"
    )
    loop.add_argument("--short", action="store_true", help="fewer parts and steps: some minutes, and wider intervals")
    loop.add_argument(
        "--unhappy", action="store_true", help="people label the wrong thing, and the model comes back by itself"
    )
    loop.set_defaults(command=_loop)


def _loop(options: argparse.Namespace) -> int:
    if find_spec("torch") is None:
        msg = "training needs the extra `train`: pip install 'edge-inspector-cloud[train]'"
        raise ConfigError(msg)
    from cloud_side.loop.playing import REPORT, play_in  # noqa: PLC0415 - seconds, for those who ask for help
    from cloud_side.loop.settings import Wish  # noqa: PLC0415 - likewise

    wish = Wish.of(options.out, is_short=options.short, is_unhappy=options.unhappy)
    with _ended_once():
        story = play_in(wish, _say)
    minutes, seconds = divmod(round(story.seconds), 60)
    for line in ("", story.outcome.headline, *(f"  {line}" for line in story.outcome.lines)):
        _say(line)
    _say(f"{minutes} min {seconds} s; the report is {options.out / REPORT}")
    return 0 if story.outcome.as_promised else 65


def _say(line: str) -> None:
    with suppress(OSError):  # nobody reads it any more, as after `| head`; the report and the exit code are for all
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


@contextmanager
def _ended_once() -> Iterator[None]:
    """Let SIGINT, SIGTERM and a closed terminal end the block; who asks again waits until all has ended."""

    def end(_number: int, _frame: FrameType | None) -> None:
        for number in before:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
