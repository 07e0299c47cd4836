"""Follows the configuration: a storm of changes becomes one question, and a lost event is made up for."""

import logging
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from edge_inspector.errors import SinkError
from edge_inspector.greengrass.subscription import Subscription

QUIET_S, LONGEST_S = 0.3, 2.0  # a nucleus tells every changed leaf by an event of its own
PERIOD_S = 60.0  # asked again without an event: a subscription may be dead without a word
_END_S = 0.2  # who hangs ends with the process: together less than a stop may take

_log = logging.getLogger(__name__)


def configuration_updates(note_change: Callable[[], None]) -> Subscription:
    """Return the subscription to changes of the component's own configuration.

    Args:
        note_change: Called where something may have changed, also while nobody listened.
    """
    return Subscription(
        "the subscription to the configuration",
        lambda client, **events: client.subscribe_to_configuration_update_async(
            component_name=None, key_path=[], **events
        ),
        lambda _event: note_change(),
        on_open=note_change,
    )


class Follower:
    """Asks for the configuration once its changes have come to rest, on the thread `nucleus-configuration`."""

    def __init__(
        self,
        ask: Callable[[], dict[str, object]],
        take: Callable[[dict[str, object]], None],
        *,
        quiet_s: float = QUIET_S,
        longest_s: float = LONGEST_S,
        period_s: float = PERIOD_S,
    ) -> None:
        """Ask nothing yet.

        Args:
            ask: Returns the configuration; raises SinkError.
            take: Called with every answer.
            quiet_s: Changes have come to rest after so long without one.
            longest_s: It is asked after so long, whether or not they have.
            period_s: It is asked after so long without a change.
        """
        self._ask, self._take = ask, take
        self._quiet_s, self._longest_s, self._period_s = quiet_s, longest_s, period_s
        self._news, self._stop = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="nucleus-configuration", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        self._news.set()
        self._thread.join(_END_S)

    def note_change(self) -> None:
        """Note that something may have changed; for all threads."""
        self._news.set()

    def _run(self) -> None:
        said = ""
        while not self._stop.is_set():
            if self._news.wait(self._period_s):
                self._let_come_to_rest()
            if self._stop.is_set():
                return
            try:
                self._take(self._ask())
                said = ""
            except SinkError as error:  # asked again after a while, or with the next connection
                _log.log(logging.DEBUG if str(error) == said else logging.WARNING, "nucleus: %s", error)
                said = str(error)
            except Exception:  # noqa: BLE001 - thread boundary: the next configuration may be better
                _log.exception("a configuration from the nucleus could not be taken over")

    def _let_come_to_rest(self) -> None:
        until_s = time.monotonic() + self._longest_s
        while not self._stop.is_set() and (left_s := until_s - time.monotonic()) > 0:
            self._news.clear()
            if not self._news.wait(min(self._quiet_s, left_s)):
                return
