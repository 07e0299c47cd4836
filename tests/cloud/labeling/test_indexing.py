"""The steps that find samples: what stations put into the bucket comes into the index, and nothing else."""

import json
import logging
import threading
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cloud_side.catalog.index import COLUMNS, Partition
from cloud_side.catalog.sidecars import LARGEST_SIDECAR_BYTES
from cloud_side.labeling.places import ARRIVALS
from cloud_side.labeling.runtime import indexing
from cloud_side.labeling.runtime.indexing import find, index, look, notice
from cloud_side.objects import Bucket as Objects
from edge_inspector.dispositions import Disposition, JudgedResult, Judgement
from edge_inspector.samples.folder import SampleFolder
from edge_inspector.samples.judging import judged_line
from edge_inspector.samples.pictures import encode
from edge_inspector.samples.sidecar import sidecar
from edge_inspector.samples.spool import Spool
from edge_inspector.samples.uploader import Uploader
from edge_inspector.sampling import SampleReason
from edge_inspector.settings.keeping import UploadSettings
from tests.cloud.labeling.stations import BUCKET, DAY, Bucket, Cut, Home, at_most, make_sample, opened_home
from tests.mosquitto import eventually
from tests.samples.made import AT, MODEL, ROOMY, WRITER, frame, identity_of, key_of, result

ROWS = f"catalog/index/samples/{DAY}.jsonl"
ANNOUNCED = f"{ARRIVALS}samples/{DAY}/"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with opened_home(tmp_path_factory.mktemp("home")) as made:
        yield made


@pytest.fixture
def bucket(home: Home) -> Iterator[Bucket]:
    made = home.bucket()
    yield made
    made.unhook()


def announce(bucket: Bucket, key: str, sequencer: str = "0001") -> None:
    """Tell of an object as EventBridge does."""
    told = {"key": key, "size": 5, "etag": "5e", "sequencer": sequencer}
    notice({"detail-type": "Object Created", "detail": {"bucket": {"name": bucket.name}, "object": told}}, None)


def indexed(bucket: Bucket, partition: str = DAY, **settings: Any) -> dict[str, Any]:
    """Return the answer of a look into a partition."""
    item = {"partition": partition, "announced": True}
    return index(bucket.event(settings=settings, item=item), None)


def images(bucket: Bucket) -> list[str]:
    return [row["image"] for row in bucket.rows(ROWS)]


def folder_of(station: str, day: str) -> str:
    return f"samples/site=berlin/line=line-1/station={station}/dt={day}"


