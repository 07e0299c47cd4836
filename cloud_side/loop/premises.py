"""The site on this machine: broker, engine, stations, labeling page, a listener; all of it ends with the block."""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import ClientError

from cloud_side.engines import ENGINE_VARIABLE, local_engine
from cloud_side.local.cli.arguments import HOME_VARIABLE
from cloud_side.local.cli.standing import standing
from cloud_side.local.home import Home, engine_in
from cloud_side.local.opening import LocalCloud, open_local
from cloud_side.loop.labeler import PEOPLE
from cloud_side.loop.listening import Listener
from cloud_side.loop.programs import CLOUD, LoopError, Programs, Running, until
from cloud_side.loop.settings import PLACES, YESTERDAY, Size
from cloud_side.loop.stations import PASSWORD, Around, Station, configure
from cloud_side.objects import Bucket
from edge_inspector.demo.broker import local_broker
from edge_inspector.demo.port import free_port

BUCKET: Final = "edge-inspector"
_INSTALLED: Final = frozenset({"edge-inspector-labeling", "edge-inspector-retrain", "edge-inspector-rollout"})
_READY_S: Final = 60.0
_STOP_S: Final = 150.0  # a job that is told to stop has two minutes
_LOOK_S: Final = 0.2


@dataclass
class Site:
    """What runs.

    Attributes:
        out: Folder of everything.
        size: How much is done.
        programs: Runs commands on the engine of the site.
        cloud: The engine's services, as programs have them.
        listener: Hears the stations.
        stations: By their names.
        around: What the stations' files say of their surroundings.
        links: Secret links of the labeling page, by person.
    """

    out: Path
    size: Size
    programs: Programs
    cloud: LocalCloud
    listener: Listener
    stations: dict[str, Station]
    around: Around
    links: dict[str, str]

    @property
    def all(self) -> list[Station]:
        """The stations, in their order."""
        return list(self.stations.values())

    @cached_property
    def bucket(self) -> Bucket:
        """The product's bucket."""
        return Bucket(self.client("s3"), BUCKET)

    def client(self, service: str) -> Any:  # noqa: ANN401 - boto3 has no types
        """Return a client of the engine."""
        return self.cloud.session.client(service)

    def kept(self, key: str) -> bytes:
        """Return what an object of the bucket holds.

        Raises:
            LoopError: If it is not there.
        """
        found = self.bucket.read(key)
        if found is None:
            msg = f"{self.bucket.address(key)}: expected an object, found none"
            raise LoopError(msg)
        return found.content

    def check(self) -> None:
        """Let it pass that engine and stations run.

        Raises:
            LoopError: If one has ended.
        """
        home = Home(self.out / "engine")
        if engine_in(home) is None:
            msg = f"the engine: expected that it runs, found it ended; see {home.logs}"
            raise LoopError(msg)
        for each in self.all:
            each.check()


@contextmanager
def opened(out: Path, size: Size) -> Iterator[Site]:
    """Have a site run during the block, with the line of yesterday.

    Args:
        out: Folder; gets `engine`, `stations` and `logs`.
        size: How much is done.

    Raises:
        LoopError: If something does not start.
        ConfigError: If there is no broker.
    """
    home, logs = out / "engine", out / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    programs = Programs(logs, {ENGINE_VARIABLE: local_engine(home), HOME_VARIABLE: str(home)})
    with ExitStack() as stack:
        broker = stack.enter_context(local_broker(0))
        listener = stack.enter_context(Listener(broker.host, broker.port))
        cloud = stack.enter_context(_engine(home, programs, f"{broker.host}:{broker.port}"))
        hashed = programs.edge("page", "hash-password", given=f"{PASSWORD}\n").strip()
        around = Around(broker.port, home / "s3" / BUCKET, hashed)
        stations = {each.thing: Station(each, out / "stations" / each.thing, free_port()) for each in PLACES}
        for each in stations.values():
            configure(each, YESTERDAY, size, around)
            groups = ("--group", each.place.group)
            programs.cloud("local", "device", "add", each.thing, "--models", str(each.models), *groups)
        page = stack.enter_context(_labeling_page(programs))
        for each in stations.values():
            stack.callback(_end, each)
            each.start(programs)
        yield Site(out, size, programs, cloud, listener, stations, around, page)


@contextmanager
def _engine(home: Path, programs: Programs, broker: str) -> Iterator[LocalCloud]:
    try:
        programs.cloud("local", "up", "--broker", broker)
        cloud = open_local(home)
        try:
            _wait_until_installed(cloud)
            yield cloud
        finally:
            with closing(cloud), suppress(ClientError, LoopError):  # which would hide what it ends for
                _stop_work(cloud, Home(home))
    finally:
        programs.cloud("local", "down")


def _wait_until_installed(cloud: LocalCloud) -> None:
    states = cloud.session.client("stepfunctions")

    def there() -> bool | None:
        return {each["name"] for each in states.list_state_machines()["stateMachines"]} >= _INSTALLED or None

    until(there, _READY_S, f"the workflows {', '.join(sorted(_INSTALLED))}", every_s=_LOOK_S)


def _stop_work(cloud: LocalCloud, home: Home) -> None:
    """Stop what would outlive the engine, or go on with the next one."""
    states, sagemaker = cloud.session.client("stepfunctions"), cloud.session.client("sagemaker")
    for pipeline in sagemaker.list_pipelines()["PipelineSummaries"]:
        runs = sagemaker.list_pipeline_executions(PipelineName=pipeline["PipelineName"])["PipelineExecutionSummaries"]
        for run in runs:
            if run["PipelineExecutionStatus"] == "Executing":
                arn = run["PipelineExecutionArn"]
                sagemaker.stop_pipeline_execution(
                    PipelineExecutionArn=arn, ClientRequestToken="the-loop-has-ended-" * 2
                )
    for machine in states.list_state_machines()["stateMachines"]:
        arn = machine["stateMachineArn"]
        for run in states.list_executions(stateMachineArn=arn, statusFilter="RUNNING")["executions"]:
            states.stop_execution(executionArn=run["executionArn"], cause="the loop has ended")
    until(lambda: None if standing(home).jobs else True, _STOP_S, "jobs to end", every_s=_LOOK_S)


@contextmanager
def _labeling_page(programs: Programs) -> Iterator[dict[str, str]]:
    running = programs.start("labeling-page", CLOUD, "labeling", "page", "--people", ",".join(PEOPLE), "--port", "0")
    try:
        yield _links(running)
    finally:
        running.end()


def _links(running: Running) -> dict[str, str]:
    """Return the secret link of each person, once the page has printed them."""

    def printed() -> dict[str, str] | None:
        running.check()
        lines = [line.split() for line in running.log.read_text(encoding="utf-8").splitlines()]
        found = {words[0]: words[1] for words in lines if len(words) == 2 and words[1].startswith("http")}
        return found if set(PEOPLE) <= found.keys() else None

    return until(printed, _READY_S, "the links of the labeling page", every_s=_LOOK_S)


def _end(station: Station) -> None:
    with suppress(LoopError):
        station.end()
