"""The engine of a home: one process that moves the executions and looks after the services, until it is told to end."""

import argparse
import logging
import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from logging.handlers import RotatingFileHandler
from pathlib import Path

from cloud_side.all_workflows import WORKFLOWS
from cloud_side.local.broker import Broker, BrokerConnection, TopicRules
from cloud_side.local.chores import Chore, ChoreThreads
from cloud_side.local.delivery.events import Delivery
from cloud_side.local.delivery.schedules import Schedules
from cloud_side.local.devices.chore import CoreDevices
from cloud_side.local.home import Home, sole_engine
from cloud_side.local.installing import install_each
from cloud_side.local.jobs.chore import Jobs
from cloud_side.local.opening import LocalCloud, open_local
from cloud_side.local.retention import Retention
from cloud_side.local.services.athena.chore import Queries
from cloud_side.local.services.functions.queued import Invocations
from cloud_side.local.services.greengrass.chore import GreengrassCloud
from cloud_side.local.services.s3.chores import FolderWatch, Tidying
from cloud_side.local.services.sagemaker.labeling_chore import LabelingJobs
from cloud_side.local.services.sagemaker.pipelines.chore import PipelineExecutions
from cloud_side.local.services.sagemaker.retention import OldJobs
from cloud_side.local.services.stepfunctions import start_execution
from cloud_side.local.states.doing import ServiceCarrier, ServiceTasks, Stops
from cloud_side.local.states.integrations import Clients
from cloud_side.local.states.interpreter import Interpreter
from cloud_side.local.states.workers import Workers
from edge_inspector.errors import ConfigError

WORKERS = 8
_LOG_BYTES, _OLDER_LOGS = 5_000_000, 2
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class EngineOptions:
    """How an engine runs.

    Attributes:
        folder: Its home.
        workers: Strands that are moved at once; a call that takes long holds one.
        broker: To which notifications go, and which topic rules hear; None: nowhere, and nothing.
    """

    folder: Path
    workers: int = WORKERS
    broker: Broker | None = None


def serve(options: EngineOptions, stop: threading.Event, ready: Callable[[Sequence[str]], None]) -> None:
    """Run an engine until it is told to stop; `ready` is called once it runs, with what is wrong with workflows.

    Raises:
        ConfigError: If the home cannot be used, or another engine runs in it.
    """
    home = Home(options.folder.absolute())
    home.make()
    with sole_engine(home), closing(open_local(home.folder)) as cloud:
        clients = Clients(cloud.session)
        interpreter = Interpreter(cloud.database, ServiceTasks(clients), ServiceCarrier(clients))
        workers = Workers(interpreter, options.workers, cloud.database.has_changed)
        chores = ChoreThreads(_chores(cloud, clients, options))
        problems = install_each(cloud, WORKFLOWS)
        workers.start()
        chores.start()
        _log.info("%s: the engine runs", home.folder)
        try:
            ready(problems)
            stop.wait()
        finally:
            workers.end()
            cloud.pool.close()  # functions that run are cut off, and run again when the next engine comes
            workers.stop()
            chores.stop()
    _log.info("%s: the engine has ended", home.folder)


def _chores(cloud: LocalCloud, clients: Clients, options: EngineOptions) -> list[Chore]:
    home, database = cloud.home, cloud.database
    return [
        Stops(database, clients),
        Retention(database),
        FolderWatch(home, database),
        Tidying(home, database),
        Jobs(home, database),
        PipelineExecutions(database, clients.of("s3")),
        LabelingJobs(home, database, clients.of("s3")),
        OldJobs(home, database),
        Queries(home, database),
        Invocations(home, database, cloud.pool),
        Delivery(database, start_execution),
        Schedules(database),
        BrokerConnection(database, options.broker),
        TopicRules(database, options.broker, clients.of("s3")),
        GreengrassCloud(home, database),
        CoreDevices(home, database),
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run an engine as a program; SIGTERM and SIGINT end it."""
    options = _parser().parse_args(arguments)
    _log_to(options.log)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        serve(EngineOptions(options.home, options.workers, options.broker), stop, partial(_tell, options.ready_fd))
    except ConfigError as error:
        print(f"edge-inspector-cloud: error: {error}", file=sys.stderr)
        return 78
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m cloud_side.local.engine", description="The engine of a home.")
    parser.add_argument("--home", type=Path, required=True, metavar="DIR")
    parser.add_argument("--workers", type=int, default=WORKERS, metavar="N")
    parser.add_argument("--broker", type=_address, metavar="HOST:PORT")
    parser.add_argument("--log", type=Path, metavar="FILE", help="default: the terminal")
    parser.add_argument(
        "--ready-fd", type=int, metavar="FD", help="lines go there once it runs: `ready`, and what is wrong"
    )
    return parser


def _address(text: str) -> Broker:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal():
        msg = f"found {text!r}, expected HOST:PORT"
        raise argparse.ArgumentTypeError(msg)
    return Broker(host, int(port))


def _log_to(file: Path | None) -> None:
    handler: logging.Handler = logging.StreamHandler()
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(file, maxBytes=_LOG_BYTES, backupCount=_OLDER_LOGS, encoding="utf-8")
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(threadName)s %(message)s", handlers=[handler]
    )
    for chatty in ("boto3", "botocore", "s3transfer", "urllib3"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def _tell(descriptor: int | None, problems: Sequence[str]) -> None:
    if descriptor is not None:
        lines = "\n".join(("ready", *(" ".join(each.split()) for each in problems), ""))
        with suppress(OSError):  # whoever started it did not wait
            os.write(descriptor, lines.encode()[: select.PIPE_BUF])  # so much is written, and read, at once
            os.close(descriptor)


if __name__ == "__main__":
    sys.exit(main())
