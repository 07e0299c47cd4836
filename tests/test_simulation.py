from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_inspector.simulation import (
    DEMO_STYLE,
    TRAINING_STYLE,
    Defect,
    LineStyle,
    Tag,
    plan_tag,
    render_belt,
    render_tag,
)

SIZES = [(450, 300), (640, 480), (300, 450), (1224, 1024)]
BARE = replace(DEMO_STYLE, hairlines=(0, 0), specks=(0, 0), scuff_share=0.0, shadow_share=0.0)
DARK = replace(DEMO_STYLE, is_dark=True)


def crop(frame: NDArray[np.uint8], box: tuple[float, float, float, float]) -> NDArray[np.uint8]:
    x0, y0, x1, y1 = box
    return frame[int(y0) : int(np.ceil(y1)), int(x0) : int(np.ceil(x1))]


def scratched_tags(n: int, style: LineStyle = DEMO_STYLE) -> list[Tag]:
    return [plan_tag(7, number, defect_rate=1.0, style=style) for number in range(n)]


def test_a_part_is_the_same_in_any_order() -> None:
    forwards = [plan_tag(3, number) for number in range(20)]
    backwards = [plan_tag(3, number) for number in reversed(range(20))]
    assert forwards == backwards[::-1]


def test_a_plan_renders_to_the_same_bytes_every_time() -> None:
    tag = plan_tag(3, 5, defect_rate=1.0)
    assert render_tag(tag).tobytes() == render_tag(plan_tag(3, 5, defect_rate=1.0)).tobytes()


def test_parts_lines_and_lots_differ() -> None:
    frames = [
        render_tag(plan_tag(seed, number, lot=lot))
        for seed, number, lot in [(0, 0, 0), (0, 1, 0), (1, 0, 0), (0, 0, 1)]
    ]
    assert len({frame.tobytes() for frame in frames}) == len(frames)


def test_parts_of_a_lot_share_fixture_and_finish() -> None:
    first, second, other = (plan_tag(0, number, lot=lot).scene for number, lot in [(0, 2), (1, 2), (0, 3)])
    assert first.fixture == second.fixture != other.fixture
    assert first.texture[:2] == second.texture[:2] != other.texture[:2]


@pytest.mark.parametrize("style", [DEMO_STYLE, TRAINING_STYLE], ids=["demo", "training"])
@pytest.mark.parametrize("image_wh", SIZES)
def test_every_frame_is_grey_bytes_of_the_size_asked_for(image_wh: tuple[int, int], style: LineStyle) -> None:
    frame = render_tag(plan_tag(1, 2, image_wh=image_wh, defect_rate=1.0, style=style))
    assert frame.dtype == np.uint8
    assert frame.shape == image_wh[::-1]


@pytest.mark.parametrize("style", [DEMO_STYLE, TRAINING_STYLE, DARK], ids=["demo", "training", "dark"])
@pytest.mark.parametrize("image_wh", SIZES)
def test_truth_boxes_lie_inside_the_frame(image_wh: tuple[int, int], style: LineStyle) -> None:
    for number in range(40):
        for defect in plan_tag(2, number, image_wh=image_wh, defect_rate=1.0, style=style).defects:
            x0, y0, x1, y1 = defect.xyxy
            assert 0 <= x0 < x1 <= image_wh[0]
            assert 0 <= y0 < y1 <= image_wh[1]
            assert 0 < defect.contrast <= 1


def test_scratches_keep_their_size_relative_to_the_frame() -> None:
    small, large = (plan_tag(2, 3, image_wh=wh, defect_rate=1.0).defects for wh in [(450, 300), (1350, 900)])
    assert len(small) == len(large)
    for one, other in zip(small, large, strict=True):
        assert np.array(other.xyxy) / 3 == pytest.approx(np.array(one.xyxy))


@pytest.mark.parametrize("image_wh", [(450, 300), (1224, 1024)])
def test_a_strong_scratch_is_inside_its_box_and_nowhere_else(image_wh: tuple[int, int]) -> None:
    """Compared with the part without marks, what changed is bright, boxed, and reaches near every side."""
    scale = min(image_wh[0] / 450, image_wh[1] / 300)
    style = replace(BARE, tail_share=0.0, scratch_contrast=(0.9, 1.0))
    for number in range(8):
        tag = plan_tag(4, number, image_wh=image_wh, defect_rate=1.0, style=style)
        clean = replace(tag, scene=replace(tag.scene, marks=()))
        change = render_tag(tag).astype(int) - render_tag(clean)
        for defect in tag.defects:
            ys, xs = np.nonzero(crop(change, defect.xyxy) > 30)
            height, width = crop(change, defect.xyxy).shape
            assert crop(change, defect.xyxy).max() > 80
            slack = 10 * scale
            assert max(xs.min(), ys.min(), width - xs.max(), height - ys.max()) < slack
        for defect in tag.defects:
            crop(change, defect.xyxy)[:] = 0
        assert np.abs(change).max() < 30


