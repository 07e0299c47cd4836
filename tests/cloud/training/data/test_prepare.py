import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cloud_side.catalog.candidates import Exclusion, Reason, Source
from cloud_side.catalog.creating import Wish, create
from cloud_side.catalog.labels import Box
from cloud_side.catalog.leaks import Treatment
from cloud_side.catalog.shelf import Shelf
from cloud_side.catalog.splits import Shares, Split, SplitRule
from cloud_side.catalog.versions import DatasetError
from cloud_side.engines import ENGINE_VARIABLE, local_engine
from cloud_side.objects import Bucket
from cloud_side.training.dataset import Mode, TrainingData, read_labels
from cloud_side.training.dataset.folders import folder_source
from cloud_side.training.dataset.sources import VersionSource, version_source
from cloud_side.training.folds import Folds
from cloud_side.training.places import ROOT_VARIABLE
from cloud_side.training.steps.prepare import main, run, summary
from edge_inspector.errors import ConfigError
from tests.cloud.catalog.datasets.conftest import ALL, AT, REGION, label_of, make_version, picture
from tests.cloud.catalog.datasets.test_near_duplicates_in_versions import brighter

SHARES = Shares(40, 30, 30)
RULE = SplitRule("tags", SHARES)
GROUPS = [f"part-{number}" for number in range(16)]
Sample = Callable[..., Any]


