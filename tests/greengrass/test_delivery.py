"""Events from the journal through the sinks and the real client to the nucleus, with everything that can go wrong."""

import random

import pytest

from edge_inspector.topics import Channel
from tests.greengrass.line import CLOUD, LOCAL, defect, line_at, message, nucleus_at, on_both, payloads, result
from tests.mosquitto import eventually
from tests.nucleus.fake import FakeNucleus


def numbers(count: int) -> list[str]:
    return [f"{number}" for number in range(count)]


def without_repetitions(published: list[str]) -> list[str]:
    return list(dict.fromkeys(published))


@on_both
def test_channels_go_where_the_settings_say(fake: FakeNucleus) -> None:
    with nucleus_at(fake) as nucleus, line_at(nucleus) as line:
        line.put(result("1"), defect("2"), message(Channel.STATUS, "online"))
        line.wait_until_sent()
        eventually(lambda: sum(sink.delivered for sink in line.sinks.values()) == 5, what="all are taken")
    assert sorted(each.payload for each in fake.local) == [b"1", b"2", b"online"]
    assert sorted(each.payload for each in fake.iot_core) == [b"2", b"online"]
    assert fake.most_in_flight <= 2


@on_both
def test_the_nucleus_is_killed_in_the_middle_of_a_stream_and_everything_arrives_in_order(fake: FakeNucleus) -> None:
    with nucleus_at(fake) as nucleus, line_at(nucleus) as line:
        line.put(message(Channel.STATUS, "online"))
        for number in range(150):
            line.put(result(f"r{number}"), defect(f"d{number}"))
            if number in {50, 100}:
                fake.wait_until(lambda number=number: len(fake.local) > number)
                fake.restart(new_token=False)
        line.wait_until_sent()
        fake.wait_until(lambda: len(payloads(fake.local, Channel.STATUS)) >= 3)
    for published, channel, mark in (
        (fake.local, Channel.RESULT, "r"),
        (fake.local, Channel.DEFECT, "d"),
        (fake.iot_core, Channel.DEFECT, "d"),
    ):
        assert without_repetitions(payloads(published, channel)) == [f"{mark}{number}" for number in range(150)]


def test_what_comes_once_the_nucleus_has_a_new_token_is_not_sent_and_waits(fake: FakeNucleus) -> None:
    with nucleus_at(fake) as nucleus, line_at(nucleus) as line:
        line.put(result("1"))
        line.wait_until_sent()
        fake.restart(new_token=True)
        eventually(lambda: nucleus.token_is_dead, what="the token is dead")
        line.put(result("2"))
    assert line.sinks[LOCAL].queued == 1
    assert payloads(fake.local, Channel.RESULT) == ["1"]


@pytest.mark.parametrize("flavor", ["lite", pytest.param("java", marks=pytest.mark.nightly)])
@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.nightly) for seed in range(2, 7))])
def test_errors_at_random_lose_nothing_and_keep_the_order(fake: FakeNucleus, seed: int) -> None:
    draws = random.Random(seed)
    count = 8 if seed == 1 else 100
    with nucleus_at(fake, timeout_s=0.05) as nucleus, line_at(nucleus) as line:
        for number in range(0, 5 * count, 5):
            operation = draws.choice(["PublishToTopic", "PublishToIoTCore"])
            match draws.randrange(4):
                case 0:
                    fake.fail(operation, "ServiceError", draws.randrange(1, 3))
                case 1:
                    fake.silence(operation, is_done=draws.random() < 0.5)
                case 2:
                    fake.delay(operation, draws.choice([0.01, 0.1]))
                case 3:
                    fake.drop(operation, is_done=draws.random() < 0.5)
            for more in range(5):
                line.put(result(f"{number + more}"), defect(f"{number + more}"))
            line.wait_until_sent()
    expected = numbers(5 * count)
    assert without_repetitions(payloads(fake.local, Channel.RESULT)) == expected
    assert without_repetitions(payloads(fake.local, Channel.DEFECT)) == expected
    assert without_repetitions(payloads(fake.iot_core, Channel.DEFECT)) == expected


