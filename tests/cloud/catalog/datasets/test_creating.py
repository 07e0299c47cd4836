import hashlib
import json
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from cloud_side.catalog.candidates import Filter
from cloud_side.catalog.labels import Box, Label, Origin, Verification
from cloud_side.catalog.shelf import Shelf, manifest_key, seal_key
from cloud_side.catalog.splits import Shares, Split
from cloud_side.catalog.versions import DatasetError, Entry, Header
from edge_inspector.errors import ConfigError
from tests.cloud.catalog.datasets.conftest import AT, content_of, label_of, make_version, picture

Sample = Callable[..., Label]


def entries(shelf: Shelf, header: Header) -> list[Entry]:
    with shelf.open(header) as manifest:
        return list(manifest.entries())


def excluded(shelf: Shelf, header: Header) -> list[tuple[str, str]]:
    with shelf.open(header) as manifest:
        return [(note["reason"], note.get("detail", "")) for note in manifest.notes("excluded")]


def test_a_version_says_everything_of_its_images(shelf: Shelf, sample: Sample) -> None:
    label = sample(1, "part-1")
    header = make_version(shelf, [label], git_commit="abc").header
    (entry,) = entries(shelf, header)
    assert entry.key == f"datasets/images/{label.sha256[:2]}/{label.sha256}.png"
    assert entry.label == label
    assert entry.document()["lineage"] == {
        "sample": label.image,
        "job": "batch-1",
        "annotator_type": "human",
        "labeled_by": ["ana"],
        "verification": "accepted",
        "verified_by": "ben",
        "at": "2026-03-02T08:30:00+00:00",
        "origin": label.origin.document(),
    }
    said = header.document
    assert said["counts"]["splits"]["train"] == {
        "images": 1, "no_defect": 0, "boxes": 1, "groups": 1, "classes": {"scratch": {"boxes": 1, "images": 1}},
    }  # fmt: skip
    assert (said["created_by"], said["git_commit"], said["sources"]) == ("ana", "abc", ["tests"])
    assert said["split"] == {"salt": "tags", "shares": {"train": 100, "val": 0, "test": 0}, "joined": {}}


def test_the_same_content_is_the_same_version_whoever_makes_it_and_when(shelf: Shelf, sample: Sample) -> None:
    labels = [sample(seed) for seed in range(4)]
    first = make_version(shelf, labels)
    objects = list(shelf.bucket.listed(""))
    again = make_version(shelf, labels[::-1], created_by="ben", created_at=AT + timedelta(days=1))
    assert (first.is_new, again.is_new) == (True, False)
    assert again.header == first.header
    assert list(shelf.bucket.listed("")) == objects


@pytest.mark.parametrize(
    "change",
    [
        {"boxes": ()},
        {"group": "other"},
        {"class_names": ("scratch", "dent")},
        {"boxes": (Box("scratch", 1, 2, 10, 13),)},
    ],
)
def test_what_training_sees_makes_another_version(shelf: Shelf, sample: Sample, change: dict[str, Any]) -> None:
    first = make_version(shelf, [sample(1), sample(2)])
    assert make_version(shelf, [sample(1), sample(2, **change)], class_names=change.get("class_names", ())[2:]).is_new
    assert first.header.version != shelf.find("tags", "latest").version or change


def test_who_labeled_and_when_makes_no_other_version(shelf: Shelf, sample: Sample) -> None:
    first = make_version(shelf, [sample(1)])
    assert not make_version(shelf, [sample(1, labeled_by=("eva",), verified_by="tom", event_time=AT)]).is_new
    assert entries(shelf, first.header)[0].label.labeled_by == ("ana",)


def test_a_grown_dataset_has_a_parent_and_moves_no_group(shelf: Shelf, sample: Sample) -> None:
    labels = [sample(seed, f"part-{seed}") for seed in range(24)]
    first = make_version(shelf, labels[:12], shares=Shares(), salt="tags-7", least_groups=1)
    second = make_version(shelf, labels, shares=None)
    before = {entry.label.group: entry.split for entry in entries(shelf, first.header)}
    after = {entry.label.group: entry.split for entry in entries(shelf, second.header)}
    assert set(before.values()) == set(Split)
    assert {group: after[group] for group in before} == before
    assert second.header.document["parent"] == first.header.version
    assert second.header.document["split"]["salt"] == "tags-7"


def test_a_split_without_a_group_is_refused(shelf: Shelf, sample: Sample) -> None:
    with pytest.raises(ConfigError, match="expected at least 1 of the 1 groups"):
        make_version(shelf, [sample(1)], shares=Shares())
    assert shelf.versions("tags") == []