def test_what_a_station_uploaded_is_found_also_when_it_was_judged_later(bucket: Bucket, tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", quota_bytes=ROOMY)
    picture, found = encode(frame(1), suffix="jpg", jpeg_quality=95), result(1, boxes=[(3, 5, 20, 30)])
    document = WRITER.result_document(found)
    line = sidecar(found, picture, key=key_of(1), source_ref="", reason=SampleReason.DEFECT, document=document)
    judged = JudgedResult(identity_of(1), "reject", "part-1", None, None, None, MODEL)
    words = judged_line(line, judged, Judgement(Disposition.FALSE_REJECT, "ann", AT))
    address = f"s3://{BUCKET}/{{}}".format
    stored = bucket.folder / str(key_of(1).sidecar)
    stored.parent.mkdir(parents=True)
    stored.touch()
    with Uploader(spool, SampleFolder(bucket.folder), UploadSettings(retry_min_s=0.01), address=address):
        for kept, reason in ((line, SampleReason.DEFECT), (words, SampleReason.OPERATOR)):
            spool.store(key_of(1), reason, picture.content, kept)
            uploaded = f'"reason":"{reason}"'.encode()
            eventually(lambda text=uploaded: text in stored.read_bytes(), what="the sidecar is uploaded")
            told = indexed(bucket)
            assert (told["read"], told["rows"], told["broken"]) == (1, 1, 0)
            (row,) = bucket.rows(ROWS)
            assert (row["image"], row["sha256"], row["reason"]) == (str(key_of(1)), picture.sha256, reason)
    assert (row["disposition"], row["boxes"]) == ("false_reject", 0)


def test_only_sidecars_that_are_new_or_changed_are_read(bucket: Bucket) -> None:
    bucket.put(*(make_sample(number) for number in range(5)))
    assert indexed(bucket)["read"] == 5
    before = bucket.read(ROWS)
    asked = bucket.asked()
    assert indexed(bucket) == {
        "partition": DAY,
        "read": 0,
        "rows": 5,
        "broken": 0,
        "without_sidecar": 0,
        "without_picture": 0,
    }
    assert asked.count("GetObject") == 1, "the index"
    assert "PutObject" not in asked, "nothing has changed"
    assert bucket.read(ROWS) == before
    bucket.put(make_sample(3, disposition="true_reject", reason="operator"), make_sample(7))
    assert (indexed(bucket)["read"], len(bucket.rows(ROWS))) == (2, 6)
    assert [row["reason"] for row in bucket.rows(ROWS)].count("operator") == 1
    assert images(bucket) == sorted(images(bucket))


def test_what_is_gone_from_the_bucket_is_gone_from_the_index(bucket: Bucket) -> None:
    samples = [make_sample(number) for number in range(4)]
    bucket.put(*samples)
    indexed(bucket)
    bucket.delete(samples[0].sidecar)
    bucket.delete(samples[2].image)
    told = indexed(bucket)
    assert (told["rows"], told["without_sidecar"], told["without_picture"]) == (2, 1, 1)
    assert images(bucket) == [samples[1].image, samples[3].image]
    for sample in samples:
        bucket.delete(sample.image, sample.sidecar)
    assert indexed(bucket)["rows"] == 0
    assert bucket.objects() == {}


def test_a_folder_without_samples_leaves_nothing_in_the_index(bucket: Bucket) -> None:
    assert indexed(bucket)["rows"] == 0
    assert bucket.objects() == {}


@pytest.mark.parametrize("suffix", ["JPG", "Jpeg", "PNG", "tiff"])
def test_a_picture_is_found_whatever_its_suffix(bucket: Bucket, suffix: str) -> None:
    bucket.put(make_sample(1, suffix=suffix))
    assert indexed(bucket)["rows"] == 1
    assert images(bucket)[0].endswith(suffix)


def test_broken_sidecars_are_counted_and_told_of_and_stop_no_other(
    bucket: Bucket, caplog: pytest.LogCaptureFixture
) -> None:
    bucket.put(*(make_sample(number) for number in range(3)))
    bucket.put(*(replace(make_sample(number), line=b'{"source-ref": 5}') for number in range(10, 40)))
    bucket.put(replace(make_sample(50), line=b" " * (LARGEST_SIDECAR_BYTES + 1)))
    with caplog.at_level(logging.WARNING):
        told = indexed(bucket)
    assert (told["read"], told["rows"], told["broken"]) == (34, 3, 31)
    assert len(caplog.messages) == 21
    assert caplog.messages[0].startswith(f"{make_sample(10).sidecar}: source-ref: expected: ")
    assert caplog.messages[-1] == "11 more sidecars are broken"
    bucket.put(make_sample(10))
    assert indexed(bucket)["rows"] == 4, "one that was mended is found"


def test_a_day_in_which_nothing_can_be_read_is_not_read_again_by_every_batch(bucket: Bucket) -> None:
    sample = replace(make_sample(1), line=b"{}")
    bucket.put(sample)
    assert find(bucket.event(settings={"since_days": 0}), None)["partitions"] == 1
    assert (indexed(bucket)["broken"], bucket.read(ROWS)) == (1, b"")
    assert find(bucket.event(settings={"since_days": 0}), None)["partitions"] == 0
    asked = bucket.asked()
    assert indexed(bucket)["read"] == 1, "whoever looks reads it"
    assert "PutObject" not in asked
    bucket.delete(sample.image, sample.sidecar)
    assert find(bucket.event(settings={"since_days": 0}), None)["partitions"] == 1
    indexed(bucket)
    assert ROWS not in bucket.objects()


def test_rows_of_another_version_are_made_anew(bucket: Bucket) -> None:
    bucket.put(make_sample(1), make_sample(2))
    indexed(bucket)
    first, second = bucket.read(ROWS).splitlines(keepends=True)
    older = {name: value for name, value in json.loads(first).items() if name != "model_sha256"}
    bucket.put_object(ROWS, json.dumps(older).encode() + b"\n" + second[:50])
    assert indexed(bucket)["read"] == 2
    assert bucket.read(ROWS) == first + second
    assert bucket.rows(ROWS)[0].keys() == COLUMNS


def test_an_announcement_names_each_write_of_a_sidecar(bucket: Bucket) -> None:
    sample = make_sample(1)
    name = sample.sidecar.rpartition("/")[2]
    for sequencer in ("01", "02", "02"):  # an event may come twice
        announce(bucket, sample.sidecar, sequencer)
    assert bucket.objects() == {f"{ANNOUNCED}{name}.01": b"", f"{ANNOUNCED}{name}.02": b""}


@pytest.mark.parametrize(
    "key",
    [
        f"samples/{DAY}/01KJMMA3F8K7D9R5T31MNK5JKS-0.jpg",
        f"samples/{DAY}/more/a.json",
        f"{ARRIVALS}{DAY}/01KJMMA3F8K7D9R5T31MNK5JKS-0.json",
        f"catalog/index/{DAY}.json",
        "labeling/batches/first/report.json",
        "report.json",
        f"samples/{DAY}/.jsonl",
    ],
)
def test_what_is_no_sidecar_of_a_sample_is_not_announced(bucket: Bucket, key: str) -> None:
    announce(bucket, key)
    assert bucket.objects() == {}


def test_an_event_of_the_bucket_is_understood(bucket: Bucket) -> None:
    """What the local engine tells has the form of S3's events."""
    told = {"EventBridgeConfiguration": {}}
    bucket.s3.put_bucket_notification_configuration(Bucket=bucket.name, NotificationConfiguration=told)
    bucket.put(make_sample(1))
    bucket.put(make_sample(1, reason="operator"))
    for row in bucket.cloud.database.connection().execute("SELECT event FROM emitted").fetchall():
        notice(json.loads(row["event"]), None)
    assert len(bucket.objects(ARRIVALS)) == 2


def test_the_announced_and_the_latest_days_are_looked_into(bucket: Bucket) -> None:
    old, recent, ahead = "2026-01-05", "2026-02-28", "2026-03-04"
    for day in (old, "2026-02-27", recent, ahead):
        bucket.put(make_sample(1, folder=folder_of("press-3", day)))
        indexed(bucket, DAY.replace("2026-03-01", day))
    for station in ("oven", "press-3"):
        announce(bucket, f"{folder_of(station, old)}/01KJMMA3F8K7D9R5T31MNK5JKS-0.json")
    told = find(bucket.event(), None)
    place = "site=berlin/line=line-1/station="
    assert told == {"partitions": 4, "key": "labeling/batches/first/partitions.jsonl"}
    assert bucket.rows(told["key"]) == [
        {"partition": f"{place}oven/dt={old}", "announced": True},
        {"partition": f"{place}press-3/dt={old}", "announced": True},
        {"partition": f"{place}press-3/dt={recent}", "announced": False},
        {"partition": f"{place}press-3/dt={ahead}", "announced": False},
    ]
    assert find(bucket.event(settings={"since_days": None}), None)["partitions"] == 5
    assert find(bucket.event(settings={"since_days": 0, "samples_prefix": "elsewhere"}), None)["partitions"] == 0


def test_days_that_are_in_the_bucket_or_in_the_index_and_not_in_both_are_looked_into(bucket: Bucket) -> None:
    days = ["2025-01-05", "2025-01-06", "2025-01-07"]
    gone, known, new = (folder_of("press-3", day) for day in days)
    sample = make_sample(1, folder=gone)
    bucket.put(sample, make_sample(2, folder=known))
    for day in days[:2]:
        indexed(bucket, DAY.replace("2026-03-01", day))
    bucket.put(make_sample(3, folder=new))
    bucket.delete(sample.image, sample.sidecar)
    lines = bucket.rows(find(bucket.event(), None)["key"])
    assert [line["partition"][-10:] for line in lines] == [days[0], days[2]]
    assert [index(bucket.event(item=line), None)["rows"] for line in lines] == [0, 1]
    assert find(bucket.event(), None)["partitions"] == 0


def test_what_is_to_be_looked_into_is_found_in_little_memory(bucket: Bucket) -> None:
    """Sixty stations have two hundred days each; of all but the latest nothing is new."""
    days = [str(AT.date() - timedelta(number)) for number in range(200)]
    levels = {"site": range(3), "line": range(2), "station": range(10), "dt": days}

    def told(model: Any, params: dict[str, Any], **_: Any) -> Any:
        if model.name != "ListObjectsV2":
            return None
        prefix = params["query_string"]["prefix"]
        level = prefix.rpartition("/")[2].removesuffix("=")
        names = [] if prefix.startswith(ARRIVALS) else [f"{prefix}{each}/" for each in levels[level]]
        return SimpleNamespace(status_code=200), {"CommonPrefixes": [{"Prefix": name} for name in names]}

    bucket.hook("before-call", told)
    with at_most(2):
        assert find(bucket.event(), None)["partitions"] == 2 * 60


def test_samples_with_another_prefix_are_another_s(bucket: Bucket) -> None:
    mine, others = make_sample(1), make_sample(2, folder=f"more/{DAY}")
    bucket.put(mine, others)
    for prefix, sample in (("samples", mine), ("more", others)):
        announce(bucket, sample.sidecar)
        indexed(bucket, samples_prefix=prefix)
    assert images(bucket) == [mine.image]
    assert [row["image"] for row in bucket.rows(ROWS.replace("samples", "more"))] == [others.image]
    for prefix in ("samples", "more"):
        assert find(bucket.event(settings={"samples_prefix": prefix}), None)["partitions"] == 1, "the latest day"
        assert find(bucket.event(settings={"samples_prefix": prefix, "since_days": 0}), None)["partitions"] == 0


@pytest.fixture(scope="module")
def four_stations(home: Home) -> Bucket:
    """A bucket with a latest day of four stations, and an older one that was announced."""
    made = home.bucket()
    for place in ("berlin/1/press", "berlin/1/oven", "berlin/2/press", "o'brien/1/oven"):
        site, line, station = place.split("/")
        folder = f"site={site}/line={line}/station={station}/dt=2026-03-01"
        made.put(make_sample(1, folder=f"samples/{folder}"))
        announce(made, f"samples/{folder.replace('03-01', '01-01')}/a.json")
    made.put_object("samples/site=berlin/notes/dt=2026-03-01/a.json")
    made.put_object("samples/site=berlin/line=1/station=press/dt=today/a.json")
    return made


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"station": "oven"}, ["berlin/1/oven", "o'brien/1/oven"]),
        ({"site": "o'brien"}, ["o'brien/1/oven"]),
        ({"line": "2"}, ["berlin/2/press"]),
        ({"site": "berlin", "line": "1", "station": "press"}, ["berlin/1/press"]),
        ({"site": "nowhere"}, []),
        ({"site": "ber"}, []),
        ({"site": "a/b"}, []),
    ],
)
def test_only_partitions_that_were_asked_for_are_looked_into(
    four_stations: Bucket, asked: dict[str, str], expected: list[str]
) -> None:
    told = find(four_stations.event(settings=asked), None)
    found = [Partition.parse(row["partition"]) for row in four_stations.rows(told["key"])]
    assert {f"{each.site}/{each.line}/{each.station}" for each in found} == set(expected)
    assert len(found) == 2 * len(expected)


