"""The configuration as it is for a product: its own where it has one, else the rest's; never what another one left."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.errors import ConfigError
from edge_inspector.settings import GenicamSource, Settings, parse
from edge_inspector.settings.for_product import product_camera, with_product

PRODUCTS = {
    "plain": {},
    "own": {
        "model": {"path": "/models/own", "precision": "int8"},
        "policy": {"fail_safe": "review"},
        "camera": {"exposure_us": 900, "features": {"Gamma": 0.5}},
    },
}
CAMERA = {"type": "genicam", "exposure_us": 100, "features": {"Gamma": 1.0, "LineMode": "Input"}}


def settings_of(**sections: Any) -> Settings:
    base = {
        "station": {"product": "plain"},
        "source": CAMERA,
        "model": {"path": "/models/shared", "threads": 2, "tiling": {}},
        "policy": {"min_area_px": {"dent": 4}},
        "products": PRODUCTS,
    }
    return parse({**base, **sections})


def test_what_a_product_leaves_out_is_as_in_the_rest() -> None:
    plain = with_product(settings_of(), "plain")
    assert (plain.model, plain.policy, plain.source) == (
        settings_of().model,
        settings_of().policy,
        settings_of().source,
    )


def test_what_a_product_has_takes_the_place_of_the_rest() -> None:
    own = with_product(settings_of(), "own")
    assert own.station.product == "own"
    assert (str(own.model.path), own.model.precision, own.model.tiling) == ("/models/own", "int8", None)
    assert own.model.threads == 2
    assert (own.policy.fail_safe, own.policy.min_area_px) == ("review", {})
    assert isinstance(own.source, GenicamSource)
    assert own.source.exposure_us == 900
    assert own.source.features == {"Gamma": 0.5, "LineMode": "Input"}


@given(order=st.lists(st.sampled_from(sorted(PRODUCTS)), min_size=1))
def test_a_product_is_the_same_whatever_came_before_it(order: list[str]) -> None:
    base = settings_of()
    for code in order:
        seen = with_product(base, code)
        camera = product_camera(seen, code)
    assert seen == with_product(settings_of(station={"product": order[-1]}), order[-1])
    assert camera == product_camera(base, order[-1])


def test_without_products_nothing_changes() -> None:
    settings = parse({"station": {"product": "anything"}})
    assert with_product(settings, "anything") is settings
    assert with_product(parse({}), None) == parse({})


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        ({"station": {"product": "unknown"}}, ["station.product", "own, plain", "unknown"]),
        ({"station": {}}, ["station.product"]),
        ({"source": {"type": "simulated"}}, ["products.own.camera", "simulated"]),
        ({"model": {"updates": {"folder": "/updates"}}}, ["products.own.model", "model.updates.folder"]),
        ({"source": {"type": "genicam", "features": {"Gamma": 1.0}}}, ["products.plain.camera.exposure_us", "own"]),
        ({"source": {"type": "genicam", "exposure_us": 1}}, ["products.plain.camera.features.Gamma", "own"]),
        ({"products": {**PRODUCTS, "": {}}}, ["products", "1 to 64 bytes"]),
        ({"products": {**PRODUCTS, "ä" * 40: {}}}, ["products", "1 to 64 bytes"]),
    ],
)
def test_products_that_cannot_take_turns_are_an_error(sections: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        settings_of(**sections)
    for word in words:
        assert word in str(caught.value)