@pytest.mark.parametrize("image_wh", [(450, 300), (1224, 1024)])
def test_a_dark_scratch_is_broad_dark_and_soft_and_inside_its_box(image_wh: tuple[int, int]) -> None:
    """Compared with the part without marks: darker by some, and the box reaches as far as one sees it."""
    scale = min(image_wh[0] / 450, image_wh[1] / 300)
    for number in range(8):
        tag = plan_tag(4, number, image_wh=image_wh, defect_rate=1.0, dark_share=1.0, style=BARE)
        clean = render_tag(replace(tag, scene=replace(tag.scene, marks=()))).astype(float)
        darkened = 1 - render_tag(tag) / clean
        for defect in tag.defects:
            inside = crop(darkened, defect.xyxy)
            assert 0.15 < np.quantile(inside, 0.99) < 0.5
            ys, xs = np.nonzero(inside > 0.6 * defect.contrast)
            height, width = inside.shape
            assert max(xs.min(), ys.min(), width - xs.max(), height - ys.max()) < 16 * scale
            steepest = np.abs(np.diff(cv2.GaussianBlur(inside, (0, 0), scale), axis=0)).max()
            assert steepest < 0.1 / scale
        for defect in tag.defects:
            crop(darkened, defect.xyxy)[:] = 0
        assert darkened.max() < 0.15


def test_dark_parts_are_as_many_as_their_share_and_the_others_stay_as_they_are() -> None:
    n, dark = 60, {}
    bright = [plan_tag(6, number, defect_rate=1.0) for number in range(n)]
    for share in (0.3, 0.7):
        tags = [plan_tag(6, number, defect_rate=1.0, dark_share=share) for number in range(n)]
        dark[share] = {tag.number for tag in tags if all(defect.is_dark for defect in tag.defects)}
        assert all(tag == bright[tag.number] for tag in tags if tag.number not in dark[share])
        assert abs(len(dark[share]) / n - share) < 3.5 * np.sqrt(share * (1 - share) / n)
    assert dark[0.3] < dark[0.7]


def test_a_clean_part_stays_clean_however_many_scratches_are_dark() -> None:
    assert plan_tag(5, 1, defect_rate=0.0, dark_share=1.0) == plan_tag(5, 1, defect_rate=0.0)


def test_the_weakest_scratch_of_the_demo_outshines_its_strongest_hairline() -> None:
    style = DEMO_STYLE
    assert style.faint_share == 0
    assert style.scratch_contrast[0] > 1.5 * style.hairline_strength[1]
    assert style.scratch_width[0] > 1.5 * style.hairline_width[1]


def test_the_faintest_scratch_for_training_still_carries_more_light_than_any_hairline() -> None:
    style = TRAINING_STYLE
    hairline = style.hairline_width[1] * style.hairline_strength[1]
    for width, contrast in (
        (style.faint_width, style.faint_contrast),
        (style.scratch_width, style.scratch_contrast),
    ):
        assert width[0] * contrast[0] > 1.3 * hairline


def test_a_clean_part_has_no_truth_but_may_have_marks() -> None:
    tags = [plan_tag(5, number, defect_rate=0.0) for number in range(30)]
    assert all(tag.defects == () for tag in tags)
    assert any(tag.scene.marks for tag in tags)


@pytest.mark.parametrize("rate", [0.3, *(pytest.param(rate, marks=pytest.mark.nightly) for rate in (0.1, 0.8))])
def test_the_defect_rate_is_respected(rate: float) -> None:
    n = 250
    found = sum(bool(plan_tag(6, number, defect_rate=rate).defects) for number in range(n)) / n
    assert abs(found - rate) < 3.5 * np.sqrt(rate * (1 - rate) / n)


def test_a_scratched_part_has_one_to_three_scratches() -> None:
    assert {len(tag.defects) for tag in scratched_tags(60)} == {1, 2, 3}


def test_training_reaches_fainter_scratches_than_the_demo() -> None:
    demo, training = (
        min(defect.contrast for tag in scratched_tags(60, style) for defect in tag.defects)
        for style in (DEMO_STYLE, TRAINING_STYLE)
    )
    assert training < demo / 1.5


def test_a_dying_lamp_darkens_the_frame_and_changes_no_truth() -> None:
    bright, dim = plan_tag(8, 1, defect_rate=1.0), plan_tag(8, 1, defect_rate=1.0, exposure=0.6)
    assert bright.defects == dim.defects
    assert render_tag(dim).mean() < 0.8 * render_tag(bright).mean()


