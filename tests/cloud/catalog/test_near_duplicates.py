"""Images that show the same part are found, though their groups differ; different parts of one fixture are not."""

import io
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from cloud_side.catalog.formats import rows
from cloud_side.catalog.labels import LabelError
from cloud_side.catalog.near_duplicates import Look, find_near_duplicates, fingerprint
from edge_inspector.simulation import plan_tag, render_tag

TAGS = os.environ.get("EDGE_INSPECTOR_TAGS")
PARTS = 40
Gray = NDArray[np.uint8]


def part(number: int) -> Gray:
    """Simulate a photograph of a part: the fixture of all, and three scratches of its own."""
    random = np.random.default_rng(number)
    image = np.full((300, 450), 240, np.float32)
    cv2.rectangle(image, (30, 30), (420, 260), 90.0, -1)
    cv2.circle(image, (50, 50), 10, 250.0, -1)
    for _ in range(3):
        start, step = random.integers([70, 70], [380, 220]), random.integers(-90, 90, 2)
        cv2.line(image, [int(x) for x in start], [int(x) for x in start + step], float(random.choice([40, 180])), 2)
    image += random.normal(0, 3, image.shape)
    return np.clip(image, 0, 255).astype(np.uint8)


def jpeg(image: Gray, quality: int = 90) -> bytes:
    """Return an image as a file."""
    content = io.BytesIO()
    Image.fromarray(image).save(content, "JPEG", quality=quality)
    return content.getvalue()


def brighter(image: Gray, factor: float) -> Gray:
    """Return an image with other grey levels."""
    changed: Gray = np.clip(image * factor, 0, 255).astype(np.uint8)
    return changed


def shifted(image: Gray, dx: int, dy: int) -> Gray:
    """Return an image that was taken a little beside."""
    move = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
    moved: Gray = cv2.warpAffine(image, move, (450, 300), borderMode=cv2.BORDER_REPLICATE).astype(np.uint8)
    return moved


@pytest.fixture(scope="module")
def parts() -> list[Look]:
    """Return the looks of parts, each a group of its own."""
    return [Look(f"part-{number}", f"part-{number}", fingerprint(jpeg(part(number)))) for number in range(PARTS)]


def pairs_of(looks: Sequence[Look]) -> dict[tuple[str, ...], float]:
    """Return the similarity of all images that were found to be nearly the same."""
    return {tuple(sorted(pair.images)): pair.similarity for pair in find_near_duplicates(looks)}


def test_different_parts_of_one_fixture_are_no_duplicates(parts: list[Look]) -> None:
    assert pairs_of(parts) == {}


def test_different_parts_of_the_simulated_line_are_no_duplicates_though_each_has_scratches() -> None:
    tags = [render_tag(plan_tag(13, number, defect_rate=1.0)) for number in range(60)]
    assert pairs_of([Look(str(number), str(number), fingerprint(jpeg(tag))) for number, tag in enumerate(tags)]) == {}


@pytest.mark.parametrize(
    "change",
    [
        lambda image: jpeg(image, 50),
        lambda image: jpeg(brighter(image, 1.05)),
        lambda image: jpeg(brighter(image, 0.7)),
        lambda image: jpeg(shifted(image, 1, -1), 80),
        lambda image: jpeg(cv2.resize(image, (900, 600)).astype(np.uint8)),
        lambda image: jpeg(
            np.clip(image + np.random.default_rng(1).normal(0, 2, image.shape), 0, 255).astype(np.uint8)
        ),
    ],
    ids=["compressed", "brighter", "darker", "shifted", "larger", "noisy"],
)
def test_copies_are_found_and_nothing_else(parts: list[Look], change: Callable[[Gray], bytes]) -> None:
    copies = [Look(f"copy-{number}", "copies", fingerprint(change(part(number)))) for number in range(0, PARTS, 5)]
    assert set(pairs_of([*parts, *copies])) == {(f"copy-{number}", f"part-{number}") for number in range(0, PARTS, 5)}


