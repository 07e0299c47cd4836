"""The last step: each image that was taken ends in one way, what is done with is settled, the rest is free again."""

import json
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest

from cloud_side.catalog.store import feature_group_request, read_labels
from cloud_side.catalog.tables import SETTLED
from cloud_side.labeling.places import REPORT, REPORT_PAGE, WorkKind, accepted_key, batch_key, stored_prefix
from cloud_side.labeling.runtime.closing import close, store_rest
from cloud_side.labeling.runtime.storing import store
from cloud_side.labeling.tally import End, end_of
from cloud_side.labeling.verdicts import Fate
from edge_inspector.errors import ConfigError
from tests.cloud.labeling.batches import (
    BATCH,
    annotation,
    check_cuts,
    collect_labels,
    collect_verdicts,
    drawn,
    items,
    lines,
    prepared,
    row,
    said,
    sample,
    take,
)
from tests.cloud.labeling.stations import Bucket, Home, opened_home

CLAIM = "catalog/taken/00000001.jsonl"
UNTIL = "2026-04-01T00:00:00Z"
SETTINGS = {"rounds": 2}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with opened_home(tmp_path_factory.mktemp("home")) as made:
        yield made


@pytest.fixture
def bucket(home: Home) -> Iterator[Bucket]:
    made = home.bucket()
    yield made
    made.unhook()


SAMPLES = {name: sample(number) for number, name in enumerate(
    ["accepted", "adjusted", "again", "given up", "unlabeled", "unverified", "unusable", "refused", "no child"]
)} | {"broken": sample(99, b"no image")}  # fmt: skip
HASHES = {name: row(made)["sha256"] for name, made in SAMPLES.items()}
ENDS = {
    "labeled": 3, "quarantined": 1, "unusable": 1, "given_up": 1, "not_stored": 1, "unlabeled": 1,
    "unverified": 1, "failed": 1,
}  # fmt: skip


def run_batch(bucket: Bucket) -> None:
    """Let a batch of two rounds come to its end, with an image for each way in which one can end."""
    store_name = bucket.name
    request = feature_group_request(store_name, bucket.name, "arn:aws:iam::000000000000:role/store")
    bucket.cloud.session.client("sagemaker").create_feature_group(**request)
    bucket.put(*SAMPLES.values())
    here = [made for name, made in SAMPLES.items() if name != "no child"]
    prepared(bucket, *here, settings=SETTINGS)
    take(bucket, [row(made) for made in SAMPLES.values()])
    first = by_name(bucket, 1)
    unusable = {"failure-reason": "dark", "edge-inspector": {"unusable": "dark", "workers": ["ana"], "seconds": [1]}}
    collect_labels(
        bucket,
        *(drawn(first[name], annotation(3, 5, 17, 25)) for name in ("accepted", "given up", "unverified", "refused")),
        drawn(first["adjusted"], by=("ana", "cleo")),
        drawn(first["again"], annotation(50, 0, 40, 4)),
        {**first["unusable"].document(), "label-metadata": unusable},
        **SETTINGS,
    )
    verify = by_name(bucket, 1, WorkKind.VERIFY)
    corrected = drawn(verify["adjusted"], annotation(1, 1, 9, 9, 1), annotation(60, 40, 5, 8), name="adjusted")
    collect_verdicts(
        bucket,
        *(said(verify[name], 0, "accept") for name in ("accepted", "refused")),
        said(verify["given up"], 1, "reject", reason="too wide <b>"),
        said(verify["adjusted"], 0, "adjust") | corrected,
        **SETTINGS,
    )
    store_round(bucket, 1)
    second = by_name(bucket, 2)
    collect_labels(bucket, *(drawn(item) for item in second.values()), number=2, **SETTINGS)
    verify = by_name(bucket, 2, WorkKind.VERIFY)
    collect_verdicts(
        bucket, said(verify["again"], 0), said(verify["given up"], 1, reason="one is missing"), number=2, **SETTINGS
    )
    store_round(bucket, 2)


def by_name(bucket: Bucket, number: int, kind: WorkKind = WorkKind.LABEL) -> dict[str, Any]:
    names = {sha256: name for name, sha256 in HASHES.items()}
    return {names[item.sha256]: item for item in items(bucket, number, kind)}


