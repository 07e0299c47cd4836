"""The operator page of a whole station: what a person does in a browser reaches the broker, the disk and the line."""

import json
import random
import re
import shutil
import signal
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import cv2
import pytest
from playwright.sync_api import Browser, expect

from edge_inspector.app import SHIPPED_MODEL
from tests.daemons import EDGE_INSPECTOR, Daemon, write_configuration
from tests.forked import ForkedDaemon
from tests.integration.component import IMPATIENT, Component, Listener, station_of
from tests.integration.watcher import HOME, Watcher
from tests.models.made import Updates, picture, spot_package
from tests.mosquitto import HOST, Mosquitto, Wire, eventually, free_port
from tests.nucleus.fake import FakeNucleus
from tests.onnx_models import bright_spot_model
from tests.page.browser.tablet import Tablet, chromium_of_the_system
from tests.page.people import Person, answers, page_of
from tests.page.test_index_kills import of_both

pytestmark = pytest.mark.thorough

WH = (450, 300)
LINE = {"type": "simulated", "rate_hz": 8, "image_wh": WH, "defect_rate": 0.5, "seed": 3}
KILLS = 50
PLENTY = {"per_hour": 100_000, "per_day": 100_000, "quota_mb": 1000}

with_one_that_waits_less = pytest.mark.parametrize(
    "command",
    [
        pytest.param(IMPATIENT, id="impatient"),
        pytest.param(EDGE_INSPECTOR, marks=pytest.mark.nightly, id="patient"),
    ],
)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with chromium_of_the_system() as browser:
        yield browser


@dataclass(slots=True)
class Paged:
    """A running station with a page.

    Attributes:
        daemon: Its process.
        watcher: Hears all that it says.
        port: Of its page.
        home: Where it keeps what survives it.
    """

    daemon: Daemon
    watcher: Watcher
    port: int
    home: Path

    def asking(self, user: str) -> Person:
        return Person(self.port).sign_in(user)

    def sidecar(self, sample_key: str) -> dict[str, Any]:
        """Return what the sidecar of a sample says that was taken away."""
        return dict(json.loads((self.home / "uploads" / sample_key).with_suffix(".json").read_bytes()))

    def has_sidecar_that_says(self, sample_key: str, disposition: str) -> bool:
        with suppress(FileNotFoundError):
            said = self.sidecar(sample_key)["edge-inspector"].get("disposition")
            return said is not None and bool(said["disposition"] == disposition)
        return False


@contextmanager
def paged(
    folder: Path, *, command: Sequence[str] | None = None, source: Mapping[str, Any] = LINE, **sections: Any
) -> Iterator[Paged]:
    """Run a station with page and broker, and the shipped model; `command` starts it where one is named."""
    port = free_port()
    with ExitStack() as stack:
        broker = stack.enter_context(Mosquitto(folder))
        configuration = write_configuration(
            folder / "station.json",
            SHIPPED_MODEL,
            source=source,
            mqtt={"port": broker.port},
            page=page_of(port),
            health={"clock_synchronized": False},
            **{"samples": {"mode": "select", "defect": PLENTY}, **sections},
        )
        watcher = stack.enter_context(Watcher(broker.port))
        daemon = stack.enter_context(
            ForkedDaemon(configuration) if command is None else Daemon(configuration, command=command)
        )
        eventually(lambda: answers(port), what="the page answers")
        yield Paged(daemon, watcher, port, folder / HOME)


def test_what_was_said_survives_a_kill_the_moment_after_its_answer(tmp_path: Path) -> None:
    with paged(tmp_path) as station:
        otto = station.asking("otto")
        own = station.watcher.wait_for("top/defect")["data"]["inspection_id"]
        eventually(lambda: otto.get(f"/results/{own}")[0] == 200, what="the page knows the part")

        status, item = otto.put(f"/results/{own}/disposition", {"disposition": "true_reject", "boxes": []})
        station.daemon.send(signal.SIGKILL)

        assert (status, item["disposition"]["disposition"]) == (200, "true_reject")
        station.daemon.wait()
        kept = [*(station.home / "samples" / "operator").rglob("*.json"), *(station.home / "uploads").rglob("*.json")]
        assert any(own in path.name for path in kept)
        with ForkedDaemon(tmp_path / "station.json"):
            eventually(lambda: answers(station.port), what="the page is back")
            again = station.asking("vera").get(f"/results/{own}")[1]
            assert (again["disposition"]["by"], again["pictures"]) == ("otto", [0])
            station.watcher.wait_for("disposition", own)