def test_where_nothing_was_labeled_yet_that_is_said(shelf: Shelf) -> None:
    with pytest.raises(DatasetError, match=r"found none in tests \(nothing was labeled yet, or nobody"):
        make_version(shelf, [])


def test_nothing_to_make_a_version_of_is_told_with_the_reasons(shelf: Shelf) -> None:
    with pytest.raises(DatasetError, match=r"found none in tests \(excluded: 1 missing\)"):
        make_version(shelf, [label_of(1)])


def test_images_that_cannot_be_used_are_left_out_with_a_reason(shelf: Shelf, sample: Sample) -> None:
    broken, other = picture(3)[:-40], picture(4)
    labels = [
        sample(1),
        label_of(2),
        sample(3, content=broken),
        sample(5, width=60),
        sample(6, class_names=("dent",), boxes=()),
        label_of(7, image=sample(4, content=other).image),
    ]
    header = make_version(shelf, labels, class_names=("scratch",)).header
    assert [entry.label for entry in entries(shelf, header)] == [labels[0]]
    assert header.document["excluded"] == {"broken": 1, "changed": 1, "classes": 1, "missing": 1, "size": 1}
    found = dict(excluded(shelf, header))
    assert found["size"] == "expected 60 x 48 pixels, as it was labeled, found 64 x 48"
    assert found["classes"] == "nobody looked for scratch"
    assert "expected an image, found nothing" in found["missing"]
    assert f"expected an image that is whole, found {len(broken)} bytes" in found["broken"]


def test_only_what_was_asked_for_is_in(shelf: Shelf, sample: Sample) -> None:
    labels = [
        sample(1),
        sample(2, origin=Origin(site="bonn", line="press")),
        sample(3, origin=Origin(site="ulm", line="saw")),
        sample(4, origin=Origin(site="ulm", line="press", captured_at="2026-01-31T23:59:59Z")),
        sample(5),
    ]
    wanted = Filter(site="ulm", line="press", since=date(2026, 2, 1), named={labels[4].sha256: "blurred"})
    header = make_version(shelf, labels, wanted=wanted).header
    assert [entry.label for entry in entries(shelf, header)] == [labels[0]]
    assert sorted(excluded(shelf, header)) == [
        ("line", "expected press, found saw"),
        ("named", "blurred"),
        ("since", "expected 2026-02-01 or later, found 2026-01-31"),
        ("site", "expected ulm, found bonn"),
    ]


@pytest.mark.parametrize("captured_at", ["yesterday", None])
def test_where_nobody_knows_when_an_image_was_taken_it_is_as_old_as_its_label(
    shelf: Shelf, sample: Sample, captured_at: str | None
) -> None:
    label = sample(1, origin=Origin(captured_at=captured_at))
    assert make_version(shelf, [label], wanted=Filter(since=AT.date())).header.counts["images"] == 1


def test_of_two_labels_of_one_content_the_newest_verified_one_counts_and_the_other_is_told(
    shelf: Shelf, sample: Sample
) -> None:
    old = sample(1, "part-1", event_time=AT)
    new = sample(1, "part-1", boxes=(), event_time=AT + timedelta(hours=1))
    newest = sample(1, "part-1", boxes=(Box("scratch", 5, 5, 5, 5),), event_time=AT + timedelta(hours=2),
                    verification=Verification.UNVERIFIED)  # fmt: skip
    header = make_version(shelf, [new, newest, old]).header
    assert [entry.label for entry in entries(shelf, header)] == [new]
    with shelf.open(header) as manifest:
        told = [(note["label_sha256"], note["by"]["label_sha256"]) for note in manifest.notes("overruled")]
    assert sorted(told) == sorted([(old.label_sha256, new.label_sha256), (newest.label_sha256, new.label_sha256)])


def test_one_content_in_two_groups_is_refused_by_name(shelf: Shelf, sample: Sample) -> None:
    label = sample(1, "part-1")
    with pytest.raises(DatasetError, match=rf"{label.sha256[:12]}: part-1 \(tests\) and part-2 \(tests\)"):
        make_version(shelf, [label, sample(1, "part-2")])


def test_the_same_picture_from_two_stations_is_one_image(shelf: Shelf, sample: Sample) -> None:
    header = make_version(shelf, [sample(1, "part-1"), sample(2, "part-1", content=picture(1))]).header
    assert header.counts["images"] == 1


