"""Requests that wait, for a model or for their own body: none is held for longer than somebody wants its answer."""

import asyncio
import http.client
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import uvicorn

from cloud_side.deployment.endpoint.application import application
from cloud_side.deployment.endpoint.looking import Looker, Wish
from cloud_side.deployment.endpoint.pool import GoneError, Pool
from cloud_side.listening import bound, configuration
from edge_inspector.detectors.model_file import ModelPackage
from tests.onnx_models import bright_spot_model

WAIT_S = 20.0


class Held(Looker):
    """Looks when it may."""

    def __init__(self, package: ModelPackage) -> None:
        super().__init__(package)
        self.may, self.looks = threading.Event(), 0

    def look(self, content: bytes, wish: Wish | None = None) -> dict[str, Any]:
        self.looks += 1
        assert self.may.wait(WAIT_S)
        return super().look(content, wish)


class Watched(Pool):
    """Tells who comes with an image, and who goes without an answer."""

    def __init__(self, looker: Looker) -> None:
        super().__init__([looker], waiting=1)
        self.came, self.gone = threading.Semaphore(0), threading.Semaphore(0)

    async def look(self, content: bytes, wish: Wish, gone: asyncio.Future[None]) -> dict[str, Any]:
        self.came.release()
        try:
            return await super().look(content, wish, gone)
        except GoneError:
            self.gone.release()
            raise


@pytest.fixture
def held(tmp_path: Path) -> Held:
    return Held(ModelPackage.open(bright_spot_model(tmp_path / "model")))


@pytest.fixture
def pool(held: Held) -> Iterator[Watched]:
    with Watched(held) as watched:
        yield watched


@pytest.fixture
def port(pool: Pool) -> Iterator[int]:
    server = uvicorn.Server(configuration(application(pool, patience_s=0.2), grace_s=1))
    with bound("127.0.0.1", 0) as listening:
        listening.listen()
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        yield listening.getsockname()[1]
        server.should_exit = True
        thread.join()


def asked(port: int, image: bytes) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_S)
    connection.request("POST", "/invocations", image, {"Content-Type": "image/png"})
    return connection


def image(side: int) -> bytes:
    pixels = np.random.default_rng(1).integers(0, 40, (side, side), np.uint8)
    return cv2.imencode(".png", pixels)[1].tobytes()


@pytest.mark.parametrize("side", [16, 600])  # the larger one is more than the server reads ahead
def test_who_goes_while_others_are_served_is_not_looked_at_and_makes_room(
    held: Held, pool: Watched, port: int, side: int
) -> None:
    first = asked(port, image(16))
    assert pool.came.acquire(timeout=WAIT_S)
    second = asked(port, image(side))
    assert pool.came.acquire(timeout=WAIT_S)
    second.close()
    assert pool.gone.acquire(timeout=WAIT_S)
    third = asked(port, image(16))
    assert pool.came.acquire(timeout=WAIT_S)  # in the place of the second
    held.may.set()
    for each in (first, third):
        response = each.getresponse()
        assert (response.status, json.loads(response.read())["outcome"]) == (200, "accept")
        each.close()
    assert held.looks == 2


def test_a_body_that_does_not_arrive_in_time_is_refused_and_its_connection_ends(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=WAIT_S) as slow:
        head = "POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: 9\r\n\r\n1234"
        slow.sendall(head.encode())
        with slow.makefile("rb") as answer:
            said = answer.read()  # to the end of the connection
    assert said.startswith(b"HTTP/1.1 408 ")
    assert b"within 0.2 s, found 4 bytes" in said