@pytest.mark.nightly
@pytest.mark.timeout(1800)
def test_the_page_finds_what_is_on_record_however_often_the_station_is_killed(tmp_path: Path) -> None:
    chance, home = random.Random(1), tmp_path / HOME
    configuration = write_configuration(
        tmp_path / "station.json",
        bright_spot_model(tmp_path / "model", model_wh=(96, 64)),
        source={"type": "simulated", "rate_hz": 50, "image_wh": [96, 64]},  # all is compared after each kill
        page=page_of(free_port()),
        samples={"random_share": 0.3},
        health={"clock_synchronized": False},
        log={"level": "warning"},
    )
    for number in range(KILLS):
        with Daemon(configuration) as daemon:
            eventually((home / "page.db-wal").exists, what="the page keeps an index")
            # Every fifth lives to see the index written down while it runs.
            threading.Event().wait(chance.uniform(10, 11) if number % 5 == 0 else chance.uniform(0, 1.5))
            daemon.send(signal.SIGKILL)
            daemon.wait()
        copy = shutil.copytree(home, tmp_path / "copy")
        found, expected = of_both(copy, "page.db", share=0.3, next_part=number)
        assert found == expected
        shutil.rmtree(copy)


def test_thresholds_that_an_admin_tries_and_applies_decide_and_survive_a_restart(
    chromium: Browser, tmp_path: Path
) -> None:
    with paged(tmp_path, source={**LINE, "rate_hz": 16}) as station:
        for _ in range(4):
            station.watcher.wait_for("top/defect")
        with Tablet.at(chromium, station.port) as tablet:
            tablet.open("settings").sign_in("ada")
            field = tablet.page.locator("[data-label=scratch] [data-limit=review_at] input[type=number]")
            field.fill("1")
            field.press("Tab")
            expect(tablet.page.locator(".preview-says")).to_contain_text("would have got another verdict")
            tablet.page.get_by_role("button", name="Apply").click()
            tablet.page.get_by_role("dialog").get_by_role("button", name="Apply").click()
            expect(tablet.page.locator(".about")).to_contain_text("Set here by ada")

        changed = station.watcher.wait_for("model", "thresholds.changed")["data"]
        assert changed["by"] == "ada"
        (scratch,) = changed["classes"]
        assert (scratch["label"], scratch["review_at"], scratch["reject_at"]) == ("scratch", 1.0, 1.0)
        station.watcher.collect_what_is_there()
        assert {each["outcome"] for each in station.watcher.wait_for_results(12)[4:]} == {"accept"}

        assert station.daemon.stop() == 0
        with ForkedDaemon(tmp_path / "station.json") as again:
            station.watcher.wait_for("status", "online")
            assert {each["outcome"] for each in station.watcher.wait_for_results(8)} == {"accept"}
            eventually(lambda: answers(station.port), what="the page is back")
            ada = station.asking("ada")
            assert ada.get("/thresholds")[1]["set_by"] == "ada"

            assert ada.delete("/thresholds")[0] == 200
            station.watcher.wait_for("top/defect")
            assert again.stop() == 0