def test_images_of_one_group_are_not_compared(parts: list[Look]) -> None:
    again = Look("again", "part-3", parts[3].fingerprint)
    assert pairs_of([*parts, again]) == {}


def test_the_same_pixels_are_at_no_distance(parts: list[Look]) -> None:
    (pair,) = find_near_duplicates([*parts, Look("again", "other", parts[3].fingerprint)])
    assert (pair.images, pair.groups, pair.distance) == (("part-3", "again"), ("part-3", "other"), 0)


def test_few_images_are_compared_as_they_are(parts: list[Look]) -> None:
    again = Look("again", "other", fingerprint(jpeg(part(3), 95)))
    assert set(pairs_of([*parts[:5], again])) == {("again", "part-3")}
    assert pairs_of(parts[:1]) == {}
    assert pairs_of([]) == {}


def test_images_of_two_places_are_told_apart_by_what_is_usual_there(parts: list[Look]) -> None:
    elsewhere = [
        Look(f"far-{number}", f"far-{number}", fingerprint(jpeg(np.rot90(part(100 + number)).astype(np.uint8))), "b")
        for number in range(20)
    ]
    assert pairs_of([*parts, *elsewhere]) == {}
    again = Look("again", "other", elsewhere[7].fingerprint, "b")
    assert set(pairs_of([*parts, *elsewhere, again])) == {("again", "far-7")}


def test_images_without_any_structure_are_no_reason_to_stop() -> None:
    blank = fingerprint(jpeg(np.full((30, 45), 128, np.uint8)))
    assert pairs_of([Look(str(number), str(number), blank) for number in range(20)]) == {}


def test_a_fingerprint_is_short_and_the_same_in_any_mode_of_the_file() -> None:
    image = Image.fromarray(part(1))
    prints = set()
    for mode in ("L", "RGB", "RGBA"):
        content = io.BytesIO()
        image.convert(mode).save(content, "PNG")
        prints.add(fingerprint(content.getvalue()))
    assert [len(each) for each in prints] == [576]


@pytest.mark.parametrize("content", [b"", b"no image", jpeg(np.zeros((30, 45), np.uint8))[:200]])
def test_what_is_no_image_has_no_fingerprint(content: bytes) -> None:
    with pytest.raises(LabelError, match=f"expected an image, found {len(content)} bytes"):
        fingerprint(content)


@pytest.mark.parametrize("broken", ["", "AAAA", "not base64!"])
def test_a_fingerprint_that_is_none_is_named(parts: list[Look], broken: str) -> None:
    with pytest.raises(LabelError, match="image-1: expected a fingerprint of 432 bytes, found"):
        pairs_of([*parts, Look("image-1", "group", broken)])


@pytest.mark.skipif(TAGS is None, reason="EDGE_INSPECTOR_TAGS does not name the folder with the photographs")
def test_a_split_of_the_photographs_by_image_is_caught_and_one_by_tag_is_not() -> None:
    folder = Path(TAGS or "")
    images = rows.read(folder).images
    tags = {image.name: image.group or "" for image in images}
    prints = {image.name: fingerprint((folder / image.name).read_bytes()) for image in images}
    twins = list(find_near_duplicates(Look(name, name, prints[name]) for name in tags))
    wrong = [pair.images for pair in twins if len({tags[name] for name in pair.images}) > 1]
    found = {name for pair in twins for name in pair.images}
    assert wrong == []
    assert len(found) >= 0.9 * len(tags)
    test = set(np.random.default_rng(1).permutation(sorted(tags))[: len(tags) // 5].tolist())
    torn = {name for pair in twins if len(test & set(pair.images)) == 1 for name in pair.images}
    assert len(torn & test) >= 0.8 * len(test)
    assert list(find_near_duplicates(Look(name, tags[name], prints[name]) for name in tags)) == []