def test_classes_that_are_not_asked_for_are_no_defects(shelf: Shelf, sample: Sample) -> None:
    both = ("dent", "scratch")
    label = sample(1, class_names=both, boxes=(Box("dent", 0, 0, 5, 5), Box("scratch", 9, 9, 5, 5)))
    header = make_version(shelf, [label], class_names=("scratch",)).header
    assert [box.label for box in entries(shelf, header)[0].label.boxes] == ["scratch"]


def test_an_image_stays_when_its_sample_expires(shelf: Shelf, sample: Sample) -> None:
    labels = [sample(1), sample(2)]
    make_version(shelf, labels[:1])
    shelf.bucket.remove("samples/1.png")
    header = make_version(shelf, labels).header
    assert header.counts["images"] == 2
    kept = content_of(shelf, entries(shelf, header)[0].key)
    assert kept in (picture(1), picture(2))


def test_images_of_the_version_before_are_not_read_again(shelf: Shelf, sample: Sample) -> None:
    labels = [sample(seed) for seed in range(3)]
    make_version(shelf, labels[:2])
    read: list[str] = []
    events, note = shelf.bucket.s3.meta.events, lambda params, **_: read.append(params["Key"])
    events.register("provide-client-params.s3.GetObject", note)
    try:
        make_version(shelf, labels)
    finally:
        events.unregister("provide-client-params.s3.GetObject", note)
    assert [key for key in read if key.endswith(".png")] == ["samples/2.png"]


def test_a_changed_manifest_is_refused(shelf: Shelf, sample: Sample) -> None:
    header = make_version(shelf, [sample(1)]).header
    key = manifest_key("tags", header.version)
    text = content_of(shelf, key)
    shelf.bucket.write(key, text.replace(b'"ana"', b'"eva"'))
    with pytest.raises(DatasetError, match="it was changed"), shelf.open(header):
        pass


def test_a_manifest_that_was_changed_together_with_its_seal_is_not_its_version(shelf: Shelf, sample: Sample) -> None:
    header = make_version(shelf, [sample(1)]).header
    key = manifest_key("tags", header.version)
    text = content_of(shelf, key).replace(b'"part-1"', b'"part-2"')
    shelf.bucket.write(key, text)
    sealed = Header(header.document, hashlib.sha256(text).hexdigest(), len(text))
    with pytest.raises(DatasetError, match="expected images whose hash is"):
        entries(shelf, sealed)


def test_a_manifest_that_a_killed_creation_left_is_sealed_by_the_next(shelf: Shelf, sample: Sample) -> None:
    first = make_version(shelf, [sample(1)]).header
    shelf.bucket.remove(seal_key("tags", first.version))
    assert shelf.versions("tags") == []
    again = make_version(shelf, [sample(1)], created_at=AT + timedelta(days=1))
    assert again.header == first
    assert entries(shelf, again.header)


def test_a_version_is_found_by_its_beginning_and_by_latest(shelf: Shelf, sample: Sample) -> None:
    first = make_version(shelf, [sample(1)]).header
    second = make_version(shelf, [sample(1), sample(2)], created_at=AT + timedelta(days=1)).header
    assert shelf.find("tags", first.version[:8]) == first
    assert shelf.find("tags", "latest") == second
    assert [header.version for header in shelf.versions("tags")] == [second.version, first.version]
    assert shelf.names() == ["tags"]
    for said in ("0", "zzzz"):
        with pytest.raises(DatasetError, match="expected"):
            shelf.find("tags", said)


def test_a_version_is_newer_than_the_one_before_though_a_clock_was_ahead(shelf: Shelf, sample: Sample) -> None:
    ahead = make_version(shelf, [sample(1)], created_at=AT + timedelta(days=1)).header
    after = make_version(shelf, [sample(1), sample(2)], created_at=AT).header
    assert after.document["parent"] == ahead.version
    assert shelf.find("tags", "latest") == after


@pytest.mark.parametrize("name", ["", "images", "Tags", "a/b", "../x", "a" * 64])
def test_a_name_that_cannot_be_one_is_refused(shelf: Shelf, name: str) -> None:
    with pytest.raises(ConfigError, match="dataset: expected a name"):
        shelf.find(name, "latest")


def test_a_manifest_is_lines_of_json_with_a_header(shelf: Shelf, sample: Sample) -> None:
    header = make_version(shelf, [sample(1), label_of(2)]).header
    key = manifest_key("tags", header.version)
    lines = [json.loads(line) for line in content_of(shelf, key).splitlines()]
    assert [next(iter(line)) for line in lines[2:]] == ["excluded"]
    assert lines[0]["schema"] == "edge-inspector/dataset/1"
