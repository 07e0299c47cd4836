"""`check-config` looks at every product, not only at the one that the line starts with."""

from pathlib import Path

import pytest

from edge_inspector.app import check
from edge_inspector.errors import ConfigError, ModelError
from tests.products.line import VERSIONS, A, B, C, products_in, settings_of


def test_each_product_s_model_and_what_lapses_are_told(tmp_path: Path) -> None:
    products = products_in(tmp_path)
    override = {"model_sha256": "0" * 64, "classes": {}}
    products[B]["policy"] = {"override": override}
    told = "\n".join(check(settings_of(tmp_path, products=products)))
    for code in (A, B, C):
        assert f"product {code}: model spot {VERSIONS[code]}" in told
    assert f"product {B}: The thresholds in the configuration were made for model" in told
    assert f"product {C}: The thresholds" not in told


def test_a_product_that_cannot_be_looked_at_is_named(tmp_path: Path) -> None:
    products = products_in(tmp_path)
    products[C]["policy"] = {"min_area_px": {"rust": 1}}
    with pytest.raises(ConfigError, match=rf"product {C}: .*rust"):
        check(settings_of(tmp_path, products=products))
    products[C]["model"] = {"path": str(tmp_path / "absent")}
    with pytest.raises(ModelError, match=rf"product {C}: .*absent"):
        check(settings_of(tmp_path, products=products))
