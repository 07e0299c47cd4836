"""What the commands print of versions: lines for people."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from cloud_side.catalog.candidates import Reason, told
from cloud_side.catalog.creating import Created
from cloud_side.catalog.differences import Change, Difference, balance_changes
from cloud_side.catalog.splits import Split, SplitRule
from cloud_side.catalog.versions import Header

SHORT: Final = 12  # digits of a hash for people


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Return the lines of a table; what is under the first head begins on the left, other things end on the right."""
    cells = [[*heads], *([_line(cell) for cell in row] for row in rows)]
    widths = [max(len(row[at]) for row in cells) for at in range(len(heads))]
    return [
        "  ".join(
            text.rjust(width) if at else text.ljust(width)
            for at, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]


def listed(headers: Iterable[Header]) -> list[str]:
    """Return a line a version."""
    rows = [
        (
            header.name,
            header.version[:SHORT],
            header.document["created_at"][:19],
            header.document.get("created_by", ""),
            *(header.counts[name] for name in ("images", "boxes", "groups")),
            "/".join(str(header.counts["splits"][split.value]["images"]) for split in Split),
        )
        for header in headers
    ]
    return table(("dataset", "version", "created", "by", "images", "boxes", "groups", "train/val/test"), rows)


def shown(header: Header) -> list[str]:
    """Return what a version is: its counts, its balance, its split, what it leaves out, and where it comes from."""
    said, rule = header.document, header.document["split"]
    shares = "/".join(str(rule["shares"][split.value]) for split in Split)
    facts = {
        "dataset": header.name,
        "version": header.version,
        "created": f"{said['created_at']} by {said.get('created_by', 'nobody')}",
        "made by": f"edge-inspector-cloud {said.get('tool_version', '')}, commit {said.get('git_commit', 'unknown')}",
        "parent": said.get("parent", "none"),
        "sources": ", ".join(said.get("sources", [])),
        "split": f"by group, salt {rule['salt']!r}, shares {shares}",
        "excluded": told(said.get("excluded", {})),
        "overruled": f"{said['notes']['overruled']} labels, by a newer or a verified one",
        "near duplicates": f"{said['notes']['near_duplicate']} pairs of images of two groups",
        "joined": "; ".join(" = ".join(groups) for groups in rule["joined"].values()) or "no groups",
    }
    return [*(f"{name + ':':<16} {_line(value)}" for name, value in facts.items()), "", *counts_table(header)]


def counts_table(header: Header) -> list[str]:
    """Return images, groups and the boxes of each class by split."""
    heads = ("", "images", "no defect", "groups", "boxes", *header.class_names)
    rows = [
        (
            name,
            each["images"],
            each["no_defect"],
            each["groups"],
            each["boxes"],
            *(classes.get(one, 0) for one in header.class_names),
        )
        for name, each, classes in _by_split(header)
    ]
    return table(heads, rows)


def _by_split(header: Header) -> Iterator[tuple[str, Mapping[str, Any], Mapping[str, int]]]:
    splits = header.counts["splits"]
    boxes = {name: {one: each["boxes"] for one, each in counts["classes"].items()} for name, counts in splits.items()}
    for split in Split:
        yield split.value, splits[split.value], boxes[split.value]
    yield "all", header.counts, {one: sum(each[one] for each in boxes.values()) for one in header.class_names}


def created(made: Created, counts: Mapping[str, int]) -> list[str]:
    """Return what came of a creation; `counts` are the changes since the version before."""
    header = made.header
    what = "new" if made.is_new else f"already there, of {header.document['created_at'][:19]}: nothing changed"
    lines = [f"{header.name}@{header.version[:SHORT]}: {what}", *counts_table(header)]
    excluded = header.document.get("excluded", {})
    lines.append(f"excluded: {told(excluded)}")
    if Reason.CLASSES in excluded:
        lines.append(f"nobody looked for all of {', '.join(header.class_names)} there: --classes asks for fewer")
    if overruled := header.document["notes"]["overruled"]:
        lines.append(f"overruled: {overruled} labels of images for which a newer or a verified one is there")
    if made.before is not None and made.before.version != header.version:
        if not made.is_new:
            lines.append(f"{header.name} alone still means {made.before.version[:SHORT]}, which is newer")
        lines.append(f"since {made.before.version[:SHORT]}: {told(counts) if counts else 'the same images'}")
        if SplitRule.parse(header.document["split"]) != SplitRule.parse(made.before.document["split"]):
            lines.append("another salt or other shares than before: what was for the test may be for training now")
    return lines


def differing(before: Header, after: Header, found: Iterable[Difference], most: int, say: Callable[[str], None]) -> int:
    """Say the lines of a comparison, with so many images at most, and return how many differ."""
    counts: Counter[str] = Counter()
    total = 0
    for total, each in enumerate(found, start=1):
        counts.update(change.value for change in each.changes)
        if total <= most:
            say(_difference(each))
    if total > most:
        say(f"and {total - most} images more; --most shows more of them")
    say(told(dict(counts)) if total else "the same images, labels, groups and splits")
    rows = (
        (name, *(str(new) if old == new else f"{old} -> {new}" for old, new in splits.values()))
        for name, splits in balance_changes(before, after).items()
    )
    for line in table(("boxes", *(split.value for split in Split)), rows):
        say(line)
    return total


def changes(found: Iterable[Difference]) -> dict[str, int]:
    """Return how many images changed in which way; only what there is."""
    return dict(Counter(change.value for each in found for change in each.changes))


def exclusions(notes: Iterable[Mapping[str, Any]], most: int) -> list[str]:
    """Return a line an image that is left out, at most so many."""
    return [
        _line(
            f"{note['reason']:<10} {note.get('sha256', '-')[:SHORT]:<{SHORT}} {note['image']} {note.get('detail', '')}"
        )
        for note in islice(notes, most)
    ]


def _difference(each: Difference) -> str:
    entry = each.after or each.before
    assert entry is not None  # noqa: S101 - one of them is there
    place = f"{entry.split.value} {entry.label.group}"
    if each.before is not None and each.after is not None:
        old, new = each.before, each.after
        if (old.split, old.label.group) != (new.split, new.label.group):
            place = f"{old.split.value} {old.label.group} -> {place}"
        if Change.RELABELED in each.changes:
            place += f", boxes {len(old.label.boxes)} -> {len(new.label.boxes)}"
    return _line(f"{'+'.join(change.value for change in each.changes):<10} {each.sha256[:SHORT]} {place}")


def _line(value: object) -> str:
    """Return a text on one line, in which a terminal finds nothing to obey."""
    return "".join(each if each.isprintable() else "?" for each in str(value))
