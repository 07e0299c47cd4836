"""Plays the story in a folder of its own, and leaves its report there, however it ends."""

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from cloud_side.commands import one_line_errors
from cloud_side.engines import ENGINE_VARIABLE, local_engine
from cloud_side.loop.premises import opened
from cloud_side.loop.programs import LoopError
from cloud_side.loop.report import report
from cloud_side.loop.settings import Wish
from cloud_side.loop.stages import play, title_of
from cloud_side.loop.story import Outcome, Story
from cloud_side.loop.telling import Teller
from edge_inspector.errors import ConfigError, InspectorError

REPORT: Final = "loop.html"
_MARK: Final = ".edge-inspector-loop"  # in a folder that an earlier one has left


def play_in(wish: Wish, say: Callable[[str], None]) -> Story:
    """Play the story that is wished for and write its report.

    Args:
        wish: What, how much, and where.
        say: Takes lines for the console.

    Returns:
        The story; its outcome says whether what should come true has.

    Raises:
        ConfigError: If the folder has something else in it.
        LoopError: If a stage does not come true; says which, why, and where the logs are. The report is there.
        KeyboardInterrupt: When a person ends it; all processes have ended, and the report is there.
    """
    out = prepared(wish.out)
    os.environ[ENGINE_VARIABLE] = local_engine(out / "engine")
    numbers = {"parts behind a rate": str(wish.size.measured), "images labeled": str(wish.size.budget)}
    numbers |= {name.replace("_", " "): str(value) for name, value in wish.size.hyperparameters.items()}
    teller = Teller(title_of(wish), say, numbers)
    outcome = Outcome("It broke off", as_promised=False)
    try:
        with one_line_errors(), opened(out, wish.size) as site:
            outcome = play(site, wish, teller)
    except InspectorError as error:
        msg = f"{teller.current or 'the start'}: {error}\nthe logs are in {out / 'logs'} and {out / 'engine' / 'logs'}"
        outcome = replace(outcome, lines=tuple(msg.splitlines()))
        raise LoopError(msg) from error
    except KeyboardInterrupt:
        outcome = Outcome("It was ended by a person", as_promised=False)
        say(f"ended, all processes too; what there is so far is in {out}")
        raise
    finally:
        story = teller.story(outcome)
        (out / REPORT).write_bytes(report(story))
    return story


def prepared(out: Path) -> Path:
    """Return the folder, made new; one that an earlier loop has left is emptied.

    Raises:
        ConfigError: If it is a file, or has something else in it.
    """
    folder = out.expanduser().absolute()
    if folder.exists() and not folder.is_dir():
        msg = f"--out: expected a folder, found a file: {folder}"
        raise ConfigError(msg)
    if folder.is_dir() and any(folder.iterdir()):
        if not (folder / _MARK).is_file():
            msg = (
                f"--out: expected no folder, an empty one, or that of an earlier loop, found something else in {folder}"
            )
            raise ConfigError(msg)
        _check_idle(folder)
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _MARK).touch()
    return folder


def _check_idle(folder: Path) -> None:
    from cloud_side.local.home import Home, engine_in  # noqa: PLC0415 - for this alone

    home = folder / "engine"
    if (home / "lock").exists() and engine_in(Home(home)) is not None:
        msg = f"--out: another loop runs in {folder}; wait for it, or end its engine by `local down --home {home}`"
        raise ConfigError(msg)
