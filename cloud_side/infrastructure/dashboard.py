"""The dashboard, as CloudWatch takes it: stations above, what happens in AWS below."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from cloud_side.infrastructure.alarms import EVENTS_LATE_S, PERIOD_S, Alarm
from cloud_side.infrastructure.environments import Environment
from cloud_side.installation import installed
from cloud_side.monitoring.functions import WATCH
from cloud_side.monitoring.metrics import DIMENSION, NAMESPACE, Metric

Json = dict[str, Any]
_COLUMNS: Final = 24
_DAY_S: Final = 86400
_STATIONS: Final = (
    "SOURCE '/aws/lambda/{log}' | filter ispresent(Station)\n"
    "| stats sum(Parts) as parts, max(RejectRate) as rejected_percent, max(NoVerdictRate) as no_verdict_percent, "
    "max(LatencyP95) as p95_ms, max(Backlog) as waiting by Station\n"
    "| sort rejected_percent desc | limit 50"
)
_WORDS: Final = (
    "# {installation}\n"
    "What each alarm means, and what to do: `docs/runbook.md`. What this costs: `docs/cost.md`; what it has cost: "
    "Cost Explorer, by the tag `edge-inspector:installation`. Curves of stations show the worst one; the table "
    "below names it."
)


def dashboard(environment: Environment, region: str, bucket: str, alarms: Sequence[Alarm], arns: list[str]) -> Json:
    """Return its body.

    Args:
        environment: The installation.
        region: Of AWS.
        bucket: Its name.
        alarms: Of the installation, with the ARNs of state machines.
        arns: Of the alarms.

    Source:
        https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
    """
    limits, whose = environment.limits, environment.installation

    def named(name: str) -> str:
        return installed(name, whose)

    def graph(title: str, metrics: list[Any], limit: float | None = None, **more: object) -> Json:
        shown: Json = {"title": title, "region": region, "view": "timeSeries", "period": PERIOD_S, "stat": "Sum"}
        marked = {} if limit is None else {"annotations": {"horizontal": [{"label": "alarm", "value": limit}]}}
        return {"type": "metric", "properties": {**shown, "metrics": metrics, **marked, **more}}

    def said(*metrics: Metric) -> list[Any]:
        return [[NAMESPACE, each.value, DIMENSION, whose] for each in metrics]

    def of_alarms(*suffixes: str) -> list[Any]:
        return [
            [each.namespace, each.metric, *(each.dimension or ())]
            for alarm in alarms
            if alarm.name.endswith(suffixes)
            for each in alarm.measured
        ]

    def searched(namespace: str, dimension: str, metric: str) -> list[Any]:
        search = f"SEARCH('{{{namespace},{dimension}}} {whose} MetricName=\"{metric}\"', 'Sum', {PERIOD_S})"
        return [{"expression": search, "id": metric.lower()}]

    worst: Json = {"stat": "Maximum"}
    functions = [searched("AWS/Lambda", "FunctionName", each) for each in ("Errors", "Throttles")]
    machine = {"AWS/States", "StateMachineArn"}
    rollouts = [each for each in of_alarms("rollout-failed") if machine <= set(each)]
    begun = [[name, "ExecutionsStarted", *rest] for name, metric, *rest in rollouts if metric == "ExecutionsFailed"]
    stream = ["AWS/Firehose", "DeliveryToS3.DataFreshness", "DeliveryStreamName", named("edge-inspector-events")]
    kept = ["AWS/S3", "NumberOfObjects", "BucketName", bucket, "StorageType", "AllStorageTypes"]
    table = {
        "type": "log",
        "properties": {
            "title": "Stations, the worst first",
            "region": region,
            "view": "table",
            "query": _STATIONS.format(log=named(WATCH.name)),
        },
    }
    rows: Iterable[tuple[int, list[Json]]] = (
        (3, [{"type": "text", "properties": {"markdown": _WORDS.format(installation=whose)}}]),
        (4, [{"type": "alarm", "properties": {"title": "Alarms", "alarms": arns}}]),
        (
            6,
            [
                graph("Stations", said(Metric.STATIONS, Metric.SILENT_STATIONS, Metric.STOPPED_STATIONS), **worst),
                graph("Parts", said(Metric.PARTS, Metric.REJECTED, Metric.REVIEWED, Metric.NO_VERDICT)),
                graph("Cameras away", said(Metric.CAMERA_AWAY)),
            ],
        ),
        (
            6,
            [
                graph("Rejected, %", said(Metric.REJECT_RATE), limits.most_rejected_percent, **worst),
                graph(
                    "Without a verdict, %", said(Metric.NO_VERDICT_RATE), limits.most_without_verdict_percent, **worst
                ),
                graph("Latency, ms (p95)", said(Metric.LATENCY_P95), limits.most_latency_ms, **worst),
                graph("Late, %", said(Metric.DEADLINE_MISSED), **worst),
            ],
        ),
        (8, [table]),
        (
            6,
            [
                graph("Events that wait on stations", said(Metric.BACKLOG), limits.most_waiting_events, **worst),
                graph("Samples that wait on stations", said(Metric.SAMPLES_WAITING), **worst),
                graph("Objects in the bucket", [kept], stat="Average", period=_DAY_S),
                graph("Events on their way, s", [stream], EVENTS_LATE_S, **worst),
            ],
        ),
        (
            6,
            [
                graph("Workflows that ended badly", of_alarms("-failed")),
                graph("Rollouts", [*begun, *rollouts]),
                graph("Functions", functions),
                graph("Messages and events lost", of_alarms("-lost")),
            ],
        ),
    )
    return {"start": "-P1D", "widgets": _placed(rows)}


def _placed(rows: Iterable[tuple[int, list[Json]]]) -> list[Json]:
    """Return widgets with their places; those of a row are of one width."""
    placed, y = [], 0
    for height, widgets in rows:
        width = _COLUMNS // len(widgets)
        for at, widget in enumerate(widgets):
            placed.append({**widget, "x": at * width, "y": y, "width": width, "height": height})
        y += height
    return placed