@pytest.fixture(scope="module")
def kept(s3: Any) -> Shelf:
    """Have a version with two images of each of sixteen parts, all splits among them."""
    s3.create_bucket(Bucket="prepared", CreateBucketConfiguration=REGION)
    shelf = Shelf(Bucket(s3, "prepared"))
    labels = []
    for number in range(32):
        shelf.bucket.write(f"samples/{number}.png", picture(number))
        box = Box("scratch", 0.5, 2, 10.25, 12) if number == 3 else Box("scratch", 1, 2, 10, 12)
        labels.append(label_of(number, GROUPS[number // 2], [box], image=f"s3://prepared/samples/{number}.png"))
    make_version(shelf, labels, shares=SHARES)
    return shelf


@pytest.fixture
def source(kept: Shelf) -> VersionSource:
    return version_source(kept, "tags", "latest")


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_split_is_written_with_its_images_and_labels(source: VersionSource, tmp_path: Path) -> None:
    data = run(source, tmp_path, folds="0")
    assert (data.mode, data.folds, data.version, data.class_names) == (Mode.SPLIT, (), source.version, ("scratch",))
    assert data.counts["images"] == 32
    for split, folder in ((Split.TRAIN, "train"), (Split.VAL, "validation"), (Split.TEST, "test")):
        rows = read_labels(tmp_path / folder, data.class_names)
        assert {row.group for row in rows} == {group for group in GROUPS if RULE.split_of(group) is split} != set()
        assert len(rows) == data.counts["splits"][split.value]["images"]
        assert all(row.path.stem == row.sha256 and row.path.is_file() for row in rows)
        assert {row.slices["station"] for row in rows} == {"7"}
    assert TrainingData.read(tmp_path) == TrainingData.read(tmp_path / "train") == data
    assert TrainingData.read(tmp_path / "validation") == data
    assert not (tmp_path / "test" / "dataset.json").exists()


def test_small_data_become_folds_with_all_images_in_training(source: VersionSource, tmp_path: Path) -> None:
    data = run(replace(source, unlabeled=3), tmp_path)
    assert (data.mode, len(data.folds), data.counts["unlabeled"]) == (Mode.FOLDS, 4, 3)
    rows = read_labels(tmp_path / "train", data.class_names)
    assert len(rows) == 32
    fractions_too = {tuple(row.boxes[0].tolist()) for row in rows}
    assert fractions_too == {(1, 2, 11, 14), (0.5, 2, 10.75, 14)}
    folds = Folds(tuple(map(frozenset, data.folds)))
    assert [len(folds.split(rows, fold)[1]) for fold in range(4)] == [8] * 4
    for empty in ("validation", "test"):
        assert read_labels(tmp_path / empty, data.class_names) == []
    assert not data.leaks
    assert list(summary(data)) == [
        "32 images (0 without a defect), 32 defects of scratch, 16 groups",
        "left out: 3 images that nobody labeled",
        "folds: 4, of 4, 4, 4, 4 groups",
        "input: 320 x 256 pixels, gray",
    ]


def test_what_a_folder_has_twice_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "parts"
    folder.mkdir()
    box = {"label": "dent", "x": 1, "y": 2, "width": 10, "height": 12}
    rows = [
        {
            "image": f"{number}.png",
            "group": f"part-{number % 2}",
            "width": 64,
            "height": 48,
            "labelled": True,
            "boxes": [box],
        }
        for number in range(4)
    ]
    for number, row in enumerate(rows):
        (folder / str(row["image"])).write_bytes(picture(number % 2))
    (folder / "labels.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    data = run(folder_source(folder), tmp_path / "data", folds="2")
    assert data.counts["images"] == 2
    assert "left out: 2 images that are the same file as another" in list(summary(data))


def test_folds_are_balanced_by_images_and_defects(shelf: Shelf, sample: Sample, tmp_path: Path) -> None:
    boxes = [Box("scratch", number, 2, 5, 5) for number in range(9)]
    make_version(shelf, [sample(number, f"part-{number}", boxes[: 9 if number == 0 else 1]) for number in range(5)])
    data = run(version_source(shelf, "tags", "latest"), tmp_path, folds="2")
    assert data.folds == (("part-0",), ("part-1", "part-2", "part-3", "part-4"))


def test_again_over_what_a_cut_run_left_gives_the_same(source: VersionSource, tmp_path: Path) -> None:
    run(source, tmp_path, folds="3")
    first = files_of(tmp_path)
    run(source, tmp_path, folds="0")
    (tmp_path / "train/images/left.png").write_bytes(b"half")
    (tmp_path / "train/labels.jsonl").write_text("{")
    run(source, tmp_path, folds="3")
    assert files_of(tmp_path) == first


def test_fewer_groups_than_folds_is_an_error(shelf: Shelf, sample: Sample, tmp_path: Path) -> None:
    make_version(shelf, [sample(1), sample(2), sample(3)])
    with pytest.raises(ConfigError, match="found 4 folds and 3 groups"):
        run(version_source(shelf, "tags", "latest"), tmp_path)


def test_groups_that_look_the_same_are_not_enough_for_as_many_folds(
    shelf: Shelf, sample: Sample, tmp_path: Path
) -> None:
    twins = [sample(20, "d", content=brighter(3))]
    make_version(shelf, [*(sample(number, "abc"[number - 1]) for number in (1, 2, 3)), *twins])
    with pytest.raises(ConfigError, match="expected 4 groups, found 4 that count as 3, for their images look the same"):
        run(version_source(shelf, "tags", "latest"), tmp_path, folds="4")
    assert len(run(version_source(shelf, "tags", "latest"), tmp_path, folds="3").folds) == 3


def test_images_that_look_the_same_leak_unless_somebody_said_that_they_show_different_parts(
    shelf: Shelf, sample: Sample, tmp_path: Path
) -> None:
    train, validation, test = (next(group for group in GROUPS if RULE.split_of(group) is split) for split in Split)
    labels = [sample(1, train), sample(2, test, content=brighter(1)), sample(3, validation), sample(4, "other")]
    make_version(shelf, labels, shares=SHARES, near_duplicates=Treatment.REPORT)
    said = version_source(shelf, "tags", "latest")
    unsaid = replace(said, told_apart=frozenset())

    leaks = run(unsaid, tmp_path, folds="0").leaks
    (pair,) = leaks.near_duplicates
    assert leaks
    assert dict(zip(pair.groups, pair.where, strict=True)) == {train: "train", test: "test"}
    written = json.loads((tmp_path / "dataset.json").read_text())["leaks"]
    assert (written["near_duplicates"][0]["images"], written["accepted"]) == (list(pair.images), [])

    data = run(said, tmp_path, folds="0")
    assert not data.leaks
    assert (data.leaks.near_duplicates, data.leaks.accepted) == ((), (pair,))
    assert "accepted: 1 pairs" in list(summary(data))[-1]

    assert any({train, test} <= set(groups) for groups in run(unsaid, tmp_path, folds="2").folds)
    folded = run(said, tmp_path, folds="4")
    assert not folded.leaks
    assert [accepted.images for accepted in folded.leaks.accepted] == [pair.images]


def test_a_version_that_only_notes_what_looks_the_same_tells_nothing_apart(shelf: Shelf, sample: Sample) -> None:
    header = make_version(shelf, [sample(1), sample(2, content=brighter(1)), sample(3)]).header
    assert header.document["notes"]["near_duplicate"] == 1
    assert version_source(shelf, "tags", "latest").told_apart == frozenset()


def test_a_version_says_how_many_images_nobody_labeled(shelf: Shelf, sample: Sample) -> None:
    unlabeled = Exclusion("s3://bucket/samples/9.png", None, Reason.UNLABELED, "")
    create(shelf, [Source("tests", [sample(1), unlabeled])], Wish("tags", AT, "ana", shares=ALL))
    assert version_source(shelf, "tags", "latest").unlabeled == 1


def test_an_image_that_was_changed_is_refused(shelf: Shelf, sample: Sample, tmp_path: Path) -> None:
    make_version(shelf, [sample(number) for number in range(4)])
    source = version_source(shelf, "tags", "latest")
    shelf.bucket.write(source.entries[2].key, b"other")
    (tmp_path / "dataset.json").write_text("of the run before")
    with pytest.raises(DatasetError, match="the image was changed"):
        run(source, tmp_path)
    assert not (tmp_path / "dataset.json").exists()


@pytest.fixture
def job(engine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have the folder of a processing job on the engine."""
    monkeypatch.setenv(ENGINE_VARIABLE, local_engine(engine))
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path))
    return tmp_path


def asked(shelf: Shelf, group: str, *more: str) -> list[str]:
    return ["--bucket", shelf.bucket.name, "--dataset", "tags", "--model-package-group", group, *more]


def test_the_job_writes_the_data_and_that_there_is_no_champion_yet(
    kept: Shelf, source: VersionSource, session: Any, job: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    session.client("sagemaker").create_model_package_group(ModelPackageGroupName="prepared")
    assert (
        main(asked(kept, "prepared", "--version", source.version[:12], "--start-from", "champion", "--folds", "2")) == 0
    )
    output = job / "processing/output"
    assert len(TrainingData.read(output / "data").folds) == 2
    champion = json.loads((output / "champion/champion.json").read_text())
    assert (champion["package"], champion["next_version"]) == (None, "1.0.0")
    assert "training begins from scratch" in capsys.readouterr().out


def test_what_keeps_the_job_from_it_is_one_line(kept: Shelf, job: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(asked(kept, "prepared", "--version", "ffffff")) == 1
    assert "expected one version that is or begins with 'ffffff'" in (job / "output/message").read_text()
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"model_wh": [450, 300]}, "model_wh.0: Input should be a multiple of 32, found 450"),
        ({"schema": "other"}, "schema: Input should be 'edge-inspector/training-data/1', found 'other'"),
        ({"color": "rgb"}, "color: "),
        ({"more": 1}, "more: Extra inputs are not permitted"),
    ],
)
def test_a_description_that_is_another_is_refused_by_its_field(
    change: dict[str, Any], told: str, tmp_path: Path
) -> None:
    good = {
        "schema": "edge-inspector/training-data/1", "name": "tags", "version": "ab", "class_names": ["scratch"],
        "mode": "split", "model_wh": [320, 224], "color": "gray", "counts": {},
    }  # fmt: skip
    (tmp_path / "dataset.json").write_text(json.dumps(good))
    assert TrainingData.read(tmp_path).model_wh == (320, 224)
    (tmp_path / "dataset.json").write_text(json.dumps({**good, **change}))
    with pytest.raises(ConfigError) as error:
        TrainingData.read(tmp_path)
    assert told in str(error.value)
    with pytest.raises(ConfigError, match="expected the description of training data, found: No such file"):
        TrainingData.read(tmp_path / "nowhere")
