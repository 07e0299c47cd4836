"""What is watched in AWS, as values: what each alarm looks at, and what it means when there is nothing to look at."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from cloud_side.all_workflows import WORKFLOWS
from cloud_side.infrastructure.environments import Environment
from cloud_side.infrastructure.notices import NOTICES
from cloud_side.installation import PRODUCT, installed
from cloud_side.monitoring.functions import WATCH
from cloud_side.monitoring.metrics import DIMENSION, NAMESPACE, Metric

PERIOD_S: Final = 300  # the watch says a station's figures every five minutes
STREAM: Final = "edge-inspector-events"
RULE_ERRORS: Final = "/aws/iot/{}"
EVENTS_LATE_S: Final = 1800  # the stream itself waits for 900
_MOST_METRICS: Final = 10  # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-limits.html
# https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
ENDS_BADLY: Final = ("ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted", "ExecutionThrottled")


class Missing(StrEnum):
    """What an alarm does where nothing was measured, as CloudWatch calls it."""

    FINE = "notBreaching"
    WRONG = "breaching"
    AS_BEFORE = "ignore"

    @property
    def words(self) -> str:
        """For people."""
        return self.name.lower().replace("_", " ")


@dataclass(frozen=True)
class Measured:
    """A metric.

    Attributes:
        namespace: Of CloudWatch.
        metric: Its name.
        dimension: Name and value; None: it has none.
        statistic: Within a period.
    """

    namespace: str
    metric: str
    dimension: tuple[str, str] | None
    statistic: str = "Sum"


@dataclass(frozen=True)
class Alarm:
    """What people are told of.

    Attributes:
        name: Of its section in the runbook.
        says: What it means, in a sentence.
        measured: Their sum is looked at; a state machine's dimension is its name, for the stack to make an ARN of.
        limit: More than this is wrong; where `is_too_few`, less.
        missing: What it means that nothing was measured.
        because: Why it means that.
        periods: How many are looked at.
        enough: In so many of them it must be wrong.
        is_too_few: See `limit`.
    """

    name: str
    says: str
    measured: tuple[Measured, ...]
    limit: float
    missing: Missing
    because: str
    periods: int = 1
    enough: int = 1
    is_too_few: bool = False

    def __post_init__(self) -> None:
        if len(self.measured) > _MOST_METRICS:
            msg = f"alarm {self.name}: expected at most {_MOST_METRICS} metrics, found {len(self.measured)}"
            raise ValueError(msg)


def alarms(environment: Environment) -> tuple[Alarm, ...]:
    """Return all alarms of an installation."""
    return (*_of_stations(environment), *_of_ingest(environment), *_of_functions(environment), *_of_workflows())


def _of_stations(environment: Environment) -> Iterator[Alarm]:
    def said(metric: Metric, statistic: str = "Maximum") -> tuple[Measured]:
        return (Measured(NAMESPACE, metric.value, (DIMENSION, environment.installation), statistic),)

    minutes, limits = environment.silent_after_minutes, environment.limits
    yield Alarm(
        "watch-silent",
        "Nobody looks at the stations: the function that does so each minute has said nothing for ten.",
        said(Metric.STATIONS, "SampleCount"),
        1,
        Missing.WRONG,
        "it is what is looked for",
        periods=2,
        enough=2,
        is_too_few=True,
    )
    yield Alarm(
        "stations-silent",
        f"A station has said nothing for {minutes} minutes, and did not stop on purpose.",
        said(Metric.SILENT_STATIONS),
        0,
        Missing.AS_BEFORE,
        "nobody looked, of which watch-silent tells",
    )
    # A station's figures come every five minutes or a little later: between two of them a period may be empty.
    still, quarter_hour, twice = "a line that stands still makes no parts; of silent stations others tell", 3, 2
    yield Alarm(
        "reject-rate",
        f"A station has rejected more than {limits.most_rejected_percent:g} % of its parts twice in 15 minutes.",
        said(Metric.REJECT_RATE),
        limits.most_rejected_percent,
        Missing.FINE,
        still,
        quarter_hour,
        twice,
    )
    yield Alarm(
        "no-verdict",
        f"More than {limits.most_without_verdict_percent:g} % of a station's parts got no verdict twice in 15 minutes.",
        said(Metric.NO_VERDICT_RATE),
        limits.most_without_verdict_percent,
        Missing.FINE,
        still,
        quarter_hour,
        twice,
    )
    yield Alarm(
        "latency",
        f"A station's inspections take more than {limits.most_latency_ms:g} ms (95th percentile) twice in 15 minutes.",
        said(Metric.LATENCY_P95),
        limits.most_latency_ms,
        Missing.FINE,
        still,
        quarter_hour,
        twice,
    )
    yield Alarm(
        "backlog",
        f"More than {limits.most_waiting_events} events wait on a station for the cloud twice in 15 minutes.",
        said(Metric.BACKLOG),
        limits.most_waiting_events,
        Missing.FINE,
        still,
        quarter_hour,
        twice,
    )


def _of_ingest(environment: Environment) -> Iterator[Alarm]:
    log = RULE_ERRORS.format(installed("edge-inspector-rule-errors", environment.installation))
    yield Alarm(
        "messages-lost",
        "A topic rule could not pass on what a station said.",
        (Measured("AWS/Logs", "IncomingLogEvents", ("LogGroupName", log)),),
        0,
        Missing.FINE,
        "the log has a line for each error alone",
    )
    stream = ("DeliveryStreamName", installed(STREAM, environment.installation))
    yield Alarm(
        "events-late",
        f"What stations say has not come to the bucket for {EVENTS_LATE_S // 60} minutes.",
        (Measured("AWS/Firehose", "DeliveryToS3.DataFreshness", stream, "Maximum"),),
        EVENTS_LATE_S,
        Missing.FINE,
        "without events there is nothing to deliver",
    )


def _of_functions(environment: Environment) -> Iterator[Alarm]:
    called = [rule.function for each in WORKFLOWS for rule in each.rules if rule.function is not None]
    names = [installed(name, environment.installation) for name in (*called, WATCH.name)]
    yield Alarm(
        "functions-failing",
        "A function that events call has failed. (Those that workflows call are tried again, and fail with them.)",
        tuple(Measured("AWS/Lambda", "Errors", ("FunctionName", name)) for name in names),
        0,
        Missing.FINE,
        "a function that nobody calls measures nothing",
    )
    yield Alarm(
        "functions-throttled",
        "Functions of this account and region have been refused for 15 minutes: too many run at once.",
        (Measured("AWS/Lambda", "Throttles", None),),
        0,
        Missing.FINE,
        "functions that nobody calls measure nothing",
        periods=3,
        enough=3,
    )
    rules = [rule.name for each in WORKFLOWS for rule in each.rules]
    names = [installed(name, environment.installation) for name in (*rules, *(notice.rule for notice in NOTICES))]
    yield Alarm(
        "events-lost",
        "EventBridge could not deliver an event, and has given it up.",
        tuple(Measured("AWS/Events", "FailedInvocations", ("RuleName", name)) for name in names),
        0,
        Missing.FINE,
        "it is measured where it happens alone",
    )


def _of_workflows() -> Iterator[Alarm]:
    for workflow in WORKFLOWS:
        short = workflow.name.removeprefix(f"{PRODUCT}-")
        yield Alarm(
            f"{short}-failed",
            f"An execution of {workflow.name} has failed, took too long, was stopped, or could not go on.",
            tuple(Measured("AWS/States", metric, ("StateMachineArn", workflow.name)) for metric in ENDS_BADLY),
            0,
            Missing.FINE,
            "without executions there is nothing to measure",
        )
