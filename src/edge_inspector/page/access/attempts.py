"""Attempts at signing in: pauses that grow with failures, by address and by user, without locking a user out.

Whoever guesses from one address waits up to a minute between two attempts. Whoever guesses one user's password from
many addresses makes that user wait too, but for seconds at most, and not from an address from which that user has
signed in before. An attempt within a pause is not verified and makes the pause no longer; failures are forgotten after
a quarter of an hour without one. A success takes back only its own attempt: who has an account gains no free guesses.
"""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from edge_inspector.backoff import pause_s
from edge_inspector.page.access.peer import plain_address

_FORGET_S = 900.0
_MOST_ENTRIES = 1024  # of each kind; the one that was touched longest ago goes


@dataclass(frozen=True, slots=True)
class _Patience:
    free: int
    first_s: float
    longest_s: float

    def pause_s(self, failures: int) -> float:
        over = failures - self.free
        return 0.0 if over < 0 else pause_s(over, self.first_s, self.longest_s, jitter=1)


_OF_ADDRESS = _Patience(free=5, first_s=1.0, longest_s=60.0)
_OF_USER = _Patience(free=10, first_s=1.0, longest_s=8.0)


@dataclass(frozen=True, slots=True)
class _Failures:
    count: int
    last_s: float


class _Table:
    """Failures by key, of which only the latest touched are known."""

    def __init__(self, patience: _Patience) -> None:
        self._patience = patience
        self._failures: OrderedDict[str, _Failures] = OrderedDict()

    def wait_s(self, key: str, now_s: float) -> float:
        failures = self._of(key, now_s)
        return failures.last_s + self._patience.pause_s(failures.count) - now_s

    def add(self, key: str, now_s: float) -> None:
        self._failures[key] = _Failures(self._of(key, now_s).count + 1, now_s)
        self._failures.move_to_end(key)
        if len(self._failures) > _MOST_ENTRIES:
            self._failures.popitem(last=False)

    def take_back(self, key: str) -> None:
        if (failures := self._failures.get(key)) is not None:
            self._failures[key] = _Failures(max(0, failures.count - 1), failures.last_s)

    def _of(self, key: str, now_s: float) -> _Failures:
        failures = self._failures.get(key)
        return _Failures(0, now_s) if failures is None or now_s - failures.last_s > _FORGET_S else failures


class Attempts:
    """Counts attempts at signing in and says how long the next one must wait; for all threads."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        """Know nothing.

        Args:
            now_s: The time, in seconds, never going back.
        """
        self._now_s = now_s
        self._lock = threading.Lock()
        self._by_address = _Table(_OF_ADDRESS)
        self._by_user = _Table(_OF_USER)
        self._homes: OrderedDict[tuple[str, str], None] = OrderedDict()  # from where users have signed in

    def begin(self, address: str, user: str) -> int | None:
        """Count an attempt, as a failure until it succeeds.

        Args:
            address: From where.
            user: As whom.

        Returns:
            None if it may be made, else after how many seconds one may be made; it does not count then.
        """
        network, now_s = _network(address), self._now_s()
        with self._lock:
            wait_s = self._by_address.wait_s(network, now_s)
            is_at_home = (network, user) in self._homes
            if not is_at_home:
                wait_s = max(wait_s, self._by_user.wait_s(user, now_s))
            if wait_s > 0:
                return math.ceil(wait_s)
            self._by_address.add(network, now_s)
            if not is_at_home:
                self._by_user.add(user, now_s)
        return None

    def succeeded(self, address: str, user: str) -> None:
        """Take back the attempt that has just been counted, and remember that this user is at home there."""
        network = _network(address)
        with self._lock:
            self._by_address.take_back(network)
            if (network, user) not in self._homes:
                self._by_user.take_back(user)
            self._homes[network, user] = None
            self._homes.move_to_end((network, user))
            if len(self._homes) > _MOST_ENTRIES:
                self._homes.popitem(last=False)


def _network(address: str) -> str:
    """Return what counts as one address: of IPv6 the network of 64 bits, all of which a single machine may have."""
    found = plain_address(address)
    if found is None:
        return address
    return f"{found}" if found.version == 4 else f"{int(found) >> 64:x}"
