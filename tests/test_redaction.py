import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.redaction import REDACTED, redact, redact_lines, redact_text, secrets_in
from edge_inspector.settings import Settings, parse

SECRET = "Tr0ub4dor&3"


@pytest.mark.parametrize(
    "key",
    ["password", "Password", "mqtt_password", "passwd", "passwrd", "pass", "pwd", "passphrase", "secret", "api_key",
     "apikey", "access-key-id", "private_key", "auth_token", "credentials"],
)  # fmt: skip
def test_the_value_of_a_key_that_is_named_like_a_secret_is_taken_out(key: str) -> None:
    for value in (SECRET, 1234, [SECRET], {"inner": SECRET}):
        assert redact({"mqtt": {key: value, "port": 1883}}) == {"mqtt": {key: REDACTED, "port": 1883}}


@pytest.mark.parametrize("key", ["username", "path", "camera", "key", "bypass_s", "compass", "passed"])
def test_other_values_stay(key: str) -> None:
    assert redact({key: "x", "n": 1, "list": [1.5, True, None]}) == {key: "x", "n": 1, "list": [1.5, True, None]}


def test_the_path_of_a_password_file_stays_but_not_a_password_in_its_place() -> None:
    assert redact({"password_file": "/etc/edge-inspector/password"}) == {
        "password_file": "/etc/edge-inspector/password"
    }
    assert redact({"password_file": SECRET}) == {"password_file": REDACTED}


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("rtsp://admin:Tr0ub4dor&3@10.0.0.7:554/live", "rtsp://[redacted]@10.0.0.7:554/live"),
        ("rtsp://admin:p@ss/w0rd@10.0.0.7/live", "rtsp://[redacted]@10.0.0.7/live"),
        (
            "http://cam/mjpg?user=admin&pw=Tr0ub4dor&channel=1",
            "http://cam/mjpg?user=[redacted]&pw=[redacted]&channel=1",
        ),
        ("rtsp://cam/user=admin_password=Tr0ub4dor_channel=1.sdp", "rtsp://cam/user=admin_password=[redacted]"),
        ("rtsp://cam:554/Streaming/Channels/101", "rtsp://cam:554/Streaming/Channels/101"),
    ],
)
def test_an_address_loses_its_user_and_its_parameters(address: str, expected: str) -> None:
    assert redact({"url": address}) == {"url": expected}
    assert redact_text(f"cannot open {address} now") == f"cannot open {expected} now"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('{"password": "a\\"b", "port": 1}', '{"password": "[redacted]", "port": 1}'),
        ("login password=hunter2, port 5", "login password=[redacted], port 5"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer [redacted]"),
        ('said {\\"token\\": \\"abc\\"}', 'said {\\"token\\": \\"[redacted]\\"}'),
        ("the password was refused", "the password was refused"),
    ],
)
def test_a_line_of_a_log_loses_what_is_named_like_a_secret(line: str, expected: str) -> None:
    assert redact_text(line) == expected


BROKEN = f"""\
# before it was {SECRET}-1
[station]
camera = "top
[source]
url = "rtsp://admin:{SECRET}-2@cam/live"
password = "{SECRET}-3"
[mqtt]
host = "broker"   # and its passwd: {SECRET}-4
password = '''
{SECRET}-5
port = {SECRET}-6
'''
username = "station"
password_file = "/etc/password"
token = [
  "{SECRET}-7",
]
[secrets]
anything = "{SECRET}-8"
[flow]
queue_size = 3
"""


def test_a_file_that_cannot_be_parsed_loses_rather_too_much_than_too_little() -> None:
    shown = redact_lines(BROKEN)
    assert SECRET not in shown
    assert len(shown.splitlines()) == len(BROKEN.splitlines())
    for kept in (
        'camera = "top',
        'username = "station"',
        'password_file = "/etc/password"',
        "queue_size = 3",
        "[flow]",
    ):
        assert kept in shown


def test_json_on_one_line_that_cannot_be_parsed_ends_at_the_secret() -> None:
    assert (
        redact_lines(f'{{"mqtt": {{"port": 1, "password": "{SECRET}",') == '{"mqtt": {"port": 1, "password [redacted]'
    )


def test_the_secrets_are_known_by_their_text() -> None:
    document = {
        "mqtt": {"password": SECRET, "host": "mqtt://u:Pa55@broker"},
        "list": [{"token": [1234567, {"x": "inner"}]}],
        "url": "http://cam/?key=K3Y&channel=1",
    }
    assert sorted(secrets_in(document)) == sorted([SECRET, "Pa55", "1234567", "inner", "K3Y"])


def test_a_redacted_configuration_is_still_a_configuration() -> None:
    given_settings = parse({
        "mqtt": {"username": "u", "password": SECRET},
        "source": {"type": "network", "url": "rtsp://cam/live?channel=1", "username": "u", "password": SECRET},
    })  # fmt: skip
    document: Any = redact(given_settings.model_dump(mode="json"))
    assert SECRET not in json.dumps(document)
    parsed = parse(document)
    assert parsed.mqtt is not None
    assert parsed.mqtt.password == REDACTED
    assert redact(Settings().model_dump(mode="json")) == Settings().model_dump(mode="json")


_texts = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=30)


@given(st.text(max_size=300))
def test_any_text_can_be_redacted_twice_as_once(text: str) -> None:
    once = redact_text(text)
    assert redact_text(once) == once
    redact_lines(text)


@given(_texts, st.from_regex(re.compile(r"[A-Za-z0-9!$%*+./-]{8,20}"), fullmatch=True))
def test_a_password_never_stays_behind_its_key(before: str, secret: str) -> None:
    assert secret not in redact_lines(f"{before}\npassword = {secret}\n[end]").split("\n", 1)[-1].replace(before, "")
