"""What a look asks of AWS grows with the stations as docs/scale.md counts it; nothing is asked twice."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from cloud_side.clients import client
from cloud_side.deployment.keeping import write_devices
from cloud_side.local.devices.registering import CoreDevice, register
from tests.cloud.deployment.site import HALL, Site
from tests.cloud.deployment.test_looks import begin, step

MORE = 30
OURS = [f"press-{number}" for number in (2, 3)]


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """Count the requests that handlers send meanwhile, by their names."""
    found: Counter[str] = Counter()

    def count(event_name: str, **_: Any) -> None:
        found[event_name.rpartition(".")[2]] += 1

    events = [client(service).meta.events for service in ("greengrassv2", "iot", "s3")]
    for each in events:
        each.register("before-call", count)
    try:
        yield found
    finally:
        for each in events:
            each.unregister("before-call", count)


@pytest.fixture
def wave(site: Site) -> list[str]:
    """A wave of many stations that is begun, and of which none has anything yet."""
    begin(site, site.register("1.0.0"))
    assert step(site, "Look at devices") == "go"
    assert step(site, "Look at evidence") == "go"
    stations = [f"more-{number:02d}" for number in range(MORE)]
    for each in stations:
        register(site.cloud.database, CoreDevice(each, site.updates(each), None), [HALL])
    site.is_asleep = True
    assert step(site, "Deploy") == "devices"
    return sorted([*OURS, *stations])


@pytest.mark.thorough
def test_a_look_asks_each_station_that_has_not_got_the_model_once(site: Site, wave: list[str]) -> None:
    with counted() as found:
        assert step(site, "Look at devices") == "wait"
    assert found["ListEffectiveDeployments"] == len(wave)
    assert found["ListObjectsV2"] == 2  # of the canary's station


@pytest.mark.thorough
def test_a_station_that_has_the_model_is_asked_no_more_but_listed_twice_and_read_once(
    site: Site, wave: list[str]
) -> None:
    write_devices(site.bucket, "first", 1, dict.fromkeys(wave, ("top",)))
    with counted() as asked:
        assert step(site, "Look at devices") == "go"
    with counted() as silent:
        assert step(site, "Look at evidence") == "wait"
    for each in wave:
        site.prove(each, "1.0.0")
    with counted() as proved:
        assert step(site, "Look at evidence") == "go"
    assert asked["ListEffectiveDeployments"] == 0
    assert silent["ListObjectsV2"] == proved["ListObjectsV2"] == 2 * (1 + len(wave))
    assert proved["GetObject"] - silent["GetObject"] == len(wave)


@pytest.mark.thorough
def test_on_the_way_back_who_is_back_is_asked_no_more(site: Site, wave: list[str]) -> None:
    assert step(site, "Restore") == "go"
    with counted() as first:
        assert step(site, "Look at restored") == "wait"
    assert first["ListEffectiveDeployments"] >= len(wave)
    write_devices(site.bucket, "first", "1-back", dict.fromkeys(wave[1:], ()))
    with counted() as later:
        assert step(site, "Look at restored") == "wait"
    assert later["ListEffectiveDeployments"] == first["ListEffectiveDeployments"] - len(wave) + 1
    site.is_asleep = False
    assert step(site, "Look at restored") == "go"
