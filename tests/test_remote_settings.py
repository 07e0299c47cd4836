"""The settings of an endpoint that looks at frames."""

from typing import Any

import pytest

from edge_inspector.errors import ConfigError
from edge_inspector.settings import parse

URL = "https://endpoint:8443/models/tags"


def test_an_address_is_enough_and_the_own_model_is_the_fallback() -> None:
    remote = parse({"model": {"remote": {"url": URL}}}).model.remote
    assert remote is not None
    assert (remote.url, remote.fallback, remote.encoding) == (URL, "local", "png")
    assert parse({}).model.remote is None


@pytest.mark.parametrize(
    ("remote", "rest", "said"),
    [
        ({"url": "endpoint:8080"}, {}, "model.remote.url: expected http://HOST"),
        ({"url": "ftp://endpoint"}, {}, "model.remote.url: expected http://HOST"),
        ({"url": "http://user:word@endpoint"}, {}, "without a user"),
        ({"url": "http://endpoint:port"}, {}, "model.remote.url: "),
        ({}, {}, "model.remote.url: missing"),
        ({"url": "http://endpoint", "authorization_file": "/token"}, {}, "expected https where authorization_file"),
        ({"url": URL, "timeout_ms": 500}, {"flow": {"deadline_ms": 500}}, "less than flow.deadline_ms (500)"),
        ({"url": URL, "timeout_ms": 15_001}, {}, "at most 15000, half of health.watchdog.inspection_s"),
        (
            {"url": URL, "timeout_ms": 700},
            {"health": {"watchdog": {"inspection_s": 1}}},
            "at most 500, half of health.watchdog.inspection_s",
        ),
        ({"url": URL}, {"model": {"tiling": {}}}, "an endpoint looks at whole frames"),
        ({"url": URL}, {"model": {"updates": {"folder": "/updates"}}}, "is not updated here"),
        (
            {"url": URL},
            {"station": {"product": "a"}, "products": {"a": {"model": {"path": "/a"}}}},
            "products.a.model: an endpoint serves one model",
        ),
    ],
)
def test_what_cannot_be_is_one_clear_error(remote: dict[str, Any], rest: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse({**rest, "model": {"remote": remote, **rest.get("model", {})}})
    (problem,) = str(error.value).splitlines()
    assert said in problem


def test_a_password_in_an_address_is_not_repeated() -> None:
    with pytest.raises(ConfigError) as error:
        parse({"model": {"remote": {"url": "http://user:word@endpoint"}}})
    assert "word" not in str(error.value)
