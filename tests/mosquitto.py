"""A real broker that can be killed, a wire that can be cut, and a subscriber: what the tests of MQTT are made of."""

import queue
import socket
import subprocess
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Self

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from tests.requirements import require_program

HOST = "127.0.0.1"
PATIENCE_S = 20.0


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def eventually(condition: Callable[[], object], *, what: str) -> None:
    """Wait until something becomes true that cannot be waited on."""
    pause = threading.Event()
    for _ in range(int(PATIENCE_S / 0.01)):
        if condition():
            return
        pause.wait(0.01)
    pytest.fail(f"never happened: {what}")


class Mosquitto:
    """A mosquitto without persistence, on one port for all its lives."""

    def __init__(self, folder: Path, *lines: str) -> None:
        self.port = free_port()
        self._program = require_program("mosquitto", package="mosquitto")
        self._configuration = folder / f"mosquitto-{self.port}.conf"
        access = () if any("allow_anonymous" in line for line in lines) else ("allow_anonymous true",)
        settings = (f"listener {self.port} {HOST}", "persistence false", "user root", *access, *lines)
        self._configuration.write_text("\n".join(settings) + "\n")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        self._process = subprocess.Popen(
            [self._program, "-c", str(self._configuration)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        eventually(self._listens, what="mosquitto listens")

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _listens(self) -> bool:
        with suppress(OSError), closing(socket.create_connection((HOST, self.port))):
            return True
        return False


class Subscriber:
    """Receives everything under `topics`, in order."""

    def __init__(self, port: int, topics: str = "#", *, v5: bool = True) -> None:
        protocol = MQTTProtocolVersion.MQTTv5 if v5 else MQTTProtocolVersion.MQTTv311
        self._messages: queue.Queue[MQTTMessage] = queue.Queue()
        self._subscribed = threading.Event()
        self._client = Client(CallbackAPIVersion.VERSION2, protocol=protocol)
        self._client.on_connect = lambda *_: self._client.subscribe(topics, qos=1)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = lambda _client, _userdata, message: self._messages.put(message)
        self._client.connect(HOST, port)

    def __enter__(self) -> Self:
        self._client.loop_start()
        assert self._subscribed.wait(PATIENCE_S), "not subscribed"
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        self._client._reset_sockets()  # paho leaves two to the garbage collector

    def next(self) -> MQTTMessage:
        return self._messages.get(timeout=PATIENCE_S)

    def payloads_until(self, last: bytes) -> list[bytes]:
        """Return the payloads received up to the one that is `last`."""
        payloads: list[bytes] = []
        while not payloads or payloads[-1] != last:
            payloads.append(self.next().payload)
        return payloads


class Wire:
    """A TCP connection to the broker that can be cut, mended and held back."""

    def __init__(self, port: int) -> None:
        self.port = free_port()
        self._broker_port = port
        self._listener: socket.socket | None = None
        self._ends: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.answers_flow = threading.Event()
        self.answers_flow.set()

    def __enter__(self) -> Self:
        self.mend()
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()

    def mend(self) -> None:
        self._listener = socket.create_server((HOST, self.port))
        self._start(self._accept, self._listener)

    def cut(self) -> None:
        """Break every connection and refuse new ones."""
        if self._listener is None:
            return
        _shut(self._listener)
        self._threads.pop(0).join()  # from here on no connection comes in
        for end in self._ends:
            _shut(end)
        self.answers_flow.set()
        for thread in self._threads:
            thread.join()
        for end in (self._listener, *self._ends):
            end.close()
        self._listener, self._ends, self._threads = None, [], []

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            self._ends.append(near)
            try:
                far = socket.create_connection((HOST, self._broker_port))
            except OSError:
                _shut(near)
                continue
            self._ends.append(far)
            self._start(self._carry, near, far, None)
            self._start(self._carry, far, near, self.answers_flow)

    def _carry(self, source: socket.socket, target: socket.socket, gate: threading.Event | None) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if gate is not None:
                    gate.wait()
                target.sendall(data)
        _shut(source)
        _shut(target)

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()


def _shut(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)


class Certificates:
    """An authority, a broker's certificate for 127.0.0.1 and a client's, and an authority nobody asked."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._openssl = require_program("openssl", package="openssl")
        self.ca, self.stranger = self._authority("ca"), self._authority("stranger")
        self.server, self.server_key = self._issue("server", "IP:127.0.0.1")
        self.elsewhere, self.elsewhere_key = self._issue("elsewhere", "DNS:broker.example")
        self.client, self.client_key = self._issue("client", "DNS:station")
        self.foreign, self.foreign_key = self._issue("foreign", "DNS:station", authority="stranger")

    def _authority(self, name: str) -> Path:
        certificate = self._folder / f"{name}.pem"
        self._run(
            *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"),
            *("-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.pem"),
            *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
        )
        return certificate

    def _issue(self, name: str, alternative: str, *, authority: str = "ca") -> tuple[Path, Path]:
        self._run(
            *("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr"),
        )
        extensions = f"subjectAltName={alternative}\nauthorityKeyIdentifier=keyid\nbasicConstraints=CA:FALSE\n"
        (self._folder / f"{name}.ext").write_text(extensions)
        self._run(
            *("x509", "-req", "-in", f"{name}.csr", "-CA", f"{authority}.pem", "-CAkey", f"{authority}.key"),
            *("-CAcreateserial", "-days", "2", "-extfile", f"{name}.ext", "-out", f"{name}.pem"),
        )
        return self._folder / f"{name}.pem", self._folder / f"{name}.key"

    def encrypted_client_key(self) -> Path:
        self._run("ec", "-in", "client.key", "-aes256", "-passout", "pass:secret", "-out", "encrypted.key")
        return self._folder / "encrypted.key"

    def _run(self, *arguments: str) -> None:
        subprocess.run([self._openssl, *arguments], cwd=self._folder, check=True, capture_output=True)


def write_passwords(path: Path, user: str, password: str) -> None:
    program = require_program("mosquitto_passwd", package="mosquitto")
    subprocess.run([program, "-b", "-c", str(path), user, password], check=True, capture_output=True)
