"""A page with small pictures of a version, its boxes drawn over them: one file that needs no server and no network."""

import base64
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import IO, Final

from PIL import Image, ImageOps

from cloud_side.catalog.leaks import NearDuplicateError
from cloud_side.catalog.near_duplicates import NearDuplicates
from cloud_side.catalog.splits import Split
from cloud_side.catalog.versions import Entry, Header

_LONGEST_SIDE: Final = 240
_QUALITY: Final = 70
_MOST_PAIRS: Final = 200
_COLORS: Final = ("#e6194b", "#3cb44b", "#4363d8", "#f58231", "#911eb4", "#008080", "#9a6324", "#808000")
_PAGE = Path(__file__).with_name("contact_sheet.html")
Pixels = Callable[[Entry], bytes]


@dataclass(frozen=True)
class Chosen:
    """Images of a sheet.

    Attributes:
        entries: By split and group.
        total: Images of which they were chosen.
    """

    entries: Sequence[Entry]
    total: int


def choose(entries: Iterable[Entry], most: int) -> Chosen:
    """Return the first images by hash, which are as good as drawn by lot, in the order of splits and groups."""
    chosen, total = [], 0
    for total, entry in enumerate(entries, start=1):
        if total <= most:
            chosen.append(entry)
    order = list(Split)
    chosen.sort(key=lambda entry: (order.index(entry.split), entry.label.group, entry.sha256))
    return Chosen(chosen, total)


def write_sheet(file: IO[str], header: Header, chosen: Chosen, pixels: Pixels) -> None:
    """Write the page of a version, one picture at a time.

    Args:
        file: For text.
        header: Of the version.
        chosen: What is shown.
        pixels: Returns the bytes of an image.
    """
    shown = len(chosen.entries)
    some = f", {shown} of them here" if shown < chosen.total else ""
    title = f"{header.name} {header.version[:12]}"
    text = f"{chosen.total} images{some}, {header.counts['boxes']} boxes, {header.counts['groups']} groups"
    choices = {
        "split": [split.value for split in Split],
        "group": sorted({entry.label.group for entry in chosen.entries}),
        "class": [*header.class_names, "no defect"],
    }
    filters = "".join(_filter(name, values) for name, values in choices.items())
    _write(file, title, text, filters, _figures(chosen.entries, header.class_names, pixels))


def write_near_duplicates(file: IO[str], name: str, found: NearDuplicateError, pixels: Pixels) -> None:
    """Write a page on which images that are nearly the same lie side by side, the nearest first."""
    pairs = sorted(found.pairs, key=lambda each: (each.distance, each.images))[:_MOST_PAIRS]
    some = f", {len(pairs)} of them here" if len(pairs) < len(found.pairs) else ""
    text = f"{len(found.pairs)} pairs of images of two groups, in two splits, that are nearly the same{some}"
    _write(file, f"{name}: near duplicates", text, "", _pairs(pairs, found.entries, pixels))


def thumbnail(content: bytes) -> str:
    """Return an image, made small, as the address that holds it."""
    with Image.open(io.BytesIO(content)) as image:
        image.draft("RGB", (_LONGEST_SIDE * 2, _LONGEST_SIDE * 2))  # a JPEG is decoded no larger than needed
        small = ImageOps.exif_transpose(image)
        small.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
        written = io.BytesIO()
        small.convert("RGB").save(written, "JPEG", quality=_QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(written.getvalue()).decode()}"


def figure(entry: Entry, class_names: Sequence[str], content: bytes) -> str:
    """Return one image with its boxes."""
    label = entry.label
    marks = sorted({box.label for box in label.boxes}) or ["no defect"]
    who = ", ".join((*label.labeled_by, *((f"verified by {label.verified_by}",) if label.verified_by else ())))
    rects = "".join(
        f'<rect x="{box.x:g}" y="{box.y:g}" width="{box.width:g}" height="{box.height:g}" '
        f'stroke="{_COLORS[class_names.index(box.label) % len(_COLORS)]}"><title>{escape(box.label)}</title></rect>'
        for box in label.boxes
    )
    classes = escape("\n".join(marks))
    day = (label.origin.captured_at or label.event_time.isoformat())[:16]
    return (
        f'<figure data-split="{entry.split.value}" data-group="{escape(label.group)}" data-class="{classes}">'
        f'<div style="aspect-ratio:{label.width}/{label.height}">'
        f'<img loading="lazy" alt="{escape(", ".join(marks))}" src="{thumbnail(content)}">'
        f'<svg viewBox="0 0 {label.width} {label.height}" preserveAspectRatio="none">{rects}</svg></div>'
        f"<figcaption><b>{escape(', '.join(marks))}</b> {escape(entry.sha256[:12])}<br>"
        f"{escape(who)}<br>{escape(day)}</figcaption></figure>\n"
    )


def _figures(entries: Iterable[Entry], class_names: Sequence[str], pixels: Pixels) -> Iterator[str]:
    place: tuple[Split, str] | None = None
    for entry in entries:
        if (entry.split, entry.label.group) != place:
            yield "" if place is None else "</section>\n"
            place = (entry.split, entry.label.group)
            yield f"<section><h2>{entry.split.value} <small>{escape(entry.label.group)}</small></h2>\n"
        yield figure(entry, class_names, pixels(entry))
    yield "" if place is None else "</section>\n"


def _pairs(pairs: Iterable[NearDuplicates], entries: Mapping[str, Entry], pixels: Pixels) -> Iterator[str]:
    for found in pairs:
        pair = [entries[sha256] for sha256 in found.images]
        names = " and ".join(f"{entry.label.group} ({entry.split.value})" for entry in pair)
        yield f"<section><h2>{escape(names)} <small>distance {found.distance:g}</small></h2>\n"
        for entry in pair:
            yield figure(entry, entry.label.class_names, pixels(entry))
        yield "</section>\n"


def _filter(name: str, values: Sequence[str]) -> str:
    options = "".join(f"<option>{escape(value)}</option>" for value in values)
    return f'<label>{name} <select data-filter="{name}"><option value="">all</option>{options}</select></label>\n'


def _write(file: IO[str], title: str, text: str, filters: str, body: Iterable[str]) -> None:
    before, after = _PAGE.read_text(encoding="utf-8").split("<!-- images -->")
    for name, value in (("title", escape(title)), ("text", escape(text)), ("filters", filters)):
        before = before.replace(f"<!-- {name} -->", value)
    file.write(before)
    file.writelines(body)
    file.write(after)
