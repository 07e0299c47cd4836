"""What the results on MQTT are worth, held against the truth of the simulated line."""

from collections.abc import Iterable, Sequence

from cloud_side.loop.listening import Heard
from cloud_side.loop.measuring import Judged, Look, Measured, judged, measure, told
from cloud_side.loop.pictures import part_picture
from cloud_side.loop.premises import Site
from cloud_side.loop.settings import Day
from cloud_side.loop.stations import of_day, truth, wait_for_parts
from cloud_side.loop.story import Picture
from cloud_side.loop.telling import Page
from edge_inspector.simulation import Tag

ALL = "all stations"
_PICTURES = 4


def truth_of(site: Site, heard: Heard) -> Tag:
    """Return what is on a part that a station inspected."""
    return truth({name: each.place for name, each in site.stations.items()}, heard)


def measured_on(site: Site, day: Day, count: int, page: Page, *, patience_s: float) -> dict[str, Measured]:
    """Wait for so many new parts, and return what they came to, by station and all together.

    Raises:
        LoopError: If the parts do not come.
    """
    began = wait_for_parts(site.listener, site.all, day, count, patience_s)
    parts = {each.thing: of_day(site.listener, each, day)[began[each.thing] :] for each in site.all}
    return found_in(site, parts, page)


def found_in(site: Site, parts: dict[str, list[Heard]], page: Page) -> dict[str, Measured]:
    """Return what parts came to, by station and all together, and tell it on a page, with pictures."""
    by_station = {name: _judged(site, heard) for name, heard in parts.items()}
    every = [each for judged_parts in by_station.values() for each in judged_parts]
    found = {name: measure(judged_parts) for name, judged_parts in by_station.items()} | {ALL: measure(every)}
    page.measured |= found
    whole = found[ALL]
    page.tell(
        f"{whole.parts} parts: escape rate {told(whole.escapes)}, of dark scratches "
        f"{told(whole.by_look[Look.DARK])}; overkill {told(whole.overkill)}"
    )
    page.pictures += pictures_of(site, (heard for each in parts.values() for heard in each))
    return found


def pictures_of(site: Site, parts: Iterable[Heard]) -> list[Picture]:
    """Return pictures of some parts: escapes first, then what was stopped rightly, then others."""
    known = [(heard, truth_of(site, heard)) for heard in parts]
    known.sort(key=lambda each: _rank(*each))
    return [_picture(heard, tag) for heard, tag in known[:_PICTURES]]


def _judged(site: Site, parts: Sequence[Heard]) -> tuple[Judged, ...]:
    by_id = {str(each.result["part_id"]): each for each in parts}
    return judged((each.result for each in parts), lambda part_id: truth_of(site, by_id[part_id]))


def _rank(heard: Heard, tag: Tag) -> int:
    is_accepted = heard.result["outcome"] == "accept"
    if tag.defects:
        return 0 if is_accepted else 1
    return 3 if is_accepted else 2


def _picture(heard: Heard, tag: Tag) -> Picture:
    outcome, part = heard.result["outcome"], heard.result["part_id"]
    caption = f"{heard.station}, {part}: {outcome}; scratches: {len(tag.defects)}"
    return Picture(part_picture(tag, detections=heard.result["detections"]), f"A metal tag, {outcome}", caption)
