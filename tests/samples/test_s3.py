import json
import os
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from edge_inspector.samples.s3 import Address, SampleBucket, address_of, answered
from edge_inspector.samples.spool import Spool
from edge_inspector.samples.target import RefusedError, UnavailableError, UnusableError
from edge_inspector.settings.keeping import S3Target
from tests.mosquitto import HOST, eventually, free_port
from tests.samples.made import ROOMY, content_of, pairs_of, store, wait_until_empty
from tests.samples.s3_server import (
    ACCESS_KEY,
    BUCKET,
    CREDENTIALS,
    SECRET_KEY,
    Fault,
    FaultyProxy,
    S3Server,
    target_of,
    uploading,
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with S3Server(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)


def stored_pairs(folder: Path, numbers: range) -> tuple[Spool, dict[str, bytes]]:
    """Return a spool with pairs, and their pictures by key."""
    spool = Spool(folder / "spool", quota_bytes=ROOMY)
    return spool, {str(store(spool, number)): content_of(number) for number in numbers}


def assert_arrived(server: S3Server, pictures: dict[str, bytes]) -> None:
    """Hold what is in the bucket against what was stored: whole pairs, byte for byte, with their final address."""
    found = pairs_of({key: content for key, content in server.objects().items() if key.startswith("samples/")})
    for key, picture in pictures.items():
        assert found[key][0] == picture
        assert found[key][1]["source-ref"] == f"s3://{BUCKET}/{key}"


def test_pairs_arrive_byte_for_byte(tmp_path: Path, server: S3Server) -> None:
    spool, pictures = stored_pairs(tmp_path, range(20))
    with uploading(spool, server.endpoint) as uploader:
        wait_until_empty(spool)
        eventually(lambda: uploader.state().uploaded == 20, what="all are counted")
    assert_arrived(server, pictures)


@pytest.mark.parametrize("size", [0, 5 << 20, (17 << 20) + 1])
def test_files_of_any_size_arrive_large_ones_in_parts(tmp_path: Path, server: S3Server, size: int) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(content_of(1, size))
    with SampleBucket(target_of(server.endpoint)) as bucket:
        bucket.put(f"large/{size}.png", path, "image/png")
    assert server.objects()[f"large/{size}.png"] == path.read_bytes()


@pytest.mark.parametrize("key", ["site=berlin/a=b/x.jpg", "ß 部😀/x.jpg", 'a"b/a%b/~x_.-.jpg', "a&b?c:d@e!f/x.jpg"])
def test_keys_of_any_letters_are_signed_as_the_server_reads_them(tmp_path: Path, server: S3Server, key: str) -> None:
    path = tmp_path / "picture.jpg"
    path.write_bytes(b"picture")
    with SampleBucket(target_of(server.endpoint)) as bucket:
        bucket.put(key, path, "image/jpeg")
    assert server.objects()[key] == b"picture"


def test_a_wrong_secret_is_said_and_costs_nothing(
    tmp_path: Path, server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool, pictures = stored_pairs(tmp_path, range(30, 33))
    with monkeypatch.context() as wrong:
        wrong.setenv("AWS_SECRET_ACCESS_KEY", "not-it")
        with uploading(spool, server.endpoint) as uploader:
            eventually(lambda: uploader.state().failures >= 3, what="it is refused again and again")
            problem = uploader.state().problem or ""
    assert f"bucket {BUCKET} at {HOST}" in problem
    assert "403 SignatureDoesNotMatch; check the secret key" in problem
    assert dict(spool.state().waiting) == {"defect": 3}
    with uploading(spool, server.endpoint):
        wait_until_empty(spool)
    assert_arrived(server, pictures)


def test_a_bucket_that_is_not_there_is_named_with_what_to_check(tmp_path: Path, server: S3Server) -> None:
    spool, _ = stored_pairs(tmp_path, range(2))
    with uploading(spool, server.endpoint, bucket="nobodys-bucket") as uploader:
        eventually(lambda: uploader.state().problem, what="it says so")
        problem = uploader.state().problem or ""
    assert "bucket nobodys-bucket at " in problem
    assert "404 NoSuchBucket; check samples.upload.target.bucket" in problem
    assert dict(spool.state().waiting) == {"defect": 2}


def test_a_server_that_dies_and_comes_back_gets_everything(tmp_path: Path) -> None:
    spool, pictures = stored_pairs(tmp_path, range(12))
    with S3Server(tmp_path) as server:
        # What is under way when it dies is tried by the client itself until it is given up: better soon.
        with uploading(spool, server.endpoint, patience_s=1) as uploader:
            eventually(lambda: uploader.state().uploaded > 3, what="some are uploaded")
            server.kill()
            eventually(lambda: uploader.state().failing_s is not None, what="it notices")
            assert "check the network" in (uploader.state().problem or "")
            server.start()
            wait_until_empty(spool)
            eventually(lambda: uploader.state().problem is None, what="all is well")
        assert_arrived(server, pictures)


def storm(seed: int) -> Callable[[int], Fault]:
    """Return faults for three of four requests, of all kinds."""
    dice = random.Random(seed)
    faults = [dice.choice(list(Fault)) if dice.random() < 0.75 else Fault.NONE for _ in range(100_000)]
    return faults.__getitem__


def through_a_storm(tmp_path: Path, *, pairs: int) -> None:
    spool, pictures = stored_pairs(tmp_path, range(pairs))
    with S3Server(tmp_path) as server, FaultyProxy(server.port, storm(pairs)) as proxy:
        with uploading(spool, proxy.endpoint, retry_max_s=0.02):
            wait_until_empty(spool)
        assert proxy.requests > 2 * pairs
        found = pairs_of(server.objects())
    assert {key: picture for key, (picture, _) in found.items()} == pictures


def test_whatever_the_network_does_each_pair_is_there_once_in_the_end(tmp_path: Path) -> None:
    through_a_storm(tmp_path, pairs=4)


@pytest.mark.nightly
def test_whatever_the_network_does_each_of_many_pairs_is_there_once_in_the_end(tmp_path: Path) -> None:
    through_a_storm(tmp_path, pairs=100)


def test_a_server_that_never_answers_is_given_up(tmp_path: Path) -> None:
    (tmp_path / "x.jpg").write_bytes(b"picture")
    answer = threading.Event()

    def hang(_: int) -> Fault:
        answer.wait(20)
        return Fault.CUT

    with FaultyProxy(free_port(), hang) as proxy, SampleBucket(target_of(proxy.endpoint), patience_s=0.2) as bucket:
        with pytest.raises(UnavailableError, match="no answer within 0 s"):
            bucket.put("x.jpg", tmp_path / "x.jpg", "image/jpeg")
        answer.set()


@pytest.mark.thorough
def test_leaving_cancels_what_is_under_way(tmp_path: Path) -> None:
    (tmp_path / "x.jpg").write_bytes(b"picture")
    answer, came, errors = threading.Event(), threading.Event(), list[Exception]()

    def hang(_: int) -> Fault:
        came.set()
        answer.wait(20)
        return Fault.CUT

    def put(bucket: SampleBucket) -> None:
        try:
            bucket.put("x.jpg", tmp_path / "x.jpg", "image/jpeg")
        except UnavailableError as error:
            errors.append(error)

    with FaultyProxy(free_port(), hang) as proxy:
        with SampleBucket(target_of(proxy.endpoint)) as bucket:
            thread = threading.Thread(target=put, args=(bucket,))
            thread.start()
            assert came.wait(20)
        thread.join(20)
        answer.set()
    assert "CANCELED" in str(errors[0])
    with pytest.raises(UnavailableError, match="closed"):
        bucket.put("x.jpg", tmp_path / "x.jpg", "image/jpeg")


def test_a_file_that_cannot_be_read_is_this_files_problem(tmp_path: Path, server: S3Server) -> None:
    with SampleBucket(target_of(server.endpoint)) as bucket:
        with pytest.raises(UnusableError, match=r"gone\.jpg: cannot be read"):
            bucket.put("x.jpg", tmp_path / "gone.jpg", "image/jpeg")
        with pytest.raises(UnusableError, match="cannot be read"):
            bucket.put("x.jpg", tmp_path, "image/jpeg")


class TokenExchange(BaseHTTPRequestHandler):
    """What Greengrass offers to components: credentials for those who know the token."""

    token = "greengrass-token"
    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.headers.get("Authorization", ""))
        if self.asked[-1] != self.token:
            self.send_error(403)
            return
        document = {
            "AccessKeyId": ACCESS_KEY,
            "SecretAccessKey": SECRET_KEY,
            "Token": "session",
            "Expiration": "2099-01-01T00:00:00Z",
        }
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def token_exchange() -> Iterator[tuple[str, list[str]]]:
    asked: list[str] = []
    server = ThreadingHTTPServer((HOST, 0), type("Exchange", (TokenExchange,), {"asked": asked}))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_port}/2016-11-01/credentialprovider/", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_credentials_come_from_the_token_exchange_of_greengrass(
    tmp_path: Path, server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool, pictures = stored_pairs(tmp_path, range(50, 53))
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with token_exchange() as (address_of_exchange, asked):
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", address_of_exchange)
        monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", TokenExchange.token)
        with uploading(spool, server.endpoint):
            wait_until_empty(spool)
    assert asked == [TokenExchange.token]
    assert_arrived(server, pictures)


