"""Tells systemd how the daemon is, where it asks: READY, STOPPING, RELOADING, STATUS and WATCHDOG.

Source: sd_notify(3) and sd_watchdog_enabled(3). Without NOTIFY_SOCKET in the environment nothing happens.
"""

import logging
import os
import socket
import time
from collections.abc import Callable, Mapping
from typing import Self

_log = logging.getLogger(__name__)
_LONGEST_STATUS = 512


class Notifier:
    """Sends to one socket; never waits and never raises: a supervisor that does not listen is no fault of the line."""

    def __init__(
        self,
        address: str | None,
        *,
        watchdog_s: float | None = None,
        is_content: Callable[[], bool] = lambda: True,
    ) -> None:
        """Send nothing yet.

        Args:
            address: Path of a unix datagram socket, or `@` and the name of an abstract one; None: no-op.
            watchdog_s: The supervisor kills a daemon that it has not heard of for so long; None: it does not.
            is_content: While False, it is not told that all is well.
        """
        self._address = "\0" + address[1:] if address is not None and address.startswith("@") else address
        self._watchdog_s = watchdog_s
        self._is_content = is_content
        self._beat_s: float | None = None
        self._has_failed = False

    @classmethod
    def of_environment(
        cls, *, is_content: Callable[[], bool] = lambda: True, environment: Mapping[str, str] = os.environ
    ) -> Self:
        """Return the notifier that the variables NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID ask for."""
        address = environment.get("NOTIFY_SOCKET", "")
        watchdog_us, pid = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID", "")
        is_for_us = not pid or pid == str(os.getpid())
        watchdog_s = int(watchdog_us) / 1e6 if watchdog_us.isdecimal() and int(watchdog_us) and is_for_us else None
        return cls(
            address if address.startswith(("/", "@")) and len(address) > 1 else None,
            watchdog_s=watchdog_s,
            is_content=is_content,
        )

    @property
    def period_s(self) -> float | None:
        """Seconds after which `beat` must have been called again; None where nobody waits for it."""
        return None if self._address is None or self._watchdog_s is None else self._watchdog_s / 2

    def ready(self) -> None:
        """The daemon runs, for the first time or after a reload."""
        self._send("READY=1")

    def reloading(self) -> None:
        """A new configuration is being taken over; `ready` follows."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """The daemon is about to end."""
        self._send("STOPPING=1")

    def status(self, text: str) -> None:
        """Tell people how it is, in one line."""
        self._send("STATUS=" + " ".join(text.split())[:_LONGEST_STATUS])

    def beat(self, now_s: float | None = None) -> None:
        """Tell that all is well, where it is and the time has come; call it about every second.

        Args:
            now_s: On the monotonic clock; now when None.
        """
        if (period_s := self.period_s) is None:
            return
        now_s = time.monotonic() if now_s is None else now_s
        # Called every second, a little early is in time and the next call would be late.
        if (self._beat_s is None or now_s - self._beat_s >= period_s - 1.0) and self._is_content():
            self._beat_s = now_s
            self._send("WATCHDOG=1")

    def _send(self, message: str) -> None:
        if self._address is None:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as out:
                out.sendto(message.encode("utf-8", "replace"), self._address)
        except OSError as error:
            if not self._has_failed:
                _log.warning("NOTIFY_SOCKET: %s could not be sent: %s", message.splitlines()[0], error)
            self._has_failed = True
