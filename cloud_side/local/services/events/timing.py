"""Schedule expressions: at(), rate() and cron(), and when they are due next."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cloud_side.local.services.events.cron import Cron

_RATE = re.compile(r"rate\((\d+) (minute|hour|day)(s?)\)")
_PUT_BACK = timedelta(hours=3)  # no clock is put back by more
_WRAPPED = re.compile(r"(at|cron)\((.+)\)")


class TimingError(ValueError):
    """A text is no schedule expression."""


@dataclass(frozen=True)
class At:
    """Due once."""

    moment: datetime

    def next_after(self, moment: datetime, _anchor: datetime) -> datetime | None:
        """Return when it is due after a moment."""
        return self.moment if self.moment > moment else None


@dataclass(frozen=True)
class Every:
    """Due at the anchor and again and again."""

    period: timedelta

    def next_after(self, moment: datetime, anchor: datetime) -> datetime | None:
        """Return when it is due after a moment."""
        return anchor if anchor > moment else anchor + ((moment - anchor) // self.period + 1) * self.period


@dataclass(frozen=True)
class CronIn:
    """Due by the clock of a time zone: never at a time that the clock leaps over, once at one that it shows twice."""

    cron: Cron
    zone: tzinfo

    def next_after(self, moment: datetime, _anchor: datetime) -> datetime | None:
        """Return when it is due after a moment."""
        local = moment.astimezone(self.zone).replace(tzinfo=None)
        for wall in self.cron.after(local - _PUT_BACK):
            due = wall.replace(tzinfo=self.zone).astimezone(UTC)
            if due > moment and due.astimezone(self.zone).replace(tzinfo=None) == wall:
                return due
        return None


Timing: TypeAlias = At | Every | CronIn


def parse_timing(text: str, zone: str = "UTC") -> Timing:
    """Return the meaning of a schedule expression.

    Args:
        text: e.g. `rate(5 minutes)`, `cron(0 2 * * ? *)` or `at(2026-11-20T13:00:00)`.
        zone: By which clock; a name of the IANA's.

    Raises:
        TimingError: If it has none.
    """
    if rate := _RATE.fullmatch(text):
        return _rate(text, int(rate[1]), rate[2], is_plural=bool(rate[3]))
    wrapped = _WRAPPED.fullmatch(text)
    try:
        match wrapped and wrapped.groups():
            case ("at", moment):
                return At(datetime.strptime(moment, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=ZoneInfo(zone)).astimezone(UTC))
            case ("cron", fields):
                return CronIn(Cron.parse(fields), ZoneInfo(zone))
    except (ValueError, OSError, ZoneInfoNotFoundError) as error:
        msg = f"found {text} in time zone {zone}: {error}"
        raise TimingError(msg) from error
    msg = f"found {text!r}, expected rate(5 minutes), cron(0 2 * * ? *) or at(yyyy-mm-ddThh:mm:ss)"
    raise TimingError(msg)


def _rate(text: str, value: int, unit: str, *, is_plural: bool) -> Every:
    if value < 1 or is_plural is (value == 1):
        msg = f"found {text!r}, expected a positive number and a unit: rate(1 hour), rate(2 hours)"
        raise TimingError(msg)
    return Every(timedelta(**{f"{unit}s": value}))
