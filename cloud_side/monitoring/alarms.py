"""Which words of alarms people are told: each at once, and one that comes and goes twice an hour."""

from typing import Final

from cloud_side.monitoring.stations import Heard, Told

_HOUR_MS: Final = 3_600_000
_CHANGES: Final = 2  # raised, and cleared


def tell(heard: Heard, told: Told | None, now_ms: int) -> tuple[bool, Told | None]:
    """Return whether people are to be told the last word of an alarm, and what they know then.

    What they are not told now they are told later, as it is then.

    Args:
        heard: The last word.
        told: What they know; None: nothing.
        now_ms: Since 1970.
    """
    knew = told is not None and told.stands
    if (told is not None and told.id == heard.id) or not (heard.stands or knew):
        return False, told
    if told is None or now_ms - told.since_ms >= _HOUR_MS:
        return True, Told(heard.id, heard.stands, now_ms, 1)
    if told.changes < _CHANGES:
        return True, Told(heard.id, heard.stands, told.since_ms, told.changes + 1)
    return False, told
