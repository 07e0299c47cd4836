import gc
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from awsiot.greengrasscoreipc.client import PublishToTopicOperation

from edge_inspector.app.nucleus import nucleus_check
from edge_inspector.errors import RefusedError, SinkError
from edge_inspector.greengrass.environment import NucleusEnvironment
from edge_inspector.greengrass.link import Link, Pace
from edge_inspector.greengrass.nucleus import Nucleus
from edge_inspector.greengrass.wire import TokenRefusedError, Wire
from edge_inspector.topics import CATALOGUE, Channel, Message
from tests.greengrass.line import BRISK, TOPICS, message, nucleus_at, on_both, result
from tests.logged import warnings_in
from tests.mosquitto import PATIENCE_S, eventually
from tests.nucleus.fake import FakeNucleus


@on_both
def test_a_message_arrives_as_bytes_with_its_topic_quality_and_retain_flag(fake: FakeNucleus, flavor: str) -> None:
    with nucleus_at(fake) as nucleus:
        nucleus.publish_local(result('{"boxes":[1,2,3]}'))
        nucleus.publish_iot_core(message(Channel.STATUS, "online"))
        nucleus.publish_iot_core(message(Channel.STATS, "{}"))
    (local,) = fake.local
    assert (local.topic, local.payload) == (TOPICS.topic(Channel.RESULT), b'{"boxes":[1,2,3]}')
    status, stats = fake.iot_core
    keeps = flavor == "java"
    assert (status.payload, status.qos, status.retain) == (b"online", 1, keeps)
    assert (stats.payload, stats.qos, stats.retain) == (b"{}", 0, keeps)


@on_both
def test_the_stream_of_a_request_ends_with_its_answer_or_with_the_next_one(fake: FakeNucleus) -> None:
    def kept() -> int:
        # Not by `isinstance`, which asks objects of other tests what they are; some of torch's then warn.
        return sum(issubclass(type(each), PublishToTopicOperation) for each in gc.get_objects())

    before = kept()
    with nucleus_at(fake) as nucleus:
        for number in range(50):
            nucleus.publish_local(result(f"{number}"))
        eventually(lambda: kept() <= before + 1, what="what was answered before the last is forgotten")


@on_both
def test_what_only_clears_a_retained_topic_goes_to_the_cloud_alone(fake: FakeNucleus) -> None:
    clearing = Message(TOPICS.topic(Channel.ALARM, name="disk-low"), b"", CATALOGUE[Channel.ALARM])
    with nucleus_at(fake) as nucleus:
        nucleus.publish_local(clearing)
        nucleus.publish_iot_core(clearing)
    assert fake.local == []
    assert [each.payload for each in fake.iot_core] == [b""]


@on_both
def test_errors_are_kept_apart_by_what_to_do_next(fake: FakeNucleus) -> None:
    with nucleus_at(fake, timeout_s=0.1) as nucleus:
        for name in ("UnauthorizedError", "InvalidArgumentsError"):
            fake.fail("PublishToTopic", name)
            with pytest.raises(RefusedError, match="publish on edge-inspector/hall/line/station-2/camera/result: "):
                nucleus.publish_local(result("1"))
        fake.fail("PublishToTopic", "ServiceError")
        with pytest.raises(SinkError, match="cannot do that now") as caught:
            nucleus.publish_local(result("2"))
        assert not isinstance(caught.value, RefusedError)
        fake.silence("PublishToTopic")
        with pytest.raises(SinkError, match=r"no answer from the nucleus in 0\.1 s") as caught:
            nucleus.publish_local(result("3"))
        assert not isinstance(caught.value, RefusedError)
        fake.drop("PublishToTopic")
        with pytest.raises(SinkError, match="has ended") as caught:
            nucleus.publish_local(result("4"))
        assert not isinstance(caught.value, RefusedError)
        assert nucleus.wait_until_connected(PATIENCE_S)
        eventually(lambda: _publishes(nucleus), what="the nucleus is there again")
    assert [each.payload for each in fake.local] == [b"5"]


def _publishes(nucleus: Nucleus) -> bool:
    try:
        nucleus.publish_local(result("5"))
    except SinkError:
        return False
    return True