def test_without_credentials_samples_wait_and_it_says_what_is_missing(
    tmp_path: Path, server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool, _ = stored_pairs(tmp_path, range(1))
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with token_exchange() as (address_of_exchange, _):
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", address_of_exchange)
        monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "a wrong one")
        with uploading(spool, server.endpoint) as uploader:
            eventually(lambda: uploader.state().problem, what="it says so")
            assert "check the device's credentials" in (uploader.state().problem or "")
    assert dict(spool.state().waiting) == {"defect": 1}


@pytest.mark.parametrize(
    ("bucket", "region", "endpoint", "expected"),
    [
        ("tags", "eu-central-1", None, Address("tags.s3.eu-central-1.amazonaws.com", "/", tls=True)),
        ("tags", "cn-north-1", None, Address("tags.s3.cn-north-1.amazonaws.com.cn", "/", tls=True)),
        ("my.tags", "eu-central-1", None, Address("s3.eu-central-1.amazonaws.com", "/my.tags/", tls=True)),
        ("tags", "x", "http://store:9000", Address("store:9000", "/tags/", tls=False)),
        ("tags", "x", "https://store/", Address("store", "/tags/", tls=True)),
    ],
)
def test_where_a_bucket_is(bucket: str, region: str, endpoint: str | None, expected: Address) -> None:
    assert address_of(S3Target(type="s3", bucket=bucket, region=region, endpoint=endpoint)) == expected


