"""What a set says is still said after it was written in any form and read again."""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cloud_side.catalog.formats import FORMS, detect
from cloud_side.catalog.interchange import ImageLabels, LabelSet
from cloud_side.catalog.labels import Box
from tests.cloud.catalog.formats.label_sets import label_sets

TAGS = os.environ.get("EDGE_INSPECTOR_TAGS")


def there_and_back(labels: LabelSet, name: str) -> LabelSet:
    """Write a set in a form and read it."""
    with tempfile.TemporaryDirectory() as folder:
        FORMS[name].write(labels, Path(folder))
        return FORMS[name].read(Path(folder))


@given(labels=label_sets(), name=st.sampled_from(list(FORMS)))
def test_every_form_brings_back_every_set_and_writes_it_alike(labels: LabelSet, name: str) -> None:
    form = FORMS[name]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        form.write(labels, folder)
        assert detect(folder) == name
        first, seen = contents(folder), form.read(folder)
        assert seen == labels
        form.write(seen, folder)
        assert contents(folder) == first


@pytest.mark.nightly
@given(labels=label_sets(), names=st.permutations(list(FORMS)))
def test_a_chain_of_forms_brings_back_every_set(labels: LabelSet, names: list[str]) -> None:
    seen = labels
    for name in names:
        seen = there_and_back(seen, name)
    assert seen == labels


@pytest.mark.parametrize("name", FORMS)
def test_a_set_is_read_with_its_images_in_place(name: str, tmp_path: Path) -> None:
    labels = LabelSet(
        ("scratch", "dent"),
        (
            ImageLabels("images/with space.jpg", 90, 60, (Box("dent", 1, 2, 30.5, 40),), "lot 1", "train"),
            ImageLabels("images/more/ok.png", 50, 70, (), None, "val"),
            ImageLabels("images/nobody.jpg", 40, 40, (), "lot 2", is_labeled=False),
        ),
    )
    for image in labels.images:
        path = tmp_path / image.name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (image.width, image.height)).save(path)
    FORMS[name].write(labels, tmp_path)
    assert FORMS[name].read(tmp_path) == labels


@pytest.mark.skipif(TAGS is None, reason="EDGE_INSPECTOR_TAGS does not name the folder with the photographs")
@pytest.mark.parametrize("name", FORMS)
def test_the_labels_of_the_photographs_are_the_same_after_every_form(name: str) -> None:
    labels = FORMS["rows"].read(Path(TAGS or ""))
    boxes = sum(len(image.boxes) for image in labels.images)
    unlabeled = sum(not image.is_labeled for image in labels.images)
    assert (len(labels.images), boxes, unlabeled) == (190, 349, 3)
    assert there_and_back(labels, name) == labels


def contents(folder: Path) -> dict[str, bytes]:
    """Return all files of a folder."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
