"""Metrics: the values of the `stats` message as Prometheus families, and the health of the daemon as JSON.

Nothing is counted twice: every scrape asks for a snapshot and translates it. Names follow Prometheus' conventions:
seconds and bytes, `_total` for what only grows, causes as labels.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from edge_inspector.alarms import ALARM_NAMES
from edge_inspector.events import Json

Snapshot: TypeAlias = Mapping[str, Json]
PREFIX = "edge_inspector"
GROWING = frozenset(  # keys of the sections `journal`, `samples`, `health` and `gate`: numbers that never sink
    {"commits", "dead_letters", "evicted", "failures", "kept", "lost", "not_kept", "refused", "uploaded"}
    | {"decided", "rejected", "pulses", "withheld", "missed", "missed_pulses", "unreachable_s"}
)


class StationCollector(Collector):
    """Translates a snapshot when it is scraped; a section that is missing or of another shape is left out."""

    def __init__(self, snapshot: Callable[[], Snapshot], labels: Mapping[str, str]) -> None:
        """Ask nothing yet.

        Args:
            snapshot: Returns the values of the `stats` message; for any thread.
            labels: Of `edge_inspector_info`: where the station stands and what it runs.
        """
        self._snapshot = snapshot
        self._labels = dict(labels)

    def describe(self) -> list[Metric]:
        """Return nothing: the families depend on the snapshot, and registering must not ask for one."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Return the families of one snapshot."""
        values = self._snapshot()
        yield InfoMetricFamily(PREFIX, "Where this station stands and what it runs.", value=self._labels)
        yield from _ledgers(_mapping(values.get("frames")), _mapping(values.get("parts")))
        yield _by_label(
            "messages_undelivered", "Messages that were given up.", "cause", _mapping(values.get("undelivered"))
        )
        yield from _camera(_mapping(values.get("camera")))
        yield _latencies(_mapping(values.get("latency_ms")))
        yield _alarms(values.get("alarms"))
        for section in ("journal", "samples", "health", "gate"):
            yield from _flat(section, _mapping(values.get(section)))
        yield GaugeMetricFamily(f"{PREFIX}_threads", "Python threads of the daemon.", threading.active_count())


def registry_of(snapshot: Callable[[], Snapshot], labels: Mapping[str, str]) -> CollectorRegistry:
    """Return a registry of one station and its process; arguments as in `StationCollector`."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(StationCollector(snapshot, labels))
    ProcessCollector(registry=registry)
    return registry


def _ledgers(frames: Snapshot, parts: Snapshot) -> Iterator[Metric]:
    """Return captured = inspected + dropped + in flight, and seen = all outcomes + in flight, of this session."""
    yield _counter("frames_captured", "Frames that came in.", frames.get("captured"))
    yield _counter("frames_inspected", "Frames that the detector has looked at.", frames.get("inspected"))
    yield _by_label("frames_dropped", "Frames not inspected.", "cause", _mapping(frames.get("dropped")))
    yield _gauge("frames_in_flight", "Frames captured and neither inspected nor dropped yet.", frames.get("in_flight"))
    yield _counter("parts_seen", "Parts of which a frame came in.", parts.get("seen"))
    yield _by_label("parts", "Parts by outcome.", "outcome", _mapping(parts.get("outcomes")))
    yield _by_label("parts_no_verdict", "Parts without a verdict.", "cause", _mapping(parts.get("no_verdict")))
    yield _gauge("parts_in_flight", "Parts without an outcome yet.", parts.get("in_flight"))


def _camera(camera: Snapshot) -> Iterator[Metric]:
    yield _counter("camera_outages", "How often the camera was away.", camera.get("outages"))
    yield _counter("camera_away_seconds", "For how long in all.", camera.get("away_s"))
    if isinstance(status := camera.get("status"), str):
        yield _gauge("camera_up", "Whether the camera delivers frames that can be trusted.", status == "online")


def _latencies(stages: Snapshot) -> Metric:
    name = f"{PREFIX}_latency_seconds"
    family = GaugeMetricFamily(name, "Of the last thousand inspections.", labels=("stage", "percentile"))
    for stage, percentiles in stages.items():
        for percentile, value in _mapping(percentiles).items():
            if (number := _number(value)) is not None:
                family.add_metric((stage, percentile.removeprefix("p")), number / 1e3)
    return family


def _alarms(standing: Json) -> Metric:
    """Return all alarms that there are, so that a rule can tell "does not stand" from "no data"."""
    family = GaugeMetricFamily(f"{PREFIX}_alarm", "1 where the alarm stands.", labels=("name",))
    names = {name for name in standing if isinstance(name, str)} if isinstance(standing, list | tuple) else set()
    for name in sorted(names | set(ALARM_NAMES)):
        family.add_metric((name,), float(name in names))
    return family


def _flat(section: str, values: Snapshot) -> Iterator[Metric]:
    """Return the numbers of a section by their names; what is nested gets the label `name`, joined by `/`."""
    for key, value in values.items():
        leaves = dict(_leaves(value))
        if not key.isidentifier() or not leaves:
            continue
        name, text = f"{PREFIX}_{section}_{key}", f"{key.replace('_', ' ')} of the {section}".capitalize() + "."
        labels = ("name",) if isinstance(value, Mapping) else ()
        kind = CounterMetricFamily if key in GROWING else GaugeMetricFamily
        family = kind(name, text, labels=labels)
        for path, number in leaves.items():
            family.add_metric((path,) if labels else (), number)
        yield family


def _leaves(value: Json, path: str = "") -> Iterator[tuple[str, float]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}/{key}" if path else key)
    elif (number := _number(value)) is not None:
        yield path, number


def _counter(name: str, text: str, value: Json) -> Metric:
    return CounterMetricFamily(f"{PREFIX}_{name}", text, value=_number(value) or 0.0)


def _gauge(name: str, text: str, value: Json) -> Metric:
    return GaugeMetricFamily(f"{PREFIX}_{name}", text, value=_number(value) or 0.0)


def _by_label(name: str, text: str, label: str, counts: Snapshot) -> Metric:
    family = CounterMetricFamily(f"{PREFIX}_{name}", text, labels=(label,))
    for key, value in counts.items():
        if (number := _number(value)) is not None:
            family.add_metric((key,), number)
    return family


def _number(value: Json) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _mapping(value: Json) -> Snapshot:
    return value if isinstance(value, Mapping) else {}


def health_document(problems: Sequence[str]) -> dict[str, Json]:
    """Return what `/healthz` answers: `status` is `ok` without problems, else `failing`."""
    return {"status": "failing" if problems else "ok", "problems": list(problems)}
