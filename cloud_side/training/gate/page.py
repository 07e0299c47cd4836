"""The gate's report as one HTML file, for the person who decides whether a model goes to the line."""

import math
from collections.abc import Iterator

from cloud_side.drawing import reports
from cloud_side.drawing.markup import Content, Markup, element
from cloud_side.training.evaluation.bootstrap import Interval
from cloud_side.training.gate.evidence import Champion, Evidence, Scores
from cloud_side.training.gate.judgement import Check, Judgement
from cloud_side.training.gate.wording import FOUND_NOTHING, NAMES, NEXT_BY_CHECK, NEXT_PASSED, WORDS


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
    told = element("p", _in_short(judgement, evidence))
    return element("header", element("h1", _headline(judgement)), told, _failure(judgement), reports.facts(said))


def _headline(judgement: Judgement) -> str:
    return (
        f"{judgement.title} may go to the line, once a person approves it"
        if judgement.passed
        else f"{judgement.title} does not go to the line"
    )


def _in_short(judgement: Judgement, evidence: Evidence) -> str:
    tested, scores = evidence.tested, evidence.scores
    escapes = f"{_share(scores.escapes.value)}, {_limit(judgement, 'escapes')}"
    stopped = f"{_share(scores.overkill.value)}, {_limits(judgement, 'overkill')}"
    return (
        f"Tested on {tested.images:,} images of {tested.groups:,} groups of parts. Defective parts that would be let "
        f"through: {escapes}; parts that would be stopped without need: {stopped}."
    )


def _limit(judgement: Judgement, name: str) -> str:
    """Return what the sentence of a check asks for, as `at most 5.0 % is asked`; nothing where it was not made."""
    text = next((check.text for check in judgement.checks if check.name == name), "")
    return text.rpartition("; ")[2].partition(", so it")[0].rstrip(".")


def _failure(judgement: Judgement) -> Markup | None:
    if judgement.passed:
        return None
    failed = len(judgement.failed)
    told = element("strong", f"{failed} of {len(judgement.checks)} checks {'keeps' if failed == 1 else 'keep'} it back")
    return element("div", told, [element("p", check.text) for check in judgement.failed], class_="failure")


def _sections(judgement: Judgement, evidence: Evidence) -> Iterator[Markup]:
    yield reports.section("What to do next", element("ul", [element("li", line) for line in _next(judgement)]))
    if evidence.champion is not None:
        yield reports.section("Against the approved model", *_comparison(judgement, evidence.scores, evidence.champion))
    else:
        yield reports.section("The numbers", _numbers(judgement, evidence.scores, None, "New model"))
    yield reports.section("All checks", _checks(judgement))
    if judgement.notes:
        yield reports.section("To know", element("ul", [element("li", note) for note in judgement.notes]))
    yield reports.section("What the words mean", reports.facts(WORDS))


def _next(judgement: Judgement) -> list[str]:
    if judgement.passed:
        return list(NEXT_PASSED)
    failed = {_cause(check) for check in judgement.failed}
    if "escapes" in failed:
        failed.discard("possible_escapes")  # it follows from the others, however large the test is
    steps = [step for names, step in NEXT_BY_CHECK if failed & {*names}]
    if failed & {"class_ap50", "class_recall"}:
        steps.append("Label more of the classes that lost, and train again.")
    return [*steps, "The approved model, if there is one, stays on the line."]


def _cause(check: Check) -> str:
    """Return the kind of a check; a file is compared with its weights by what both find, and they may find nothing."""
    name = check.name.partition(":")[0]
    return FOUND_NOTHING if check.measured is None and name.startswith("parity_") else name


def _checks(judgement: Judgement) -> Markup:
    # What keeps it back is read first.
    ordered = sorted(judgement.checks, key=lambda check: check.passed)
    rows = [(_name(check), _word(check), check.text) for check in ordered]
    return reports.table("All checks", ("Check", "", "Why"), rows)


def _name(check: Check) -> str:
    name, _, of = check.name.partition(":")
    return f"{NAMES.get(name, name.replace('_', ' '))} {of}".strip()


def _word(check: Check) -> Markup:
    return element("span", "passed" if check.passed else "FAILED", class_="good" if check.passed else "poor")


def _comparison(judgement: Judgement, scores: Scores, champion: Champion) -> Iterator[Content]:
    if champion.problem is not None:
        yield element("p", f"The two cannot be compared: {champion.problem}.")
    yield _numbers(judgement, scores, champion.scores, champion.title)
    changes = (
        ("mAP50", champion.map50, False),
        ("Escapes", champion.escapes, True),
        ("Cost of a part", champion.cost, True),
    )
    rows = [(name, _signed(each, is_share=name == "Escapes"), _better(each, is_bad=bad)) for name, each, bad in changes]
    yield reports.table("Changes, both tested on the same parts", ("Change", "With its range", ""), rows)


def _numbers(judgement: Judgement, scores: Scores, before: Scores | None, title: str) -> Markup:
    columns = [scores] if before is None else [scores, before]
    heads = ("", "New model", title)[: 1 + len(columns)]
    rows = [
        ("mAP50", "map50", [_ranged(each.map50) for each in columns]),
        ("mAP50-95", "map50_95", [_ranged(each.map50_95) for each in columns]),
        ("Escapes", "escapes", [_ranged(each.escapes, is_share=True) for each in columns]),
        ("Overkill", "overkill", [_ranged(each.overkill, is_share=True) for each in columns]),
        ("Cost of a part", "cost", [_number(each.cost) for each in columns]),
        ("Time for a frame", "latency", [f"{_number(each.latency_ms, 1)} ms" for each in columns]),
        *(
            (f"Found of class {name}", "", [_class(each, name) for each in columns])
            for name in sorted({name for each in columns for name in each.classes})
        ),
    ]
    told = [(name, *values, _limits(judgement, check)) for name, check, values in rows]
    return reports.table("The numbers", (*heads, "Limit"), told)


def _limits(judgement: Judgement, name: str) -> str:
    """Return what is asked of a number, and of the end of its range."""
    if name == "overkill":
        return _limit(judgement, name) or _limit(judgement, "overkill_beside_defects")
    limit, possible = _limit(judgement, name), _limit(judgement, f"possible_{name}")
    return f"{limit}; of the upper end of the range, {possible}" if possible else limit


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
