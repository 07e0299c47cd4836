import asyncio
import http.client
import logging
import socket
import ssl
import subprocess
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import Response, StreamingResponse

from edge_inspector.page import connection, doorway
from edge_inspector.page.access.roles import Role
from edge_inspector.page.doors import Asked, Door
from edge_inspector.page.server import PageServer
from edge_inspector.settings import PageSettings
from tests.fakes import PATIENCE_S
from tests.logged import warnings_in
from tests.mosquitto import eventually
from tests.page.people import app_of, entrance_of
from tests.requirements import require_program

HOST = "127.0.0.1"


def settings_of(**more: Any) -> PageSettings:
    return PageSettings.model_validate({"port": 0, **more})


@contextmanager
def serving(
    *doors: Door, on_loop: Callable[[asyncio.AbstractEventLoop], None] = lambda _: None, **more: Any
) -> Iterator[PageServer]:
    settings = settings_of(**more)
    server = PageServer(app_of(entrance_of(settings), *doors), settings, on_loop=on_loop)
    with server:
        yield server
    eventually(lambda: not server._thread.is_alive(), what="the thread of the page ends")


def port_of(server: PageServer) -> int:
    eventually(lambda: server.port, what="the page is served")
    assert server.port is not None
    return server.port


def get(server: PageServer, path: str = "/api/v1/session") -> tuple[int, bytes]:
    with closing(http.client.HTTPConnection(HOST, port_of(server), timeout=PATIENCE_S)) as client:
        client.request("GET", path)
        response = client.getresponse()
        return response.status, response.read()


def connect(server: PageServer) -> socket.socket:
    return socket.create_connection((HOST, port_of(server)), timeout=PATIENCE_S)


def is_closed(client: socket.socket) -> bool:
    """Wait until the other end closes."""
    with suppress(ConnectionError):
        while client.recv(1 << 16):
            pass
    return True


def door(path: str, handler: Callable[[Asked], Any]) -> Door:
    return Door("GET", path, Role.NOTHING, "Test", handler)


def test_the_page_is_served_until_the_server_is_left(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), serving() as server:
        assert get(server)[0] == 200
        assert server.problem is None
        port = port_of(server)
    assert [record.getMessage() for record in caplog.records if record.name.startswith(("uvicorn", "edge"))] == [
        f"page: http://127.0.0.1:{port}/"
    ]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((HOST, port))


def test_a_restart_takes_the_same_port_again_though_a_browser_was_connected() -> None:
    with ExitStack() as clients:
        with serving() as server:
            port = port_of(server)
            idle = clients.enter_context(connect(server))
            client = clients.enter_context(closing(http.client.HTTPConnection(HOST, port, timeout=PATIENCE_S)))
            client.request("GET", "/api/v1/session")
            assert client.getresponse().read()
        assert is_closed(idle)
        with serving(port=port) as server:
            assert get(server)[0] == 200
            assert port_of(server) == port


def test_a_port_that_is_taken_is_a_problem_until_it_is_free(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        server = PageServer(app_of(entrance_of(settings_of())), settings_of(port=port))
        with server:
            eventually(lambda: server.problem, what="a problem")
            assert server.problem == f"127.0.0.1:{port}: [Errno 98] Address already in use"
            assert server.port is None
            taken.close()
            assert get(server)[0] == 200
            assert server.problem is None
    assert len(warnings_in(caplog)) == 1


def test_an_address_that_is_not_of_this_machine_is_a_problem() -> None:
    with serving(host="203.0.113.7", plain_http=True, proxy={"trusted": ["203.0.113.1"]}) as server:
        eventually(lambda: server.problem, what="a problem")
        assert "203.0.113.7:0: " in (server.problem or "")


def test_whoever_streams_is_told_on_which_loop() -> None:
    loops: list[asyncio.AbstractEventLoop] = []

    async def ask(_: Asked) -> Response:
        return Response(f"{asyncio.get_running_loop() is loops[0]}")

    with serving(door("/loop", ask), on_loop=loops.append) as server:
        assert get(server, "/loop") == (200, b"True")
    assert len(loops) == 1


def test_a_client_that_dribbles_is_let_go_and_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "HEAD_S", 0.3)
    with serving() as server, connect(server) as silent, connect(server) as slow, connect(server) as after:
        slow.sendall(b"GET / HTTP/1.1\r\nHost: ")
        after.sendall(b"GET /api/v1/session HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"200 OK" in after.recv(1 << 16)
        after.sendall(b"GET /api/v1/sess")
        assert get(server)[0] == 200
        assert all(is_closed(client) for client in (silent, slow, after))


def test_a_request_that_comes_in_pieces_is_answered() -> None:
    with serving() as server, connect(server) as client:
        for piece in (b"GET /api/v1/ses", b"sion HTTP/1.1\r\nHo", b"st: localhost\r\n", b"Connection: close\r\n\r\n"):
            client.sendall(piece)
            assert get(server)[0] == 200
        assert b"200 OK" in client.recv(1 << 16)


def test_a_client_that_reads_nothing_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "STALLED_S", 0.3)
    ended = threading.Event()

    async def pour() -> AsyncIterator[bytes]:
        try:
            while True:
                yield bytes(1 << 20)
                await asyncio.sleep(0)
        finally:
            ended.set()

    async def stream(_: Asked) -> Response:
        return StreamingResponse(pour())

    with serving(door("/pour", stream)) as server, connect(server) as client:
        client.sendall(b"GET /pour HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert ended.wait(PATIENCE_S)
        assert get(server)[0] == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])  # on the other 127.0.0.9 is ::ffff:127.0.0.9
