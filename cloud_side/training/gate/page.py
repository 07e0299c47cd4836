"""The gate's report as one HTML file, for the person who decides whether a model goes to the line."""

import math
from collections.abc import Iterator
from typing import Final

from cloud_side.drawing import reports
from cloud_side.drawing.markup import Content, Markup, element
from cloud_side.training.evaluation.bootstrap import Interval
from cloud_side.training.gate.evidence import Champion, Evidence, Scores
from cloud_side.training.gate.judgement import Check, Judgement

_WORDS: Final = {
    "mAP50": "how well the model finds defects and tells them from good surface, from 0 (nothing) to 1 (all, nothing "
    "else); a box counts where it and the labeled one share at least half of what both cover",
    "AP50": "the same for one class of defects",
    "mAP50-95": "mAP50, where a box must fit the defect more and more exactly; it rewards exact frames",
    "Escape": "a part with a defect that is let through",
    "Overkill": "a good part that is stopped",
    "Range": "where the number would lie in 95 of 100 such tests with other parts of the same kind; fewer parts, wider "
    "range",
    "Cost": "of wrong decisions a part, where the price of an escape is given in overkills",
    "INT8": "a smaller and faster file of the same model, for small computers",
}
_NEXT_PASSED: Final = (
    "Read the evaluation's pictures of the worst mistakes.",
    "Approve or reject it, and say why: edge-inspector-cloud model approve VERSION --why TEXT.",
    "Nothing reaches the line before a person has approved it.",
)
_NEXT_BY_CHECK: Final = (
    (
        ("groups", "defective_parts", "clean_parts", "possible_escapes"),
        "Label more parts of other lots: the test is too small to be trusted.",
    ),
    (
        ("leaked_groups", "near_duplicates", "dataset", "held_out"),
        "Mend the data set: what the model learned from must not test it.",
    ),
    (("recount",), "The files of the run do not belong together: run it again."),
    (
        ("map50", "map50_95", "not_worse", "surely_better", "difference"),
        "Label more of what it misses, and train again.",
    ),
    (
        ("escapes", "more_escapes", "overkill", "overkill_beside_defects", "more_cost"),
        "Look at the escapes in the evaluation: label more of that kind.",
    ),
    (("latency", "slower"), "Train the smaller network, or a smaller input."),
    (
        ("int8_accuracy", "int8_escapes", "int8_parity", "int8_speed"),
        "Train without the small file: --set Int8=never.",
    ),
    (("parity_score", "parity_box"), "The exported file differs from the trained weights: tell those who train."),
    (("champion_evidence", "classes"), "Train with the classes of the approved model, on data that has them all."),
)


def page_of(judgement: Judgement, evidence: Evidence) -> bytes:
    """Return the file.

    Args:
        judgement: What the rules said.
        evidence: What they judged by.
    """
    return reports.page(
        f"Gate: {evidence.title}", _header(judgement, evidence), element("main", *_sections(judgement, evidence))
    )


def _header(judgement: Judgement, evidence: Evidence) -> Markup:
    tested = evidence.tested
    said: dict[str, Content] = {
        "Model": evidence.title,
        "Against": evidence.champion.title if evidence.champion else "no other model: none was approved yet",
        "Tested on": f"{tested.images:,} images, {tested.groups:,} groups of parts",
        "Data": f"{tested.dataset}, version {tested.version[:12]}",
    }
    return element("header", element("h1", _headline(judgement)), reports.facts(said), _failure(judgement))


def _headline(judgement: Judgement) -> str:
    return (
        f"{judgement.title} may go to the line, once a person approves it"
        if judgement.passed
        else f"{judgement.title} does not go to the line"
    )


def _failure(judgement: Judgement) -> Markup | None:
    if judgement.passed:
        return None
    failed = len(judgement.failed)
    told = element("strong", f"{failed} of {len(judgement.checks)} checks {'keeps' if failed == 1 else 'keep'} it back")
    return element("div", told, [element("p", check.text) for check in judgement.failed], class_="failure")


