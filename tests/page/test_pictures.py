from collections.abc import Sequence

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_inspector.page.application import application
from edge_inspector.page.pictures import ResultPictures
from edge_inspector.ports import StoredPicture
from tests.page.asking import Browser
from tests.page.people import entrance_of, nobody

PART, OTHER = "01JZ0000000000000000000001", "01JZ0000000000000000000002"


def encoded(image: NDArray[np.uint8], suffix: str = "jpg") -> StoredPicture:
    return StoredPicture(cv2.imencode(f".{suffix}", image)[1].tobytes(), suffix)


def slope(width: int = 1600, height: int = 1200) -> NDArray[np.uint8]:
    """Return a picture that gets brighter from left to right."""
    return np.tile(np.linspace(0, 255, width).astype(np.uint8), (height, 1))


class Kept:
    """Pictures that are kept, and how often one was read."""

    def __init__(self, pictures: dict[tuple[str, int], StoredPicture]) -> None:
        self.pictures = pictures
        self.reads: list[tuple[str, int]] = []

    def frames_of(self, inspection_id: str) -> Sequence[int]:
        return [part_frame for key, part_frame in self.pictures if key == inspection_id]

    def read(self, inspection_id: str, part_frame: int) -> StoredPicture | None:
        self.reads.append((inspection_id, part_frame))
        return self.pictures.get((inspection_id, part_frame))


def browser(kept: Kept | None) -> Browser:
    return Browser(application(ResultPictures(kept).doors(), entrance_of(nobody()).guard))


def address(inspection_id: str, query: str = "") -> str:
    return f"/api/v1/results/{inspection_id}/picture{query}"


def test_a_picture_comes_as_it_was_kept_of_the_frame_that_is_asked_for() -> None:
    first, second = encoded(slope()), encoded(slope(40, 30), "png")
    looking = browser(Kept({(PART, 0): first, (PART, 2): second}))
    answer = looking.get(address(PART))
    assert (answer.content, answer.header("content-type")) == (first.content, "image/jpeg")
    answer = looking.get(address(PART, "?frame=2"))
    assert (answer.content, answer.header("content-type")) == (second.content, "image/png")


@pytest.mark.parametrize(
    ("picture", "width", "wanted"),
    [
        (encoded(slope()), 400, (300, 400)),
        (encoded(slope(), "png"), 500, (375, 500)),
        (encoded(slope(1601, 1201)), 999, (749, 999)),
        (encoded(slope(300, 3000)), 64, (640, 64)),
        (encoded(slope(200, 100), "png"), 640, (100, 200)),
        (encoded(np.dstack([slope()] * 3)), 320, (240, 320, 3)),
    ],
)
def test_a_small_picture_is_a_jpeg_of_the_same_in_its_proportions(
    picture: StoredPicture, width: int, wanted: tuple[int, ...]
) -> None:
    answer = browser(Kept({(PART, 0): picture})).get(address(PART, f"?width={width}"))
    assert answer.header("content-type") == "image/jpeg"
    small = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_UNCHANGED)
    assert small.shape == wanted
    row = small.reshape(*small.shape[:2], -1)[small.shape[0] // 2, :, 0].astype(int)
    assert np.abs(row - np.linspace(0, 255, len(row))).max() < 12


def test_one_that_is_small_already_is_not_encoded_again() -> None:
    picture = encoded(slope(320, 240))
    assert browser(Kept({(PART, 0): picture})).get(address(PART, "?width=640")).content == picture.content


def test_a_small_picture_is_made_once_while_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (600, 800), np.uint8)
    kept = Kept({(PART, 0): encoded(noise), (OTHER, 0): encoded(noise)})
    looking = browser(kept)
    for _ in range(3):
        looking.get(address(PART, "?width=64"))
    assert kept.reads == [(PART, 0)]
    monkeypatch.setattr("edge_inspector.page.pictures._CACHE_BYTES", 100_000)
    for inspection_id, width in ((OTHER, 480), (OTHER, 640), (PART, 64)):
        looking.get(address(inspection_id, f"?width={width}"))
    assert kept.reads == [(PART, 0), (OTHER, 0), (OTHER, 0), (PART, 0)]


def test_a_browser_that_has_it_is_told_so() -> None:
    kept = Kept({(PART, 0): encoded(slope())})
    looking = browser(kept)
    first = looking.get(address(PART))
    tag = first.header("etag") or ""
    assert first.header("cache-control") == "private, max-age=86400, immutable"
    again = looking.get(address(PART), if_none_match=tag)
    assert (again.status, again.content, again.header("etag")) == (304, b"", tag)
    assert len(kept.reads) == 1
    for other in (address(PART, "?width=64"), address(PART, "?frame=1"), address(OTHER)):
        assert looking.get(other, if_none_match=tag).status != 304


@pytest.mark.parametrize(
    "path",
    [
        address(OTHER),
        address(PART, "?frame=1"),
        address(PART, "?frame=1&width=100"),
        address("../../etc/passwd"),
        address("..\\..\\boot.ini"),
        address(f"{PART}\r\nSet-Cookie: a=b"),
        address(f"{PART}\0"),
        address("a" * 500),
    ],
)
def test_what_there_is_no_picture_of_is_answered_in_words(path: str) -> None:
    kept = Kept({(PART, 0): encoded(slope())})
    answer = browser(kept).get(path)
    assert (answer.status, answer.header("set-cookie")) == (404, None)
    assert answer.code in {"no_picture", "unknown"}
    assert len(answer.content) < 1000
    assert all(inspection_id in {PART, OTHER} for inspection_id, _ in kept.reads)


def test_where_no_pictures_are_kept_there_is_none() -> None:
    answer = browser(None).get(address(PART))
    assert (answer.status, answer.code) == (404, "no_picture")


@pytest.mark.parametrize("query", ["?width=63", "?width=2049", "?width=wide", "?frame=-1", "?wide=100"])
def test_what_cannot_be_asked_for_is_named(query: str) -> None:
    answer = browser(Kept({(PART, 0): encoded(slope())})).get(address(PART, query))
    assert answer.status == 422
    assert query[1:].partition("=")[0] in answer.text


def test_a_damaged_file_is_an_error_in_words_and_the_next_one_comes() -> None:
    damaged = StoredPicture(encoded(slope()).content[:5000], "jpg")
    looking = browser(Kept({(PART, 0): damaged, (OTHER, 0): encoded(slope())}))
    answer = looking.get(address(PART, "?width=200"))
    assert answer.status == 503
    assert "cut off" in answer.text
    assert looking.get(address(OTHER, "?width=200")).status == 200