@with_one_that_waits_less
def test_an_admin_rolls_the_model_back_and_everybody_hears_by_whom(tmp_path: Path, command: Sequence[str]) -> None:
    updates = Updates(tmp_path / "updates")
    first = spot_package(tmp_path / "first", "1.0.0")
    picture_folder = tmp_path / "pictures"
    picture_folder.mkdir()
    cv2.imwrite(str(picture_folder / "spot.png"), picture())
    source = {"type": "directory", "path": str(picture_folder), "loop": True, "rate_hz": 40}
    model = {"path": str(first), "updates": {"folder": str(updates.folder), "probation_parts": 5}}
    with paged(tmp_path, command=command, source=source, model=model) as station:
        station.watcher.wait_for_results(3)
        for version in ("1.1.0", "2.0.0"):
            updates.place(version)
            station.watcher.wait_for("model", '"update"', f'"version":"{version}"')
        ada = station.asking("ada")
        eventually(lambda: ada.get("/model")[1]["can_roll_back"], what="there is a way back")

        status, asked = ada.post("/model/rollback", {})

        assert status == 202, asked
        answer = station.watcher.wait_for("cmd/model-rollback/reply")["data"]
        assert (answer["request_id"], answer["status"]) == (asked["request_id"], "done")

        def changes() -> list[dict[str, Any]]:
            station.watcher.collect_what_is_there()
            told = [each["data"] for each in station.watcher.documents("model")]
            return [each for each in told if each.get("cause") == "command"]

        eventually(changes, what="it is told")  # before or after the answer: they wait for the network apart
        (changed,) = changes()
        assert changed["model"]["version"] == "1.1.0"
        assert "by ada" in changed["reason"]


@with_one_that_waits_less
def test_a_port_that_is_taken_stops_no_line_and_is_taken_once_it_is_free(
    tmp_path: Path, command: Sequence[str]
) -> None:
    with ExitStack() as stack:
        other = stack.enter_context(socket.create_server((HOST, 0)))
        port = other.getsockname()[1]
        broker = stack.enter_context(Mosquitto(tmp_path))
        configuration = write_configuration(
            tmp_path / "station.json",
            bright_spot_model(tmp_path / "model", model_wh=(96, 64)),
            source={"type": "simulated", "rate_hz": 20, "image_wh": [96, 64]},
            mqtt={"port": broker.port},
            page=page_of(port),
        )
        watcher = stack.enter_context(Watcher(broker.port))
        daemon = stack.enter_context(Daemon(configuration, command=command))
        watcher.wait_for_results(3)
        alarm = watcher.wait_for_alarm("page-unavailable")
        assert str(port) in alarm["text"]
        other.close()
        watcher.wait_for_alarm("page-unavailable", "cleared")
        assert answers(port)
        assert daemon.stop() == 0


def test_a_stop_with_people_at_the_page_is_clean(tmp_path: Path) -> None:
    with paged(tmp_path, command=EDGE_INSPECTOR) as station:
        watching = []
        cookie = station.asking("vera").cookie
        for path in ("/api/v1/events", "/api/v1/live") * 3:
            connection = HTTPConnection(HOST, station.port, timeout=20)
            connection.request("GET", path, headers={"Cookie": str(cookie)})
            watching.append((connection, connection.getresponse()))
        station.watcher.wait_for_results(3)
        assert station.daemon.stop() == 0
        for connection, response in watching:
            with suppress(OSError):
                while response.read1(1 << 16):
                    pass
            connection.close()
        assert not [line for line in station.daemon.lines if re.search(r'"level": "(error|critical)"', line)]


def test_the_word_of_a_person_reaches_the_nucleus_here_and_in_the_cloud(tmp_path: Path) -> None:
    port = free_port()
    model = bright_spot_model(tmp_path / "model", model_wh=(96, 64))
    configuration = station_of(model, page=page_of(port), samples={"mode": "select", "defect": PLENTY})
    with (
        FakeNucleus(tmp_path, "lite", configuration=configuration) as nucleus,
        Component(tmp_path / "work", nucleus.environment) as component,
    ):
        local, cloud = Listener(nucleus, nucleus.local), Listener(nucleus, nucleus.iot_core)
        own = local.wait_for("top/result")["data"]["inspection_id"]
        eventually(lambda: answers(port), what="the page answers")
        otto = Person(port).sign_in("otto")
        eventually(lambda: otto.get(f"/results/{own}")[0] == 200, what="the page knows the part")
        assert otto.put(f"/results/{own}/disposition", {"disposition": "unsure", "boxes": []})[0] == 200
        for listener in (local, cloud):
            data = listener.wait_for("disposition", own)["data"]
            assert (data["disposition"], data["by"]) == ("unsure", "otto")
        assert component.stop() == 0


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Paged]:
    """A station for all who only look at it and judge: the tests from here on."""
    with paged(tmp_path_factory.mktemp("station")) as station:
        yield station
        assert station.daemon.stop() == 0


