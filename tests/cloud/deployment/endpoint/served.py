"""An endpoint's server in a process of its own, and answers of it."""

import http.client
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).parents[4]
PNG = {"Content-Type": "image/png"}
_MODULE = "cloud_side.deployment.endpoint.server"


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    document: dict[str, Any]


class Client:
    """One connection that is kept alive."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def ask(self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] = PNG) -> Reply:
        self.connection.request(method, path, body, dict(headers))
        response = self.connection.getresponse()
        return Reply(response.status, dict(response.headers), json.loads(response.read()))

    def inspect(self, image: bytes, headers: Mapping[str, str] = PNG) -> Reply:
        return self.ask("POST", "/invocations", image, headers)


@dataclass(frozen=True)
class Served:
    process: subprocess.Popen[str]
    port: int

    def client(self) -> Client:
        return Client(self.port)


def starting(folder: Path, *, port: int, **environment: str) -> subprocess.Popen[str]:
    """Return a server's process, which may not answer yet."""
    return subprocess.Popen(
        [sys.executable, "-m", _MODULE, "serve"],
        cwd=ROOT,
        env={**os.environ, "PYTHONWARNINGS": "error", "SM_MODEL_DIR": str(folder), "SAGEMAKER_BIND_TO_PORT": str(port)}
        | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def served(folder: Path, *, port: int, **environment: str) -> Iterator[Served]:
    with starting(folder, port=port, **environment) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        line = process.stdout.readline()
        assert re.search(r"is served at http://", line), process.stderr.read()
        try:
            yield Served(process, port)
        finally:
            process.terminate()
