"""The step that stores: every accepted label is a record once, and what no store would take loses itself alone."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from cloud_side import clients
from cloud_side.catalog.label_rows import row_of
from cloud_side.catalog.labels import AnnotatorType, Box, Label, Origin, Verification
from cloud_side.catalog.store import feature_group_request, read_labels
from cloud_side.labeling.places import stored_prefix
from cloud_side.labeling.runtime.storing import Receipt, read_receipts, store
from cloud_side.objects import Bucket as Objects
from tests.cloud.labeling.batches import AT, BATCH, CLASSES
from tests.cloud.labeling.stations import Bucket, Cut, Home, opened_home

RUNTIME = "sagemaker-featurestore-runtime"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with opened_home(tmp_path_factory.mktemp("home")) as made:
        yield made


@pytest.fixture
def bucket(home: Home) -> Iterator[Bucket]:
    made = home.bucket()
    request = feature_group_request(made.name, made.name, "arn:aws:iam::000000000000:role/store")
    made.cloud.session.client("sagemaker").create_feature_group(**request)
    yield made
    made.unhook()


def label(number: int, **more: Any) -> Label:
    said: dict[str, Any] = {
        "image": f"s3://edge-inspector/samples/{number}.jpg",
        "sha256": f"{number:064x}",
        "width": 64,
        "height": 48,
        "group": f"part-{number}",
        "class_names": tuple(CLASSES.values()),
        "boxes": (Box("dent", 1, 2.5, 3, 4),),
        "job": BATCH,
        "annotator_type": AnnotatorType.HUMAN,
        "labeled_by": ("ana",),
        "verification": Verification.ACCEPTED,
        "verified_by": "ben",
        "reason": None,
        "event_time": AT,
        "origin": Origin(site="berlin"),
    }
    return Label(**{**said, **more})


def event(bucket: Bucket, *rows: dict[str, str]) -> dict[str, Any]:
    return bucket.event(round=1, feature_group=bucket.name, items=list(rows))


def receipts(bucket: Bucket) -> dict[str, Receipt]:
    prefix = stored_prefix(BATCH)
    return {key.removeprefix(prefix): Receipt.parse(content) for key, content in bucket.objects(prefix).items()}


def in_store(bucket: Bucket) -> list[Label]:
    return list(read_labels(bucket.cloud.session, bucket.name))


def test_labels_are_stored_with_a_receipt(bucket: Bucket) -> None:
    labels = [label(1), label(2, boxes=(), verification=Verification.ADJUSTED, reason="none there")]
    assert store(event(bucket, *map(row_of, labels)), None) == {"stored": 2, "refused": 0}
    assert in_store(bucket) == labels
    receipt = receipts(bucket)[f"1-{1:064x}.json"]
    assert receipt.sha256 == {labels[0].sha256, labels[1].sha256}
    assert receipt.images == {each.image: "2026-03-03T09:10:11.000Z" for each in labels}
    assert list(read_receipts(Objects(bucket.s3, bucket.name), BATCH)) == [receipt]


def test_a_label_that_is_stored_again_is_the_same_record(bucket: Bucket) -> None:
    for _ in range(3):
        assert store(event(bucket, row_of(label(1))), None) == {"stored": 1, "refused": 0}
    assert in_store(bucket) == [label(1)]


def test_a_label_that_no_store_would_take_loses_itself_alone(bucket: Bucket, caplog: pytest.LogCaptureFixture) -> None:
    broken = row_of(label(2)) | {"boxes": '[{"label": "dent"}]'}
    rows = [row_of(label(1)), broken, row_of(label(3))]
    assert store(event(bucket, *rows), None) == {"stored": 2, "refused": 1}
    assert in_store(bucket) == [label(1), label(3)]
    (receipt,) = receipts(bucket).values()
    assert receipt.refused.keys() == {label(2).sha256}
    assert f"{label(2).image}: boxes: found" in receipt.refused[label(2).sha256]
    assert label(2).image in caplog.text


def test_what_the_store_itself_refuses_loses_itself_alone(bucket: Bucket) -> None:
    long = label(2, width=2**70)
    assert store(event(bucket, row_of(long), row_of(label(1))), None) == {"stored": 1, "refused": 1}
    (receipt,) = receipts(bucket).values()
    assert "ValidationError" in receipt.refused[long.sha256]


def test_a_store_that_is_not_there_fails_the_step(bucket: Bucket) -> None:
    with pytest.raises(ClientError):
        store(event(bucket, row_of(label(1))) | {"feature_group": "another"}, None)


def test_cuts_anywhere_lose_no_receipt_and_no_label(bucket: Bucket) -> None:
    runtime = clients.client(RUNTIME)
    labels = [label(number) for number in (1, 2, 3)]
    asked = event(bucket, *map(row_of, labels))
    left = [0]

    def cut(**_: Any) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise Cut

    runtime.meta.events.register_first(f"before-call.{RUNTIME}", cut)
    try:
        for puts in (2, 1):  # the second is cut earlier: what is on the receipt stays there
            left[0] = puts
            with pytest.raises(Cut):
                store(asked, None)
            assert receipts(bucket)[f"1-{1:064x}.json"].sha256 == {label(1).sha256, label(2).sha256}
    finally:
        runtime.meta.events.unregister(f"before-call.{RUNTIME}", cut)
    for requests in range(4):
        try:
            with bucket.cut_after(requests):
                store(asked, None)
        except Cut:
            pass
    assert store(asked, None) == {"stored": 3, "refused": 0}
    assert in_store(bucket) == labels
    assert receipts(bucket)[f"1-{1:064x}.json"].sha256 == {each.sha256 for each in labels}


class Busy(BaseHTTPRequestHandler):
    """A store that is throttled once, breaks once, and then takes a record."""

    answers: Iterator[tuple[int, str]]
    taken: list[Any]

    def do_PUT(self) -> None:
        status, code = next(self.answers)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if status == 200:
            self.taken.append(json.loads(body))
        content = b"{}" if status == 200 else json.dumps({"message": "try later"}).encode()
        self.send_response(status)
        self.send_header("x-amzn-ErrorType", code)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


def test_a_store_that_is_busy_is_asked_again(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    Busy.answers = iter([(400, "ThrottlingException"), (503, "ServiceUnavailable"), (200, "")])
    Busy.taken = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Busy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    session = boto3.Session("key", "secret", region_name="eu-central-1")
    real = session.client(RUNTIME, endpoint_url=f"http://127.0.0.1:{server.server_port}", config=clients.PATIENT)
    monkeypatch.setattr("cloud_side.labeling.runtime.storing.client", lambda _name: real)
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)
    try:
        assert store(event(bucket, row_of(label(1))), None) == {"stored": 1, "refused": 0}
    finally:
        server.shutdown()
        server.server_close()
        real.close()
    assert len(Busy.taken) == 1