def test_a_tap_reaches_the_broker_and_the_sample_and_so_does_its_undo(chromium: Browser, station: Paged) -> None:
    with Tablet.at(chromium, station.port) as tablet:
        tablet.open("defects").sign_in("otto")
        page = tablet.page
        page.get_by_role("region", name="Results").get_by_role("link").first.click()
        expect(page.locator(".view-image")).to_be_visible()

        page.get_by_role("button", name="False reject").click()

        event = station.watcher.wait_for("disposition", "false_reject")
        data = event["data"]
        assert event["type"] == "com.edgeinspector.disposition.recorded.v1"
        assert (data["by"], data["outcome"], data["previous"]) == ("otto", "reject", None)
        key = data["sample_key"]
        eventually(lambda: station.has_sidecar_that_says(key, "false_reject"), what="the sample was taken away")
        sidecar = station.sidecar(key)
        assert sidecar["edge-inspector"]["reason"] == "operator"
        assert sidecar["edge-inspector"]["disposition"]["by"] == "otto"
        assert sidecar["pre-label"]["annotations"] == []  # labeling starts from a good part
        assert sidecar["edge-inspector"]["result"]["detections"]
        assert (station.home / "uploads" / key).is_file()

        page.locator("#toasts").get_by_role("button", name="Undo").first.click()

        undone = station.watcher.wait_for("disposition", "withdrawn")["data"]
        assert (undone["inspection_id"], undone["previous"]) == (data["inspection_id"], "false_reject")
        eventually(lambda: station.has_sidecar_that_says(key, "withdrawn"), what="the sample says so too")
        assert station.sidecar(key)["pre-label"]["annotations"]
        assert not tablet.problems


def test_a_box_that_is_drawn_is_where_labeling_starts(chromium: Browser, station: Paged) -> None:
    with Tablet.at(chromium, station.port) as tablet:
        tablet.open("defects").sign_in("otto")
        page = tablet.page
        page.get_by_role("region", name="Results").get_by_role("link").first.click()
        expect(page.locator(".view-image")).to_be_visible()
        page.get_by_role("button", name="Missed defect").click()
        shown = page.locator(".view-image").bounding_box()
        assert shown is not None
        scale = shown["width"] / WH[0]
        page.mouse.move(shown["x"] + 300 * scale, shown["y"] + 200 * scale)
        page.mouse.down()
        page.mouse.move(shown["x"] + 350 * scale, shown["y"] + 240 * scale, steps=5)
        page.mouse.up()
        page.get_by_role("button", name="Save").click()

        data = station.watcher.wait_for("disposition", "missed_defect")["data"]

        (box,) = data["boxes"]
        assert box["xyxy"] == pytest.approx((300, 200, 350, 240), abs=1.5)
        key = data["sample_key"]
        eventually(lambda: station.has_sidecar_that_says(key, "missed_defect"), what="the sample was taken away")
        sidecar = station.sidecar(key)
        drawn, found = sidecar["pre-label"]["annotations"][0], sidecar["edge-inspector"]["result"]["detections"]
        assert len(sidecar["pre-label"]["annotations"]) == len(found) + 1
        corners = (drawn["left"], drawn["top"], drawn["width"], drawn["height"])
        assert corners == pytest.approx((300, 200, 50, 40), abs=2)
        assert sidecar["pre-label-metadata"]["class-map"][str(drawn["class_id"])] == "scratch"


def test_a_tablet_whose_network_was_gone_shows_everything_that_came_meanwhile(
    chromium: Browser, station: Paged
) -> None:
    with Wire(station.port) as wire, Tablet.at(chromium, wire.port) as tablet:
        tablet.open("defects").sign_in("vera")
        rows = tablet.page.get_by_role("region", name="Results").get_by_role("listitem")
        expect(rows.first).to_be_visible()
        expect(tablet.page.locator(".connection")).to_have_attribute("data-state", "live")

        wire.cut()
        station.watcher.collect_what_is_there()
        came = [station.watcher.wait_for("top/defect")["data"]["part_id"] for _ in range(4)]
        wire.mend()

        expect(tablet.page.locator(".connection")).to_have_attribute("data-state", "live")
        for part_id in came:
            expect(rows.filter(has_text=part_id)).to_have_count(1)
