"""Changes the line over as the PLC wishes: one change-over after another, and of several wishes the newest."""

import logging
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Protocol, Self

from edge_inspector.app.one_change import BusyError
from edge_inspector.errors import InspectorError, SourceError
from edge_inspector.events import Json, ProductChange

_log = logging.getLogger(__name__)
_BUSY_S = 1.0  # after another change-over was in the way
_AWAY_S = 20.0  # after the camera was: nobody else tries again where no person watches
_CLOSE_S = 0.3


class ChangesOver(Protocol):
    """Who changes the line over: `Products`."""

    @property
    def follows_plc(self) -> bool:
        """Whether the PLC says what the line makes."""

    def change(self, code: str, *, by: str | None, cause: ProductChange) -> Mapping[str, Json]:
        """As `Products.change`."""


class PlcProduct:
    """Takes what the PLC says that the line makes, and changes over on a thread of its own.

    A wish is tried again where the camera was away. One that failed otherwise is not before the PLC wishes something
    else: an alarm tells of it.
    """

    def __init__(self, products: ChangesOver) -> None:
        """Prepare; nothing starts yet, and nothing ever where the PLC does not say what the line makes.

        Args:
            products: What the line is set up for.
        """
        self._change, self._is_asked = products.change, products.follows_plc
        self._changed = threading.Condition()
        self._wish: str | None = None
        self._is_closing = False
        self._thread = threading.Thread(target=self._run, name="change-over", daemon=True)

    def want(self, code: str) -> None:
        """Wish for a product; for any thread, returns at once."""
        with self._changed:
            self._wish = code
            self._changed.notify_all()

    def __enter__(self) -> Self:
        if self._is_asked:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        if self._is_asked:
            self._thread.join(_CLOSE_S)

    def _run(self) -> None:
        while (code := self._next()) is not None:
            try:
                self._change(code, by="plc", cause=ProductChange.PLC)
            except BusyError:
                self._later(code, _BUSY_S)
            except SourceError as error:
                _log.warning("the change-over to %r that the PLC wishes waits for the camera: %s", code, error)
                self._later(code, _AWAY_S)
            except InspectorError as error:
                _log.warning("the change-over to %r that the PLC wishes failed: %s", code, error)
            except Exception:  # noqa: BLE001 - thread boundary: the next wish deserves its turn
                _log.exception("the change-over to %r that the PLC wishes failed", code)

    def _next(self) -> str | None:
        with self._changed:
            self._changed.wait_for(lambda: self._wish is not None or self._is_closing)
            wish, self._wish = self._wish, None
            return None if self._is_closing else wish

    def _later(self, code: str, pause_s: float) -> None:
        """Wish it again after a while, unless something newer is wished for."""
        with self._changed:
            self._changed.wait_for(lambda: self._wish is not None or self._is_closing, pause_s)
            if self._wish is None:
                self._wish = code
