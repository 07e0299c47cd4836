"""The command that keeps the next frame as a sample, whatever is found on it."""

import threading
import time
from collections.abc import Mapping

from edge_inspector.errors import RefusedError, SourceError
from edge_inspector.events import Json
from edge_inspector.samples.keeper import Keeper

PATIENCE_S = 10.0
_TICK_S = 0.1
_CHOSEN_S = 1.0  # a frame that came is chosen, or not, within this


def capture_sample(
    keeper: Keeper | None, stop: threading.Event, *, patience_s: float = PATIENCE_S
) -> Mapping[str, Json]:
    """Wait until a frame is chosen, and return the key of its sample.

    Args:
        keeper: Keeps samples; None where none are kept.
        stop: Ends the wait.
        patience_s: How long to wait for a frame.

    Raises:
        RefusedError: If no samples are kept.
        SourceError: If no frame came that there was room for.
        NotStoredError: If the frame that came could not be kept.
    """
    if keeper is None:
        msg = "no samples are kept here; set samples.mode"
        raise RefusedError(msg)
    wish = keeper.wish()
    until_s = time.monotonic() + patience_s
    while not wish.done() and time.monotonic() < until_s and not stop.wait(_TICK_S):
        pass
    if wish.cancel():
        why = "before the station stopped" if stop.is_set() else f"within {patience_s:g} s"
        msg = f"no frame was inspected {why}, or none while there was room to store it"
        raise SourceError(msg)
    return {"sample_key": wish.result(_CHOSEN_S)}
