"""The server in its own process, as SageMaker begins it: answered as a device would, garbage refused, a clean end."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from cloud_side.deployment.endpoint import serving
from cloud_side.deployment.endpoint.server import main
from cloud_side.deployment.endpoint.serving import Serving, serve
from edge_inspector.batch import inspect_files
from edge_inspector.bench.machine import describe_machine, memory_mb
from edge_inspector.demo.port import free_port
from edge_inspector.errors import InspectorError
from edge_inspector.settings import parse
from edge_inspector.simulation import plan_tag, render_tag
from tests.cloud.deployment.endpoint.served import PNG, ROOT, Served, served, starting
from tests.onnx_models import bright_spot_model, write_package

SHIPPED = ROOT / "src/edge_inspector/shipped_model"
MOST_BYTES = 6_291_456
ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"


def spot(brightness: int = 255) -> bytes:
    image = np.zeros((48, 64), np.uint8)
    image[16:32, 16:32] = brightness
    return cv2.imencode(".png", image)[1].tobytes()


@pytest.fixture(scope="module")
def shipped() -> Iterator[Served]:
    with served(SHIPPED, port=free_port(), EDGE_INSPECTOR_ENDPOINT_SESSIONS="1") as server:
        yield server


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder, made = tmp_path_factory.mktemp("images"), []
    for seed, (suffix, size) in enumerate(
        ((".jpg", 1), (".jpg", 4), (".png", 1), (".bmp", 1), (".tiff", 1), (".webp", 1))
    ):
        tag = render_tag(plan_tag(7, seed, defect_rate=0.8))
        path = folder / f"{seed}{suffix}"
        cv2.imwrite(str(path), cv2.resize(tag, None, fx=size, fy=size))
        made.append(path)
    return made


@pytest.mark.parametrize("least", [None, 0.05])
def test_an_image_is_answered_as_the_device_inspects_it_to_the_digit(
    shipped: Served, images: list[Path], capsys: pytest.CaptureFixture[str], least: float | None
) -> None:
    assert inspect_files(images, parse({}), min_confidence=least) == 0
    on_device = {Path(line["image"]): line for line in map(json.loads, capsys.readouterr().out.splitlines())}
    wish = {} if least is None else {ATTRIBUTES: f"min_confidence={least}"}
    assert any(line["detections"] for line in on_device.values())
    with shipped.client() as client:
        for path in images:
            reply = client.inspect(path.read_bytes(), {"Content-Type": "image/*", **wish})
            assert reply.status == 200
            told = {key: reply.document[key] for key in ("outcome", "reasons", "detections")}
            assert told == {key: on_device[path][key] for key in told}
            height, width = cv2.imread(str(path)).shape[:2]
            assert reply.document["image_wh"] == [width, height]


def test_an_answer_names_its_model_and_says_how_long_it_took(shipped: Served, images: list[Path]) -> None:
    model = json.loads((SHIPPED / "model.json").read_text())
    with shipped.client() as client:
        answer = client.inspect(images[0].read_bytes(), {"Content-Type": "application/octet-stream"}).document
        ping = client.ask("GET", "/ping", headers={})
    identity = {"name": model["name"], "version": model["version"], "sha256": model["files"][0]["sha256"]}
    assert answer["schema"] == "edge-inspector/inference/1"
    assert answer["model"] == identity
    assert set(answer["latency_ms"]) == {"decode", "preprocess", "inference", "postprocess", "total"}
    assert all(value >= 0 for value in answer["latency_ms"].values())
    assert (ping.status, ping.document) == (200, {"model": identity})


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status", "said"),
    [
        ("POST", "/invocations", b"", PNG, 400, "found an empty file"),
        ("POST", "/invocations", b"garbage", PNG, 400, "expected an image"),
        ("POST", "/invocations", spot()[:60], PNG, 400, "cut off"),
        ("POST", "/invocations", spot(), {"Content-Type": "application/json"}, 415, "found 'application/json'"),
        ("POST", "/invocations", spot(), {}, 415, "found ''"),
        ("POST", "/invocations", spot(), {**PNG, "Accept": "text/csv"}, 406, "found 'text/csv'"),
        ("POST", "/invocations", b"x" * (MOST_BYTES + 1), PNG, 413, f"at most {MOST_BYTES} bytes"),
        ("POST", "/invocations", spot(), {**PNG, ATTRIBUTES: "min_confidence=2"}, 400, "from 0 to 1"),
        ("POST", "/invocations", spot(), {**PNG, ATTRIBUTES: "color=red"}, 400, "found 'color=red'"),
        ("POST", "/invocations", spot(), {**PNG, ATTRIBUTES: "exact=maybe"}, 400, "exact=true or false"),
        ("GET", "/invocations", None, {}, 405, "expected POST, found GET"),
        ("POST", "/ping", b"", PNG, 405, "found POST"),
        ("GET", "/models", None, {}, 404, "expected /ping or /invocations"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_one_sentence_and_the_next_request_is_served(  # noqa: PLR0913, PLR0917
    shipped: Served, method: str, path: str, body: bytes | None, headers: dict[str, str], status: int, said: str
) -> None:
    with shipped.client() as client:
        refused = client.ask(method, path, body, headers)
        assert (refused.status, set(refused.document)) == (status, {"error"})
        assert said in refused.document["error"]
        assert client.inspect(spot()).status == 200


def test_a_body_without_a_length_ends_at_the_limit(shipped: Served) -> None:
    with shipped.client() as client:
        client.connection.request("POST", "/invocations", iter([b"x" * (1 << 20)] * 7), PNG)
        response = client.connection.getresponse()
        assert response.status == 413
        assert "at most" in json.loads(response.read())["error"]


@pytest.mark.thorough
def test_a_small_file_that_claims_a_huge_picture_is_refused_and_takes_no_memory(shipped: Served) -> None:
    _, bomb = cv2.imencode(".png", np.zeros((10_000, 8_000), np.uint8), [cv2.IMWRITE_PNG_COMPRESSION, 1])
    with shipped.client() as client:
        client.inspect(spot())
        _, peak_mb = memory_mb(shipped.process.pid)
        refused = client.inspect(bomb.tobytes())
        assert refused.status == 400
        assert "error" in refused.document
        assert memory_mb(shipped.process.pid)[1] < peak_mb + 40  # its pixels alone would take 80
        assert client.inspect(spot()).status == 200


def test_requests_beyond_its_room_are_told_to_come_again(tmp_path: Path) -> None:
    folder = bright_spot_model(tmp_path / "model")
    room = {"EDGE_INSPECTOR_ENDPOINT_SESSIONS": "1", "EDGE_INSPECTOR_ENDPOINT_WAITING": "1"}
    with served(folder, port=free_port(), **room) as server, server.client() as client:
        head = b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: 9\r\n\r\n"
        slow = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(2)]
        for each in slow:
            each.sendall(head)  # their places are kept while they arrive
        deadline = time.monotonic() + 10
        while (reply := client.inspect(spot())).status == 200 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert reply.status == 503
        assert reply.headers["retry-after"] == "1"
        assert "at most 2 requests at once" in reply.document["error"]
        for each in slow:
            each.close()
        while (reply := client.inspect(spot())).status == 503 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert reply.document["outcome"] == "reject"


@pytest.mark.thorough
def test_many_clients_at_once_each_get_the_answer_to_their_own_image(tmp_path: Path) -> None:
    folder = bright_spot_model(tmp_path / "model")
    wrong: list[object] = []
    with served(folder, port=free_port(), EDGE_INSPECTOR_ENDPOINT_SESSIONS="2") as server:

        def ask(number: int) -> None:
            brightness = 110 + 20 * number  # 0.43 and more
            with server.client() as client:
                for _ in range(10):
                    reply = client.inspect(spot(brightness))
                    found = [round(each["confidence"], 4) for each in reply.document.get("detections", [])]
                    if reply.status != 200 or found != [round(brightness / 255, 4)]:
                        wrong.append(reply)

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []


def test_a_model_that_fails_is_an_error_of_the_server_the_next_image_is_looked_at_and_it_ends_well(
    tmp_path: Path,
) -> None:
    folder = bright_spot_model(tmp_path / "model", poison="nan")
    with served(folder, port=free_port()) as server, server.client() as client:
        failed = client.inspect(spot())
        assert failed.status == 500
        assert str(folder) in failed.document["error"]
        assert client.inspect(spot(200)).document["outcome"] == "reject"
        server.process.send_signal(signal.SIGTERM)
        output, errors = server.process.communicate(timeout=20)
    assert (server.process.returncode, output) == (0, "")
    assert "Traceback" in errors  # of the model's failure, for who runs the server


def test_there_is_a_session_for_each_processor_of_the_containers_quota(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, said in {"proc/self/cgroup": "0::/box\n", "sys/fs/cgroup/box/cpu.max": "150000 100000\n"}.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True)
        file.write_text(said)
    monkeypatch.setattr(serving, "describe_machine", lambda: describe_machine(tmp_path))
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(InspectorError, match="1 at once, 8 more wait"):
        serve(Serving(bright_spot_model(tmp_path / "model"), "127.0.0.1", 0), ended)
    assert signal.getsignal(signal.SIGTERM) == before


def ended(line: str) -> None:
    """End a server where it would begin, with the line that it says there."""
    raise InspectorError(line)


def test_a_server_that_is_told_to_end_while_it_loads_ends_well(tmp_path: Path) -> None:
    folder = bright_spot_model(tmp_path / "model", golden=[{"image": "spot.png", "detections": []}])
    os.mkfifo(folder / "spot.png")
    with starting(folder, port=free_port()) as process, (folder / "spot.png").open("wb"):  # it reads: it loads
        process.terminate()
        assert process.communicate(timeout=20) == ("", "")
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("environment", "words", "code", "said"),
    [
        ({"SM_MODEL_DIR": "{empty}"}, [], 65, "expected a model package with a model.json"),
        ({"SM_MODEL_DIR": "{damaged}"}, [], 65, "expected an ONNX model"),
        ({"SM_MODEL_DIR": "{false}"}, ["serve"], 65, "golden image spot.png: bright-spot at"),
        ({"SAGEMAKER_BIND_TO_PORT": "http"}, [], 78, "SAGEMAKER_BIND_TO_PORT: expected a number from 1 to 65535"),
        ({"SM_MODEL_DIR": "{false}", "EDGE_INSPECTOR_ENDPOINT_PRECISION": "int8"}, [], 65, "precision 'int8'"),
        (
            {"SM_MODEL_DIR": "{false}", "SAGEMAKER_BIND_TO_PORT": "{taken}"},
            [],
            78,
            "expected an address of this machine",
        ),
        ({}, ["train"], 78, "expected `serve` or nothing, found 'train'"),
    ],
)
def test_what_cannot_be_served_ends_the_process_with_one_clear_error(  # noqa: PLR0913, PLR0917
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    environment: dict[str, str],
    words: list[str],
    code: int,
    said: str,
) -> None:
    (tmp_path / "empty").mkdir()
    promise = {"label": "bright-spot", "confidence": 1.0, "xyxy": [0, 0, 16, 16]}  # the spot lies elsewhere
    false = bright_spot_model(tmp_path / "false", golden=[{"image": "spot.png", "detections": [promise]}])
    (false / "spot.png").write_bytes(spot())
    write_package(tmp_path / "damaged", b"no model")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        places = {each.name: each for each in tmp_path.iterdir()} | {"taken": taken.getsockname()[1]}
        asked = {"SAGEMAKER_BIND_TO_PORT": str(free_port()), **environment}
        assert main(words, {name: value.format(**places) for name, value in asked.items()}) == code
    output, errors = capsys.readouterr()
    assert output == ""
    assert said in errors


def test_the_server_needs_nothing_of_aws_and_nothing_that_trains() -> None:
    said = (
        "import sys, cloud_side.deployment.endpoint.server; print(sorted({'boto3', 'torch', 'PIL'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", said], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
