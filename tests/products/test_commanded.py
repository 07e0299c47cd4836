"""The real daemon is changed over by command over a broker, killed at any moment, and always one whole product."""

import json
import random
import signal
import threading
from pathlib import Path

import cv2
import pytest

from tests.collector import Collector
from tests.commander import Commander, command_of
from tests.forked import ForkedDaemon
from tests.integration.watcher import HOME, STATION
from tests.models.made import picture, sha256_of
from tests.mosquitto import Mosquitto
from tests.products.line import A, B, C, document_of, mixtures

SUBSCRIBED = "subscribed to"
LEVELS = {"site": "hall", "line": "line-1", "station": "station-2", "camera": "top"}


def configuration_in(folder: Path, port: int) -> Path:
    """Write the configuration of a station that sees the one picture again and again."""
    (folder / "pictures").mkdir()
    for number in range(4):
        cv2.imwrite(str(folder / "pictures" / f"{number}.png"), picture())
    document = document_of(
        folder,
        station={**LEVELS, "product": A},
        source={"type": "directory", "path": str(folder / "pictures"), "loop": True, "rate_hz": 100},
        mqtt={"port": port, "reconnect_min_s": 0.05},
        log={"level": "debug"},
    )
    path = folder / "station.json"
    path.write_text(json.dumps(document))
    return path


def test_a_command_changes_the_daemon_over_and_it_starts_so_again(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker, Commander(broker.port, STATION) as commander:
        configuration = configuration_in(tmp_path, broker.port)
        with ForkedDaemon(configuration) as daemon:
            daemon.wait_for(SUBSCRIBED)
            done = commander.ask("product", "one", code=B, by="shift lead")["data"]
            assert (done["status"], done["result"]["product"], done["result"]["previous"]) == ("done", B, A)
            refused = commander.ask("product", "two", code="unknown")["data"]
            assert refused["status"] == "refused"
            assert f"{A}, {B}, {C}" in refused["text"]
            assert commander.ask("product", "three")["data"]["status"] == "refused"
            assert daemon.stop() == 0
        remembered = json.loads((tmp_path / HOME / "product.json").read_text())
        assert (remembered["product"], remembered["by"], remembered["configured"]) == (B, "shift lead", A)
        with ForkedDaemon(configuration) as daemon:
            daemon.wait_for(SUBSCRIBED)
            again = commander.ask("product", "four", code=C)["data"]
            assert again["result"]["previous"] == B
            assert daemon.stop() == 0


def kill_often(folder: Path, *, kills: int) -> None:
    chance, pause = random.Random(kills), threading.Event()
    with (
        Mosquitto(folder, "max_queued_messages 0", "max_inflight_messages 0") as broker,
        Commander(broker.port, STATION) as commander,
        Collector(broker.port) as collector,
    ):
        configuration = configuration_in(folder, broker.port)
        for number in range(kills):
            with ForkedDaemon(configuration) as daemon:
                daemon.wait_for(SUBSCRIBED)
                for turn in range(chance.randrange(1, 4)):
                    commander.send("product", command_of(f"{number}-{turn}", code=chance.choice((A, B, C))))
                    pause.wait(chance.random() * 0.3)
                daemon.send(signal.SIGKILL)
                daemon.wait()
        remembered = json.loads((folder / HOME / "product.json").read_text())["product"]
        with ForkedDaemon(configuration) as daemon:
            daemon.wait_for(SUBSCRIBED)
            pause.wait(0.5)
            assert daemon.stop() == 0
        collector.collect_what_is_there()
    told = [(m.topic.rsplit("/", 1)[1], json.loads(m.payload)) for m in collector.messages if m.payload]
    shas = {A: sha256_of(folder / "a"), B: sha256_of(folder / "b"), C: sha256_of(folder / "a")}
    results = {event["id"]: event["data"] for channel, event in told if channel == "result"}
    assert len(results) > kills
    assert mixtures(list(results.values()), shas) == []
    changes = [event["data"] for _, event in told if event.get("type", "").endswith("product.changed.v1")]
    starts = [each for each in changes if each["cause"] == "start"]
    assert len(starts) > kills / 2  # of a life that was too short for its first commit nothing is told
    assert starts[-1]["product"] == remembered
    if kills >= 100:  # of a few lives on a busy machine each may end before its change-over does
        assert {each["product"] for each in results.values()} == {each["product"] for each in starts} == {A, B, C}
    for each in starts:
        assert each["model"]["sha256"] == shas[each["product"]]


def test_after_a_kill_one_whole_product_is_in_force(tmp_path: Path) -> None:
    kill_often(tmp_path, kills=3)


@pytest.mark.nightly
@pytest.mark.timeout(1800)
def test_after_each_of_very_many_kills_one_whole_product_is_in_force(tmp_path: Path) -> None:
    kill_often(tmp_path, kills=200)
