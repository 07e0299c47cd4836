"""A detector that has an endpoint look: the same to the digit, and the own model where that does not answer."""

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_inspector.app.remote import looks_first
from edge_inspector.demo.port import free_port
from edge_inspector.detectors.model_file import ModelPackage
from edge_inspector.detectors.onnx import OnnxDetector
from edge_inspector.detectors.remote import ATTRIBUTES, Breaker, Remote, RemoteOptions
from edge_inspector.detectors.remote_detector import RemoteDetector
from edge_inspector.detectors.remote_link import Link, NotAskedError, UnreachableError
from edge_inspector.errors import ModelError
from edge_inspector.frame import Frame
from edge_inspector.ports import Inference
from edge_inspector.settings import parse
from edge_inspector.simulation import plan_tag, render_tag
from tests.cloud.deployment.endpoint.served import ROOT, Served, served
from tests.detectors.remote_server import Told, answering, say, silent
from tests.mosquitto import Certificates, eventually
from tests.onnx_models import bright_spot_model

SHIPPED = ROOT / "src/edge_inspector/shipped_model"
PATIENT = RemoteOptions(timeout_s=10.0)
HASTY = RemoteOptions(timeout_s=0.15, failures=2, rest_s=10.0)
ALONE = RemoteOptions(timeout_s=0.15, falls_back=False, failures=2)


def frame(image: NDArray[np.uint8], full_wh: tuple[int, int] | None = None) -> Frame:
    return Frame(image, 0, datetime.now(UTC), time.monotonic_ns(), "test", full_wh=full_wh)


def spot() -> Frame:
    image = np.zeros((48, 64), np.uint8)
    image[16:32, 16:32] = 255
    return frame(image)


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnnxDetector]:
    folder = bright_spot_model(tmp_path_factory.mktemp("package") / "model")
    with OnnxDetector(ModelPackage.open(folder)) as detector:
        yield detector


@pytest.fixture(scope="module")
def shipped() -> Iterator[Served]:
    with served(SHIPPED, port=free_port(), EDGE_INSPECTOR_ENDPOINT_SESSIONS="1") as server:
        yield server


@contextmanager
def remote(
    url: str,
    local: OnnxDetector,
    options: RemoteOptions = PATIENT,
    *,
    clock: Callable[[], float] = time.monotonic,
    **link: Any,
) -> Iterator[tuple[RemoteDetector, Remote]]:
    with closing(Remote(Link(url, **link), options, local.identity, local.class_names, monotonic_s=clock)) as endpoint:
        yield RemoteDetector(endpoint, local, min_confidence=0.4, is_gray=local.is_gray), endpoint


def link_is_free(endpoint: Remote) -> None:
    """Wait until nothing is under way any more."""
    last = endpoint._link._last
    eventually(lambda: last is None or last.answered.is_set(), what="the link is free")


def answer(local: OnnxDetector, **changes: Any) -> dict[str, Any]:
    model = local.identity
    return {
        "schema": "edge-inspector/inference/1",
        "model": {"name": model.name, "version": model.version, "sha256": model.sha256},
        "image_wh": [64, 48],
        "detections": [{"label": "bright-spot", "confidence": 0.5, "xyxy": [1, 2, 3, 4]}],
        **changes,
    }