def test_the_metal_is_dark_and_the_backdrop_overexposed() -> None:
    for number in range(10):
        frame = render_tag(plan_tag(9, number, lot=number))
        assert 60 < np.median(frame[60:260, 60:400]) < 130
        assert np.median(frame[:, :6]) == 255


def test_a_part_moves_on_the_belt_by_exactly_the_difference_in_position() -> None:
    before, parts_before = render_belt(1, 100.0, defect_rate=1.0)
    after, parts_after = render_belt(1, 137.0, defect_rate=1.0)
    assert np.array_equal(before[:, 37:], after[:, :-37])
    assert parts_before[0].offset_px - parts_after[0].offset_px == 37
    whole = [defect for defect in parts_after[0].defects if defect.xyxy[0] > 0]
    moved = {tuple(np.subtract(defect.xyxy, (37, 0, 37, 0))) for defect in parts_before[0].defects}
    assert whole
    assert {defect.xyxy for defect in whole} <= moved


@pytest.mark.parametrize("dark_share", [0.0, 1.0])
def test_the_belt_shows_the_part_that_the_trigger_would(dark_share: float) -> None:
    tag = plan_tag(1, 3, defect_rate=1.0, dark_share=dark_share)
    frame, (part,) = render_belt(1, 3 * 562, pitch_px=562, defect_rate=1.0, dark_share=dark_share)
    assert np.array_equal(frame, render_tag(tag))
    assert (part.number, part.offset_px, part.visible, part.defects) == (3, 0, 1.0, tag.defects)


def test_parts_enter_on_the_right_and_leave_on_the_left() -> None:
    numbers = [[part.number for part in render_belt(2, x, pitch_px=500)[1]] for x in (0, 250, 470, 500)]
    assert numbers == [[0], [0, 1], [1], [1]]
    assert render_belt(2, 470, pitch_px=1000)[1] == ()


def test_belt_truth_is_clipped_and_mostly_hidden_scratches_are_left_out() -> None:
    plans = {number: plan_tag(3, number, defect_rate=1.0) for number in range(6)}
    dropped = clipped = 0
    for position in range(0, 2000, 60):
        for part in render_belt(3, position, pitch_px=500, defect_rate=1.0)[1]:
            planned = plans[part.number].defects
            shares = []
            for defect in planned:
                x0, _, x1, _ = defect.xyxy
                seen = np.clip((x0 + part.offset_px, x1 + part.offset_px), 0, 450)
                shares.append((seen[1] - seen[0]) / (x1 - x0))
            assert len(part.defects) == sum(share >= 0.4 for share in shares)
            assert all(0 <= d.xyxy[0] < d.xyxy[2] <= 450 for d in part.defects)
            dropped += len(planned) - len(part.defects)
            clipped += sum(0.4 <= share < 1 for share in shares)
    assert dropped > 0
    assert clipped > 0


def test_a_belt_frame_is_the_callers_to_change() -> None:
    frame, _ = render_belt(4, 0)
    frame[:] = 0
    assert render_belt(4, 0)[0].max() == 255


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seed": -1}, "seed: expected 0 or more, found -1"),
        ({"number": -4}, "number: expected 0 or more, found -4"),
        ({"lot": -2}, "lot: expected 0 or more, found -2"),
        ({"image_wh": (10, 300)}, r"image_wh: expected at least \(45, 30\), found \(10, 300\)"),
        ({"defect_rate": 1.5}, r"defect_rate: expected within \[0, 1\], found 1.5"),
        ({"dark_share": -0.1}, r"dark_share: expected within \[0, 1\], found -0.1"),
        ({"exposure": 0.0}, "exposure: expected more than 0, found 0.0"),
    ],
)
def test_a_bad_plan_says_what_was_expected_and_found(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        plan_tag(**{"seed": 0, "number": 0, **arguments})  # type: ignore[arg-type]


def test_a_bad_belt_says_what_was_expected_and_found() -> None:
    with pytest.raises(ValueError, match=r"position_px: expected 0 or more, found -1"):
        render_belt(0, -1)
    with pytest.raises(ValueError, match=r"pitch_px: expected at least the frame's width 450, found 449"):
        render_belt(0, 0, pitch_px=449)


def test_a_bad_style_or_defect_cannot_be_built() -> None:
    with pytest.raises(ValueError, match=r"specks: expected lowest value first, found \(9, 3\)"):
        LineStyle(specks=(9, 3))
    with pytest.raises(ValueError, match=r"tail_share: expected within \[0, 1\], found 1.2"):
        LineStyle(tail_share=1.2)
    with pytest.raises(ValueError, match=r"xyxy: expected x0 < x1 and y0 < y1, found \(5, 0, 5, 9\)"):
        Defect("scratch", (5, 0, 5, 9), 0.5)
    with pytest.raises(ValueError, match=r"contrast: expected within \(0, 1\], found 0"):
        Defect("scratch", (0, 0, 5, 9), 0)
