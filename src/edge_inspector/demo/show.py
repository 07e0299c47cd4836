"""The demonstration: simulated line, shipped model, local broker, and the verdicts held against the truth."""

import base64
import secrets
import threading

from edge_inspector.app import topic_tree
from edge_inspector.daemon import run
from edge_inspector.demo.broker import local_broker
from edge_inspector.demo.port import free_port
from edge_inspector.demo.scoreboard import Score, Scoreboard
from edge_inspector.page.access.passwords import hash_password
from edge_inspector.settings import (
    HealthSettings,
    LogSettings,
    MqttSettings,
    PageSettings,
    PageUser,
    Settings,
    SimulatedSource,
    StationSettings,
)
from edge_inspector.topics import Channel

_USER = "demo"


def show(*, parts: int | None, rate_hz: float, seed: int, port: int, page_port: int) -> Score:
    """Run the demonstration until it is stopped, and return the count.

    Args:
        parts: Stop after so many parts; never when None.
        rate_hz: Parts a second.
        seed: Which parts the line brings.
        port: Port of the local broker; a free one is taken when it is in use.
        page_port: Port of the operator page; likewise.

    Raises:
        InspectorError: If no broker is installed, or something does not start.
    """
    source = SimulatedSource(count=parts, rate_hz=rate_hz, seed=seed)
    password = base64.b32encode(secrets.token_bytes(5)).decode().lower()
    page = PageSettings(
        port=free_port(page_port),
        open_view=True,
        users={_USER: PageUser(role="admin", password=str(hash_password(password)))},
    )
    with local_broker(port) as broker:
        settings = Settings(
            station=StationSettings(site="demo", line="line-1", station="station-1", camera="camera-1"),
            source=source,
            mqtt=MqttSettings(host=broker.host, port=broker.port, protocol=broker.protocol),
            health=HealthSettings(clock_synchronized=False),  # the machine of a person who tries it
            log=LogSettings(level="warning"),
            page=page,
        )
        topics = topic_tree(settings)
        print(f"Operator page: http://{page.host}:{page.port}/ (to judge, sign in as {_USER}, password {password})")
        print(f"Broker: {broker.kind} on {broker.host}:{broker.port}. Watch the events from another terminal:")
        print(f"  mosquitto_sub -h {broker.host} -p {broker.port} -t '{topics.prefix}/#' -v")
        print("Ctrl-C stops.\n", flush=True)
        stop = threading.Event()
        scoreboard = Scoreboard(source, topics.topic(Channel.RESULT), reader_gone=stop)
        totals = run(settings, stop=stop, sinks={"scoreboard": scoreboard})
    score = scoreboard.score
    print(
        f"\n{score.parts} parts: {score.found} defects found, {score.missed} missed, "
        f"{score.false_alarms} false alarms; "
        f"{score.escapes} defective parts accepted, {score.overkill} good parts not accepted"
    )
    frames = totals.frames
    print(
        f"frames: {frames.captured} captured = {frames.inspected} inspected + {sum(frames.dropped.values())} dropped "
        f"+ {frames.in_flight} in flight"
    )
    return score
