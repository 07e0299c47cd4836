"""The story as one HTML file, which needs no network and no script: the outcome first, then each stage."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Final
from urllib.parse import quote

from cloud_side.drawing import reports
from cloud_side.drawing.markup import Content, Markup, element
from cloud_side.drawing.words import duration, moment
from cloud_side.loop.measuring import Look, Measured, Rate, told, told_change
from cloud_side.loop.pictures import LEGEND
from cloud_side.loop.story import Comparison, Outcome, Picture, Stage, Story

_INTERVALS: Final = (
    "In brackets: where the number lies in 95 of 100 sets of such parts, drawn part by part. A part that gets no "
    "verdict is stopped: it is no escape, but overkill if it is good."
)


def report(story: Story) -> bytes:
    """Return loop.html."""
    header = element(
        "header",
        element("h1", story.title),
        reports.facts(
            {
                "began (UTC)": moment(story.began),
                "took": duration(timedelta(seconds=story.seconds)),
                **story.numbers,
            }
        ),
    )
    stages = (_stage(number, stage) for number, stage in enumerate(story.stages, 1))
    return reports.page(story.title, header, element("main", _outcome(story.outcome), _times(story.stages), stages))


def _outcome(outcome: Outcome) -> Markup:
    lines = [element("p", line) for line in outcome.lines]
    if outcome.as_promised:
        said: Content = [element("p", element("strong", outcome.headline)), lines]
    else:
        said = element("div", element("strong", outcome.headline), lines, class_="failure")
    return reports.section("How it ended", said, _comparisons(outcome.comparisons))


def _comparisons(comparisons: Sequence[Comparison]) -> Content:
    if not comparisons:
        return None
    rows = [row for each in comparisons for row in _compared(each)]
    return [reports.table("before and after", ("", "before", "after", "change"), rows), _hint(_INTERVALS)]


def _compared(comparison: Comparison) -> Iterator[tuple[str, ...]]:
    before, after = _rates(comparison.before), _rates(comparison.after)
    for name, rate in before.items():
        if rate.of or after[name].of:
            yield f"{comparison.name}: {name}", told(rate), told(after[name]), told_change(rate, after[name])


def _rates(measured: Measured) -> Mapping[str, Rate]:
    by_look = {f"escapes of {look} scratches": measured.by_look[look] for look in Look}
    return {"escapes": measured.escapes, **by_look, "overkill": measured.overkill}


def _times(stages: Sequence[Stage]) -> Content:
    if not stages:
        return None
    rows = [
        (f"{number}. {stage.name}", moment(stage.began), duration(timedelta(seconds=stage.seconds)))
        for number, stage in enumerate(stages, 1)
    ]
    return reports.section("The stages", reports.table("stages", ("", "began (UTC)", "took"), rows))


def _stage(number: int, stage: Stage) -> Markup:
    return reports.section(
        f"{number}. {stage.name}",
        [element("p", line) for line in stage.lines],
        reports.facts(stage.numbers) if stage.numbers else None,
        _measured(stage.measured),
        [reports.chart(each.label, each.axes, each.curves) for each in stage.charts],
        [reports.table(each.label, each.head, each.rows) for each in stage.tables],
        _pictures(stage.pictures),
        _links(stage.links),
    )


def _measured(measured: Mapping[str, Measured]) -> Content:
    if not measured:
        return None
    rates = {name: _rates(each) for name, each in measured.items()}
    told_of = [kind for kind in next(iter(rates.values())) if any(each[kind].of for each in rates.values())]
    head = ("", "parts", "without a verdict", *told_of)
    rows: list[tuple[str | int, ...]] = [
        (name, each.parts, each.without_verdict, *(told(rates[name][kind]) for kind in told_of))
        for name, each in measured.items()
    ]
    return [reports.table("rates", head, rows), _hint(_INTERVALS)]


def _pictures(pictures: Sequence[Picture]) -> Content:
    if not pictures:
        return None
    drawn = (reports.picture(each.content, each.alternative, each.caption, media="image/png") for each in pictures)
    return [_hint(LEGEND), reports.gallery(drawn)]


def _links(links: Mapping[str, str]) -> Content:
    return [element("p", element("a", shown, href=quote(path))) for shown, path in links.items()]


def _hint(text: str) -> Markup:
    return element("p", text, class_="hint")
