"""What a configuration's life needs of the flow that runs under it, and a thread for that flow."""

import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Generic, Protocol, TypeAlias, TypeVar, runtime_checkable

from edge_inspector.alarms import Alarm
from edge_inspector.ports import AlarmPanel
from edge_inspector.settings import Settings


class FrameAccounts(Protocol):
    """Frames of a flow."""

    @property
    def inspected(self) -> int:
        """Those that the detector has looked at."""

    @property
    def dropped(self) -> Mapping[str, int]:
        """The others, by cause."""


class Accounts(Protocol):
    """The accounts of a flow."""

    @property
    def frames(self) -> FrameAccounts:
        """Its frames."""


T = TypeVar("T", bound=Accounts)
T_co = TypeVar("T_co", bound=Accounts, covariant=True)


class Flow(Protocol[T_co]):
    """What runs under a configuration."""

    def run(self, stop: threading.Event) -> T_co:
        """Run until `stop` is set or the source ends, and return the accounts."""

    def totals(self) -> T_co:
        """Return the accounts as they are now; for any thread."""


@runtime_checkable
class Reloadable(Protocol):
    """A flow that takes changes while it runs; for any thread."""

    @property
    def alarms(self) -> AlarmPanel:
        """Where alarms are raised and cleared."""

    def apply(self, settings: Settings) -> None:
        """Bring the keys that are `live` into force between two frames; an error changes nothing."""

    def reopen_source(self, settings: Settings) -> None:
        """Close the source and open it as the settings say; an error leaves the one until now."""


Build: TypeAlias = Callable[[Settings, threading.Event, tuple[Alarm, ...]], AbstractContextManager[Flow[T]]]


class RunningFlow(Generic[T]):
    """A flow on its thread.

    Attributes:
        flow: The flow.
        stop: Set to end it.
        ended: Set when it has ended.
    """

    def __init__(self, flow: Flow[T], stop: threading.Event) -> None:
        """Start it."""
        self.flow = flow
        self.stop = stop
        self.ended = threading.Event()
        self._totals: T | None = None
        self._error: Exception | None = None
        threading.Thread(target=self._run, name="flow", daemon=True).start()

    def result(self) -> T:
        """Return the accounts at the end, or raise what ended it."""
        if self._error is not None:
            raise self._error
        return self.flow.totals() if self._totals is None else self._totals

    def _run(self) -> None:
        try:
            self._totals = self.flow.run(self.stop)
        except Exception as error:  # noqa: BLE001 - thread boundary: raised again by the one who waits for the end
            self._error = error
        finally:
            self.ended.set()