@on_both
def test_a_message_that_is_too_large_is_refused_and_does_not_close_the_line(fake: FakeNucleus) -> None:
    with nucleus_at(fake) as nucleus:
        connection = nucleus.connection
        for publish in (nucleus.publish_local, nucleus.publish_iot_core):
            with pytest.raises(RefusedError, match="expected at most 7000 bytes with the topic, found 12"):
                publish(result("x" * 12_000))
        largest = result("x" * (7000 - len(TOPICS.topic(Channel.RESULT))))
        nucleus.publish_local(largest)
        nucleus.publish_iot_core(largest)
        assert nucleus.connection == connection


def test_a_nucleus_that_is_not_there_yet_is_waited_for(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    fake = FakeNucleus(tmp_path)
    with nucleus_at(fake, connected=False) as nucleus:
        eventually(lambda: nucleus.problem != "not yet connected", what="it has tried")
        assert nucleus.problem is not None
        assert nucleus.problem.startswith("nothing listens at")
        with pytest.raises(SinkError, match="no connection to the nucleus"):
            nucleus.publish_local(result("1"))
        assert not nucleus.token_is_dead
        with fake:
            assert nucleus.wait_until_connected(PATIENCE_S)
            assert nucleus.problem is None
    assert len(warnings_in(caplog)) <= 2  # said once, and perhaps that the connection was lost


def test_after_a_restart_of_the_nucleus_that_still_knows_us_there_is_a_new_connection(fake: FakeNucleus) -> None:
    changes = []
    with nucleus_at(fake) as nucleus, nucleus.listening(lambda: changes.append(nucleus.connection)):
        first = nucleus.connection
        fake.restart(new_token=False)
        eventually(lambda: nucleus.connection not in {first, None}, what="a new connection stands")
        nucleus.publish_local(result("1"))
        assert not nucleus.token_is_dead
    assert [each.payload for each in fake.local] == [b"1"]
    assert changes[0] is None
    assert changes[1] == (first or 0) + 1


@on_both
def test_a_token_that_is_refused_again_and_again_is_dead_and_tried_on(
    fake: FakeNucleus, caplog: pytest.LogCaptureFixture
) -> None:
    old = fake.token
    with nucleus_at(fake) as nucleus:
        fake.restart(new_token=True)
        eventually(lambda: nucleus.token_is_dead, what="the token is taken for dead")
        assert fake.refused_connects >= 3
        assert "hung up when it saw the token" in (nucleus.problem or "")
        tries = fake.refused_connects
        fake.wait_until(lambda: fake.refused_connects > tries)
        fake.token = old  # a nucleus that knows it after all
        assert nucleus.wait_until_connected(PATIENCE_S)
        assert not nucleus.token_is_dead
    assert sum("only a new process gets a new one" in each for each in warnings_in(caplog)) == 1
    assert all(old not in record.getMessage() for record in caplog.records)


class FailingDialer:
    """Stands in for the dialer: fails with one error after the other, and then always with the last."""

    def __init__(self, errors: list[SinkError]) -> None:
        self.errors, self.dialled = errors, 0

    def dial(self, *, on_end: Callable[[], None]) -> Wire:
        del on_end
        self.dialled += 1
        raise self.errors.pop(0) if len(self.errors) > 1 else self.errors[0]


def test_another_failure_after_the_token_died_is_told_as_what_it_is(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    refusals = [TokenRefusedError("it hung up") for _ in range(3)]
    dialer = FailingDialer([*refusals, SinkError("nobody"), SinkError("mute")])
    monkeypatch.setattr("edge_inspector.greengrass.link.Dialer", lambda *_, **__: dialer)
    with Link(NucleusEnvironment("", "token", "station-2"), timeout_s=1.0, pace=BRISK) as link:
        eventually(lambda: dialer.dialled >= 6, what="the fifth failure is told")
        assert link.token_is_dead
    assert warnings_in(caplog) == [
        "nucleus: it hung up; the line runs on; trying again",
        "nucleus: it hung up, 3 times in a row: only a new process gets a new one",
        "nucleus: nobody; the line runs on; trying again",
        "nucleus: mute; the line runs on; trying again",
    ]


@on_both
def test_a_wrong_token_is_no_reason_to_give_up_before_it_was_refused_three_times(fake: FakeNucleus) -> None:
    environment = NucleusEnvironment(
        str(fake.environment["AWS_GG_NUCLEUS_DOMAIN_SOCKET_FILEPATH_FOR_COMPONENT"]), "wrong", "station-2"
    )
    with Nucleus(environment, pace=Pace(first_s=30.0)) as nucleus:
        fake.wait_until(lambda: fake.refused_connects == 1)
        eventually(lambda: nucleus.problem != "not yet connected", what="the refusal is known")
        assert not nucleus.token_is_dead


def test_a_connection_on_which_nothing_is_answered_any_more_is_made_again(fake: FakeNucleus) -> None:
    with nucleus_at(fake, timeout_s=0.05) as nucleus:
        first = nucleus.connection
        fake.silence("PublishToTopic", 3)
        for number in range(3):
            with pytest.raises(SinkError, match="no answer"):
                nucleus.publish_local(result(f"{number}"))
        eventually(lambda: nucleus.connection not in {first, None}, what="a new connection stands")
        nucleus.publish_local(result("3"))
    assert fake.local[-1].payload == b"3"


def test_a_nucleus_that_takes_connections_and_says_nothing_is_left_again(tmp_path: Path) -> None:
    path = tmp_path / "ipc.socket"
    with socket.socket(socket.AF_UNIX) as server:
        server.settimeout(PATIENCE_S)
        server.bind(str(path))
        server.listen()
        with Nucleus(NucleusEnvironment(str(path), "token", "station-2"), timeout_s=0.05, pace=BRISK) as nucleus:
            for _ in range(2):
                connection, _ = server.accept()
                with connection:
                    connection.settimeout(PATIENCE_S)
                    while connection.recv(4096):
                        pass
            assert not nucleus.token_is_dead
            assert "no answer at" in (nucleus.problem or "")


def test_what_is_reported_waits_for_no_answer(fake: FakeNucleus) -> None:
    fake.silence("UpdateState")
    with nucleus_at(fake, timeout_s=3600.0) as nucleus:
        nucleus.report_running()
        fake.wait_until(lambda: fake.requests["UpdateState"] == 1)


def test_that_the_component_runs_is_told_on_every_connection_and_may_be_refused(fake: FakeNucleus) -> None:
    with nucleus_at(fake) as nucleus:
        nucleus.report_running()
        fake.wait_until(lambda: fake.states == ["RUNNING"])
        fake.fail("UpdateState", "ServiceError")
        fake.restart(new_token=False)
        fake.wait_until(lambda: fake.requests["UpdateState"] == 2)
        fake.restart(new_token=False)
        fake.wait_until(lambda: fake.states == ["RUNNING"] * 2)


def test_what_is_raised_as_an_alarm_says_why_there_is_no_connection(tmp_path: Path) -> None:
    fake = FakeNucleus(tmp_path)
    with fake, nucleus_at(fake) as nucleus:
        check = nucleus_check(nucleus)
        assert check.probe() is None
        fake.stop()
        eventually(lambda: "nothing listens" in (check.probe() or ""), what="the problem is known")
        assert check.raise_after_s == 10.0


def test_leaving_leaves_no_thread_and_no_descriptor_behind(fake: FakeNucleus) -> None:
    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    with nucleus_at(fake):
        pass
    fake.wait_until(lambda: not fake.connections)
    before, threads = descriptors(), threading.active_count()
    for _ in range(5):
        with nucleus_at(fake) as nucleus:
            nucleus.publish_local(result("1"))
        fake.wait_until(lambda: not fake.connections)
    eventually(lambda: descriptors() <= before, what="every descriptor is closed")
    eventually(lambda: threading.active_count() <= threads, what="every thread has ended")


@dataclass(frozen=True)
class AskedPace(Pace):
    """Notes for which failures a wait is asked, and waits hardly at all."""

    asked: list[int] = field(default_factory=list)

    def wait_s(self, failures: int, *, jitter: float) -> float:
        del jitter
        self.asked.append(failures)
        return 0.01


def test_the_first_wait_is_the_shortest_also_where_no_connection_ever_stood(tmp_path: Path) -> None:
    pace = AskedPace()
    with Link(NucleusEnvironment(str(tmp_path / "nobody"), "token", "station-2"), timeout_s=1.0, pace=pace):
        eventually(lambda: len(pace.asked) >= 3, what="it has tried")
    assert pace.asked[:3] == [0, 1, 2]


@pytest.mark.parametrize("failures", [0, 1, 5, 100, 10**9])
def test_waits_double_up_to_the_longest_with_jitter(failures: int) -> None:
    pace = Pace(first_s=0.5, longest_s=30.0)
    longest = min(30.0, 0.5 * 2.0 ** min(failures, 20))
    assert pace.wait_s(failures, jitter=1.0) == longest
    assert pace.wait_s(failures, jitter=0.0) == longest / 2
    assert BRISK.wait_s(failures, jitter=1.0) <= 0.1