def store_round(bucket: Bucket, number: int) -> None:
    rows = bucket.rows(accepted_key(BATCH, number))
    for each in rows:
        if each["sha256"] == HASHES["refused"]:
            each["width"] = "none"
    store(bucket.event(round=number, feature_group=bucket.name, items=rows), None)


def closed(bucket: Bucket, **more: Any) -> dict[str, Any]:
    return close(bucket.event(settings=SETTINGS, **{"number": 1, "failure": None, **more}), None)


def report(bucket: Bucket) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(bucket.read(batch_key(BATCH, REPORT)))
    return found


def claims(bucket: Bucket) -> dict[str, str]:
    names = {sha256: name for name, sha256 in HASHES.items()}
    return {names[each["sha256"]]: each["until"] for each in bucket.rows(CLAIM)}


def test_each_image_ends_in_one_way_and_is_settled_or_free(bucket: Bucket) -> None:
    run_batch(bucket)
    page = f"s3://{bucket.name}/{batch_key(BATCH, REPORT_PAGE)}"
    assert closed(bucket) == {**ENDS, "report": page}
    found = report(bucket)
    assert {end.value: found[end.value] for end in End} == ENDS
    assert found["taken"] == sum(ENDS.values()) == len(SAMPLES)
    settled = ("accepted", "adjusted", "again", "given up", "unusable", "broken")
    assert claims(bucket) == {**dict.fromkeys(settled, SETTLED), "refused": UNTIL}, "what is accepted is drawn once"
    labels = {label.sha256 for label in read_labels(bucket.cloud.session, bucket.name)}
    assert labels == {HASHES[name] for name in ("accepted", "adjusted", "again")}

    # What it tells beside that.
    assert (found["accepted"], found["adjusted"], found["rejected"]) == (2, 1, 2)
    assert (found["boxes"], found["no_defect"], found["boxes_cut"]) == (3, 1, 1)
    assert found["boxes_by_class"] == {"dent": 1, "scratch": 2}
    assert found["quarantined_by_reason"] == {"no image": 1}
    assert found["unusable_by_reason"] == {"dark": 1}
    assert found["rejected_by_reason"] == {"one is missing": 1, "too wide <b>": 1}
    assert found["not_stored"] == 1
    assert found["refused"].keys() == {HASHES["refused"]}
    assert found["failure"] is None
    assert found["pre_labels"]["boxes"] == [3, 3]
    assert (found["pre_labels"]["matched"], found["pre_labels"]["precision"]) == (1, 0.3333)
    first, second = found["rounds"]
    assert first["label"] == {
        "labeled": 5, "unlabeled": 1, "unusable": 1, "again": 1, "cut": 0, "broken": 0, "duplicates": 0, "strangers": 0,
    }  # fmt: skip
    assert (second["round"], second["verify"]["accepted"], second["verify"]["rejected"]) == (2, 1, 1)
    ana, ben, cleo = found["people"]
    assert ana == {
        "name": "ana", "labeled": 7, "seconds": 28.0, "accepted": 3, "adjusted": 1, "rejected": 2, "verified": 0,
    }  # fmt: skip
    assert (ben["name"], ben["labeled"], ben["verified"]) == ("ben", 0, 6)
    assert (cleo["labeled"], cleo["adjusted"]) == (1, 1)
    assert found["duration_s"] >= 0

    # Again, and cut: the same objects.
    before = claims(bucket)
    assert check_cuts(bucket, lambda: closed(bucket), batch_key(BATCH, "report.")) == 3
    assert claims(bucket) == before