def test_more_than_a_page_has_is_found(bucket: Bucket) -> None:
    for station in range(5):
        for day in range(1, 4):
            bucket.put_object(f"{folder_of(f'station-{station}', f'2026-03-0{day}')}/a.json")
    bucket.put(*(make_sample(number) for number in range(5)))
    bucket.hook("provide-client-params", lambda params, model, **_: _two_a_page(params, model.name))
    asked = bucket.asked()
    assert find(bucket.event(), None)["partitions"] == 16
    assert indexed(bucket)["rows"] == 5
    assert len(asked) > 10
    assert bucket.objects(ARRIVALS) == {}


def _two_a_page(parameters: dict[str, Any], operation: str) -> None:
    if operation == "ListObjectsV2":
        parameters["MaxKeys"] = 2


def test_what_was_announced_before_the_look_is_forgotten_after_it(bucket: Bucket) -> None:
    sample = make_sample(1)
    bucket.put(sample)
    announce(bucket, sample.sidecar, "01")
    announce(bucket, sample.sidecar.replace("2026-03-01", "2026-03-02"))
    indexed(bucket)
    assert list(bucket.objects(ARRIVALS)) == [
        f"{ANNOUNCED.replace('03-01', '03-02')}{sample.sidecar.rpartition('/')[2]}.0001"
    ]


