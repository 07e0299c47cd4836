import logging
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge_inspector.greengrass.nucleus import Nucleus
from tests.greengrass.line import TOPICS, nucleus_at, on_both
from tests.logged import warnings_in
from tests.mosquitto import PATIENCE_S, eventually
from tests.nucleus.fake import FakeNucleus

COMMANDS = TOPICS.commands.removesuffix("+")
HEARTBEATS = f"{COMMANDS}heartbeat"
BRISK_S = 0.05
RARE_S = 3600.0


@contextmanager
def commanded(
    fake: FakeNucleus, nucleus: Nucleus, *, heartbeat_s: float = RARE_S, subscriptions: int = 2
) -> Iterator["queue.Queue[tuple[str, bytes]]"]:
    taken: queue.Queue[tuple[str, bytes]] = queue.Queue()

    def put(topic: str, payload: bytes) -> None:
        taken.put((topic, payload))

    with nucleus.subscribe_commands(TOPICS, put, heartbeat_s=heartbeat_s):
        fake.wait_until(lambda: asked(fake) >= subscriptions)
        yield taken


def asked(fake: FakeNucleus) -> int:
    return fake.requests["SubscribeToTopic"] + fake.requests["SubscribeToIoTCore"]


def beats(fake: FakeNucleus) -> int:
    return sum(each.topic == HEARTBEATS for each in list(fake.local))


@on_both
def test_commands_come_from_the_device_and_from_the_cloud(fake: FakeNucleus) -> None:
    with nucleus_at(fake) as nucleus, commanded(fake, nucleus) as taken:
        fake.publish_local(f"{COMMANDS}reload", b'{"request_id":"1"}')
        assert taken.get(timeout=PATIENCE_S) == (f"{COMMANDS}reload", b'{"request_id":"1"}')
        fake.publish_iot(f"{COMMANDS}reload", b'{"request_id":"2"}')
        assert taken.get(timeout=PATIENCE_S) == (f"{COMMANDS}reload", b'{"request_id":"2"}')


def test_a_command_may_come_as_a_json_message(fake: FakeNucleus) -> None:
    with nucleus_at(fake) as nucleus, commanded(fake, nucleus) as taken:
        fake.publish_local(f"{COMMANDS}reload", {"request_id": "1"})
        assert taken.get(timeout=PATIENCE_S) == (f"{COMMANDS}reload", b'{"request_id": "1"}')


def test_commands_are_handled_one_after_the_other_in_order(fake: FakeNucleus) -> None:
    seen: list[bytes] = []
    running: list[int] = []
    done = threading.Event()

    def handle(_topic: str, payload: bytes) -> None:
        running.append(1)
        assert len(running) == 1
        seen.append(payload)
        running.pop()
        if len(seen) == 50:
            done.set()

    with nucleus_at(fake) as nucleus, nucleus.subscribe_commands(TOPICS, handle, heartbeat_s=RARE_S):
        fake.wait_until(lambda: asked(fake) == 2)
        for number in range(50):
            fake.publish_local(f"{COMMANDS}reload", b"%d" % number)
        assert done.wait(PATIENCE_S)
    assert seen == [b"%d" % number for number in range(50)]


def test_a_handler_that_fails_is_logged_and_the_next_command_is_handled(
    fake: FakeNucleus, caplog: pytest.LogCaptureFixture
) -> None:
    handled = threading.Event()

    def handle(topic: str, _payload: bytes) -> None:
        if topic.endswith("reload"):
            msg = "a defect"
            raise ValueError(msg)
        handled.set()

    with nucleus_at(fake) as nucleus, nucleus.subscribe_commands(TOPICS, handle, heartbeat_s=RARE_S):
        fake.wait_until(lambda: asked(fake) == 2)
        fake.publish_local(f"{COMMANDS}reload", b"1")
        fake.publish_local(f"{COMMANDS}self-test", b"2")
        assert handled.wait(PATIENCE_S)
    assert "a request of the nucleus failed" in caplog.messages


def test_after_a_restart_of_the_nucleus_commands_come_again(fake: FakeNucleus) -> None:
    with nucleus_at(fake) as nucleus, commanded(fake, nucleus) as taken:
        fake.restart(new_token=False)
        fake.wait_until(lambda: asked(fake) == 4)
        fake.publish_local(f"{COMMANDS}reload", b"1")
        fake.publish_iot(f"{COMMANDS}reload", b"2")
        assert {taken.get(timeout=PATIENCE_S)[1] for _ in range(2)} == {b"1", b"2"}


@on_both
def test_heartbeats_never_reach_the_handler_wherever_they_come_from(fake: FakeNucleus) -> None:
    with nucleus_at(fake) as nucleus, commanded(fake, nucleus, heartbeat_s=BRISK_S) as taken:
        fake.publish_local(HEARTBEATS, b"another daemon's")
        fake.publish_local(HEARTBEATS, {"not": "ours"})
        fake.publish_iot(HEARTBEATS, b"somebody's in the cloud")
        fake.wait_until(lambda: beats(fake) >= 4)
        fake.publish_local(f"{COMMANDS}reload", b"1")
        assert taken.get(timeout=PATIENCE_S) == (f"{COMMANDS}reload", b"1")
        assert taken.empty()
        assert asked(fake) == 2  # what comes back needs no new subscription


