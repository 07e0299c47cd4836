import json
from typing import Any

import pytest

from cloud_side.monitoring.metrics import DIMENSION, NAMESPACE, Metric, line_of, unit_of

# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html
UNITS = {"Count", "Percent", "Milliseconds"}


def assert_is_embedded(line: str) -> dict[str, Any]:
    """Hold a line against CloudWatch's specification of the embedded metric format, and return it."""
    assert "\n" not in line
    document: dict[str, Any] = json.loads(line)
    about = document["_aws"]
    assert about.keys() == {"Timestamp", "CloudWatchMetrics"}
    assert isinstance(about["Timestamp"], int)
    for directive in about["CloudWatchMetrics"]:
        assert directive.keys() == {"Namespace", "Dimensions", "Metrics"}
        assert 1 <= len(directive["Namespace"]) <= 1024
        assert 1 <= len(directive["Metrics"]) <= 100
        for names in directive["Dimensions"]:
            assert len(names) <= 30
            assert all(isinstance(document[name], str) and 1 <= len(document[name]) <= 1024 for name in names)
        for metric in directive["Metrics"]:
            assert metric.keys() == {"Name", "Unit"}
            assert metric["Unit"] in UNITS
            assert type(document[metric["Name"]]) in {int, float}
    return document


def test_a_line_is_what_cloudwatch_makes_metrics_of() -> None:
    values = dict.fromkeys(Metric, 1.5)
    document = assert_is_embedded(line_of(values, 1_764_342_000_000, "edge-inspector-dev", {"Station": "a/b/c"}))
    (directive,) = document["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == NAMESPACE
    assert {each["Name"] for each in directive["Metrics"]} == set(Metric)
    assert document["Station"] == "a/b/c"


def test_the_installation_is_the_only_dimension_so_that_more_stations_cost_no_more() -> None:
    document = json.loads(line_of({Metric.PARTS: 3}, 0, "edge-inspector-dev", {"Station": "a/b/c"}))
    (directive,) = document["_aws"]["CloudWatchMetrics"]
    assert directive["Dimensions"] == [[DIMENSION]]
    assert document[DIMENSION] == "edge-inspector-dev"


@pytest.mark.parametrize(
    ("metric", "unit"),
    [(Metric.LATENCY_P95, "Milliseconds"), (Metric.REJECT_RATE, "Percent"), (Metric.SILENT_STATIONS, "Count")],
)
def test_a_metric_has_the_unit_of_what_it_measures(metric: Metric, unit: str) -> None:
    assert unit_of(metric) == unit