def test_what_is_announced_during_the_look_is_left_for_the_next_batch(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = make_sample(1)
    bucket.put(sample)
    announce(bucket, sample.sidecar, "01")

    def looked(*arguments: Any) -> Any:
        counts = look(*arguments)
        bucket.put(make_sample(1, reason="operator"))
        announce(bucket, sample.sidecar, "02")
        return counts

    monkeypatch.setattr(indexing, "look", looked)
    indexed(bucket)
    assert [key.rpartition(".")[2] for key in bucket.objects(ARRIVALS)] == ["02"]


def test_whoever_was_slower_looks_again(bucket: Bucket) -> None:
    bucket.put(make_sample(0))
    numbers = iter([1, 2, 3])

    def another_is_faster(model: Any, **_: Any) -> None:
        if model.name == "PutObject" and (number := next(numbers, None)) is not None:
            look(Objects(bucket.s3, bucket.name), "samples", Partition.parse(DAY))
            bucket.put(make_sample(number))

    bucket.hook("before-call", another_is_faster)
    assert indexed(bucket)["rows"] == 4
    assert images(bucket) == [make_sample(number).image for number in range(4)]


def test_who_is_never_fast_enough_gives_up_and_leaves_what_was_announced(bucket: Bucket) -> None:
    bucket.put(make_sample(0))
    announce(bucket, make_sample(0).sidecar)

    def another_is_faster(model: Any, **_: Any) -> None:
        if model.name == "PutObject":
            bucket.put_object(ROWS, uuid.uuid4().bytes)

    bucket.hook("before-call", another_is_faster)
    with pytest.raises(RuntimeError, match=f"{ROWS}: others have written it 10 times"):
        indexed(bucket)
    assert len(bucket.objects(ARRIVALS)) == 1


def test_several_that_look_at_once_end_with_the_same(bucket: Bucket) -> None:
    bucket.put(*(make_sample(number) for number in range(20)))
    threads = [threading.Thread(target=indexed, args=[bucket]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(images(bucket)) == 20


def test_a_sidecar_that_goes_while_it_is_looked_for_is_no_broken_one(bucket: Bucket) -> None:
    samples = [make_sample(1), make_sample(2)]
    bucket.put(*samples)

    def delete(model: Any, **_: Any) -> None:
        if model.name == "GetObject":
            bucket.delete(samples[0].sidecar)

    bucket.hook("before-call", delete)
    told = indexed(bucket)
    assert (told["rows"], told["broken"]) == (1, 0)


def prepared(bucket: Bucket) -> None:
    """Put what a batch finds: new samples, a changed one, a broken one, one that went, and announcements."""
    samples = [make_sample(number) for number in range(3)]
    bucket.put(*samples)
    indexed(bucket)
    bucket.put(make_sample(1, reason="operator"), make_sample(7), replace(make_sample(8), line=b"{}"))
    bucket.delete(samples[2].sidecar)
    for number in (1, 7, 8):
        announce(bucket, make_sample(number).sidecar)


@pytest.mark.thorough
def test_steps_that_were_killed_after_any_request_and_run_again_leave_the_same(home: Home) -> None:
    place = {"site": "berlin", "line": "line-1", "station": "press-3"}  # fewer folders are listed on the way

    def steps(bucket: Bucket) -> None:
        for line in bucket.rows(find(bucket.event(settings=place), None)["key"]):
            index(bucket.event(item=line), None)

    bucket = home.bucket()
    prepared(bucket)
    asked = bucket.asked()
    steps(bucket)
    bucket.unhook()
    requests, expected = len(asked), bucket.objects()
    assert requests > 10
    assert not any(key.startswith(ARRIVALS) for key in expected)
    for number in range(requests):
        bucket = home.bucket()
        prepared(bucket)
        with pytest.raises(Cut), bucket.cut_after(number):
            steps(bucket)
        steps(bucket)
        found = bucket.objects()
        assert found == expected, f"cut after {number} requests"


def test_a_look_that_was_killed_before_it_forgot_an_empty_day_is_done_again(bucket: Bucket) -> None:
    bucket.put_object(ROWS)
    (line,) = bucket.rows(find(bucket.event(), None)["key"])
    index(bucket.event(item=line), None)
    assert ROWS not in bucket.objects()
