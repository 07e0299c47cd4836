import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from edge_inspector.health.notify import Notifier


@contextmanager
def supervisor(address: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("\0" + address[1:] if address.startswith("@") else address)
        listener.setblocking(False)  # noqa: FBT003 - the standard library has no name for it
        yield listener


def heard(listener: socket.socket) -> list[str]:
    """Return what has come; a datagram on this machine is there once it was sent."""
    found = []
    while True:
        try:
            found.append(listener.recv(4096).decode())
        except BlockingIOError:
            return found


@pytest.fixture(params=["path", "abstract"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"@edge-inspector-test-{os.getpid()}" if request.param == "abstract" else str(tmp_path / "notify")


def test_a_supervisor_hears_how_the_daemon_is(address: str) -> None:
    with supervisor(address) as listener:
        notifier = Notifier.of_environment(environment={"NOTIFY_SOCKET": address})
        notifier.ready()
        notifier.status("inspecting\nat 5 Hz")
        notifier.reloading()
        notifier.stopping()
        ready, status, reloading, stopping = heard(listener)
    assert (ready, status, stopping) == ("READY=1", "STATUS=inspecting at 5 Hz", "STOPPING=1")
    first, second = reloading.split("\n")
    assert first == "RELOADING=1"
    assert int(second.removeprefix("MONOTONIC_USEC=")) > 0


def test_the_watchdog_is_fed_at_half_of_its_time_while_the_daemon_is_content(tmp_path: Path) -> None:
    address, content = str(tmp_path / "notify"), [True]
    environment = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}
    with supervisor(address) as listener:
        notifier = Notifier.of_environment(is_content=lambda: content[0], environment=environment)
        assert notifier.period_s == 15
        fed = []
        for second in range(61):
            notifier.beat(float(second))
            fed += [second] * len(heard(listener))
        assert len(fed) >= 5
        assert all(later - earlier <= 15 for earlier, later in pairwise(fed))
        content[0] = False
        for second in range(61, 200):
            notifier.beat(float(second))
        assert heard(listener) == []
        content[0] = True
        notifier.beat(200.0)
        assert heard(listener) == ["WATCHDOG=1"]


@pytest.mark.parametrize(
    "environment",
    [{}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "soon"}, {"WATCHDOG_USEC": "5", "WATCHDOG_PID": "1"}],
)
def test_a_watchdog_that_is_not_ours_is_not_fed(tmp_path: Path, environment: dict[str, str]) -> None:
    address = str(tmp_path / "notify")
    with supervisor(address) as listener:
        notifier = Notifier.of_environment(environment={"NOTIFY_SOCKET": address, **environment})
        notifier.beat()
        assert notifier.period_s is None
        assert heard(listener) == []


@pytest.mark.parametrize("address", ["", "@", "relative/path", "vsock:2:1234"])
def test_without_a_socket_that_is_known_nothing_happens(address: str) -> None:
    notifier = Notifier.of_environment(environment={"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "1000000"})
    notifier.ready()
    notifier.beat()
    assert notifier.period_s is None


def test_a_supervisor_that_does_not_listen_is_no_fault_and_is_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    notifier = Notifier(str(tmp_path / "nobody"), watchdog_s=1)
    notifier.ready()
    notifier.stopping()
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_a_supervisor_that_reads_nothing_holds_nobody_up(tmp_path: Path) -> None:
    with supervisor(str(tmp_path / "notify")):
        notifier = Notifier(str(tmp_path / "notify"))
        for _ in range(10_000):
            notifier.ready()
