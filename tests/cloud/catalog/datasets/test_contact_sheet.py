import io
import re
from typing import Any

from PIL import Image

from cloud_side.catalog.contact_sheet import choose, write_sheet
from cloud_side.catalog.labels import Box
from cloud_side.catalog.shelf import Shelf
from tests.cloud.catalog.datasets.conftest import content_of, make_version, picture

EVIL = "<script>alert(1)</script>&\"'"


def sheet_of(shelf: Shelf, labels: list[Any], most: int = 10) -> str:
    header = make_version(shelf, labels).header
    file = io.StringIO()
    with shelf.open(header) as manifest:
        chosen = choose(manifest.entries(), most)
    write_sheet(
        file,
        header,
        chosen,
        lambda entry: content_of(shelf, entry.key),
    )
    return file.getvalue()


def test_a_sheet_shows_images_with_their_boxes_and_needs_no_network(shelf: Shelf, sample: Any) -> None:
    text = sheet_of(shelf, [sample(1, "part-1", [Box("scratch", 1, 2.5, 10, 12)]), sample(2, "part-2", ())])
    assert text.count("<figure ") == text.count('src="data:image/jpeg;base64,') == 2
    assert '<rect x="1" y="2.5" width="10" height="12"' in text
    assert "<small>part-1</small>" in text
    assert not re.search(r"https?://|src=\"(?!data:)|url\(", text)


def test_a_sheet_says_when_it_shows_some_of_the_images(shelf: Shelf, sample: Any) -> None:
    text = sheet_of(shelf, [sample(seed) for seed in range(5)], most=3)
    assert text.count("<figure ") == 3
    assert "5 images, 3 of them here, 5 boxes, 5 groups" in text


def test_names_that_are_markup_are_shown_as_text(shelf: Shelf, sample: Any) -> None:
    label = sample(1, EVIL, [Box(EVIL, 1, 2, 3, 4)], class_names=(EVIL,), labeled_by=(EVIL,))
    assert EVIL not in sheet_of(shelf, [label])


def test_a_turned_photograph_and_one_of_16_bits_are_shown(shelf: Shelf, sample: Any) -> None:
    written = io.BytesIO()
    turned = Image.open(io.BytesIO(picture(1))).convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6
    turned.save(written, "JPEG", exif=exif)
    deep = io.BytesIO()
    Image.new("I;16", (64, 48), 1000).save(deep, "PNG")
    labels = [
        sample(1, content=written.getvalue(), width=48, height=64),
        sample(2, content=deep.getvalue()),
    ]
    assert sheet_of(shelf, labels).count("<figure ") == 2


def test_images_of_a_group_are_together(shelf: Shelf, sample: Any) -> None:
    labels = [sample(seed, f"part-{seed % 2}") for seed in range(6)]
    header = make_version(shelf, labels).header
    with shelf.open(header) as manifest:
        entries = choose(manifest.entries(), 10).entries
    assert [entry.label.group for entry in entries] == ["part-0"] * 3 + ["part-1"] * 3
