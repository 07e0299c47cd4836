"""The operator page of a station: all of its parts, joined, started and ended."""

import asyncio
import logging
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from edge_inspector.frame import Frame
from edge_inspector.inspection import FrameFinding
from edge_inspector.page import static_files
from edge_inspector.page.access.entrance import Entrance
from edge_inspector.page.api import dispositions, health, model, openapi, quality, results, session, thresholds
from edge_inspector.page.api.line import LineBoard
from edge_inspector.page.application import application
from edge_inspector.page.desk import Desk
from edge_inspector.page.doors import Door
from edge_inspector.page.feed import Feed
from edge_inspector.page.index.index import Index
from edge_inspector.page.live import LiveView
from edge_inspector.page.pictures import ResultPictures
from edge_inspector.page.server import PageServer

_log = logging.getLogger(__name__)
INDEX = "page.db"  # in the home folder
CLOSE_S = 0.8


class OperatorPage:
    """Serves from entering to leaving; the line never waits for it.

    Attributes:
        doors: Everything that can be asked.
    """

    def __init__(self, desk: Desk, home: Path | None) -> None:
        """Join its parts; nothing is served yet.

        Args:
            desk: What it asks of the station; its journal is open while the page is entered.
            home: The daemon's home; without one what it looks up, and who has signed in, is forgotten at the end.
        """
        self._index = Index(
            desk.journal, None if home is None else home / INDEX, random_share=desk.random_share, on_news=self._tell
        )
        board = LineBoard(desk, self._index, lambda: quality.run_rule_now(self._index, desk.settings.run_rule))
        self._feed = Feed(desk.journal, desk.session, board.encoded)
        self._live = LiveView(desk.settings)
        entrance = Entrance.of(desk.settings, home)
        self.doors = all_doors(desk, self._index, self._feed, self._live, board, entrance)
        self._server = PageServer(application(self.doors, entrance.guard), desk.settings, on_loop=self._on_loop)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Start, and return at once: a port that is taken is tried again."""
        with ExitStack() as stack:
            # Ended from the last to the first: streams, which the server would wait for, before it, and what it looks
            # things up in after it.
            for part in (self._index, self._server, self._live, self._feed):
                stack.enter_context(part)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End, in at most `CLOSE_S`; what hangs in the disk is left behind."""
        ending = threading.Thread(target=self._stack.close, name="page-close", daemon=True)
        ending.start()
        ending.join(CLOSE_S)
        if ending.is_alive():
            _log.error("page: left behind, since it does not end within %g s", CLOSE_S)

    @property
    def port(self) -> int | None:
        """Where it listens; None while it does not."""
        return self._server.port

    def problem(self) -> str | None:
        """Return why it cannot be served, or does not show all that there is; None when all is well."""
        return self._server.problem or self._index.state().problem

    def watch(self, frame: Frame, finding: FrameFinding) -> None:
        """Take note of an inspection; called on the inspect thread, takes no time."""
        self._live.watch(frame, finding)

    def _on_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        self._feed.on_loop(loop)
        self._live.on_loop(loop)

    def _tell(self) -> None:
        self._feed.look_again()


def all_doors(  # noqa: PLR0913, PLR0917 - what answers behind them
    desk: Desk, index: Index, feed: Feed, live: LiveView, board: LineBoard, entrance: Entrance
) -> Sequence[Door]:
    """Return everything that can be asked of the page, its own description included.

    Args:
        desk: Of the station.
        index: Where results are looked up.
        feed: Sends events.
        live: Sends pictures of what is inspected.
        board: Tells what the line does.
        entrance: Lets people in.
    """
    doors = [
        *session.doors(entrance, desk.topics, is_triggered=desk.is_triggered),
        *board.doors(),
        *feed.doors(),
        *live.doors(),
        *results.doors(desk, index),
        *ResultPictures(desk.pictures).doors(),
        *dispositions.doors(desk, index),
        *quality.doors(index, desk.settings, desk.class_names, is_triggered=desk.is_triggered),
        *health.doors(desk, index, viewers=lambda: feed.viewers, live_viewers=lambda: live.viewers),
        *model.doors(desk),
        *thresholds.doors(desk),
    ]
    return (*doors, openapi.door(doors), *static_files.doors())