class Reader(HTMLParser):
    """Collects what a page is made of."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.addresses: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [f"{value}" for name, value in attrs if name in {"src", "href"}]

    def handle_data(self, data: str) -> None:
        self.text += data + "\n"


def test_the_page_tells_the_same_and_needs_nothing_else(bucket: Bucket) -> None:
    run_batch(bucket)
    closed(bucket, failure={"Error": "<script>", "Cause": "a & b"})
    content = bucket.read(batch_key(BATCH, REPORT_PAGE)).decode()
    reader = Reader()
    reader.feed(content)
    assert not reader.tags & {"script", "b", "img", "link"}
    assert reader.addresses == []
    assert "url(" not in content
    assert 'http-equiv="Content-Security-Policy" content="default-src &#x27;none&#x27;' in content
    for told in (
        "Labeling batch first",
        "too wide <b>",
        "Accepted, and not in the store",
        "<script>",
        "a & b",
        "33.3\N{NO-BREAK SPACE}%",
        "one is missing",
        "ana",
    ):
        assert told in reader.text


@pytest.mark.parametrize("number", [None, 1])
def test_a_batch_that_failed_frees_what_it_had_taken(bucket: Bucket, number: int | None) -> None:
    if number is not None:
        take(bucket, [row(made) for made in SAMPLES.values()])
    failure = {"Error": "ConfigError", "Cause": "class_names: expected the classes to look for"}
    answer = closed(bucket, number=number, failure=failure)
    assert answer["failed"] == (0 if number is None else len(SAMPLES))
    assert report(bucket)["failure"] == {"error": "ConfigError", "cause": failure["Cause"]}
    if number is not None:
        assert claims(bucket) == {}
    assert report(bucket)["people"] == report(bucket)["rounds"] == []
    assert b"Nobody was asked." in bucket.read(batch_key(BATCH, REPORT_PAGE))


def test_a_failure_settles_what_is_stored(bucket: Bucket) -> None:
    run_batch(bucket)
    for key in bucket.objects(f"labeling/batches/{BATCH}/round-2/"):
        bucket.delete(key)
    closed(bucket, failure="stopped by hand")
    settled = ("accepted", "adjusted", "unusable", "broken")
    assert claims(bucket) == {**dict.fromkeys(settled, SETTLED), "refused": UNTIL}
    assert report(bucket)["failure"] == {"error": "unknown", "cause": "stopped by hand"}


def test_an_accepted_row_that_is_no_label_does_not_keep_the_batch_open(bucket: Bucket) -> None:
    run_batch(bucket)
    key = accepted_key(BATCH, 1)
    rows = [each | {"width": "none"} if each["sha256"] == HASHES["refused"] else each for each in bucket.rows(key)]
    bucket.put_object(key, lines(rows))
    assert {end: count for end, count in closed(bucket).items() if end in ENDS} == ENDS
    assert claims(bucket)["refused"] == UNTIL


def test_labels_that_did_not_come_into_the_store_are_stored_by_hand_later(bucket: Bucket) -> None:
    """A right was missing, say: nobody labels these images again."""
    run_batch(bucket)
    for key in bucket.objects(stored_prefix(BATCH)):
        bucket.delete(key)
    assert closed(bucket)["not_stored"] == 4
    assert set(claims(bucket).values()) == {SETTLED, UNTIL}

    ended = store_rest(bucket.name, BATCH, bucket.name)
    assert (ended["labeled"], ended["not_stored"]) == (4, 0)
    assert set(claims(bucket).values()) == {SETTLED}
    assert report(bucket)["labeled"] == 4
    assert store_rest(bucket.name, BATCH, bucket.name) == ended, "again, it changes nothing"


def test_a_batch_that_was_not_closed_has_nothing_to_store_by_hand(bucket: Bucket) -> None:
    with pytest.raises(ConfigError, match="nothing: expected a batch that was closed, found no report"):
        store_rest(bucket.name, "nothing", bucket.name)


def test_the_claim_of_another_batch_stays_as_it_is(bucket: Bucket) -> None:
    take(bucket, [row(made) for made in SAMPLES.values()])
    theirs = lines([{"sha256": HASHES["accepted"], "batch": "another", "until": UNTIL}])
    bucket.put_object(CLAIM, theirs)
    before = bucket.s3.head_object(Bucket=bucket.name, Key=CLAIM)["LastModified"]
    closed(bucket)
    assert bucket.read(CLAIM) == theirs
    assert bucket.s3.head_object(Bucket=bucket.name, Key=CLAIM)["LastModified"] == before


def test_a_batch_that_took_nothing_is_closed(bucket: Bucket) -> None:
    take(bucket, [])
    assert closed(bucket)["labeled"] == 0
    assert bucket.read(CLAIM) == b""
    assert stored_prefix(BATCH) not in bucket.objects()


def test_only_who_rejects_in_the_last_round_gives_an_image_up() -> None:
    last = {fate: end_of(fate, is_last=True) for fate in Fate}
    before = {fate: end_of(fate, is_last=False) for fate in Fate}
    assert last[Fate.REJECTED] is End.GIVEN_UP
    assert before[Fate.REJECTED] is End.UNLABELED
    assert End.GIVEN_UP not in {end for fate, end in last.items() if fate is not Fate.REJECTED}
    assert End.LABELED not in {*last.values(), *before.values()}  # a receipt alone says that
