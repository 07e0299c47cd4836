"""The dashboard for Grafana: it asks for nothing that a station does not export."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from edge_inspector.events import Json
from edge_inspector.health.metrics import registry_of
from tests.gated import Gated, gated_settings
from tests.mosquitto import eventually
from tests.plc import Plc
from tests.test_events import STATS

DASHBOARD = Path(__file__).parents[1] / "docs" / "grafana" / "edge-inspector.json"
PLACE = {"site", "line", "station", "camera"}
_METRIC = re.compile(r"\b(?:edge_inspector|process)_[a-z0-9_]+\b")
_SELECTED = re.compile(r"\b((?:edge_inspector|process)_[a-z0-9_]+)\{([^}]*)\}")


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Return the labels of every metric, by name, of a station with a gate and of the example of its statistics.

    The example has what a short run does not come to, as drops and messages that were given up.
    """
    labels = labels_of(STATS)
    with Plc() as machine:
        folder = tmp_path_factory.mktemp("station")
        settings = gated_settings(folder, machine, samples={"mode": "select", "random_share": 1.0}, count=15)
        with Gated.running(settings) as gated:
            gated.wait_for_the_end()
            values = gated.station._pipeline.values
            is_kept = "edge_inspector_samples_kept_total"
            eventually(lambda: is_kept in labels_of(values()), what="a sample is kept")
            for name, found in labels_of(values()).items():
                labels.setdefault(name, set()).update(found)
    return labels


def labels_of(values: Mapping[str, Json]) -> dict[str, set[str]]:
    labels: dict[str, set[str]] = {}
    for family in registry_of(lambda: values, dict.fromkeys(PLACE, "x")).collect():
        for sample in family.samples:
            labels.setdefault(sample.name, set()).update(sample.labels)
    return labels


def dashboard() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    return document


def panels() -> list[dict[str, Any]]:
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def queries() -> Iterator[str]:
    yield from (target["expr"] for panel in panels() for target in panel["targets"])
    yield from (each["query"]["query"] for each in dashboard()["templating"]["list"] if each["type"] == "query")


def test_every_metric_of_the_dashboard_is_exported(exported: dict[str, set[str]]) -> None:
    wanted = {name for query in queries() for name in _METRIC.findall(query)}
    assert len(wanted) > 25
    assert wanted - set(exported) == set()


def test_every_label_that_a_query_selects_or_sums_by_is_exported(exported: dict[str, set[str]]) -> None:
    for query in queries():
        for name, selector in _SELECTED.findall(query):
            assert set(re.findall(r"(\w+)\s*[=!]", selector)) <= exported[name], query
        of_metrics = {label for name in _METRIC.findall(query) for label in exported[name]}
        for labels in re.findall(r"by \(([^)]*)\)", query):
            assert set(re.findall(r"\w+", labels)) <= of_metrics, query


def test_every_legend_says_what_the_query_sums_by() -> None:
    for panel in panels():
        for target in panel["targets"]:
            kept = set(re.findall(r"\w+", "".join(re.findall(r"^\w+ by \(([^)]*)\)", target["expr"]))))
            assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) == kept, panel["title"]


def test_every_query_is_about_the_chosen_stations_and_data_source() -> None:
    for panel in panels():
        for target in panel["targets"]:
            assert target["datasource"] == panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
            assert all(f'{level}=~"${level}"' in target["expr"] for level in ("site", "line", "station"))
            places = re.findall(r"on \(([^)]*)\) group_left \(([^)]*)\) edge_inspector_info", target["expr"])
            assert places == [("job, instance", "site, line, station, camera")] * len(places) != []


def test_the_dashboard_is_one_that_grafana_takes() -> None:
    document = dashboard()
    assert document["schemaVersion"] >= 39
    assert (document["id"], document["uid"], document["title"]) == (None, "edge-inspector", "Edge Inspector")
    assert [each["name"] for each in document["templating"]["list"]] == ["datasource", "site", "line", "station"]
    ids = [panel["id"] for panel in document["panels"]]
    assert len(set(ids)) == len(ids)


def test_no_two_panels_lie_on_each_other() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in dashboard()["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert max(x for x, _ in cells) < 24
        assert not cells & taken, panel["title"]
        taken |= cells
