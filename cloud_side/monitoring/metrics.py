"""The metrics of an installation, and how they are written: as log lines that CloudWatch reads.

A custom metric costs by its name and dimensions. There is one dimension, the installation, so that the cost does not
grow with the stations: of what a station measures the maximum is the worst one, and the lines say which one that was.
"""

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

NAMESPACE: Final = "EdgeInspector"
DIMENSION: Final = "Installation"


class Metric(StrEnum):
    """Names of metrics."""

    STATIONS = "Stations"  # that said anything in the last month
    SILENT_STATIONS = "SilentStations"
    STOPPED_STATIONS = "StoppedStations"  # on purpose
    PARTS = "Parts"
    REJECTED = "Rejected"
    REVIEWED = "Reviewed"
    NO_VERDICT = "NoVerdict"
    REJECT_RATE = "RejectRate"  # in % of the parts
    NO_VERDICT_RATE = "NoVerdictRate"  # likewise
    LATENCY_P95 = "LatencyP95"  # of whole inspections
    DEADLINE_MISSED = "DeadlineMissed"  # in % of the last parts
    BACKLOG = "Backlog"  # events that wait on the station
    SAMPLES_WAITING = "SamplesWaiting"
    CAMERA_AWAY = "CameraAway"  # 1 where it is, 0 where not


_PERCENT: Final = frozenset({Metric.REJECT_RATE, Metric.NO_VERDICT_RATE, Metric.DEADLINE_MISSED})


def unit_of(metric: Metric) -> str:
    """Return a metric's unit, as CloudWatch calls it."""
    if metric is Metric.LATENCY_P95:
        return "Milliseconds"
    return "Percent" if metric in _PERCENT else "Count"


def line_of(values: Mapping[Metric, float], at_ms: int, installation: str, about: Mapping[str, str]) -> str:
    """Return a line that CloudWatch makes metrics of, when a function prints it.

    Args:
        values: By metric.
        at_ms: When, since 1970.
        installation: Whose they are.
        about: What else the line says, by name; no metric and no dimension.

    Source:
        https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """
    metrics = [{"Name": metric.value, "Unit": unit_of(metric)} for metric in values]
    directive = {"Namespace": NAMESPACE, "Dimensions": [[DIMENSION]], "Metrics": metrics}
    document = {
        "_aws": {"Timestamp": at_ms, "CloudWatchMetrics": [directive]},
        DIMENSION: installation,
        **about,
        **{metric.value: value for metric, value in values.items()},
    }
    return json.dumps(document, separators=(",", ":"))
