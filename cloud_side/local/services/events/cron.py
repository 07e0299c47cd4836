"""Cron expressions in AWS' dialect: six fields, with L, W, # and ?."""

import calendar
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import TypeAlias

Days: TypeAlias = Callable[[int, int], set[int]]  # the days of a month, by year and month

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_LAST_YEAR = 2199
_ITEM = re.compile(r"(?:(\*)|([A-Z\d]+)(?:-([A-Z\d]+))?)(?:/(\d+))?")


class CronError(ValueError):
    """A text is no cron expression."""


@dataclass(frozen=True)
class Cron:
    """When something is due, in local time, to the minute.

    Source:
        Amazon EventBridge Scheduler User Guide, "Schedule types", "Cron-based schedules".
    """

    minutes: list[int]
    hours: list[int]
    months: list[int]
    years: list[int]
    days: Days

    @classmethod
    def parse(cls, text: str) -> "Cron":
        """Return the meaning of the six fields.

        Raises:
            CronError: If they have none.
        """
        fields = text.upper().split()
        if len(fields) != 6:
            msg = f"found {len(fields)} fields in {text!r}, expected minutes hours day-of-month month day-of-week year"
            raise CronError(msg)
        minutes, hours, day, month, weekday, year = fields
        if (day == "?") is (weekday == "?"):
            msg = f"found day-of-month {day} and day-of-week {weekday}, expected ? for one of them"
            raise CronError(msg)
        return cls(
            _numbers(minutes, 0, 59),
            _numbers(hours, 0, 23),
            _numbers(month, 1, 12, _MONTHS),
            _numbers(year, 1970, _LAST_YEAR),
            _days_of_month(day) if weekday == "?" else _days_of_week(weekday),
        )

    def after(self, moment: datetime) -> Iterator[datetime]:
        """Yield when it is due after a moment, the earliest first; both without a time zone."""
        for day in self._dates(moment.date()):
            for hour in self.hours:
                for minute in self.minutes:
                    if (due := datetime.combine(day, time(hour, minute))) > moment:
                        yield due

    def _dates(self, first: date) -> Iterator[date]:
        for year in (year for year in self.years if year >= first.year):
            for month in self.months:
                for day in sorted(self.days(year, month)):
                    if (due := date(year, month, day)) >= first:
                        yield due


def _numbers(text: str, low: int, high: int, names: Sequence[str] = ()) -> list[int]:
    found: set[int] = set()
    for item in text.split(","):
        parts = _ITEM.fullmatch(item)
        if parts is None:
            raise _unknown(item, low, high)
        star, first, last, step = parts.groups()
        begin = low if star else _number(first, low, high, names)
        end = _number(last, low, high, names) if last else high if star or step else begin
        if begin > end or step == "0":
            raise _unknown(item, low, high)
        found.update(range(begin, end + 1, int(step or 1)))
    return sorted(found)


def _number(text: str, low: int, high: int, names: Sequence[str]) -> int:
    number = int(text) if text.isdecimal() else names.index(text) + 1 if text in names else -1
    if not low <= number <= high:
        raise _unknown(text, low, high)
    return number


def _unknown(text: str, low: int, high: int) -> CronError:
    return CronError(f"found {text!r}, expected numbers from {low} to {high}, alone, as a-b, a/step, or *")


def _days_of_month(text: str) -> Days:
    if text == "L":
        return lambda year, month: {_length(year, month)}
    if text == "LW":
        return lambda year, month: _nearest_weekday(year, month, _length(year, month))
    if text.endswith("W"):
        wanted = _number(text[:-1], 1, 31, ())
        return lambda year, month: _nearest_weekday(year, month, wanted)
    days = set(_numbers(text, 1, 31))
    return lambda year, month: {day for day in days if day <= _length(year, month)}


def _days_of_week(text: str) -> Days:
    if "#" in text:
        weekday, _, turn = text.partition("#")
        wanted, which = _number(weekday, 1, 7, _WEEKDAYS), _number(turn, 1, 5, ())
        return lambda year, month: set(_of_weekdays(year, month, {wanted})[which - 1 : which])
    if text.endswith("L") and text != "L":
        wanted = _number(text[:-1], 1, 7, _WEEKDAYS)
        return lambda year, month: set(_of_weekdays(year, month, {wanted})[-1:])
    weekdays = {7} if text == "L" else set(_numbers(text, 1, 7, _WEEKDAYS))
    return lambda year, month: set(_of_weekdays(year, month, weekdays))


def _of_weekdays(year: int, month: int, weekdays: set[int]) -> list[int]:
    """Return the days of a month that are some days of the week, 1 being Sunday."""
    first = date(year, month, 1).weekday()
    return [day for day in range(1, _length(year, month) + 1) if (first + day) % 7 + 1 in weekdays]


def _nearest_weekday(year: int, month: int, day: int) -> set[int]:
    """Return the day from Monday to Friday that is nearest to a day, in the same month."""
    if day > _length(year, month):
        return set()
    match date(year, month, day).weekday():
        case calendar.SATURDAY:
            return {day - 1 if day > 1 else day + 2}
        case calendar.SUNDAY:
            return {day + 1 if day < _length(year, month) else day - 2}
        case _:
            return {day}


def _length(year: int, month: int) -> int:
    return calendar.monthrange(year, month)[1]