def _sections(judgement: Judgement, evidence: Evidence) -> Iterator[Markup]:
    yield reports.section("What to do next", element("ul", [element("li", line) for line in _next(judgement)]))
    if evidence.champion is not None:
        yield reports.section("Against the approved model", *_comparison(evidence.scores, evidence.champion))
    else:
        yield reports.section("The numbers", _numbers(evidence.scores, None, "New model"))
    yield reports.section("All checks", _checks(judgement))
    if judgement.notes:
        yield reports.section("To know", element("ul", [element("li", note) for note in judgement.notes]))
    yield reports.section("What the words mean", reports.facts(_WORDS))


def _next(judgement: Judgement) -> list[str]:
    if judgement.passed:
        return list(_NEXT_PASSED)
    failed = {check.name.partition(":")[0] for check in judgement.failed}
    steps = [step for names, step in _NEXT_BY_CHECK if failed & {*names}]
    if failed & {"class_ap50", "class_recall"}:
        steps.append("Label more of the classes that lost, and train again.")
    return [*steps, "The approved model, if there is one, stays on the line."]


def _checks(judgement: Judgement) -> Markup:
    rows = [(_name(check), _word(check), check.text) for check in judgement.checks]
    return reports.table("All checks", ("Check", "", "Why"), rows)


def _name(check: Check) -> str:
    name, _, of = check.name.partition(":")
    return f"{name.replace('_', ' ')} {of}".strip()


def _word(check: Check) -> Markup:
    return element("span", "passed" if check.passed else "FAILED", class_="good" if check.passed else "poor")


def _comparison(scores: Scores, champion: Champion) -> Iterator[Content]:
    if champion.problem is not None:
        yield element("p", f"The two cannot be compared: {champion.problem}.")
    yield _numbers(scores, champion.scores, champion.title)
    changes = (
        ("mAP50", champion.map50, False),
        ("Escapes", champion.escapes, True),
        ("Cost of a part", champion.cost, True),
    )
    rows = [(name, _signed(each, is_share=name == "Escapes"), _better(each, is_bad=bad)) for name, each, bad in changes]
    yield reports.table("Changes, both tested on the same parts", ("Change", "With its range", ""), rows)


def _numbers(scores: Scores, before: Scores | None, title: str) -> Markup:
    columns = [scores] if before is None else [scores, before]
    heads = ("", "New model", title)[: 1 + len(columns)]
    rows = [
        ("mAP50", *(_ranged(each.map50) for each in columns)),
        ("mAP50-95", *(_ranged(each.map50_95) for each in columns)),
        ("Escapes", *(_ranged(each.escapes, is_share=True) for each in columns)),
        ("Overkill", *(_ranged(each.overkill, is_share=True) for each in columns)),
        ("Cost of a part", *(_number(each.cost) for each in columns)),
        ("Time for a frame", *(f"{_number(each.latency_ms, 1)} ms" for each in columns)),
        *(
            (f"Found of class {name}", *(_class(each, name) for each in columns))
            for name in sorted({name for each in columns for name in each.classes})
        ),
    ]
    return reports.table("The numbers", heads, rows)


def _class(scores: Scores, name: str) -> str:
    if name not in scores.classes:
        return "not known"
    found = scores.classes[name]
    return f"AP50 {_number(found.ap50)}, parts stopped {_share(found.part_recall)}"


def _ranged(interval: Interval, *, is_share: bool = False) -> str:
    if not math.isfinite(interval.value):
        return "not measured"
    told = _share if is_share else _number
    return f"{told(interval.value)} ({told(interval.low)} to {told(interval.high)})"


def _signed(interval: Interval, *, is_share: bool) -> str:
    if not math.isfinite(interval.value):
        return "not measured"
    scale, unit = (100, " points") if is_share else (1, "")
    value, low, high = (
        f"{scale * each:+.{1 if is_share else 3}f}" for each in (interval.value, interval.low, interval.high)
    )
    return f"{value}{unit} ({low} to {high})"


def _better(interval: Interval, *, is_bad: bool) -> Markup | str:
    if not math.isfinite(interval.value):
        return ""
    low, high = (-interval.high, -interval.low) if is_bad else (interval.low, interval.high)
    if low > 0:
        return element("span", "surely better", class_="good")
    if high < 0:
        return element("span", "surely worse", class_="poor")
    return "no certain difference"


def _share(share: float) -> str:
    return reports.percent(share) if math.isfinite(share) else "not measured"


def _number(value: float, decimals: int = 3) -> str:
    return f"{value:.{decimals}f}" if math.isfinite(value) else "not measured"
