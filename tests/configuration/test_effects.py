import pytest

from edge_inspector.configuration.effects import ANY, EFFECTS, Effect, effect_of, strongest
from edge_inspector.settings import ProductSettings
from tests.configuration.kinds import KEYS, keys_of


def test_the_walk_over_the_settings_finds_keys_of_every_shape() -> None:
    for key in ("log.level", "source.url", "source.seed", "mqtt", "mqtt.tls.ca", "samples.upload.target.bucket"):
        assert KEYS[key]
    assert KEYS["policy.min_area_px"]
    assert not KEYS["samples.upload"]
    assert len(KEYS) > 100


@pytest.mark.parametrize("key", KEYS)
def test_every_key_has_an_effect(key: str) -> None:
    if KEYS[key]:
        assert effect_of(key) in Effect


def test_the_table_names_no_key_that_there_is_not() -> None:
    of_a_product = {f"products.{ANY}.{key}" for key, _ in keys_of(ProductSettings)}
    assert set(EFFECTS) <= set(KEYS) | of_a_product


def test_only_a_restart_is_promised_for_a_whole_section_so_that_a_new_key_is_safe() -> None:
    sections = {key for key in KEYS if any(other.startswith(f"{key}.") for other in KEYS)}
    sections -= {"policy.override"}  # of one meaning as a whole: it comes, goes and changes in the same way
    assert {effect for key, effect in EFFECTS.items() if key in sections} == {Effect.RESTART}


def test_a_key_that_the_table_does_not_know_has_none() -> None:
    for key in ("flow", "flow.new_key", "new_section.key"):
        with pytest.raises(KeyError):
            effect_of(key)


def test_the_strongest_effect_includes_the_others() -> None:
    assert strongest([]) is Effect.LIVE
    assert strongest([Effect.LIVE, Effect.SOURCE]) is Effect.SOURCE
    assert strongest([Effect.RESTART, Effect.SOURCE, Effect.LIVE]) is Effect.RESTART
