"""Engines as processes: forked off a loaded one, killed at any moment, and everything that they work on."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cloud_side.local.opening import LocalCloud, open_local
from tests.forked import Forked

ROLE = "arn:aws:iam::000000000000:role/machine"


def start_engine(folder: Path, *more: str) -> Forked:
    """Start an engine; whether it is ready is not waited for."""
    log = folder / "logs" / "engine.log"
    return Forked(["--home", str(folder), "--log", str(log), *more], module="cloud_side.local.engine")


@contextmanager
def running_engine(folder: Path, *more: str) -> Iterator[None]:
    """Have an engine run during the block."""
    engine = start_engine(folder, *more)
    try:
        yield
        engine.send_signal(15)
        assert engine.wait(30) == 0, engine.stderr.read()
    finally:
        engine.kill()
        engine.stdout.close()
        engine.stderr.close()


@contextmanager
def opened(folder: Path) -> Iterator[LocalCloud]:
    """Open a home in this process."""
    cloud = open_local(folder)
    try:
        yield cloud
    finally:
        cloud.close()


def make_machine(cloud: LocalCloud, name: str, states: dict[str, Any], **more: Any) -> str:
    """Make a state machine that begins with the first of its states, and return its ARN."""
    definition = {"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states, **more}
    client = cloud.session.client("stepfunctions")
    made = client.create_state_machine(name=name, definition=json.dumps(definition), roleArn=ROLE)
    return str(made["stateMachineArn"])