@pytest.mark.parametrize(
    ("status", "code", "kind", "words"),
    [
        (500, "InternalError", UnavailableError, "answers 500 InternalError"),
        (503, "SlowDown", UnavailableError, "answers 503"),
        (429, "", UnavailableError, "answers 429"),
        (400, "RequestTimeout", UnavailableError, "answers 400"),
        (400, "ExpiredToken", UnavailableError, "answers 400"),
        (400, "BadDigest", UnavailableError, "answers 400"),
        (403, "AccessDenied", RefusedError, "s3:PutObject"),
        (403, "RequestTimeTooSkewed", RefusedError, "check the clock"),
        (403, "", RefusedError, "check samples.upload.target"),
        (301, "PermanentRedirect", RefusedError, "region"),
        (400, "AuthorizationHeaderMalformed", RefusedError, "region"),
        (404, "NoSuchBucket", RefusedError, "samples.upload.target.bucket"),
        (400, "EntityTooLarge", UnusableError, "does not take a/b.jpg: 400 EntityTooLarge"),
        (400, "", UnusableError, "does not take a/b.jpg: 400"),
    ],
)
def test_answers_are_sorted_by_what_to_do_next(status: int, code: str, kind: type[Exception], words: str) -> None:
    body = f"<Error><Code>{code}</Code></Error>".encode() if code else None
    error = answered("bucket tags at store", "a/b.jpg", status, body)
    assert type(error) is kind
    assert words in str(error)
    assert "bucket tags at store" in str(error)
