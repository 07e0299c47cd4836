import http.client
import json
import logging
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

import pytest
from prometheus_client.parser import text_string_to_metric_families

from edge_inspector.errors import ConfigError
from edge_inspector.events import Json
from edge_inspector.health import metrics_server
from edge_inspector.health.metrics_server import PLACES, MetricsServer
from tests.fakes import PATIENCE_S

VALUES: dict[str, Json] = {
    "frames": {"captured": 10, "inspected": 7, "dropped": {"stale": 1, "frozen": 1}, "in_flight": 1},
    "parts": {"seen": 7, "outcomes": {"accept": 4, "no_verdict": 2}, "no_verdict": {"stopped": 2}, "in_flight": 1},
    "total": {"frames": {}, "parts": {}, "sessions": 3},
    "camera": {"status": "online", "outages": 2, "away_s": 12.5},
    "latency_ms": {"inference": {"p50": 7.2, "p95": 7.7, "p99": 8.1}},
    "undelivered": {"mqtt": 3},
    "alarms": ["disk-low", 'a "new" one\n'],
    "journal": {
        "rows": 12,
        "waiting": {"mqtt": 5},
        "evicted": {"mqtt": {"results": 2}},
        "problem": None,
        "is it": 1,
    },
    "samples": {"kept": 4, "mb": 1.5},
    "health": "nonsense",
}


class Station:
    def __init__(self) -> None:
        self.values: Mapping[str, Json] = VALUES
        self.problems: list[str] = []
        self.error: Exception | None = None

    def snapshot(self) -> Mapping[str, Json]:
        if self.error is not None:
            raise self.error
        return self.values


@contextmanager
def serving(station: Station) -> Iterator[MetricsServer]:
    with MetricsServer(station.snapshot, lambda: station.problems, port=0, labels={"camera": "c 1"}) as server:
        yield server


def ask(server: MetricsServer, path: str, *, method: str = "GET") -> tuple[int, http.client.HTTPMessage, str]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_S)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, response.headers, response.read().decode()
    finally:
        connection.close()


