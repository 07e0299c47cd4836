"""First step: fetches the images of a version and their labels, keeps what is tested apart, and says what it found."""

import argparse
import shutil
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Final

from cloud_side.catalog.labels import strict_json
from cloud_side.catalog.leaks import LeakCheck, Units
from cloud_side.catalog.near_duplicates import fingerprint
from cloud_side.catalog.settling import side_by_side
from cloud_side.catalog.shelf import LATEST, Shelf
from cloud_side.catalog.splits import Split
from cloud_side.catalog.versions import Entry, Tally
from cloud_side.commands import one_line_errors
from cloud_side.objects import Bucket
from cloud_side.session import session
from cloud_side.training import places
from cloud_side.training.dataset import LABELS_FILE, Images, Mode, TrainingData, label_row, read_labels
from cloud_side.training.dataset.leaking import leaks, look_alikes, units_of
from cloud_side.training.dataset.sources import Source, version_source
from cloud_side.training.dataset.suggesting import SAMPLE, suggest_color, suggest_model_wh
from cloud_side.training.folds import Folds, folds_needed, group_sizes, grouped_folds, parse_folds
from cloud_side.training.registry.champions import WEIGHTS_FILE, fetch_champion
from cloud_side.training.steps.entry import say, told
from edge_inspector.detectors.model_file import Color
from edge_inspector.errors import ConfigError

FOLDERS: Final = {Split.TRAIN: "train", Split.VAL: "validation", Split.TEST: "test"}
_IMAGES: Final = "images"


def run(source: Source, data: Path, *, folds: str = "auto") -> TrainingData:
    """Write the images of a source, their labels and `dataset.json` into a folder; what was in it goes.

    Args:
        source: A version of a dataset, or a folder of somebody's own.
        data: Gets `train`, `validation` and `test`.
        folds: `auto`, 0 for the split of the source, or how many.

    Raises:
        ConfigError: If there are fewer groups than folds, or nothing to train or to test on.
        DatasetError: If an image is gone or was changed, or a group is in two splits.
    """
    asked = parse_folds(folds)
    count = _folds_needed(asked, source.entries)
    entries = [replace(entry, split=Split.TRAIN) for entry in source.entries] if count else list(source.entries)
    _check_once(entries)
    _empty(data)
    entries = list(_written(source, entries, data))
    alike = look_alikes(entries)
    chosen = _folds(entries, units_of(alike, source.told_apart), count) if count else None
    described = TrainingData(
        name=source.name,
        version=source.version,
        class_names=source.class_names,
        mode=Mode.FOLDS if chosen else Mode.SPLIT,
        folds=tuple(tuple(sorted(members)) for members in chosen.groups) if chosen else (),
        model_wh=suggest_model_wh([entry.label for entry in entries]),
        color=_color(data / FOLDERS[Split.TRAIN], source.class_names),
        counts={**_counts(entries, source.class_names), "unlabeled": source.unlabeled, "copies": source.copies},
        leaks=leaks(_placed(entries, chosen), alike, source.told_apart),
    )
    for folder in (data, *(data / FOLDERS[split] for split in (Split.TRAIN, Split.VAL))):
        described.write(folder)
    return described


def main(arguments: Sequence[str] | None = None) -> int:
    """Prepare the data and the champion of a training run as a processing job; returns the exit code."""
    options = _parser().parse_args(arguments)
    return told(lambda: _job(options))


def _job(options: argparse.Namespace) -> None:
    champion = places.output_folder(places.CHAMPION)
    with one_line_errors():
        cloud = session()
        bucket = Bucket(cloud.client("s3"), options.bucket)
        source = version_source(Shelf(bucket), options.dataset, options.version)
        say(f"{source.name} {source.version[:12]}: {len(source.entries)} images")
        described = run(source, places.output_folder(places.DATA), folds=options.folds)
        name = options.model_name or source.name
        fetch_champion(champion, bucket, options.model_package_group, name, cloud.client("sagemaker"))
    for line in summary(described):
        say(line)
    if options.start_from == "champion" and not (champion / WEIGHTS_FILE).is_file():
        say("start-from: there is no champion with weights, so training begins from scratch")


def summary(data: TrainingData) -> Iterator[str]:
    """Yield what was prepared, in lines for people."""
    yield from counted(data)
    if data.mode is Mode.FOLDS:
        yield f"folds: {len(data.folds)}, of {', '.join(str(len(groups)) for groups in data.folds)} groups"
    else:
        each = (f"{FOLDERS[split]} {data.counts['splits'][split.value]['images']}" for split in Split)
        yield f"split: {', '.join(each)}"
    yield f"input: {data.model_wh[0]} x {data.model_wh[1]} pixels, {data.color.value}"
    if data.leaks:
        yield (
            f"leaks: {len(data.leaks.near_duplicates)} pairs of images that look the same are in two splits; "
            "the gate will refuse"
        )
    if data.leaks.accepted:
        yield (
            f"accepted: {len(data.leaks.accepted)} pairs of images in two splits look the same; "
            "whoever made the version said that they show different parts"
        )