@on_both
def test_a_subscription_that_died_without_a_word_is_made_again(
    fake: FakeNucleus, caplog: pytest.LogCaptureFixture
) -> None:
    with nucleus_at(fake) as nucleus, commanded(fake, nucleus, heartbeat_s=BRISK_S) as taken:
        fake.wait_until(lambda: beats(fake) >= 2)
        fake.kill_subscription(f"{COMMANDS}reload")
        fake.wait_until(lambda: fake.requests["SubscribeToTopic"] == 2)
        fake.publish_local(f"{COMMANDS}reload", b"1")
        assert taken.get(timeout=PATIENCE_S) == (f"{COMMANDS}reload", b"1")
        before = beats(fake)
        fake.wait_until(lambda: beats(fake) >= before + 4)
        assert fake.requests["SubscribeToTopic"] == 2
    assert sum("is dead: nothing comes back any more" in each for each in caplog.messages) == 1


def test_a_message_that_kills_lites_subscription_costs_only_a_moment(lite: FakeNucleus) -> None:
    with nucleus_at(lite) as nucleus, commanded(lite, nucleus, heartbeat_s=BRISK_S) as taken:
        lite.publish_local(f"{COMMANDS}reload", {"list": list(range(60))})
        lite.wait_until(lambda: lite.requests["SubscribeToTopic"] == 2)
        lite.publish_local(f"{COMMANDS}reload", b"1")
        assert taken.get(timeout=PATIENCE_S) == (f"{COMMANDS}reload", b"1")


def test_what_others_send_in_the_place_of_our_beats_does_not_hide_that_they_are_lost(fake: FakeNucleus) -> None:
    with nucleus_at(fake) as nucleus, commanded(fake, nucleus, heartbeat_s=BRISK_S):
        fake.wait_until(lambda: beats(fake) >= 1)
        mark = fake.local[0].payload
        fake.kill_subscription(HEARTBEATS)
        while fake.requests["SubscribeToTopic"] < 2:
            fake.publish_local(HEARTBEATS, b"another daemon's")
            fake.publish_iot(HEARTBEATS, mark)


def test_a_heartbeat_that_is_not_allowed_hurts_nothing_and_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    access = {
        "aws.greengrass.ipc.pubsub": {
            "com.edgeinspector.Inspector:pubsub:1": {
                "operations": ["aws.greengrass#SubscribeToTopic"],
                "resources": ["*"],
            }
        }
    }
    with (
        FakeNucleus(tmp_path, configuration={"accessControl": access}) as fake,
        nucleus_at(fake) as nucleus,
        commanded(fake, nucleus, heartbeat_s=0.01) as taken,
    ):
        fake.wait_until(lambda: fake.requests["PublishToTopic"] >= 5)
        fake.publish_local(f"{COMMANDS}reload", b"1")
        assert taken.get(timeout=PATIENCE_S) == (f"{COMMANDS}reload", b"1")
        assert fake.requests["SubscribeToTopic"] == 1
    assert sum("nobody would notice if it were dead" in each for each in warnings_in(caplog)) == 1


@pytest.mark.parametrize(
    ("operation", "publish"),
    [("SubscribeToTopic", FakeNucleus.publish_iot), ("SubscribeToIoTCore", FakeNucleus.publish_local)],
)
@pytest.mark.parametrize("error", ["UnauthorizedError", "ServiceError"])
def test_one_way_that_is_not_there_is_said_once_and_does_not_hurt_the_other(
    fake: FakeNucleus,
    caplog: pytest.LogCaptureFixture,
    operation: str,
    publish: Callable[[FakeNucleus, str, bytes], None],
    error: str,
) -> None:
    fake.fail(operation, error, 100)
    with nucleus_at(fake) as nucleus, commanded(fake, nucleus) as taken:
        publish(fake, f"{COMMANDS}reload", b"1")
        assert taken.get(timeout=PATIENCE_S) == (f"{COMMANDS}reload", b"1")
        fake.restart(new_token=False)
        fake.wait_until(lambda: asked(fake) == 4)
        publish(fake, f"{COMMANDS}reload", b"2")
        assert taken.get(timeout=PATIENCE_S) == (f"{COMMANDS}reload", b"2")
    assert sum("going on without it, and trying again" in each for each in warnings_in(caplog)) == 1


def test_a_way_that_was_not_there_is_tried_again(fake: FakeNucleus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_inspector.greengrass.subscription._FIRST_WAIT_S", 0.01)
    fake.fail("SubscribeToIoTCore", "ServiceError", 2)
    with nucleus_at(fake) as nucleus, commanded(fake, nucleus, subscriptions=4) as taken:
        fake.publish_iot(f"{COMMANDS}reload", b"1")
        assert taken.get(timeout=PATIENCE_S) == (f"{COMMANDS}reload", b"1")


def test_commands_are_taken_only_until_it_is_left(fake: FakeNucleus) -> None:
    with nucleus_at(fake) as nucleus:
        with commanded(fake, nucleus) as left:
            pass
        with commanded(fake, nucleus, subscriptions=4) as taken:
            fake.publish_local(f"{COMMANDS}reload", b"1")
            assert taken.get(timeout=PATIENCE_S) == (f"{COMMANDS}reload", b"1")
            assert left.empty()
            assert taken.empty()


def test_a_flood_is_told_once_and_what_there_is_room_for_is_handled(
    fake: FakeNucleus, caplog: pytest.LogCaptureFixture
) -> None:
    goes_on, handled = threading.Event(), []

    def handle(_topic: str, payload: bytes) -> None:
        assert goes_on.wait(PATIENCE_S)
        handled.append(payload)

    with nucleus_at(fake) as nucleus, nucleus.subscribe_commands(TOPICS, handle, heartbeat_s=RARE_S):
        fake.wait_until(lambda: asked(fake) == 2)
        for number in range(150):
            fake.publish_local(f"{COMMANDS}reload", b"%d" % number)
        told = "the nucleus asks faster than it can be answered"
        eventually(lambda: sum(told in each for each in caplog.messages) == 49, what="the last one came")
        goes_on.set()
        eventually(lambda: len(handled) == 101, what="what there is room for is handled")
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(errors) == 1
