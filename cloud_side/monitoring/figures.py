"""What a session's statistics say, as metrics: its counters since they were last taken, and what it measures."""

from typing import Final

from cloud_side.monitoring.metrics import Metric
from cloud_side.monitoring.stations import Counted, Stats

EVERY_MS: Final = 5 * 60 * 1000
FEWEST_PARTS: Final = 20  # of a rate: fewer say nothing


def figures(stats: Stats, before: Counted | None) -> tuple[dict[Metric, float], Counted]:
    """Return the metrics of a session, every five minutes, and how far its parts are in them.

    What a session did before it was first heard is not counted. A rate waits until there are parts enough.

    Args:
        stats: Its last statistics.
        before: How far its parts were; None: it is new.

    Returns:
        Empty metrics where it is too early, and where nothing new was heard.
    """
    if before is None:
        return _measured(stats), Counted(stats.seen_ms, stats.counts, stats.counts)
    new, unrated = stats.counts.since(before.counts), stats.counts.since(before.rated)
    if stats.seen_ms - before.at_ms < EVERY_MS or new.parts < 0:  # rules may write messages in another order
        return {}, before
    found: dict[Metric, float] = {
        Metric.PARTS: new.parts,
        Metric.REJECTED: new.rejected,
        Metric.REVIEWED: new.reviewed,
        Metric.NO_VERDICT: new.no_verdict,
        **_measured(stats),
    }
    if unrated.parts < FEWEST_PARTS:
        return found, Counted(stats.seen_ms, stats.counts, before.rated)
    found[Metric.REJECT_RATE] = round(100 * unrated.rejected / unrated.parts, 3)
    found[Metric.NO_VERDICT_RATE] = round(100 * unrated.no_verdict / unrated.parts, 3)
    return found, Counted(stats.seen_ms, stats.counts, stats.counts)


def _measured(stats: Stats) -> dict[Metric, float]:
    gauges = stats.gauges
    found: dict[Metric, float] = {}
    if "latency_p95_ms" in gauges:
        found[Metric.LATENCY_P95] = gauges["latency_p95_ms"]
    if "deadline_missed_share" in gauges:
        found[Metric.DEADLINE_MISSED] = round(100 * gauges["deadline_missed_share"], 3)
    if waiting := [gauges[name] for name in ("waiting_mqtt", "waiting_iot_core") if name in gauges]:
        found[Metric.BACKLOG] = max(waiting)
    if "samples_waiting" in gauges:
        found[Metric.SAMPLES_WAITING] = gauges["samples_waiting"]
    if stats.camera is not None:
        found[Metric.CAMERA_AWAY] = float(stats.camera == "offline")
    return found