def test_one_address_has_so_many_connections_and_others_still_come_in(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if host == "::" and not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    monkeypatch.setattr(doorway, "MOST_OF_ONE_ADDRESS", 3)
    with serving(host=host, plain_http=True, proxy={"trusted": ["127.0.0.9"]}) as server, ExitStack() as clients:
        port = port_of(server)

        def come_from(address: str) -> socket.socket:
            client = socket.create_connection((HOST, port), PATIENCE_S, source_address=(address, 0))
            return clients.enter_context(client)

        greedy = [come_from("127.0.0.1") for _ in range(5)]
        assert all(is_closed(client) for client in greedy[3:])
        for address in ("127.0.0.2", *["127.0.0.9"] * 5):
            other = come_from(address)
            other.sendall(b"GET /api/v1/session HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert b"200 OK" in other.recv(1 << 16), "another address, and a proxy, behind which all are"
        greedy[0].close()
        eventually(lambda: _comes_in(server), what="one who left makes room")


def _comes_in(server: PageServer) -> bool:
    try:
        return get(server)[0] == 200
    except ConnectionError:
        return False


def test_so_many_connections_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doorway, "MOST_CONNECTIONS", 2)
    with serving() as server, connect(server), connect(server), connect(server) as third:
        assert is_closed(third)


def test_many_slow_answers_take_few_threads() -> None:
    lock, go_on = threading.Lock(), threading.Event()
    now = most = 0

    def wait(_: Asked) -> Response:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        go_on.wait(PATIENCE_S)
        with lock:
            now -= 1
        return Response()

    with serving(door("/wait", wait)) as server:
        port_of(server)
        clients = [threading.Thread(target=get, args=(server, "/wait")) for _ in range(12)]
        for client in clients:
            client.start()
        eventually(lambda: now == 4, what="as many as may")
        go_on.set()
        for client in clients:
            client.join(PATIENCE_S)
    assert most == 4


def endless(begun: threading.Event) -> Door:
    async def wait() -> AsyncIterator[bytes]:
        yield b"first"
        begun.set()
        await asyncio.Event().wait()

    async def stream(_: Asked) -> Response:
        return StreamingResponse(wait())

    return door("/endless", stream)


def test_an_open_stream_does_not_hold_up_the_end_and_is_no_news(caplog: pytest.LogCaptureFixture) -> None:
    begun = threading.Event()
    with ExitStack() as clients:
        with serving(endless(begun)) as server:
            client = clients.enter_context(connect(server))
            client.sendall(b"GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert begun.wait(PATIENCE_S)
        assert is_closed(client)
    assert warnings_in(caplog) == []


def test_a_stream_that_ends_with_its_own_event_ends_whole() -> None:
    begun, stops = threading.Event(), list[tuple[asyncio.AbstractEventLoop, asyncio.Event]]()

    async def wait(stop: asyncio.Event) -> AsyncIterator[bytes]:
        yield b"first "
        begun.set()
        await stop.wait()
        yield b"last"

    async def stream(_: Asked) -> Response:
        stop = asyncio.Event()
        stops.append((asyncio.get_running_loop(), stop))
        return StreamingResponse(wait(stop))

    with ExitStack() as clients:
        with serving(door("/stream", stream)) as server:
            client = clients.enter_context(closing(http.client.HTTPConnection(HOST, port_of(server))))
            client.request("GET", "/stream")
            response = client.getresponse()
            assert begun.wait(PATIENCE_S)
            loop, stop = stops[0]
            loop.call_soon_threadsafe(stop.set)
        assert response.read() == b"first last"


def test_a_handler_that_hangs_does_not_hold_up_the_end(caplog: pytest.LogCaptureFixture) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def hang(_: Asked) -> Response:
        begun.set()
        go_on.wait(PATIENCE_S)
        return Response()

    with ExitStack() as clients:
        clients.callback(go_on.set)
        with serving(door("/hang", hang)) as server:
            client = clients.enter_context(connect(server))
            client.sendall(b"GET /hang HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert begun.wait(PATIENCE_S)
        assert is_closed(client)
    assert warnings_in(caplog) == []


def test_a_stream_that_fails_is_one_line_in_the_log_and_the_others_go_on(caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> AsyncIterator[bytes]:
        yield b"first"
        msg = "of the stream"
        raise ValueError(msg)

    async def stream(_: Asked) -> Response:
        return StreamingResponse(fail())

    with serving(door("/fail", stream)) as server:
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            get(server, "/fail")
        assert get(server)[0] == 200
    assert len(warnings_in(caplog)) == 1


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\0" * 70_000,
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"y" * 70_000,
    ],
    ids=["tls", "short", "no-host", "zeros", "two-hosts", "long"],
)
def test_what_is_no_request_is_refused_without_a_word_in_the_log(
    caplog: pytest.LogCaptureFixture, nonsense: bytes
) -> None:
    with serving() as server:
        with connect(server) as client, suppress(ConnectionError):
            client.sendall(nonsense)
            assert client.recv(1 << 16).startswith(b"HTTP/1.1 4")
        assert get(server)[0] == 200
    assert warnings_in(caplog) == []


def test_a_wish_for_a_web_socket_is_an_ordinary_request() -> None:
    with serving() as server, connect(server) as client:
        client.sendall(
            b"GET /api/v1/session HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        assert b"200 OK" in client.recv(1 << 16)


def test_the_answer_to_head_has_no_content() -> None:
    with serving() as server, connect(server) as client:
        client.sendall(b"HEAD /api/v1/session HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        head, _, content = b"".join(iter(lambda: client.recv(1 << 16), b"")).partition(b"\r\n\r\n")
        assert b"200 OK" in head
        assert b"server:" not in head.lower()
        assert content == b""


def certificate_in(folder: Path, *, password: str | None = None) -> dict[str, Path]:
    openssl = require_program("openssl", package="openssl")
    files = {"certificate": folder / "page.crt", "key": folder / "page.key"}
    secret = ["-nodes"] if password is None else ["-passout", f"pass:{password}"]
    request = ["req", "-x509", "-newkey", "rsa:2048", "-days", "2", "-subj", "/CN=localhost", *secret]
    names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    out = ["-out", files["certificate"], "-keyout", files["key"]]
    subprocess.run([openssl, *request, *names, *out], check=True, capture_output=True)
    return files


def test_with_tls_the_page_proves_itself(tmp_path: Path) -> None:
    files = certificate_in(tmp_path)
    trust = ssl.create_default_context(cafile=files["certificate"])
    with serving(tls=files) as server:
        client = http.client.HTTPSConnection("localhost", port_of(server), timeout=PATIENCE_S, context=trust)
        with closing(client):
            client.request("GET", "/api/v1/session")
            response = client.getresponse()
            assert response.status == 200
            response.read()
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
        with connect(server) as plain:
            plain.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert is_closed(plain)


def test_files_that_cannot_be_used_are_a_problem_until_they_can(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files = {"certificate": tmp_path / "page.crt", "key": tmp_path / "page.key"}
    with serving(tls=files) as server:
        eventually(lambda: server.problem, what="a problem")
        assert f"page.tls.certificate: {files['certificate']}: cannot be read" in (server.problem or "")
        assert server.port is None
        certificate_in(tmp_path)
        port_of(server)
        assert server.problem is None
    assert warnings_in(caplog)[0].startswith("page: cannot be served on 127.0.0.1:0: page.tls.certificate: ")


@pytest.mark.parametrize("what", ["password", "nonsense", "another key"])
def test_a_key_that_does_not_fit_or_asks_for_a_password_is_a_problem(tmp_path: Path, what: str) -> None:
    files = certificate_in(tmp_path, password="secret" if what == "password" else None)
    if what == "nonsense":
        files["key"].write_text("no key")
    elif what == "another key":
        (tmp_path / "other").mkdir()
        files["key"] = certificate_in(tmp_path / "other")["key"]
    with serving(tls=files) as server:
        eventually(lambda: server.problem, what="a problem")
        assert "expected a certificate and its key without a password, both PEM" in (server.problem or "")
