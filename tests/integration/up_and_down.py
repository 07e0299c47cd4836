"""A broker that comes and goes, as its clients see it."""

import random
import threading

from tests.mosquitto import Wire


class UpAndDown:
    """A wire to the broker that is cut and mended by chance."""

    def __init__(self, wire: Wire, seed: int) -> None:
        self._wire, self._chance = wire, random.Random(seed)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._chance.uniform(0.2, 1.5)):
            self._wire.cut()
            self._stop.wait(self._chance.uniform(0.05, 0.8))
            self._wire.mend()
