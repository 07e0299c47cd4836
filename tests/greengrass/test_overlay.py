from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_inspector.component import overlay
from edge_inspector.errors import ConfigError
from edge_inspector.settings import parse

THING = "press-7"
MODELS = Path("/work/com.edgeinspector.Model/models")
ACCESS = {"aws.greengrass.ipc.pubsub": {"com.edgeinspector.Inspector:pubsub:1": {"resources": ["edge-inspector/*"]}}}

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def test_the_station_is_the_thing_and_models_come_from_the_model_component() -> None:
    settings = parse(overlay({"accessControl": ACCESS}, thing_name=THING, models=MODELS))
    assert settings.station.station == THING
    assert settings.model.updates.folder == MODELS


def test_what_is_configured_beside_them_stays() -> None:
    configuration = {"station": {"line": "3"}, "model": {"path": "m", "updates": {"probation_parts": 7}}}
    settings = parse(overlay(configuration, thing_name=THING, models=MODELS))
    assert (settings.station.line, settings.model.path, settings.model.updates.probation_parts) == ("3", Path("m"), 7)


def test_a_configured_folder_of_models_goes_first() -> None:
    configuration = {"model": {"updates": {"folder": "/elsewhere"}}}
    assert overlay(configuration, thing_name=THING, models=MODELS)["model"] == {"updates": {"folder": "/elsewhere"}}


def test_without_a_folder_of_models_nothing_is_said_of_them() -> None:
    assert overlay({}, thing_name=THING, models=None) == {"station": {"station": THING, "thing_name": THING}}


def test_values_that_a_nucleus_hands_over_as_text_are_fine() -> None:
    configuration = {"flow": {"queue_size": "8"}, "health": {"image": {"enabled": "false"}}}
    settings = parse(overlay(configuration, thing_name=THING, models=None))
    assert (settings.flow.queue_size, settings.health.image.enabled) == (8, False)


def test_another_station_than_the_thing_is_an_error_that_says_so() -> None:
    document = overlay({"station": {"station": "x"}}, thing_name=THING, models=None)
    with pytest.raises(ConfigError, match=r"station: expected the thing name 'press-7' under Greengrass, found 'x'$"):
        parse(document)


def test_a_key_that_nobody_knows_stays_and_is_refused_by_the_parser() -> None:
    document = overlay({"polcy": {}, "accessControl": ACCESS}, thing_name=THING, models=None)
    with pytest.raises(ConfigError, match=r"configuration: polcy: unknown key$"):
        parse(document)


@settings(max_examples=30)
@given(st.dictionaries(st.sampled_from(["station", "model", "accessControl", "flow", "other"]), values))
def test_whatever_the_nucleus_has_becomes_settings_or_an_error_in_words(configuration: dict[str, object]) -> None:
    before = repr(configuration)
    with suppress(ConfigError):
        parsed = parse(overlay(configuration, thing_name=THING, models=MODELS))
        assert parsed.station.station == THING
    assert repr(configuration) == before