def samples(text: str) -> dict[tuple[str, str], float]:
    """Return values by name and label values."""
    return {
        (sample.name, ",".join(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_what_the_gate_did_is_scraped_with_what_only_grows_as_counters() -> None:
    station = Station()
    station.values = {
        "gate": {
            "decided": 9,
            "missed": 1,
            "unreachable_s": 0.5,
            "latency_ms": {"p50": 7.5, "p99": 12.0},
            "trusted": True,
            "reason": None,
        }
    }
    with serving(station) as server:
        found = samples(ask(server, "/metrics")[2])
    assert found["edge_inspector_gate_decided_total", ""] == 9
    assert found["edge_inspector_gate_missed_total", ""] == 1
    assert found["edge_inspector_gate_unreachable_s_total", ""] == 0.5
    assert found["edge_inspector_gate_latency_ms", "p99"] == 12.0
    assert found["edge_inspector_gate_trusted", ""] == 1


def test_what_the_statistics_say_is_scraped_under_prometheus_names() -> None:
    with serving(Station()) as server:
        status, headers, text = ask(server, "/metrics")
    assert status == 200
    assert headers["Content-Type"].startswith("text/plain; version=")
    assert headers["Connection"] == "close"
    found = samples(text)
    expected = {
        ("info", "c 1"): 1,
        ("frames_captured_total", ""): 10,
        ("frames_inspected_total", ""): 7,
        ("frames_dropped_total", "stale"): 1,
        ("frames_in_flight", ""): 1,
        ("parts_seen_total", ""): 7,
        ("parts_total", "accept"): 4,
        ("parts_no_verdict_total", "stopped"): 2,
        ("messages_undelivered_total", "mqtt"): 3,
        ("camera_up", ""): 1,
        ("camera_away_seconds_total", ""): 12.5,
        ("alarm", "disk-low"): 1,
        ("alarm", "clock-not-set"): 0,
        ("alarm", 'a "new" one\n'): 1,
        ("journal_rows", ""): 12,
        ("journal_waiting", "mqtt"): 5,
        ("journal_evicted_total", "mqtt/results"): 2,
        ("samples_kept_total", ""): 4,
        ("samples_mb", ""): 1.5,
    }
    for (name, label), value in expected.items():
        assert found[f"edge_inspector_{name}", label] == value, name
    latency_s = {key: value for key, value in found.items() if key[0] == "edge_inspector_latency_seconds"}
    assert sorted(latency_s.values()) == [0.0072, 0.0077, 0.0081]
    assert found["process_resident_memory_bytes", ""] > 1e6
    assert found["edge_inspector_threads", ""] >= 2
    assert text.count("# TYPE") == len(list(text_string_to_metric_families(text)))


@pytest.mark.parametrize(
    "values", [{}, {"frames": 5, "latency_ms": {"x": 1}, "alarms": "no", "camera": {"status": None}}]
)
def test_a_snapshot_of_another_shape_is_scraped_as_far_as_it_goes(values: dict[str, Json]) -> None:
    station = Station()
    station.values = values
    with serving(station) as server:
        status, _, text = ask(server, "/metrics")
    assert status == 200
    assert ("edge_inspector_frames_captured_total", "") in samples(text)


def test_healthz_says_ok_or_why_not() -> None:
    station = Station()
    with serving(station) as server:
        status, headers, text = ask(server, "/healthz")
        assert (status, json.loads(text)) == (200, {"status": "ok", "problems": []})
        assert headers["Content-Type"] == "application/json"
        station.problems = ["inspect is stuck"]
        status, _, text = ask(server, "/healthz?probe=1")
        assert (status, json.loads(text)) == (503, {"status": "failing", "problems": ["inspect is stuck"]})


def test_only_two_pages_can_be_had_and_only_read() -> None:
    with serving(Station()) as server:
        assert ask(server, "/")[0] == 404
        assert ask(server, "/metrics/..")[0] == 404
        status, headers, text = ask(server, "/metrics", method="HEAD")
        assert (status, text) == (200, "")
        assert int(headers["Content-Length"]) > 1000
        for method in ("POST", "PUT", "DELETE", "OPTIONS"):
            status, headers, _ = ask(server, "/metrics", method=method)
            assert (status, headers["Allow"]) == (405, "GET, HEAD")


def connect(server: MetricsServer) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), PATIENCE_S)


@pytest.mark.parametrize(
    "request_",
    [b"\r\n\r\n", b"GET /metrics\r\n\r\n", b"\xff\x00 / HTTP/9\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"a" * 10_000],
)
def test_nonsense_is_refused_and_the_next_one_served(request_: bytes) -> None:
    with serving(Station()) as server:
        with connect(server) as client:
            client.sendall(request_)
            assert client.recv(100).startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert ask(server, "/healthz")[0] == 200


def test_a_request_that_comes_in_pieces_is_answered() -> None:
    with serving(Station()) as server, connect(server) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in (b"GET /hea", b"lthz HTTP/1.1\r", b"\nHost: a\r\n", b"\r\n"):
            client.sendall(piece)
        assert client.recv(100).startswith(b"HTTP/1.1 200 OK\r\n")


def test_clients_that_dribble_or_never_read_hold_up_nobody() -> None:
    threads = threading.active_count()
    with serving(Station()) as server, ExitStack() as stack:
        slow = [stack.enter_context(connect(server)) for _ in range(PLACES)]
        for client in slow:
            client.sendall(b"GET /metrics HTT")
        for _ in range(5):
            assert ask(server, "/metrics")[0] == 200
        assert threading.active_count() == threads + 1
        assert slow[0].recv(1) == b"", "the oldest had to go"
    assert threading.active_count() == threads


def test_a_client_that_does_not_get_on_is_dismissed_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics_server, "REQUEST_S", 0.05)
    with serving(Station()) as server, connect(server) as client:
        client.sendall(b"GET /")
        assert client.recv(1) == b""


def test_a_large_answer_reaches_a_client_that_reads_slowly() -> None:
    station = Station()
    station.values = {"undelivered": {f"cause-{number}": number for number in range(60_000)}}
    with serving(station) as server, socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(PATIENCE_S)
        client.connect(("127.0.0.1", server.port))
        client.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
        received = bytearray()
        while piece := client.recv(1 << 16):
            received += piece
    head, _, body = bytes(received).partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
    assert len(body) > 2_000_000


def test_a_snapshot_that_fails_is_one_failed_page_and_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    station = Station()
    station.error = RuntimeError("a defect of ours")
    with caplog.at_level(logging.ERROR), serving(station) as server:
        assert ask(server, "/metrics")[0] == 500
        assert ask(server, "/metrics")[0] == 500
        assert ask(server, "/healthz")[0] == 200
        station.error = None
        assert ask(server, "/metrics")[0] == 200
    assert len(caplog.records) == 1


def test_a_port_that_is_taken_is_told_with_its_number() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = MetricsServer(dict, list, port=port)
        with pytest.raises(ConfigError, match=rf"health.metrics_port: cannot listen on 127.0.0.1:{port}: .* expected"):
            server.__enter__()


def test_it_listens_on_loopback_alone_and_gives_the_port_back() -> None:
    with serving(Station()) as server:
        port = server.port
        assert server._listener.getsockname()[0] == "127.0.0.1"
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), PATIENCE_S)
