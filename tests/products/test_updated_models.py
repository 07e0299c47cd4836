"""Where models are updated, products change policy alone, and whichever model runs judges by the product in force."""

from pathlib import Path
from typing import Any

import pytest

from edge_inspector.alarms import OVERRIDE_LAPSED
from edge_inspector.settings import Settings
from tests.models.made import POLICY_CLASS, Updates, label_of, sha256_of, spot_package
from tests.mosquitto import eventually
from tests.products.line import Station, settings_of

PLAIN, STRICT = "plain", "strict"


def station_of(folder: Path, updates: Updates, **sections: Any) -> Settings:
    first = spot_package(folder / "first", "1.0.0")
    model = {"path": str(first), "updates": {"folder": str(updates.folder), "probation_parts": 20}}
    strict = {
        "override": {
            "model_sha256": sha256_of(first),
            "classes": {label_of("1.0.0"): {"review_at": 0.1, "reject_at": 0.2}},
        },
        "min_area_px": {POLICY_CLASS: 1},
        "fail_safe": "review",
    }
    products = {PLAIN: {}, STRICT: {"policy": strict}}
    return settings_of(folder, products=products, model=model, station={"product": PLAIN}, **sections)


def verdicts(station: Station, of: str) -> set[tuple[str, str]]:
    """Return version and outcome of the parts of a product."""
    found = [each for each in station.told.of("result") if each["product"] == of]
    return {(each["model"]["version"], each["outcome"]) for each in found}


@pytest.mark.usefixtures("hurried")
def test_an_override_of_a_product_holds_for_its_model_and_lapses_with_the_next(tmp_path: Path) -> None:
    updates = Updates(tmp_path / "updates")
    with Station(station_of(tmp_path, updates)) as station:
        station.goes_on()
        station.change(STRICT)
        station.goes_on()
        assert verdicts(station, PLAIN) == {("1.0.0", "review")}
        eventually(lambda: verdicts(station, STRICT) == {("1.0.0", "reject")}, what="the strict product is judged")
        updates.place("1.1.0")
        eventually(
            lambda: ("1.1.0", "review") in verdicts(station, STRICT), what="the new model judges by its own thresholds"
        )
        eventually(lambda: station.told.of(f"alarm/{OVERRIDE_LAPSED}"), what="that its override lapses is told")
        station.change(PLAIN)
        station.goes_on()
        station.end()
    assert verdicts(station, PLAIN) == {("1.0.0", "review"), ("1.1.0", "review")}


@pytest.mark.usefixtures("hurried")
def test_a_model_that_does_not_know_what_another_product_names_is_refused(tmp_path: Path) -> None:
    updates = Updates(tmp_path / "updates")
    with Station(station_of(tmp_path, updates)) as station:
        station.goes_on()
        updates.place("1.1.0", classes=())
        eventually(lambda: [each for each in station.told.of("model") if "candidate" in each], what="it is refused")
        (refusal,) = [each for each in station.told.of("model") if "candidate" in each]
        station.change(STRICT)
        station.end()
    assert POLICY_CLASS in refusal["reason"]


@pytest.mark.thorough
@pytest.mark.usefixtures("hurried")
def test_models_and_products_change_at_once_and_each_result_is_of_one_of_each(tmp_path: Path) -> None:
    updates = Updates(tmp_path / "updates")
    with Station(station_of(tmp_path, updates)) as station:
        for number in range(1, 4):
            updates.place(f"1.{number}.0", review_at=0.4 if number % 2 else 0.6, reject_at=0.45 if number % 2 else 0.7)
            for code in (STRICT, PLAIN) * 4:
                station.change(code)
                station.goes_on(5)
        station.end()
        results = station.told.of("result")
    own = {"1.0.0": "review", "1.1.0": "reject", "1.2.0": "accept", "1.3.0": "reject"}
    for each in results:
        version = each["model"]["version"]
        is_overridden = each["product"] == STRICT and version == "1.0.0"
        assert each["outcome"] == ("reject" if is_overridden else own[version])