def test_service_errors_alone_repeat_nothing(fake: FakeNucleus) -> None:
    with nucleus_at(fake) as nucleus, line_at(nucleus, iot_core=[]) as line:
        for number in range(0, 30, 3):
            fake.fail("PublishToTopic", "ServiceError", number % 2)
            line.put(*(result(f"{number + more}") for more in range(3)))
            line.wait_until_sent()
    assert payloads(fake.local, Channel.RESULT) == numbers(30)


def test_an_answer_that_comes_too_late_repeats_its_message_before_the_next(fake: FakeNucleus) -> None:
    with nucleus_at(fake, timeout_s=0.1) as nucleus, line_at(nucleus, iot_core=[]) as line:
        fake.silence("PublishToTopic", 1, is_done=True)
        line.put(result("0"), result("1"), result("2"))
        line.wait_until_sent()
    assert payloads(fake.local, Channel.RESULT) == ["0", "0", "1", "2"]


def test_a_topic_that_is_not_allowed_is_a_dead_letter_and_the_others_go_on(tmp_path) -> None:  # noqa: ANN001
    allowed = "edge-inspector/*/camera/result"
    with FakeNucleus(tmp_path, pubsub=[allowed]) as fake, nucleus_at(fake) as nucleus, line_at(nucleus) as line:
        line.put(*(each for number in range(5) for each in (result(f"r{number}"), defect(f"d{number}"))))
        line.wait_until_sent()
        assert line.journal.state().dead_letters == {LOCAL: 5}
        assert nucleus.connection == 1
    assert payloads(fake.local, Channel.RESULT) == [f"r{number}" for number in range(5)]
    assert payloads(fake.iot_core, Channel.DEFECT) == [f"d{number}" for number in range(5)]


def test_back_pressure_of_ten_slots_loses_nothing(lite: FakeNucleus) -> None:
    with nucleus_at(lite) as nucleus, line_at(nucleus) as line:
        lite.iot_acknowledges = False
        line.put(*(defect(f"{number}") for number in range(100)))
        line.wait_until_sent(LOCAL)
        lite.wait_until(lambda: lite.requests["PublishToIoTCore"] >= 12)
        assert payloads(lite.iot_core, Channel.DEFECT) == numbers(10)
        lite.iot_acknowledges = True
        line.wait_until_sent(CLOUD)
    assert payloads(lite.iot_core, Channel.DEFECT) == numbers(100)
    assert payloads(lite.local, Channel.DEFECT) == numbers(100)


def test_a_cloud_that_is_away_holds_up_nobody_on_the_device(lite: FakeNucleus) -> None:
    with nucleus_at(lite) as nucleus, line_at(nucleus) as line:
        lite.iot_is_online = False
        line.put(message(Channel.STATUS, "online"), *(defect(f"{number}") for number in range(50)))
        line.wait_until_sent(LOCAL)
        assert line.sinks[CLOUD].queued == 50
        lite.iot_is_online = True
        line.wait_until_sent(CLOUD)
        lite.wait_until(lambda: payloads(lite.iot_core, Channel.STATUS))
    assert payloads(lite.iot_core, Channel.DEFECT) == numbers(50)
    assert payloads(lite.iot_core, Channel.STATUS) == ["online"]


def test_a_java_nucleus_keeps_what_it_takes_while_the_cloud_is_away(java: FakeNucleus) -> None:
    with nucleus_at(java) as nucleus, line_at(nucleus) as line:
        java.iot_is_online = False
        line.put(*(defect(f"{number}") for number in range(20)))
        line.wait_until_sent()
        assert java.iot_core == []
        java.iot_is_online = True
    assert payloads(java.iot_core, Channel.DEFECT) == numbers(20)


def test_leaving_a_nucleus_that_hangs_takes_both_sinks_no_longer_than_one(
    java: FakeNucleus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_inspector.sinks.outbox.FLUSH_S", 0.2)
    with nucleus_at(java) as nucleus:
        java.silence("PublishToTopic", 100)
        java.silence("PublishToIoTCore", 100)
        with line_at(nucleus) as line:
            line.put(defect("1"))
            java.wait_until(lambda: java.requests["PublishToTopic"] and java.requests["PublishToIoTCore"])
            local, cloud = line.sinks.values()
        assert abs(local._flush_until_s - cloud._flush_until_s) < 0.1
        assert (local.queued, cloud.queued) == (1, 1)
