"""Shifts: stretches of time that begin at the same local times every day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo


@dataclass(frozen=True, slots=True)
class Shift:
    """One shift.

    Attributes:
        name: The local time at which it begins, as in "06:00".
        since: The same as aware UTC.
        until: When the next one begins, aware UTC.
    """

    name: str
    since: datetime
    until: datetime


def shift_at(moment: datetime, times: Sequence[str], zone: tzinfo | None = None) -> Shift:
    """Return the shift that is on at a moment.

    Args:
        moment: Aware.
        times: Local times at which shifts begin, as in "06:00", at least one.
        zone: Whose local times; those of this machine when None.
    """
    return shifts_before(moment, times, 1, zone)[0]


def shifts_before(moment: datetime, times: Sequence[str], count: int, zone: tzinfo | None = None) -> tuple[Shift, ...]:
    """Return the shift that is on at a moment and those before it, the newest first.

    They follow each other without a gap, also on the days on which clocks change: a shift then lasts an hour more or
    less. One that begins within the hour that is left out begins as long after it as before it was meant to; of two
    that would begin at once there is one.

    Args:
        moment: Aware.
        times: As for `shift_at`.
        count: How many, from 1.
        zone: As for `shift_at`.
    """
    today = moment.astimezone(zone).date()
    days = count // len(times) + 2
    begins: dict[datetime, str] = {}
    for day in range(-days, 3):
        for name in times:
            local = datetime.combine(today + timedelta(days=day), time.fromisoformat(name), zone)
            begins[local.astimezone(UTC)] = name
    ordered = sorted(begins)
    newest = max(number for number, begin in enumerate(ordered) if begin <= moment)
    return tuple(
        Shift(begins[ordered[number]], ordered[number], ordered[number + 1])
        for number in range(newest, newest - count, -1)
    )
