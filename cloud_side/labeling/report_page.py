"""The report of a batch as one HTML file, which needs no network and no script."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from cloud_side.drawing import reports
from cloud_side.drawing.markup import Content, Markup, element
from cloud_side.drawing.words import counted, duration, moment

_ENDS: Final = (
    ("labeled", "Labeled", "the label is in the label store", "done"),
    ("quarantined", "Put aside", "the picture cannot be used", "done"),
    ("unusable", "Unusable", "people say that nobody can label it", "done"),
    ("given_up", "Given up", "rejected in the last round", "done"),
    ("unlabeled", "Not labeled", "nobody labeled it in time", "free again"),
    ("unverified", "Not verified", "nobody verified it in time", "free again"),
    ("failed", "Failed", "a step did not come to its end", "free again"),
)
_REASONS: Final = (
    ("quarantined_by_reason", "Why pictures were put aside"),
    ("unusable_by_reason", "Why people could not label"),
    ("rejected_by_reason", "Why labels were rejected"),
)
_ROUND: Final = ("labeled", "unlabeled", "again", "unusable", "accepted", "adjusted", "rejected", "unverified")


def page_of(report: Mapping[str, Any]) -> bytes:
    """Return the file.

    Args:
        report: As `report.timed` returns it.
    """
    title = f"Labeling batch {report['batch']}"
    return reports.page(title, _header(report), element("main", *_sections(report)))


def _header(report: Mapping[str, Any]) -> Markup:
    facts: dict[str, Content] = {
        "Opened": _moment(report["opened_at"]),
        "Closed": _moment(report["closed_at"]),
        "Duration": None if report["duration_s"] is None else duration(timedelta(seconds=report["duration_s"])),
        "Images taken": f"{report['taken']:,}",
        "Claim": None if report["number"] is None else f"number {report['number']}",
    }
    return element("header", element("h1", f"Labeling batch {report['batch']}"), reports.facts(facts), _failure(report))


def _failure(report: Mapping[str, Any]) -> Markup | None:
    failure = report["failure"]
    if failure is None:
        return None
    told = element("strong", f"The batch ended before its time: {failure['error']}")
    stays = "What is labeled stays labeled; images that nobody finished are free for another batch."
    return element("div", told, element("p", failure["cause"], class_="cause"), element("p", stays), class_="failure")


def _sections(report: Mapping[str, Any]) -> Iterator[Markup]:
    rows = [(name, report[key], _share(report[key], report["taken"]), why, then) for key, name, why, then in _ENDS]
    yield reports.section(
        "What became of the images",
        reports.table("Images by what became of them", ("", "Images", "Share", "", ""), rows),
    )
    yield reports.section(
        "Labels", _labels(report), _counts("Boxes by class", "Class", "Boxes", report["boxes_by_class"])
    )
    yield reports.section("Pre-labels", _pre_labels(report["pre_labels"]))
    yield reports.section("Rounds", _rounds(report["rounds"]))
    yield reports.section("People", _people(report["people"]))
    for key, title in _REASONS:
        if report[key]:
            yield reports.section(title, _counts(title, "Reason", "Images", report[key]))
    if report["refused"]:
        refused = [(sha256, why) for sha256, why in report["refused"].items()]
        yield reports.section(
            "Labels that the store refused", reports.table("Refused labels", ("Image, SHA-256", "Why"), refused)
        )
    settings = [(name, _said(value)) for name, value in sorted(report["settings"].items())]
    yield reports.section("Settings", reports.table("Settings", ("Name", "Value"), settings))


def _labels(report: Mapping[str, Any]) -> Markup:
    facts: dict[str, Content] = {
        "Accepted as drawn": f"{report['accepted']:,}",
        "Corrected": f"{report['adjusted']:,}",
        "Rejections": f"{report['rejected']:,}",
        "Accepted, and not in the store": f"{report['not_stored']:,}" if report["not_stored"] else None,
        "Boxes": f"{report['boxes']:,}",
        "Images without a defect": f"{report['no_defect']:,}",
        "Boxes cut at the image's edge": f"{report['boxes_cut']:,}" if report["boxes_cut"] else None,
    }
    return reports.facts(facts)


def _pre_labels(found: Mapping[str, Any]) -> Markup:
    if not found["images"]:
        return element("p", "No labeled image had been looked at by a model.", class_="hint")
    ours, theirs = found["boxes"]
    facts: dict[str, Content] = {
        "Precision": f"{reports.percent(found['precision'])} of {counted(ours, 'box', 'boxes')} of the model",
        "Recall": f"{reports.percent(found['recall'])} of {counted(theirs, 'box', 'boxes')} of the labels",
        "Over": f"{counted(found['images'], 'image')}, boxes of a class that overlap by {found['least_iou']:g} or more",
        "Boxes cut, dropped": f"{found['cut']:,}, {found['dropped']:,}" if found["cut"] or found["dropped"] else None,
        "Images whose sidecar was of no use": f"{found['images_without']:,}" if found["images_without"] else None,
    }
    return reports.facts(facts)


def _rounds(rounds: Sequence[Mapping[str, Any]]) -> Markup:
    if not rounds:
        return element("p", "Nobody was asked.", class_="hint")
    rows = [
        (str(each["round"]), *((each["label"] | each["verify"]).get(name, 0) for name in _ROUND)) for each in rounds
    ]
    return reports.table("Rounds", ("Round", *(name.capitalize() for name in _ROUND)), rows)


def _people(people: Sequence[Mapping[str, Any]]) -> Markup:
    if not people:
        return element("p", "Nobody is named.", class_="hint")
    rows = [
        (
            each["name"],
            each["labeled"],
            duration(timedelta(seconds=each["seconds"] / each["labeled"])) if each["labeled"] else "",
            each["accepted"],
            each["adjusted"],
            each["rejected"],
            each["verified"],
        )
        for each in people
    ]
    return reports.table(
        "People", ("Person", "Labeled", "Each", "Accepted", "Corrected", "Rejected", "Verified others'"), rows
    )


def _counts(label: str, what: str, how_many: str, counts: Mapping[str, int]) -> Markup | None:
    if not counts:
        return None
    rows = [(name, counts[name]) for name in sorted(counts, key=lambda name: (-counts[name], name))]
    return reports.table(label, (what, how_many), rows)


def _moment(text: str | None) -> str | None:
    return None if text is None else f"{moment(datetime.fromisoformat(text))} UTC"


def _share(part: int, whole: int) -> str:
    return reports.percent(part / whole) if whole else ""


def _said(value: object) -> str:
    match value:
        case None:
            return "all"
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(map(str, value)) or "none named"
        case _:
            return str(value)
