"""The first data set: a station without a model gathers pairs of picture and manifest line, in a folder and in S3."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge_inspector.sample_keys import parse_key
from edge_inspector.samples.sidecar import LABEL
from tests.daemons import Daemon, write_configuration
from tests.mosquitto import Mosquitto, Subscriber, eventually
from tests.samples.made import files_below
from tests.samples.manifest import read_line
from tests.samples.s3_server import BUCKET, CREDENTIALS, REGION, S3Server

PARTS = 5


def collect(
    tmp_path: Path, port: int, target: dict[str, Any], *, arrived: Callable[[], Iterable[str]]
) -> dict[str, list[dict[str, Any]]]:
    """Let a station collect until enough pairs have arrived; return what it published, by the last level of the topic.

    It is not left to the end of its source: what still waits for its upload then waits for the next start.
    """
    configuration = write_configuration(
        tmp_path / "station.json",
        tmp_path / "no-model",
        source={"type": "simulated", "rate_hz": 8},
        samples={"mode": "collect", "upload": {"target": target, "retry_min_s": 0.1}},
        flow={"stats_interval_s": 0.5},
        mqtt={"port": port},
    )
    with (
        Subscriber(port, "edge-inspector/#") as subscriber,
        Daemon(configuration, environment={**os.environ, **CREDENTIALS}) as daemon,
    ):
        eventually(lambda: sum(key.endswith(".json") for key in arrived()) >= PARTS, what="the first parts arrive")
        assert daemon.stop() == 0
        documents: dict[str, list[dict[str, Any]]] = {}
        while not any(each["status"] == "stopped" for each in documents.get("station-2/status", [])):
            message = subscriber.next()
            if message.payload:
                level = "/".join(message.topic.split("/")[-2:])
                documents.setdefault(level, []).append(json.loads(message.payload))
    return documents


def check_pairs(objects: dict[str, bytes], keys: list[str], prefix: str) -> None:
    pictures = {key: content for key, content in objects.items() if key.endswith(".jpg")}
    assert set(keys[:PARTS]) <= set(pictures) <= set(keys)
    assert set(objects) == {*pictures, *(key.removesuffix("jpg") + "json" for key in pictures)}
    for key, picture in pictures.items():
        line = read_line(objects[key.removesuffix("jpg") + "json"], label=LABEL)
        parsed = parse_key(key)
        assert line["source-ref"] == f"{prefix}{key}"
        assert line[LABEL]["annotations"] == []
        ours = line["edge-inspector"]
        assert ours["reason"] == "collect"
        assert ours["sha256"] == hashlib.sha256(picture).hexdigest()
        assert ours["result"]["inspection_id"] == parsed.inspection_id
        assert ours["result"]["outcome"] == "no_verdict"
        image = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_UNCHANGED)
        assert image.shape[1::-1] == (450, 300)


def keys_of(documents: dict[str, list[dict[str, Any]]]) -> list[str]:
    return [document["data"]["sample_key"] for document in documents["top/result"]]


def check_events(documents: dict[str, list[dict[str, Any]]]) -> None:
    results = [document["data"] for document in documents["top/result"]]
    assert {result["no_verdict"]["cause"] for result in results} == {"no_model"}
    (alarm,) = [event["data"] for event in documents["alarm/collecting-without-a-model"]]
    assert alarm["severity"] == "warning"
    assert not [level for level in documents if level.startswith("alarm/no-verdict")]


@pytest.fixture
def broker_port(tmp_path: Path) -> Any:
    with Mosquitto(tmp_path) as broker:
        yield broker.port


def test_collect_fills_the_folder(tmp_path: Path, broker_port: int) -> None:
    folder = tmp_path / "samples"
    target = {"type": "folder", "path": str(folder)}
    documents = collect(tmp_path, broker_port, target, arrived=lambda: map(str, folder.rglob("*.json")))
    check_pairs(files_below(folder), keys_of(documents), prefix="")
    check_events(documents)


@pytest.mark.thorough
def test_collect_fills_the_bucket(tmp_path: Path, broker_port: int) -> None:
    with S3Server(tmp_path) as server:
        target = {"type": "s3", "bucket": BUCKET, "region": REGION, "endpoint": server.endpoint}
        documents = collect(tmp_path, broker_port, target, arrived=server.objects)
        check_pairs(server.objects(), keys_of(documents), prefix=f"s3://{BUCKET}/")
    check_events(documents)
