"""The function as it is called, with the rows of real messages in DynamoDB's stead."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from boto3.dynamodb.types import TypeSerializer
from moto import mock_aws
from moto.core import DEFAULT_ACCOUNT_ID
from moto.sns.models import sns_backends

from cloud_side import clients
from cloud_side.engines import ENGINE_VARIABLE
from cloud_side.installation import INSTALLATION_VARIABLE
from cloud_side.monitoring.functions import SILENT_AFTER_VARIABLE, TABLE_VARIABLE, TOPIC_VARIABLE, WATCH
from cloud_side.monitoring.runtime.watching import watch
from tests.cloud.monitoring.stationed import MINUTE_MS, Said
from tests.cloud.monitoring.test_metrics import assert_is_embedded

REGION, TABLE, INSTALLATION = "eu-central-1", "edge-inspector-dev-stations", "edge-inspector-dev"


class Cloud:
    """The table and the topic of an installation, and what the function printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self._dynamodb = boto3.client("dynamodb", REGION)
        keys = {"station": "HASH", "kind": "RANGE"}
        self._dynamodb.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys.items()],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in keys],
            BillingMode="PAY_PER_REQUEST",
        )
        self.topic = boto3.client("sns", REGION).create_topic(Name=INSTALLATION)["TopicArn"]

    def put(self, *stations: Said) -> None:
        """Have the rules write down what stations said; as their action does, null and all."""
        serialize = TypeSerializer().serialize
        for row in (row for said in stations for row in said.rows.values()):
            plain = json.loads(json.dumps(row), parse_float=str)
            item = {
                name: {"N": value} if isinstance(row[name], float) else serialize(value)
                for name, value in plain.items()
            }
            self._dynamodb.put_item(TableName=TABLE, Item=item)

    def watch(self) -> tuple[dict[str, int], list[dict[str, Any]]]:
        """Call the function; return what it returned, and its lines."""
        returned = watch({"source": "aws.events"}, None)
        return returned, [assert_is_embedded(line) for line in self._capsys.readouterr().out.splitlines()]

    @property
    def mails(self) -> list[tuple[str, str]]:
        sent = sns_backends[DEFAULT_ACCOUNT_ID][REGION].topics[self.topic].sent_notifications
        return [(subject, text) for _, text, subject, *_ in sent]


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Cloud]:
    monkeypatch.delenv(ENGINE_VARIABLE, raising=False)
    for name, value in (
        ("AWS_ACCESS_KEY_ID", "testing"),
        ("AWS_SECRET_ACCESS_KEY", "testing"),
        ("AWS_DEFAULT_REGION", REGION),
        (INSTALLATION_VARIABLE, INSTALLATION),
        (TABLE_VARIABLE, TABLE),
        (SILENT_AFTER_VARIABLE, "15"),
    ):
        monkeypatch.setenv(name, value)
    with mock_aws():
        _forget_clients()
        made = Cloud(capsys)
        monkeypatch.setenv(TOPIC_VARIABLE, made.topic)
        yield made
    _forget_clients()


def _forget_clients() -> None:
    clients._client.cache_clear()
    clients._session.cache_clear()


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def test_a_station_that_falls_silent_is_told_once_and_once_when_it_is_back(cloud: Cloud) -> None:
    said = Said()
    said.stats(now_ms() - 16 * MINUTE_MS, {"accept": 3})
    cloud.put(said)
    assert cloud.watch()[0] == {"stations": 1, "silent": 1, "stopped": 0}
    returned, lines = cloud.watch()
    assert (returned["silent"], lines[0]["SilentStations"], lines[0]["Silent"]) == (1, 1, said.name)
    said.stats(now_ms(), {"accept": 3})
    cloud.put(said)
    assert cloud.watch()[0]["silent"] == 0
    cloud.watch()
    assert [subject for subject, _ in cloud.mails] == [
        f"{INSTALLATION}: {said.name} is silent",
        f"{INSTALLATION}: {said.name} is back",
    ]


def test_a_station_that_stopped_on_purpose_is_counted_apart_and_told_to_nobody(cloud: Cloud) -> None:
    said = Said()
    said.status("stopped", now_ms() - 60 * MINUTE_MS)
    cloud.put(said)
    returned, (totals,) = cloud.watch()
    assert returned == {"stations": 1, "silent": 0, "stopped": 1}
    assert (totals["StoppedStations"], totals["Stopped"]) == (1, said.name)
    assert not cloud.mails


def test_the_figures_of_each_station_are_metrics_of_the_installation_that_name_it(cloud: Cloud) -> None:
    one, other = Said(), Said("berlin/line-2/press-1", session="01KJMGW6ZV000G40R40M30E20A")
    for said in (one, other):
        said.stats(now_ms() - 6 * MINUTE_MS, {"accept": 100})
    cloud.put(one, other)
    cloud.watch()
    one.stats(now_ms(), {"accept": 190, "reject": 10})
    other.stats(now_ms(), {"accept": 120, "reject": 30})
    cloud.put(one, other)
    _, (_, *lines) = cloud.watch()
    assert {line["Station"]: line["RejectRate"] for line in lines} == {one.name: 10, other.name: 60}
    assert {line["Installation"] for line in lines} == {INSTALLATION}
    assert cloud.watch()[1][1:] == []


def test_an_alarm_is_told_in_words_and_told_again_to_nobody(cloud: Cloud) -> None:
    said = Said()
    said.stats(now_ms())
    said.raises(now_ms())
    cloud.put(said)
    cloud.watch()
    cloud.watch()
    ((subject, text),) = cloud.mails
    assert subject == f"{INSTALLATION}: {said.name}: top/camera-out-of-focus"
    assert "What to do: Look at the lens." in text


def test_what_was_not_told_is_told_the_next_time(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    said = Said()
    said.raises(now_ms())
    cloud.put(said)
    monkeypatch.setenv(TOPIC_VARIABLE, f"{cloud.topic}-gone")
    with pytest.raises(clients.client("sns").exceptions.NotFoundException):
        watch({}, None)
    monkeypatch.setenv(TOPIC_VARIABLE, cloud.topic)
    watch({}, None)
    assert len(cloud.mails) == 1


def test_more_stations_than_one_request_takes_are_all_remembered(cloud: Cloud) -> None:
    stations = [Said(f"berlin/line-1/press-{number}") for number in range(60)]
    for said in stations:
        said.stats(now_ms() - 16 * MINUTE_MS)
    cloud.put(*stations)
    assert cloud.watch()[0]["silent"] == 60
    cloud.watch()
    assert len(cloud.mails) == 1


def test_the_function_is_the_one_that_is_installed() -> None:
    assert WATCH.handler == f"{watch.__module__}.{watch.__name__}"


def test_the_function_needs_nothing_but_boto3() -> None:
    code = f"import sys, {watch.__module__}; print(*(name.partition('.')[0] for name in sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"numpy", "pydantic", "cv2", "PIL", "onnxruntime", "aws_cdk"} & {*loaded}
