"""The chore that looks after the core devices of this machine."""

import logging
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime, timedelta

from cloud_side.local.database import Database
from cloud_side.local.devices.nucleus import IDLE_S, Nucleus
from cloud_side.local.devices.places import Places
from cloud_side.local.devices.registering import CoreDevice, device_in
from cloud_side.local.home import Home

_log = logging.getLogger(__name__)
_RETRY_S = 1.0  # as on the nucleus
_TROUBLE_S = 5.0


class CoreDevices:
    """Lets each device do one step a turn; those that are offline do none."""

    name = "core-devices"

    def __init__(
        self,
        home: Home,
        database: Database,
        *,
        clock: Callable[[], datetime] | None = None,
        retry_s: float = _RETRY_S,
    ) -> None:
        """Do nothing yet.

        Args:
            home: Where the devices have their folders.
            database: Of the engine.
            clock: Tells the time, aware; the system's when None.
            retry_s: Pause before a script that has failed is run again.
        """
        self._home, self._database, self._retry_s = home, database, retry_s
        self._clock = clock or (lambda: datetime.now(UTC))
        self._nuclei: dict[CoreDevice, Nucleus] = {}
        self._not_before: dict[CoreDevice, datetime] = {}

    def turn(self) -> float:
        """Let each device do one step, and return after how many seconds the next one may be due."""
        rows = self._database.connection().execute("SELECT * FROM greengrass_cores").fetchall()
        self._forget_others({device_in(row) for row in rows})
        return min((self._advance(device_in(row)) for row in rows if not row["is_offline"]), default=IDLE_S)

    def close(self) -> None:
        """Let go of the scripts that run: they end by themselves, and the next engine sees what came of them."""
        self._nuclei.clear()

    def _forget_others(self, devices: AbstractSet[CoreDevice]) -> None:
        for gone in self._nuclei.keys() - devices:
            del self._nuclei[gone]
            self._not_before.pop(gone, None)

    def _advance(self, device: CoreDevice) -> float:
        if (nucleus := self._nuclei.get(device)) is None:
            places = Places(self._home, device)
            nucleus = self._nuclei[device] = Nucleus(self._database, places, self._clock, retry_s=self._retry_s)
        wait_s = (self._not_before.get(device, self._clock()) - self._clock()).total_seconds()
        if wait_s > 0:
            return wait_s
        try:
            return nucleus.advance()
        except OSError as error:  # the disk is full, or its folder cannot be written
            _log.warning("core device %s: %s; trying again in %g s", device.thing, error, _TROUBLE_S)
        except Exception:  # noqa: BLE001 - a device is to the others what a thread is to a thread: they go on
            _log.exception("core device %s: failed; trying again in %g s", device.thing, _TROUBLE_S)
        self._not_before[device] = self._clock() + timedelta(seconds=_TROUBLE_S)
        return _TROUBLE_S
