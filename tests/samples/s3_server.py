"""A real S3 server that checks signatures and can be killed, and a proxy before it that fails in every way."""

import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from edge_inspector.samples.s3 import SampleBucket
from edge_inspector.samples.spool import Spool
from edge_inspector.samples.target import address
from edge_inspector.samples.uploader import Uploader
from edge_inspector.settings import parse
from edge_inspector.settings.keeping import S3Target
from tests.mosquitto import HOST, eventually, free_port

ACCESS_KEY, SECRET_KEY, BUCKET, REGION = "AKIATEST", "very-secret", "line-samples", "us-east-1"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": ACCESS_KEY,
    "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}


class S3Server:
    """nanio on one port for all its lives; a bucket is a folder, an object a file."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder / "s3"
        (self._folder / BUCKET).mkdir(parents=True)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        return f"http://{HOST}:{self.port}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        for left in self._folder.rglob(".nanio-meta/**/*.tmp"):  # nanio would answer 500 for these keys for ever
            left.unlink()
        arguments = ("serve", "--data-dir", str(self._folder), "--host", HOST, "--port", str(self.port))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "nanio", *arguments, "--no-access-log", "--log-level", "error"],
            env={**os.environ, "NANIO_ACCESS_KEY": ACCESS_KEY, "NANIO_SECRET_KEY": SECRET_KEY},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        eventually(self._listens, what="nanio listens")

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def objects(self) -> dict[str, bytes]:
        """Return what is in the bucket, by key."""
        bucket = self._folder / BUCKET
        paths = (path for path in bucket.rglob("*") if path.is_file() and not path.name.startswith(".tmp."))
        found = {path.relative_to(bucket).as_posix(): path for path in paths}
        return {key: path.read_bytes() for key, path in found.items() if ".nanio" not in key}

    def _listens(self) -> bool:
        with suppress(OSError), closing(socket.create_connection((HOST, self.port))):
            return True
        return False


def target_of(endpoint: str, *, bucket: str = BUCKET) -> S3Target:
    return S3Target(type="s3", bucket=bucket, region=REGION, endpoint=endpoint)


@contextmanager
def uploading(
    spool: Spool, endpoint: str, *, bucket: str = BUCKET, patience_s: float = 5, **upload: Any
) -> Iterator[Uploader]:
    target = target_of(endpoint, bucket=bucket)
    settings = parse({"samples": {"upload": {"retry_min_s": 0.01, "retry_max_s": 0.1, **upload}}}).samples.upload
    with (
        SampleBucket(target, patience_s=patience_s) as opened,
        Uploader(spool, opened, settings, address=lambda key: address(target, key)) as uploader,
    ):
        yield uploader


class Fault(StrEnum):
    """What becomes of one request."""

    NONE = "none"
    SLOW = "slow"
    ERROR = "500"
    SLOW_DOWN = "503"
    DENIED = "403"
    CUT = "cut"  # before it is whole
    ANSWER_LOST = "answer lost"  # it is done, and nobody hears of it


_ANSWERS = {Fault.ERROR: "InternalError", Fault.SLOW_DOWN: "SlowDown", Fault.DENIED: "AccessDenied"}
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


class FaultyProxy:
    """Passes requests to a port, one a connection, each with the fault that is chosen for it.

    Attributes:
        requests: How many came.
    """

    def __init__(self, port: int, choose: Callable[[int], Fault]) -> None:
        self._upstream, self._choose = port, choose
        self._listener = socket.create_server((HOST, 0))
        self.port = int(self._listener.getsockname()[1])
        self.requests = 0
        self._threads: list[threading.Thread] = []

    @property
    def endpoint(self) -> str:
        return f"http://{HOST}:{self.port}"

    def __enter__(self) -> Self:
        self._acceptor = threading.Thread(target=self._accept)
        self._acceptor.start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._acceptor.join()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                client.settimeout(20)
                thread = threading.Thread(target=self._serve, args=(client, self.requests))
                self.requests += 1
                self._threads.append(thread)
                thread.start()

    def _serve(self, client: socket.socket, number: int) -> None:
        fault = self._choose(number)
        with client, suppress(OSError, StopIteration):
            if fault is Fault.CUT:
                client.recv(100)
                return
            request = _read_message(client)
            if (code := _ANSWERS.get(fault)) is not None:
                body = f"<?xml version='1.0'?><Error><Code>{code}</Code></Error>".encode()
                head = f"HTTP/1.1 {fault.value} Oops\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
                client.sendall(head.encode() + body)
                return
            with socket.create_connection((HOST, self._upstream)) as upstream:
                upstream.settimeout(20)
                for piece in _pieces(request, slowly=fault is Fault.SLOW):
                    upstream.sendall(piece)
                answer = _read_message(upstream)
            if fault is not Fault.ANSWER_LOST:
                client.sendall(answer.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))


def _read_message(peer: socket.socket) -> bytes:
    content = b""
    while b"\r\n\r\n" not in content:
        content += _received(peer)
    head, _, body = content.partition(b"\r\n\r\n")
    length = _LENGTH.search(head)
    missing = (int(length[1]) if length else 0) - len(body)
    while missing > 0:
        piece = _received(peer)
        content += piece
        missing -= len(piece)
    return content


def _received(peer: socket.socket) -> bytes:
    if not (piece := peer.recv(65536)):
        raise StopIteration
    return piece


def _pieces(content: bytes, *, slowly: bool) -> Iterator[bytes]:
    if not slowly:
        yield content
        return
    pause = threading.Event()
    step = len(content) // 20 + 1
    for start in range(0, len(content), step):
        pause.wait(0.002)
        yield content[start : start + step]