@pytest.mark.parametrize("kind", ["gray", "color", "reduced"])
def test_an_endpoint_finds_what_the_own_model_finds_to_the_last_bit(shipped: Served, kind: str) -> None:
    images = [render_tag(plan_tag(7, number, defect_rate=0.9)) for number in range(4)]
    with (
        OnnxDetector(ModelPackage.open(SHIPPED), min_confidence=0.05) as own,
        closing(Remote(Link(f"http://127.0.0.1:{shipped.port}"), PATIENT, own.identity, own.class_names)) as endpoint,
    ):
        counted = 0
        for image in images:
            height, width = image.shape
            colored = np.stack([image, image // 2, 255 - image], axis=-1)
            seen = frame(colored if kind == "color" else image, (2 * width, 2 * height) if kind == "reduced" else None)
            found = endpoint.look(seen, min_confidence=0.05, is_gray=own.is_gray).detections
            expected = own.detect(seen).detections
            assert found.xyxy.tobytes() == expected.xyxy.tobytes()
            assert found.confidence.tobytes() == expected.confidence.tobytes()
            assert found.class_id.tolist() == expected.class_id.tolist()
            counted += len(found)
        assert counted > 0


def test_what_the_endpoint_finds_counts_and_it_is_asked_for_all_that_the_policy_needs(local: OnnxDetector) -> None:
    with answering(lambda handler, _: say(handler, answer(local))) as told, remote(told.url, local) as (detector, _):
        detector.detect(spot())
        inference = detector.detect(spot())
    assert inference.detections.confidence.tolist() == [0.5]
    assert inference.detections.xyxy.tolist() == [[1, 2, 3, 4]]
    assert told.headers[0][ATTRIBUTES] == "min_confidence=0.4,exact=true"
    assert told.headers[0]["Content-Type"] == "image/png"
    assert len(set(told.connections)) == 1  # kept alive


def test_nobody_at_the_address_is_answered_by_the_own_model(local: OnnxDetector) -> None:
    with remote(f"http://127.0.0.1:{free_port()}", local) as (detector, _):
        assert detector.detect(spot()).detections.confidence.tolist() == [1.0]


def test_a_silent_endpoint_costs_its_timeout_and_is_left_alone_after_some_failures(local: OnnxDetector) -> None:
    now = [0.0]
    with silent() as url, remote(url, local, HASTY, clock=lambda: now[0]) as (detector, endpoint):
        detector.detect(spot())
        assert endpoint.problem() is None  # once is no rule
        link_is_free(endpoint)
        assert detector.detect(spot()).detections.confidence.tolist() == [1.0]
        assert "no answer in" in (endpoint.problem() or "")
        with pytest.raises(NotAskedError, match="left alone for a while"):
            endpoint.look(spot(), min_confidence=0.4, is_gray=True)
        now[0] = 10.0
        link_is_free(endpoint)
        with pytest.raises(UnreachableError, match="no answer in"):
            endpoint.look(spot(), min_confidence=0.4, is_gray=True)


def test_frames_that_come_while_a_name_is_looked_up_say_nothing_of_the_endpoint(
    local: OnnxDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    release, look_up = threading.Event(), socket.getaddrinfo

    def slow(*args: Any, **kwargs: Any) -> Any:
        release.wait(10)
        return look_up(*args, **kwargs)

    with answering(lambda handler, _: say(handler, answer(local))) as told:
        monkeypatch.setattr(socket, "getaddrinfo", slow)
        options = RemoteOptions(timeout_s=0.15, failures=2)
        with remote(told.url, local, options) as (detector, endpoint):
            detector.detect(spot())
            with pytest.raises(NotAskedError, match="an earlier request is still under way"):
                endpoint.look(spot(), min_confidence=0.4, is_gray=True)
            for _ in range(5):
                assert detector.detect(spot()).detections.confidence.tolist() == [1.0]
            assert endpoint.problem() is None  # one late answer is one failure
            release.set()
            link_is_free(endpoint)
            assert endpoint.problem() is None


@pytest.mark.parametrize("part", ["head", "body"])
def test_a_server_that_trickles_is_hung_up_on_once_it_is_late(local: OnnxDetector, part: str) -> None:
    has_gone = threading.Event()

    def trickle(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        if part == "body":
            handler.send_response(200)
            handler.send_header("Content-Length", "1000000")
            handler.end_headers()
        try:
            while not has_gone.wait(0.02):
                handler.wfile.write(b"H")
        except OSError:
            has_gone.set()

    with answering(trickle) as told:
        try:
            with remote(told.url, local, HASTY) as (detector, endpoint):
                detector.detect(spot())
                link_is_free(endpoint)
                assert has_gone.wait(10)
        finally:
            has_gone.set()


def test_over_tls_the_server_proves_itself_is_kept_and_is_hung_up_on_once_it_is_late(
    local: OnnxDetector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificates, is_slow, has_gone = Certificates(tmp_path), threading.Event(), threading.Event()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificates.server, certificates.server_key)

    def say_or_wait(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        if is_slow.is_set():
            assert handler.connection.recv(1) == b""
            has_gone.set()
            return
        say(handler, answer(local))

    with answering(say_or_wait, tls) as told:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificates.stranger))
        with (
            remote(told.url, local) as (_, endpoint),
            pytest.raises(UnreachableError, match="CERTIFICATE_VERIFY_FAILED"),
        ):
            endpoint.look(spot(), min_confidence=0.4, is_gray=True)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificates.ca))
        with remote(told.url, local, RemoteOptions(timeout_s=2.0)) as (detector, _):
            for _ in range(2):
                assert detector.detect(spot()).detections.confidence.tolist() == [0.5]
            is_slow.set()
            assert detector.detect(spot()).detections.confidence.tolist() == [1.0]
            assert has_gone.wait(10)
    assert len(set(told.connections)) == 1


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_stop_does_not_wait_for_the_server(scheme: str) -> None:
    def ask(link: Link) -> None:
        with pytest.raises(UnreachableError):
            link.ask(b"x", {}, timeout_s=60)

    with silent() as url:
        link = Link(url.replace("http", scheme))
        asking = threading.Thread(target=ask, args=(link,))
        asking.start()
        eventually(lambda: link._socket is not None, what="it is under way")
        link.close()
        asking.join(10)
        assert not asking.is_alive()


def test_an_endpoint_gets_what_is_left_of_the_deadline_of_a_part_less_what_the_own_model_needs(
    local: OnnxDetector,
) -> None:
    with silent() as url, closing(Remote(Link(url), PATIENT, local.identity, local.class_names)) as endpoint:
        settings = parse({"flow": {"deadline_ms": 300}})
        detector = looks_first(endpoint, local, settings, min_confidence=0.4, is_gray=local.is_gray)
        first = replace(spot(), part_id="a")
        assert detector.detect(first).detections.confidence.tolist() == [1.0]  # its own timeout is 10 s
        assert time.monotonic_ns() > first.captured_monotonic_ns + 290e6
        link_is_free(endpoint)
        second = replace(spot(), part_id="a", part_frame=1, captured_monotonic_ns=first.captured_monotonic_ns + 1)
        assert detector.detect(second).detections.confidence.tolist() == [1.0]
        assert endpoint._breaker.failures == 0  # it never had its time, which is no fault of its own


class Slow:
    """The own model, on a device where it takes longer than the deadline."""

    def __init__(self, local: OnnxDetector) -> None:
        self._local = local

    def detect(self, seen: Frame) -> Inference:
        threading.Event().wait(2.2)
        return self._local.detect(seen)


def test_an_own_model_slower_than_the_deadline_does_not_keep_the_endpoint_from_being_asked(local: OnnxDetector) -> None:
    def first_in_vain(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        say(handler, answer(local), 500 if len(told.headers) == 1 else 200)

    options = RemoteOptions(timeout_s=2.0)
    with (
        answering(first_in_vain) as told,
        closing(Remote(Link(told.url), options, local.identity, local.class_names)) as endpoint,
    ):
        detector = RemoteDetector(endpoint, Slow(local), min_confidence=0.4, is_gray=local.is_gray, deadline_s=2.1)
        assert detector.detect(replace(spot(), part_id="a")).detections.confidence.tolist() == [1.0]
        assert detector.detect(replace(spot(), part_id="b")).detections.confidence.tolist() == [0.5]


def test_a_part_that_comes_again_has_a_deadline_of_its_own(local: OnnxDetector) -> None:
    with (
        answering(lambda handler, _: say(handler, answer(local))) as told,
        closing(Remote(Link(told.url), PATIENT, local.identity, local.class_names)) as endpoint,
    ):
        detector = RemoteDetector(endpoint, local, min_confidence=0.4, is_gray=local.is_gray, deadline_s=5.0)
        now_ns = time.monotonic_ns()
        before = replace(spot(), part_id="a", captured_monotonic_ns=now_ns - 60_000_000_000)
        assert detector.detect(before).detections.confidence.tolist() == [1.0]
        assert detector.detect(replace(spot(), part_id="a")).detections.confidence.tolist() == [0.5]


def test_a_picture_that_cannot_be_encoded_is_looked_at_by_the_own_model(local: OnnxDetector) -> None:
    long = frame(np.zeros((8, 66_000), np.uint8))  # a JPEG has at most 65,535 pixels a side
    options = RemoteOptions(timeout_s=10.0, encoding="jpeg", failures=1)
    with answering(lambda handler, _: say(handler, answer(local))) as told, remote(told.url, local, options) as both:
        detector, endpoint = both
        assert len(detector.detect(long).detections) == 0
        assert "cannot be written as jpeg" in (endpoint.problem() or "")
        assert told.headers == []


def test_an_endpoint_that_is_back_looks_again_and_its_problem_is_over(local: OnnxDetector) -> None:
    now, is_well = [0.0], [False]

    def say_when_well(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        say(handler, answer(local) if is_well[0] else b'{"error": "full"}', 200 if is_well[0] else 503)

    with answering(say_when_well) as told, remote(told.url, local, HASTY, clock=lambda: now[0]) as (detector, endpoint):
        for _ in range(3):
            detector.detect(spot())
        assert len(told.headers) == 2  # then it rested
        assert "found 503" in (endpoint.problem() or "")
        is_well[0], now[0] = True, 10.0
        assert detector.detect(spot()).detections.confidence.tolist() == [0.5]
        assert endpoint.problem() is None


def test_without_a_fallback_a_frame_without_an_answer_is_an_error_that_says_why(local: OnnxDetector) -> None:
    with (
        silent() as url,
        remote(url, local, ALONE) as (detector, _),
        pytest.raises(ModelError, match="no answer in 150 ms"),
    ):
        detector.detect(spot())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sha256": "f" * 64}, "expected the model that this station has"),
        ({"version": "9.9.9"}, "expected the model that this station has"),
        ({"name": "other"}, "expected the model that this station has"),
        ({"image_wh": [32, 24]}, "found \\(32, 24\\)"),
        ({"detections": [{"label": "rust", "confidence": 0.5, "xyxy": [1, 2, 3, 4]}]}, "other labels: {'rust'}"),
        ({"detections": [{"label": "bright-spot", "confidence": 1.5, "xyxy": [1, 2, 3, 4]}]}, "confidence"),
        ({"detections": [{"label": "bright-spot", "confidence": 0.5, "xyxy": [1, 2, 3]}]}, "xyxy"),
        ({"schema": "other/1"}, "schema"),
    ],
)
def test_an_answer_that_cannot_be_trusted_is_none(local: OnnxDetector, changes: dict[str, Any], said: str) -> None:
    if changes.keys() <= {"name", "version", "sha256"}:
        changes = {"model": {**answer(local)["model"], **changes}}
    with (
        answering(lambda handler, _: say(handler, answer(local, **changes))) as told,
        remote(told.url, local) as (_, endpoint),
        pytest.raises(UnreachableError, match=said),
    ):
        endpoint.look(spot(), min_confidence=0.4, is_gray=True)


@pytest.mark.parametrize("content", [b"", b"<html>", b"NaN", b"x" * (5 << 20)])
def test_garbage_is_no_answer(local: OnnxDetector, content: bytes) -> None:
    with (
        answering(lambda handler, _: say(handler, content)) as told,
        remote(told.url, local) as (_, endpoint),
        pytest.raises(UnreachableError),
    ):
        endpoint.look(spot(), min_confidence=0.4, is_gray=True)


def test_a_connection_that_was_closed_meanwhile_is_made_anew_within_the_same_frame(local: OnnxDetector) -> None:
    def say_once(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        say(handler, answer(local))
        handler.connection.shutdown(socket.SHUT_RDWR)
        handler.close_connection = True

    with answering(say_once) as told, remote(told.url, local) as (_, endpoint):
        for _ in range(2):
            assert len(endpoint.look(spot(), min_confidence=0.4, is_gray=True).detections) == 1
            time.sleep(0.05)
    assert len(set(told.connections)) == 2


def test_the_authorization_is_sent_and_never_told(local: OnnxDetector, tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text("Bearer open-sesame\n")

    def refuse(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        say(handler, {"error": "who are you?"}, 401)

    def look(told: Told, file: Path) -> str:
        with (
            remote(told.url, local, authorization_file=file) as (_, endpoint),
            pytest.raises(UnreachableError) as raised,
        ):
            endpoint.look(spot(), min_confidence=0.4, is_gray=True)
        return str(raised.value)

    with answering(refuse) as told:
        assert "found 401" in look(told, secret)
        assert told.headers[0]["Authorization"] == "Bearer open-sesame"
        secret.write_text("Bearer open\nsesame")
        assert "expected one line of text" in (problem := look(told, secret))
        assert "sesame" not in problem
        assert "missing" in look(told, tmp_path / "missing")


def test_the_authorization_is_read_anew_with_each_connection(local: OnnxDetector, tmp_path: Path) -> None:
    secret = tmp_path / "token"

    def say_and_close(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        handler.close_connection = True
        content = json.dumps(answer(local)).encode()
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(content))
        handler.wfile.write(content)

    with answering(say_and_close) as told, remote(told.url, local, authorization_file=secret) as (_, endpoint):
        for word in ("first", "second"):
            secret.write_text(word)
            endpoint.look(spot(), min_confidence=0.4, is_gray=True)
    assert [each["Authorization"] for each in told.headers] == ["first", "second"]


def test_a_jpeg_is_sent_where_that_is_wanted(local: OnnxDetector) -> None:
    bodies: list[bytes] = []

    def keep(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        bodies.append(body)
        say(handler, answer(local))

    options = RemoteOptions(timeout_s=10.0, encoding="jpeg")
    with answering(keep) as told, remote(told.url, local, options) as (detector, _):
        detector.detect(spot())
    assert told.headers[0]["Content-Type"] == "image/jpeg"
    assert bodies[0].startswith(b"\xff\xd8\xff")


def test_an_endpoint_rests_after_so_many_failures_in_a_row_and_after_each_one_more() -> None:
    breaker = Breaker()
    for now_s in (1.0, 2.0):
        breaker = breaker.after_failure(now_s, most=3, rest_s=10.0)
        assert breaker.asks(now_s)
    breaker = breaker.after_failure(3.0, most=3, rest_s=10.0)
    assert [breaker.asks(now_s) for now_s in (3.0, 12.9, 13.0)] == [False, False, True]
    assert not breaker.after_failure(13.0, most=3, rest_s=10.0).asks(22.9)
