import numpy as np
import pytest
from numpy.typing import NDArray

from cloud_side.training.dataset import Example
from cloud_side.training.variation.defect_bank import FAINT, Defect, Lifting, hide, lift_defects, paste, paste_faint
from edge_inspector.geometry import iou

BOX = (30, 40, 90, 46)
PLAIN = Lifting(cut_share=0)


def example(surface: tuple[int, ...] = (90,), defect: tuple[int, ...] = (240,)) -> Example:
    image = np.full((150, 200, len(surface)), surface, np.uint8)
    image[BOX[1] : BOX[3], BOX[0] : BOX[2]] = defect
    image = image[..., 0] if len(surface) == 1 else image
    return Example(image, np.array([BOX], np.float32), np.full(1, 2), "g", "bar")


def clean(surface: tuple[int, ...]) -> Example:
    image = np.full((150, 200, len(surface)), surface, np.uint8)
    image = image[..., 0] if len(surface) == 1 else image
    return Example(image, np.empty((0, 4), np.float32), np.empty(0, np.int64), "g", "x")


def extent(image: NDArray[np.uint8], surface: tuple[int, ...]) -> NDArray[np.float32]:
    away = np.abs(image.astype(int) - np.array(surface if image.ndim == 3 else surface[0]))
    rows, columns = np.nonzero((away if image.ndim == 2 else away.max(axis=2)) > 60)
    return np.array([[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]], np.float32)


@pytest.mark.parametrize(
    ("surface", "defect"),
    [((90,), (240,)), ((200,), (60,)), ((90, 120, 60), (90, 240, 60)), ((180, 180, 180), (40, 90, 180))],
    ids=["brighter", "darker", "brighter green", "less blue"],
)
def test_a_pasted_defect_has_a_box_around_what_differs(surface: tuple[int, ...], defect: tuple[int, ...]) -> None:
    (lifted,) = lift_defects([example(surface, defect)], PLAIN)
    rng, pasted = np.random.default_rng(2), 0
    for _ in range(15):
        result = paste(clean(surface), lifted, PLAIN, rng)
        if len(result.boxes) == 1:
            pasted += 1
            assert iou(extent(result.image, surface), result.boxes)[0, 0] > 0.6
            assert result.class_ids.tolist() == [2]
    assert pasted > 5


def test_a_defect_is_not_put_on_what_is_no_such_surface() -> None:
    (lifted,) = lift_defects([example()], PLAIN)
    rng = np.random.default_rng(2)
    assert all(len(paste(clean((230,)), lifted, PLAIN, rng).boxes) == 0 for _ in range(10))


def test_a_faint_defect_is_not_put_elsewhere() -> None:
    assert lift_defects([example(defect=(130,))], PLAIN) == []
    assert len(lift_defects([example(defect=(130,))], Lifting(faintest=20))) == 1


def test_a_cut_defect_gets_two_boxes() -> None:
    (lifted,) = lift_defects([example()], PLAIN)
    rng = np.random.default_rng(2)
    counts = {len(paste(clean((90,)), lifted, Lifting(), rng).boxes) for _ in range(40)}
    assert counts == {1, 2}


@pytest.mark.parametrize(("surface", "defect"), [((90,), (240,)), ((200,), (60,)), ((90, 120, 60), (90, 240, 60))])
def test_a_trace_of_a_defect_is_faint_and_has_no_label(surface: tuple[int, ...], defect: tuple[int, ...]) -> None:
    (lifted,) = lift_defects([example(surface, defect)], PLAIN)
    plain, seen, rng = float(np.abs(lifted.difference).max()), 0, np.random.default_rng(2)
    for _ in range(15):
        part = clean(surface)
        result = paste_faint(part, lifted, PLAIN, rng)
        assert len(result.boxes) == len(result.class_ids) == 0
        if (away := np.abs(result.image.astype(int) - part.image).max()) > 0:
            seen += 1
            assert 0.7 * FAINT[0] * plain < away < 1.3 * FAINT[1] * plain  # a varied one is stronger or fainter by 1.25
    assert seen > 5


def test_a_defect_that_fades_is_labeled_where_it_is_plain() -> None:
    (lifted,) = lift_defects([example()], PLAIN)
    results = [pasted for pasted in fading(lifted) if len(pasted.boxes)]
    assert len(results) > 5
    assert all(iou(extent(each.image, (90,)), each.boxes)[0, 0] > 0.6 for each in results)
    assert sum(beside(each) > 5 for each in results) > len(results) / 2
    assert max(beside(each) for each in results) < 75


def test_a_short_defect_does_not_fade() -> None:
    short = example()
    short.image[:, BOX[0] + 12 :] = 90
    short.boxes[0, 2] = BOX[0] + 12
    (lifted,) = lift_defects([short], PLAIN)
    results = [pasted for pasted in fading(lifted) if len(pasted.boxes)]
    assert len(results) > 5
    assert max(beside(each) for each in results) == 0


def fading(defect: Defect) -> list[Example]:
    rng = np.random.default_rng(2)
    return [paste(clean((90,)), defect, Lifting(fade_share=1), rng) for _ in range(15)]


def beside(pasted: Example) -> int:
    """Return by how many grey levels something outside of the only label differs from the surface."""
    left, top, right, bottom = pasted.boxes[0].round().astype(int)
    away = np.abs(pasted.image.astype(int) - 90)
    away[top - 3 : bottom + 3, left - 3 : right + 3] = 0
    return int(away.max())


@pytest.mark.parametrize(("surface", "defect"), [((90,), (240,)), ((90, 120, 60), (90, 240, 60))])
def test_a_hidden_defect_leaves_a_clean_surface(surface: tuple[int, ...], defect: tuple[int, ...]) -> None:
    hidden = hide(example(surface, defect), 0, PLAIN, np.random.default_rng(0))
    assert len(hidden.boxes) == 0
    assert np.abs(hidden.image.astype(int) - np.array(surface if len(surface) == 3 else surface[0])).max() < 20


def test_a_defect_that_another_one_touches_is_not_hidden() -> None:
    pair = example()
    both = np.concatenate((pair.boxes, pair.boxes + 3)).astype(np.float32)
    touching = Example(pair.image, both, np.zeros(2, np.int64), "g", "x")
    assert hide(touching, 0, PLAIN, np.random.default_rng(0)) is touching
