"""How many events of 1 kB a second go from the journal through the IPC sink to a nucleus, against the bare SDK.

    .venv/bin/python benchmarks/ipc.py

The nucleus is the fake one of the tests, in a process of its own. It answers faster than the real one (0.3 ms against
1.2 ms), so the numbers say what our side takes, and the ratio what of it is not the SDK's.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # for the fake nucleus

from edge_inspector.app.nucleus import open_nucleus_sinks  # noqa: E402
from edge_inspector.events import EventWriter  # noqa: E402
from edge_inspector.greengrass.environment import NucleusEnvironment  # noqa: E402
from edge_inspector.greengrass.nucleus import Nucleus  # noqa: E402
from edge_inspector.journal import Journal, JournalOptions  # noqa: E402
from edge_inspector.pipeline.deliver import Losses  # noqa: E402
from edge_inspector.settings import parse  # noqa: E402
from edge_inspector.topics import CATALOGUE, Channel, Message, TopicTree  # noqa: E402
from tests.nucleus.fake import FakeNucleus  # noqa: E402

TARGET_HZ = 300
TOPICS = TopicTree("edge-inspector", "hall", "line", "station-2", "camera")
EVENT = b'{"' + b"x" * 996 + b'"}'


def main() -> None:
    """Measure, print, and fail below the target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--serve", metavar="FLAVOR", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve is not None:
        serve(options.serve)
        return
    print(f"{'nucleus':<9}{'bare SDK':>10}{'journal and sink':>18}{'ratio':>8}   events/s of 1 kB, one after the other")
    worst_hz = float("inf")
    for flavor in ("java", "lite"):
        for _ in range(options.rounds):
            with nucleus_of(flavor) as nucleus:
                bare_hz = options.events / bare_s(nucleus, options.events)
                sink_hz = options.events / sink_s(nucleus, options.events)
            print(f"{flavor:<9}{bare_hz:>10.0f}{sink_hz:>18.0f}{sink_hz / bare_hz:>8.2f}")
            worst_hz = min(worst_hz, sink_hz)
    print(f"slowest {worst_hz:.0f} events/s; target {TARGET_HZ}")
    sys.exit(worst_hz < TARGET_HZ)


@contextmanager
def nucleus_of(flavor: str) -> Iterator[Nucleus]:
    """Yield a connection to a nucleus in another process."""
    command = [sys.executable, __file__, "--serve", flavor]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        environment = NucleusEnvironment.of(json.loads(process.stdout.readline()))
        with Nucleus(environment) as nucleus:
            nucleus.wait_until_connected(10.0)
            yield nucleus
        process.communicate()


def serve(flavor: str) -> None:
    """Be a nucleus until standard input ends."""
    with tempfile.TemporaryDirectory() as folder, FakeNucleus(Path(folder), flavor=flavor) as fake:  # type: ignore[arg-type]
        print(json.dumps(fake.environment), flush=True)
        sys.stdin.read()


def bare_s(nucleus: Nucleus, count: int) -> float:
    """Return the seconds that so many publishes take by the SDK's client alone."""
    from awsiot.greengrasscoreipc.model import BinaryMessage, PublishMessage  # noqa: PLC0415 - heavy

    topic = TOPICS.topic(Channel.RESULT)
    client = nucleus._link._wire._client  # noqa: SLF001 - the very connection
    began_s = time.perf_counter()
    for _ in range(count):
        message = PublishMessage(binary_message=BinaryMessage(message=EVENT))
        client.publish_to_topic_async(topic=topic, publish_message=message).result(5.0)
    return time.perf_counter() - began_s


def sink_s(nucleus: Nucleus, count: int) -> float:
    """Return the seconds from the first event on record, on disk, to the last one taken by the nucleus."""
    settings = parse({"greengrass": {"iot_core": []}})
    event = Message(TOPICS.topic(Channel.RESULT), EVENT, CATALOGUE[Channel.RESULT], "id")
    pause = threading.Event()
    with (
        tempfile.TemporaryDirectory() as folder,
        Journal(Path(folder) / "journal.db", JournalOptions()) as journal,
        open_nucleus_sinks(nucleus, settings, journal, EventWriter(TOPICS, "session"), Losses()) as sinks,
    ):
        sink = sinks["greengrass-local"]
        began_s = time.perf_counter()
        for _ in range(count):
            journal.append([event])
        while sink.queued:
            pause.wait(0.005)
        return time.perf_counter() - began_s


if __name__ == "__main__":
    main()
