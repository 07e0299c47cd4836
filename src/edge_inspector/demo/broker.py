"""A broker for the demonstration and for tests, on this machine only, gone when they are."""

import importlib.util
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import assert_never

from edge_inspector.demo.port import HOST, free_port
from edge_inspector.errors import ConfigError
from edge_inspector.settings import ProtocolVersion

START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 5.0
_STDERR_SHOWN = 2000  # characters, from the end


class BrokerKind(StrEnum):
    """Programs that can be the broker."""

    MOSQUITTO = "mosquitto"
    AMQTT = "amqtt"  # in Python, no MQTT 5


@dataclass(frozen=True, slots=True)
class Broker:
    """A running broker that lets everybody on this machine in."""

    host: str
    port: int
    kind: BrokerKind

    @property
    def protocol(self) -> ProtocolVersion:
        """The newest MQTT that it speaks."""
        return ProtocolVersion.V5 if self.kind is BrokerKind.MOSQUITTO else ProtocolVersion.V311


@contextmanager
def local_broker(port: int = 1883, *, kind: BrokerKind | None = None) -> Iterator[Broker]:
    """Run a broker on the loopback interface until the context is left.

    Args:
        port: Port to listen on; a free one is chosen when it is taken, or 0.
        kind: Program to run; mosquitto where it is installed, else amqtt, when absent.

    Raises:
        ConfigError: If no broker is installed, or if it does not start.
    """
    kind = kind or choose_kind(mosquitto=find_mosquitto() is not None, amqtt=_has_amqtt())
    port = free_port(port)
    with tempfile.TemporaryDirectory(prefix="edge-inspector-broker-") as folder:
        command = write_configuration(kind, port, Path(folder))
        stderr = Path(folder, "stderr")
        with stderr.open("wb") as sink:
            # A session of its own: Ctrl-C must not end the broker before the daemon has said that it stops.
            process = subprocess.Popen(  # noqa: S603 - our own command
                command, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, start_new_session=True
            )
        try:
            _wait_until_it_listens(process, port, stderr)
            yield Broker(HOST, port, kind)
        finally:
            stop(process)


def choose_kind(*, mosquitto: bool, amqtt: bool) -> BrokerKind:
    """Return the best of the brokers that are installed.

    Raises:
        ConfigError: If there is none.
    """
    if mosquitto:
        return BrokerKind.MOSQUITTO
    if amqtt:
        return BrokerKind.AMQTT
    msg = (
        "no MQTT broker on this machine: install mosquitto (apt install mosquitto)"
        " or the one in Python (pip install 'edge-inspector[demo]'), or set mqtt.host to a broker of yours"
    )
    raise ConfigError(msg)


def find_mosquitto() -> str | None:
    """Return the path of mosquitto, which Debian keeps off the path of ordinary users."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


def write_configuration(kind: BrokerKind, port: int, folder: Path) -> Sequence[str]:
    """Write the configuration of a broker into `folder` and return the command that runs it."""
    path = folder / "broker.conf"
    match kind:
        case BrokerKind.MOSQUITTO:
            lines = (f"listener {port} {HOST}", "allow_anonymous true", "persistence false", "set_tcp_nodelay true")
            path.write_text("\n".join(lines) + "\n", encoding="utf-8")
            return [find_mosquitto() or "mosquitto", "-c", str(path)]
        case BrokerKind.AMQTT:
            plugins = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
            listeners = {"default": {"type": "tcp", "bind": f"{HOST}:{port}"}}
            path.write_text(json.dumps({"listeners": listeners, "plugins": plugins}), encoding="utf-8")  # JSON is YAML
            return [sys.executable, "-m", "amqtt.scripts.broker_script", "-c", str(path)]
        case _:
            assert_never(kind)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process and collect it: politely, then not."""
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait_until_it_listens(process: subprocess.Popen[bytes], port: int, stderr: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while not _listens(port):
        try:
            process.wait(0.05)
            found = f"ended with {process.returncode}"
        except subprocess.TimeoutExpired:
            if time.monotonic() < deadline:
                continue
            found = f"did not listen on {HOST}:{port} within {START_TIMEOUT_S:g} s"
        said = stderr.read_text(encoding="utf-8", errors="replace")[-_STDERR_SHOWN:].strip()
        msg = f"the broker {found}: {said or 'it said nothing'}"
        raise ConfigError(msg)


def _listens(port: int) -> bool:
    try:
        with closing(socket.create_connection((HOST, port), timeout=1.0)):
            return True
    except OSError:
        return False


def _has_amqtt() -> bool:
    return importlib.util.find_spec("amqtt") is not None
