"""The accounts of the stations, and what was heard of them: no change of line or model loses a part."""

from collections.abc import Mapping
from typing import Any

from cloud_side.loop.premises import Site
from cloud_side.loop.programs import LoopError
from cloud_side.loop.stations import Station
from cloud_side.loop.telling import Page

_PATIENCE_S = 30.0


def settle(site: Site, page: Page) -> None:
    """End the stations and hold what they say of themselves against what was heard.

    Raises:
        LoopError: If anything is lost, or does not add up.
    """
    for each in site.all:
        each.end()
        _settle(site, each, page)


def _settle(site: Site, station: Station, page: Page) -> None:
    stats = _last(site, station)
    frames, parts = stats["total"]["frames"], stats["total"]["parts"]
    dropped = sum(frames["dropped"].values())
    if frames["captured"] != frames["inspected"] + dropped + frames["in_flight"] or frames["in_flight"]:
        msg = f"{station.thing}: frames do not add up: {frames}"
        raise LoopError(msg)
    heard = site.listener.results(station.thing)
    if gaps := gaps_of([(each.day, each.number) for each in heard]):
        msg = f"{station.thing}: expected every part, found none of {', '.join(gaps)}"
        raise LoopError(msg)
    if len(heard) != parts["seen"]:
        msg = f"{station.thing}: expected results of {parts['seen']} parts, heard of {len(heard)}"
        raise LoopError(msg)
    page.tell(
        f"{station.thing}: {frames['captured']} frames captured = {frames['inspected']} inspected + {dropped} dropped "
        f"+ {frames['in_flight']} in flight; {len(heard)} results heard of {parts['seen']} parts, none missing"
    )


def _last(site: Site, station: Station) -> Mapping[str, Any]:
    """Return the last accounts of a station that has ended."""

    def adds_up() -> bool:
        stats = site.listener.latest(station.thing, "stats")
        if stats is None or stats["total"]["frames"]["in_flight"]:
            return False
        return bool(stats["total"]["parts"]["seen"] == len(site.listener.results(station.thing)))

    try:
        site.listener.wait_for(adds_up, _PATIENCE_S, f"the last accounts of {station.thing}")
    except LoopError:
        if site.listener.latest(station.thing, "stats") is None:
            raise
    stats = site.listener.latest(station.thing, "stats")
    return {} if stats is None else stats


def gaps_of(parts: list[tuple[int, int]]) -> list[str]:
    """Return which numbers are missing, by day.

    Args:
        parts: Day and number of each part, in the order in which they were heard of.
    """
    days = sorted({day for day, _ in parts})
    found = {day: [number for each, number in parts if each == day] for day in days}
    missing = {day: sorted(set(range(max(numbers) + 1)) - set(numbers)) for day, numbers in found.items()}
    return [f"day {day}: {', '.join(map(str, numbers[:10]))}" for day, numbers in missing.items() if numbers]
