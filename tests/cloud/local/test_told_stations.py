"""What stations tell reaches a running engine: a model that takes over on a real daemon, and messages over kills."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.publish import multiple

from cloud_side.local.home import REGION
from cloud_side.local.opening import LocalCloud
from cloud_side.local.services.iot.subscriptions import subscribed
from tests.cloud.local.engines import opened, running_engine, start_engine
from tests.daemons import write_configuration
from tests.forked import ForkedDaemon
from tests.models.made import NAME, Updates, sha256_of, spot_package
from tests.mosquitto import HOST, Mosquitto, eventually

BUCKET = "told"
FILTER = "edge-inspector/+/+/+/model"


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[LocalCloud]:
    with opened(tmp_path / "engine") as cloud:
        region = {"LocationConstraint": REGION}
        cloud.session.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=region)
        key = "events/model/${topic(4)}/${timestamp()}-${newuuid()}.json"
        action = {"s3": {"roleArn": "arn:aws:iam::000000000000:role/r", "bucketName": BUCKET, "key": key}}
        payload = {"sql": f"SELECT * FROM '{FILTER}'", "actions": [action], "awsIotSqlVersion": "2016-03-23"}
        cloud.session.client("iot").create_topic_rule(ruleName="models", topicRulePayload=payload)
        yield cloud


def stored(cloud: LocalCloud, prefix: str) -> list[dict[str, Any]]:
    """Return the events in the bucket under a prefix."""
    s3 = cloud.session.client("s3")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
    keys = [each["Key"] for page in pages for each in page.get("Contents", [])]
    return [json.loads(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()) for key in keys]


def subscription(cloud: LocalCloud) -> Callable[[], object]:
    return lambda: FILTER in subscribed(cloud.database)


@pytest.mark.thorough
def test_a_model_that_takes_over_and_proves_itself_is_read_in_the_bucket(tmp_path: Path, cloud: LocalCloud) -> None:
    first, updates = spot_package(tmp_path / "first", "1.0.0"), Updates(tmp_path / "updates")
    updates.make("1.1.0")
    with Mosquitto(tmp_path) as mosquitto:
        model = {"path": str(first), "updates": {"folder": str(updates.folder), "probation_parts": 20}}
        mqtt = {"host": HOST, "port": mosquitto.port}
        health = {"min_free_mb": 0, "image": {"enabled": False}}
        source = {"type": "simulated", "rate_hz": 50, "image_wh": [96, 64]}
        configuration = write_configuration(
            tmp_path / "station.json", first, model=model, mqtt=mqtt, health=health, source=source
        )
        broker = f"{HOST}:{mosquitto.port}"
        with running_engine(tmp_path / "engine", "--broker", broker):
            eventually(subscription(cloud), what="the engine hears")
            with ForkedDaemon(configuration) as daemon:
                daemon.wait_for("inspecting: simulated")
                updates.point_at(f"{NAME}/1.1.0")
                daemon.wait_for("has proved itself on")
                assert daemon.stop() == 0
            prefix = "events/model/station-2/"

            def proved() -> list[dict[str, Any]]:
                return [each for each in stored(cloud, prefix) if each["type"] == "com.edgeinspector.model.proved.v1"]

            eventually(proved, what="the proof is in the bucket")
    (proof,) = (event["data"] for event in proved())
    sha256 = sha256_of(updates.folder / NAME / "1.1.0")
    assert proof["model"] == {"name": NAME, "version": "1.1.0", "sha256": sha256}
    assert (proof["station"], proof["parts"] >= 20, proof["failed_share"]) == ("station-2", True, 0.0)
    changes = [event["data"] for event in stored(cloud, prefix) if event["type"].endswith("model.changed.v1")]
    assert ("update", sha256) in [(data["cause"], data["model"]["sha256"]) for data in changes]


@pytest.mark.thorough
def test_engines_that_are_killed_lose_no_message(tmp_path: Path, cloud: LocalCloud) -> None:
    sent: Counter[int] = Counter()

    def publish(count: int) -> None:
        first = len(sent)
        numbers = range(first, first + count)
        sent.update(numbers)
        topic = "edge-inspector/hall/line-1/press-7/model"
        messages = [{"topic": topic, "payload": json.dumps({"n": number}), "qos": 1} for number in numbers]
        multiple(messages, hostname=HOST, port=mosquitto.port)

    with Mosquitto(tmp_path) as mosquitto:
        address = ("--broker", f"{HOST}:{mosquitto.port}")
        with running_engine(tmp_path / "engine", *address):
            eventually(subscription(cloud), what="the engine hears")
            publish(1)
            eventually(lambda: stored(cloud, ""), what="the subscription is in force")
        for _ in range(4):
            publish(40)
            before = len(stored(cloud, ""))
            engine = start_engine(tmp_path / "engine", *address)
            eventually(lambda before=before: len(stored(cloud, "")) > before, what="it has begun to store")
            engine.kill()
            engine.wait(30)
            engine.stdout.close()
            engine.stderr.close()
        with running_engine(tmp_path / "engine", *address):
            eventually(lambda: {each["n"] for each in stored(cloud, "")} >= set(sent), what="all is stored")
    counts = Counter(each["n"] for each in stored(cloud, ""))
    assert counts.keys() == sent.keys()
    assert max(counts.values()) <= 5, "only what was not acknowledged comes again"
