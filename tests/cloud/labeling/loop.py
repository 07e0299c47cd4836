"""The labeling loop on one machine: a station that writes samples, an engine, the labeling page, people who answer."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

from cloud_side.local.opening import open_local
from tests.cloud.local.engines import start_engine
from tests.daemons import PATIENCE_S, write_configuration
from tests.forked import Forked, ForkedDaemon
from tests.mosquitto import eventually, free_port

BUCKET = "edge-inspector"
MACHINE = "edge-inspector-labeling"


def write_samples(folder: Path, target: Path, model: Path, count: int, **samples: Any) -> list[str]:
    """Let a real station inspect a simulated line until so many samples of it lie in a folder; return their keys."""
    configuration = write_configuration(
        folder / "station.json",
        model,
        source={"type": "simulated", "rate_hz": 20},
        samples={
            "random_share": 0.5,
            "upload": {"target": {"type": "folder", "path": str(target)}, "retry_min_s": 0.1},
            **samples,
        },
        mqtt={"port": free_port()},
    )
    with ForkedDaemon(configuration) as daemon:
        eventually(lambda: len(sidecars_below(target)) >= count, what="the samples arrive")
        daemon.stop()
    return sidecars_below(target)


def sidecars_below(target: Path) -> list[str]:
    """Return the keys of the sidecars in a folder, in order, whose pictures are there too."""
    files = (path for path in target.rglob("*") if not path.name.startswith("."))  # those half written begin so
    keys = {path.relative_to(target).as_posix() for path in files if path.is_file()}
    stems = {key.rpartition(".")[0] for key in keys if not key.endswith(".json")}
    return sorted(key for key in keys if key.endswith(".json") and key.removesuffix(".json") in stems)


class Person:
    """Somebody who labels or verifies through the page's API."""

    def __init__(self, link: str) -> None:
        """Sign in by a secret link."""
        self._origin = link.partition("/?")[0]
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        self._opener.open(link, timeout=PATIENCE_S).close()

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Return the status and the JSON of an answer; None where it has none."""
        request = urllib.request.Request(
            f"{self._origin}{path}",
            method=method,
            data=None if body is None and method in ("GET", "DELETE") else json.dumps(body or {}).encode(),
            headers={"X-Edge-Inspector": "1", "Content-Type": "application/json", "Origin": self._origin},
        )
        try:
            with closing(self._opener.open(request, timeout=PATIENCE_S)) as answer:
                content = answer.read()
                return answer.status, json.loads(content) if content else None
        except urllib.error.HTTPError as error:
            with closing(error):
                content = error.read()
            return error.code, json.loads(content) if content else None

    def work(
        self,
        answer: Callable[[str, dict[str, Any]], dict[str, Any]],
        kinds: Sequence[str] = ("label", "verify"),
    ) -> int:
        """Answer everything that is there for this person, and return how many items that were."""
        answered = 0
        status, orders = self.ask("GET", "/api/orders")
        assert status == 200, orders
        for order in orders:
            if order["kind"] not in kinds:
                continue
            path = f"/api/orders/{order['batch']}/{order['round']}/{order['kind']}"
            while True:
                status, item = self.ask("POST", f"{path}/next")
                if status != 200:  # nothing left, or the order has just been closed
                    assert status in (204, 404, 410), item
                    break
                status, told = self.ask("PUT", f"{path}/items/{item['item']}/answer", answer(order["kind"], item))
                assert status in (200, 409, 410), told
                answered += status == 200
        return answered


@dataclass
class Site:
    """A home with its engine and its labeling page, each of which may be killed.

    Attributes:
        folder: Of the home.
        people: Who may use the page.
    """

    folder: Path
    people: tuple[str, ...] = ("ana", "ben")
    port: int = field(default_factory=free_port)
    _engine: Forked | None = None
    _page: Forked | None = None

    @property
    def samples(self) -> Path:
        """Where a station of this machine takes its samples."""
        return self.folder / "s3" / BUCKET

    def start_engine(self) -> None:
        """Start the engine, or start it again."""
        self._engine = start_engine(self.folder)

    def start_page(self) -> None:
        """Start the page, or start it again."""
        names = ",".join(self.people)
        arguments = ["labeling", "page", "--people", names, "--home", str(self.folder), "--port", str(self.port)]
        self._page = Forked(arguments, module="cloud_side.cli")

    def kill_engine(self) -> None:
        """Kill the engine."""
        _kill(self._engine)

    def kill_page(self) -> None:
        """Kill the page."""
        _kill(self._page)

    def links(self) -> dict[str, str]:
        """Return the secret link of each person, once the page has told them."""
        assert self._page is not None
        found: dict[str, str] = {}
        while len(found) < len(self.people):
            line = self._page.stdout.readline()
            assert line, self._page.stderr.read()
            for name in self.people:
                if name in line.split() and "http" in line:
                    found[name] = line[line.index("http") :].split()[0]
        return found

    def start(self, name: str, **settings: Any) -> str:
        """Start an execution of the workflow and return its ARN."""
        with opened(self.folder) as session:
            states = session.client("stepfunctions")
            machines = {each["name"]: each["stateMachineArn"] for each in states.list_state_machines()["stateMachines"]}
            begun = states.start_execution(stateMachineArn=machines[MACHINE], name=name, input=json.dumps(settings))
            return str(begun["executionArn"])

    def execution(self, arn: str) -> dict[str, Any]:
        """Return how an execution stands."""
        with opened(self.folder) as session:
            return dict(session.client("stepfunctions").describe_execution(executionArn=arn))


@contextmanager
def site(folder: Path, **more: Any) -> Iterator[Site]:
    """Have an engine and a page run on a home during the block."""
    made = Site(folder, **more)
    made.start_engine()
    try:
        with opened(folder) as session:
            eventually(lambda: _is_installed(session), what="the workflow is installed")
        made.start_page()
        yield made
    finally:
        made.kill_page()
        made.kill_engine()


@contextmanager
def opened(folder: Path) -> Iterator[Any]:
    """Open a session of a home in this process."""
    cloud = open_local(folder)
    try:
        yield cloud.session
    finally:
        cloud.close()


def _is_installed(session: Any) -> bool:
    found = session.client("stepfunctions").list_state_machines()["stateMachines"]
    return any(each["name"] == MACHINE for each in found)


def _kill(process: Forked | None) -> None:
    if process is not None:
        process.kill()
        process.wait(PATIENCE_S)
        process.stdout.close()
        process.stderr.close()


def wait_until(condition: Callable[[], bool], patience_s: float, what: str) -> None:
    """Wait for something that takes longer than one step."""
    end = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < end, f"not in {patience_s} s: {what}"
        time.sleep(0.1)
