import json
import logging
import threading
from collections.abc import Callable

import pytest

from edge_inspector.errors import ConfigError
from edge_inspector.topics import Channel
from tests.greengrass.line import line_at, nucleus_at, payloads, result
from tests.nucleus.fake import FakeNucleus


def ready(fake: FakeNucleus, operation: str) -> None:
    fake.wait_until(lambda: fake.requests[operation] == 1)


def no_problem(_: dict[str, object]) -> str | None:
    return None


def test_a_usable_configuration_is_accepted_before_it_is_deployed(java: FakeNucleus) -> None:
    asked: list[dict[str, object]] = []

    def check(document: dict[str, object]) -> str | None:
        asked.append(document)
        return None

    with nucleus_at(java) as nucleus, nucleus.validating(check):
        ready(java, "SubscribeToValidateConfigurationUpdates")
        report = java.configure({"flow": {"queue_size": 5}})
    assert report is not None
    assert report.status == "ACCEPTED"
    assert asked[0]["flow"] == {"queue_size": 5}


def test_one_that_is_not_is_rejected_in_words_and_not_deployed(java: FakeNucleus) -> None:
    with nucleus_at(java) as nucleus, nucleus.validating(lambda _: "flow.queue_size: expected a number"):
        ready(java, "SubscribeToValidateConfigurationUpdates")
        report = java.configure({"flow": {"queue_size": "many"}})
    assert report is not None
    assert (report.status, report.message) == ("REJECTED", "flow.queue_size: expected a number")
    assert "flow" not in java.configuration


def test_after_a_restart_of_the_nucleus_it_is_asked_again(java: FakeNucleus) -> None:
    with nucleus_at(java) as nucleus, nucleus.validating(no_problem):
        ready(java, "SubscribeToValidateConfigurationUpdates")
        java.restart(new_token=False)
        java.wait_until(lambda: java.requests["SubscribeToValidateConfigurationUpdates"] == 2)
        report = java.configure({"flow": {"queue_size": 5}})
    assert report is not None
    assert report.status == "ACCEPTED"


def test_an_update_may_come_unless_there_is_a_reason(java: FakeNucleus) -> None:
    reasons = iter(["a new model proves itself", None])
    with nucleus_at(java) as nucleus, nucleus.deferring_updates(lambda: next(reasons)):
        ready(java, "SubscribeToComponentUpdates")
        (waits,) = java.offer_update("deployment-1")
        (comes,) = java.offer_update("deployment-1")
        java.finish_update("deployment-1")
    assert (waits.deployment_id, waits.recheck_after_ms) == ("deployment-1", 30_000)
    assert waits.message == "a new model proves itself"
    assert (comes.deployment_id, comes.recheck_after_ms) == ("deployment-1", 0)


def test_an_answer_that_the_nucleus_does_not_take_is_logged_and_the_next_one_given(
    java: FakeNucleus, caplog: pytest.LogCaptureFixture
) -> None:
    java.fail("DeferComponentUpdate", "ServiceError")
    with nucleus_at(java) as nucleus, nucleus.deferring_updates(lambda: None):
        ready(java, "SubscribeToComponentUpdates")
        assert java.offer_update("deployment-1", timeout_s=0.1) == []
        assert len(java.offer_update("deployment-2")) == 1
    assert any("answer to an update" in message for message in caplog.messages)


def test_a_lite_nucleus_asks_neither_which_is_said_once_and_no_problem(
    lite: FakeNucleus, caplog: pytest.LogCaptureFixture
) -> None:
    operations = ("SubscribeToComponentUpdates", "SubscribeToValidateConfigurationUpdates")
    with nucleus_at(lite) as nucleus, nucleus.validating(no_problem), nucleus.deferring_updates(lambda: None):
        for times in (1, 2):
            for operation in operations:
                lite.wait_until(lambda operation=operation, times=times: lite.requests[operation] == times)
            if times == 1:
                lite.restart(new_token=False)
        assert lite.configure({"flow": {"queue_size": 5}}) is None
    said = [record for record in caplog.records if "this nucleus does not have that" in record.getMessage()]
    assert [record.levelno for record in said] == [logging.INFO] * 2


@pytest.mark.parametrize(
    "content", ["s3cret", b"s3cret", json.dumps({"username": "u", "password": "s3cret"})], ids=["text", "bytes", "json"]
)
def test_a_secret_is_its_text_or_the_password_in_its_json(java: FakeNucleus, content: str | bytes) -> None:
    java.secrets["broker"] = content
    with nucleus_at(java) as nucleus:
        assert nucleus.secret("broker") == "s3cret"
        java.secrets["broker"] = "renewed"
        assert nucleus.secret("broker") == "renewed"


def _refuse(fake: FakeNucleus) -> None:
    fake.secrets["broker"] = "s3cret"
    fake.fail("GetSecretValue", "UnauthorizedError")


def _hide(fake: FakeNucleus) -> None:
    fake.secrets.clear()


def _empty(fake: FakeNucleus) -> None:
    fake.secrets["broker"] = json.dumps({"user": "s3cret"})


def _garble(fake: FakeNucleus) -> None:
    fake.secrets["broker"] = b"s3cret\xff"


def _hang(fake: FakeNucleus) -> None:
    fake.silence("GetSecretValue")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_refuse, "get the secret broker: not allowed; check accessControl"),
        (_hide, "get the secret broker: the nucleus knows none of that name"),
        (_empty, "the secret broker: expected the password, or JSON with a key `password`"),
        (_garble, "the secret broker: expected the password, or JSON with a key `password`"),
        (_hang, "get the secret broker: no answer from the nucleus"),
    ],
)
def test_a_secret_that_is_not_to_be_had_says_why_and_nothing_of_its_content(
    java: FakeNucleus, caplog: pytest.LogCaptureFixture, spoil: Callable[[FakeNucleus], None], words: str
) -> None:
    spoil(java)
    with nucleus_at(java, timeout_s=0.2) as nucleus, pytest.raises(ConfigError, match=words) as caught:
        nucleus.secret("broker")
    assert str(caught.value).startswith("mqtt.password_secret: ")
    assert "s3cret" not in str(caught.value) + caplog.text


def test_a_lite_nucleus_has_no_secrets_which_is_said(lite: FakeNucleus) -> None:
    with nucleus_at(lite) as nucleus, pytest.raises(ConfigError, match="expected a Java nucleus with"):
        nucleus.secret("broker")


def test_nothing_that_is_asked_holds_up_a_publish(java: FakeNucleus) -> None:
    asked, goes_on = threading.Event(), threading.Event()

    def check(_: dict[str, object]) -> str | None:
        asked.set()
        goes_on.wait(20)
        return None

    with nucleus_at(java) as nucleus, nucleus.validating(check), line_at(nucleus) as line:
        ready(java, "SubscribeToValidateConfigurationUpdates")
        thread = threading.Thread(target=lambda: java.configure({"flow": {"queue_size": 5}}))
        thread.start()
        assert asked.wait(20)
        assert nucleus.configuration()
        line.put(result("1"))
        java.wait_until(lambda: payloads(java.local, Channel.RESULT) == ["1"])
        assert thread.is_alive(), "the question is not answered yet"
        goes_on.set()
        thread.join()