def counted(data: TrainingData) -> Iterator[str]:
    """Yield what there is, and what was left out, in lines for people."""
    counts = data.counts
    yield (
        f"{counts['images']} images ({counts['no_defect']} without a defect), {counts['boxes']} defects of "
        f"{', '.join(data.class_names)}, {counts['groups']} groups"
    )
    if counts["unlabeled"]:
        yield f"left out: {counts['unlabeled']} images that nobody labeled"
    if counts["copies"]:
        yield f"left out: {counts['copies']} images that are the same file as another"


def _folds_needed(asked: int | None, entries: Sequence[Entry]) -> int:
    images = Counter(entry.split for entry in entries)
    return folds_needed(
        asked,
        train_images=images[Split.TRAIN],
        validation_images=images[Split.VAL],
        test_groups=len({entry.label.group for entry in entries if entry.split is Split.TEST}),
        test_images=images[Split.TEST],
    )


def _check_once(entries: Sequence[Entry]) -> None:
    check = LeakCheck()
    for entry in entries:
        check.add(entry)


def _empty(data: Path) -> None:
    (data / places.DATASET_FILE).unlink(missing_ok=True)
    for name in FOLDERS.values():
        shutil.rmtree(data / name, ignore_errors=True)
        (data / name / _IMAGES).mkdir(parents=True)


def _written(source: Source, entries: Sequence[Entry], data: Path) -> Iterator[Entry]:
    """Write each image and its label, and yield it with a fingerprint."""

    def write(entry: Entry) -> Entry:
        content = source.read(entry)
        (data / FOLDERS[entry.split] / _name(entry)).write_bytes(content)
        return entry if entry.fingerprint is not None else replace(entry, fingerprint=fingerprint(content))

    with ExitStack() as stack:
        files = {
            split: stack.enter_context((data / folder / LABELS_FILE).open("w", encoding="utf-8"))
            for split, folder in FOLDERS.items()
        }
        for entry in side_by_side(write, entries):
            files[entry.split].write(f"{strict_json(label_row(_name(entry), entry))}\n")
            yield entry


def _name(entry: Entry) -> str:
    return f"{_IMAGES}/{PurePosixPath(entry.key).name}"


def _folds(entries: Sequence[Entry], units: Units, count: int) -> Folds:
    """Return folds in which groups that count as one are together."""
    groups = group_sizes(entry.label for entry in entries)
    members: dict[str, list[str]] = {}
    for group in groups:
        members.setdefault(units.unit_of(group), []).append(group)
    if len(members) < min(count, len(groups)):
        msg = (
            f"folds: expected {count} groups, found {len(groups)} that count as {len(members)}, for their images look "
            "the same; if they show different parts, make a version that says so (--near-duplicates report)"
        )
        raise ConfigError(msg)
    folds = grouped_folds({unit: sum(groups[each] for each in inside) for unit, inside in members.items()}, count)
    return Folds(tuple(frozenset[str]().union(*(members[unit] for unit in fold)) for fold in folds.groups))


def _placed(entries: Sequence[Entry], folds: Folds | None) -> Iterator[tuple[str, str]]:
    """Yield the group of each image, and its fold or split."""
    of_groups: dict[str, str] = {}
    for number, groups in enumerate(folds.groups if folds else ()):
        of_groups |= dict.fromkeys(groups, places.fold_run(number))
    for entry in entries:
        yield entry.label.group, of_groups.get(entry.label.group, FOLDERS[entry.split])


def _color(train: Path, class_names: tuple[str, ...]) -> Color:
    rows = read_labels(train, class_names)
    some = rows[:: -(-len(rows) // SAMPLE) or 1]
    return suggest_color(example.image for example in Images(some, Color.BGR, cache_bytes=0))


def _counts(entries: Sequence[Entry], class_names: tuple[str, ...]) -> dict[str, object]:
    tally = Tally(class_names)
    for entry in entries:
        tally.add(entry)
    return tally.document()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m cloud_side.training.steps.prepare", description=__doc__)
    parser.add_argument("--bucket", required=True, metavar="NAME", help="the product's")
    parser.add_argument("--dataset", required=True, metavar="NAME")
    parser.add_argument("--version", default=LATEST, help="its hash, how that begins, or latest (default)")
    parser.add_argument("--folds", default="auto", help="auto (default), 0 for the split of the version, or how many")
    parser.add_argument("--model-package-group", required=True, metavar="NAME", help="in which models are registered")
    parser.add_argument("--model-name", metavar="NAME", help="of the champion (default: the dataset's)")
    parser.add_argument("--start-from", choices=("scratch", "champion"), default="scratch")
    return parser


if __name__ == "__main__":
    sys.exit(main())
