import argparse
from pathlib import Path

import numpy as np
import pytest

from cloud_side.catalog.formats import FORMS
from cloud_side.catalog.versions import DatasetError
from cloud_side.training.dataset import Example
from cloud_side.training.simulated.boards import BOARD_CLASSES, SIDE, render_board
from cloud_side.training.simulated.commands import add_simulate
from cloud_side.training.simulated.writing import simulate


@pytest.fixture(scope="module")
def boards() -> list[Example]:
    return [render_board(3, number, lot=number // 4, defect_rate=1.0, side=320) for number in range(10)]


def test_boards_are_in_color_and_have_all_kinds_of_tiny_defects(boards: list[Example]) -> None:
    assert {board.image.shape for board in boards} == {(320, 320, 3)}
    kinds = np.concatenate([board.class_ids for board in boards])
    assert min(np.bincount(kinds, minlength=len(BOARD_CLASSES))) >= 5
    boxes = np.concatenate([board.boxes for board in boards])
    sides = boxes[:, 2:] - boxes[:, :2]
    assert sides.min() > 4
    assert sides.max() < 25
    assert boxes.min() >= 0
    assert boxes.max() <= 320


def test_a_lot_is_a_group_with_one_layout(boards: list[Example]) -> None:
    assert sorted({board.group for board in boards}) == [f"lot-3-{lot}" for lot in range(3)]
    small = [board.image[::16, ::16].astype(int).mean(axis=2) for board in boards]
    same = np.abs(small[0] - small[1]).mean()
    assert same < np.abs(small[0] - small[4]).mean()


def test_the_same_seed_gives_the_same_board_and_another_one_another() -> None:
    one, again, other = (render_board(seed, 2, lot=1, side=320) for seed in (5, 5, 6))
    assert np.array_equal(one.image, again.image)
    assert one.boxes.tolist() == again.boxes.tolist()
    assert not np.array_equal(one.image, other.image)


def test_what_is_labeled_is_what_was_painted() -> None:
    clean, damaged = (render_board(8, 1, defect_rate=rate, side=320) for rate in (0.0, 1.0))
    assert len(clean.boxes) == 0
    assert len(damaged.boxes) > 0
    # The noise differs as well, by three grey levels: what differs by more than that in an area is a defect.
    differing = np.abs(clean.image.astype(int) - damaged.image).max(axis=2) > 40
    inside = np.zeros_like(differing)
    for x0, y0, x1, y1 in damaged.boxes:
        box = differing[int(y0) : int(np.ceil(y1)), int(x0) : int(np.ceil(x1))]
        assert box.any()
        inside[int(y0) - 2 : int(y1) + 3, int(x0) - 2 : int(x1) + 3] = True
    assert not (differing & ~inside).any()


def test_a_board_too_small_for_its_parts_is_refused() -> None:
    with pytest.raises(ValueError, match="expected 320 pixels or more, found 300"):
        render_board(1, 0, side=300)


@pytest.mark.parametrize("form", ["coco", "yolo"])
def test_a_product_is_written_in_a_form_that_others_read(form: str, tmp_path: Path) -> None:
    written = simulate("boards", 2, 3, form, tmp_path / "out")
    read = FORMS[form].read(tmp_path / "out")
    assert read.class_names == BOARD_CLASSES
    assert [image.name for image in read.images] == [f"images/board-3-{number}.jpg" for number in range(2)]
    assert [image.group for image in read.images] == ["lot-3-0"] * 2
    assert {(image.width, image.height) for image in read.images} == {(SIDE, SIDE)}
    assert sum(len(image.boxes) for image in read.images) == sum(len(image.boxes) for image in written.images) > 0
    for image in read.images:
        assert (tmp_path / "out" / image.name).is_file()


def test_the_command_writes_tags_whose_groups_nobody_has_to_know(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parser = argparse.ArgumentParser()
    add_simulate(parser.add_subparsers())
    out = tmp_path / "tags"
    options = parser.parse_args(["simulate", "--product", "tags", "--count", "2", "--seed", "4", "--out", str(out)])
    assert options.command(options) == 0
    assert capsys.readouterr().out == f"written: {out} (2 images of tags, as rows)\n"
    labels = FORMS["rows"].read(out)
    assert [image.group for image in labels.images] == [None, None]
    with pytest.raises(DatasetError, match="expected no folder, or an empty one"):
        options.command(options)
