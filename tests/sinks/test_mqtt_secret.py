import logging
import threading
from pathlib import Path

import pytest

from edge_inspector.errors import ConfigError
from edge_inspector.journal import Journal, JournalOptions
from edge_inspector.settings import MqttSettings
from edge_inspector.sinks.mqtt import MqttSink
from edge_inspector.sinks.mqtt_connection import read_password
from edge_inspector.topics import CATALOGUE, Channel, Message
from tests.mosquitto import PATIENCE_S, Mosquitto, eventually, write_passwords

WILL = Message("edge-inspector/hall/line/station/status", b"offline", CATALOGUE[Channel.STATUS])
SETTINGS = {"username": "station", "password_secret": "broker", "reconnect_min_s": 0.02, "reconnect_max_s": 0.1}


def test_the_password_is_the_secret_of_that_name() -> None:
    assert read_password(MqttSettings.model_validate(SETTINGS), {"broker": "s3cret"}.__getitem__) == "s3cret"


def test_a_secret_without_anybody_who_keeps_it_is_an_error_that_says_where_it_is_to_be_had() -> None:
    settings = MqttSettings.model_validate(SETTINGS)
    with Journal(None, JournalOptions()) as journal, pytest.raises(ConfigError, match="only under Greengrass"):
        MqttSink(settings, journal, client_id="station", will=WILL)


def test_a_secret_is_asked_for_with_every_attempt_and_never_before_the_first(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="edge_inspector")
    write_passwords(tmp_path / "users", "station", "correct horse")
    passwords = iter(["battery staple", ConfigError("mqtt.password_secret: not to be had"), "correct horse"])
    asked = threading.Event()

    def secret(name: str) -> str:
        assert name == "broker"
        asked.set()
        password = next(passwords)
        if isinstance(password, ConfigError):
            raise password
        return password

    with (
        Mosquitto(tmp_path, "allow_anonymous false", f"password_file {tmp_path / 'users'}") as broker,
        Journal(None, JournalOptions()) as journal,
    ):
        settings = MqttSettings.model_validate({**SETTINGS, "port": broker.port})
        sink = MqttSink(settings, journal, client_id="station", will=WILL, secret=secret)
        assert not asked.is_set()
        with sink:
            assert asked.wait(PATIENCE_S)
            eventually(lambda: sink.connected, what="the renewed secret is used")
    assert "not asked: mqtt.password_secret: not to be had" in caplog.text
    assert "battery staple" not in caplog.text
    assert "correct horse" not in caplog.text
