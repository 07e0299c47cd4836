"""What an installation costs a month, from what it counts and the prices of docs/cost.md. Free tiers are left out."""

from dataclasses import dataclass
from typing import Final

from cloud_side.infrastructure.alarms import alarms
from cloud_side.infrastructure.environments import Environment
from cloud_side.monitoring.metrics import Metric
from edge_inspector.settings.station import FlowSettings

FLEETS: Final = (1, 10, 100, 1000)
M: Final = 1e6
DAYS: Final = 30
HOURS: Final = 24 * DAYS
TAKT_S: Final = 3
NOT_ACCEPTED: Final = 0.03
SAMPLES_A_DAY: Final = 274  # docs/scale.md
SAMPLE_GB: Final = 201.3e-6
MONTHS_KEPT: Final = 12
RUNS: Final = 4
RUN_H: Final = 1.0

PRICES: Final = {
    "message": 1 / M,
    "rule": 0.15 / M,
    "minute": 0.08 / M,
    "core": 0.16,
    "write": 0.625 / M,
    "stream_gb": 0.029,
    "publish": 0.5 / M,
    "sample": 28 / M,  # 18 for labeling, 10 for its two PUT: docs/scale.md
    "stored_gb": 0.023,
    "metric": 0.30,
    "alarm": 0.10,
    "dashboard": 3.0,
    "log_gb": 0.50,
    "key": 1.0,
    "key_request": 0.03 / 10_000,
    "gb_s": 0.0000133,
    "call": 0.20 / M,
    "image_gb": 0.10,
    "ml_hour": 0.23,
    "vcpu_hour": 0.04048,
    "memory_hour": 0.004445,
    "balancer_hour": 0.0243,
    "address_hour": 0.005,
    "endpoint_hour": 0.107,
    "machine_hour": 0.0208,
    "disk_gb": 0.08,
}


@dataclass(frozen=True)
class Line:
    """A line of the bill: for an installation, and for each of its stations, in USD a month."""

    service: str
    fixed: float
    station: float

    def of(self, stations: int) -> float:
        """What it is for so many."""
        return self.fixed + stations * self.station


def lines(stats_interval_s: float | None = None) -> tuple[Line, ...]:
    """Return the bill, without what is optional."""
    interval = FlowSettings().stats_interval_s if stats_interval_s is None else stats_interval_s
    stats = HOURS * 3600 / interval
    defects = HOURS * 3600 / TAKT_S * NOT_ACCEPTED
    figures, looks = HOURS * 12, HOURS * 60
    samples = SAMPLES_A_DAY * DAYS
    watched = sum(len(each.measured) for each in alarms(Environment(name="dev")))
    p = PRICES
    return (
        # Statistics are retained, and metered twice; they reach two rules, of which one acts.
        # Defects reach two that act.
        Line(
            "IoT Core: messages, connection",
            0,
            (2 * stats + defects) * p["message"] + looks * p["minute"],
        ),
        Line("IoT Core: rules", 0, (3 * stats + 4 * defects) * p["rule"]),
        Line("Greengrass: core device", 0, p["core"]),
        Line("DynamoDB", 0, (stats + figures) * p["write"]),
        Line("Firehose", 0, defects * 5 / 1024**2 * p["stream_gb"]),
        Line("SNS", 0, defects * p["publish"]),
        Line(
            "Samples and their labeling: S3, EventBridge, Lambda, Step Functions, Athena, store",
            0,
            samples * p["sample"],
        ),
        Line("S3: storage in the twelfth month", 0, samples * SAMPLE_GB * MONTHS_KEPT * p["stored_gb"]),
        Line("CloudWatch: metrics", len(Metric) * p["metric"], 0),
        Line("CloudWatch: alarms", watched * p["alarm"], 0),
        Line("CloudWatch: dashboard", p["dashboard"], 0),
        Line("CloudWatch: logs", 0.14 * p["log_gb"], figures * 0.6e-6 * p["log_gb"]),
        Line("KMS", p["key"] + 100_000 * p["key_request"], 0),
        Line("Lambda: the watch", looks * (0.3 * 0.5 * p["gb_s"] + p["call"]), looks * 0.5e-3 * 0.5 * p["gb_s"]),
        Line("SageMaker: training, 4 runs", RUNS * RUN_H * p["ml_hour"], 0),
        Line("ECR: containers", 3 * p["image_gb"], 0),
    )


def options() -> tuple[Line, ...]:
    """Return what is there where it is wanted."""
    p = PRICES
    page = 0.25 * p["vcpu_hour"] + 0.5 * p["memory_hour"] + p["balancer_hour"] + 3 * p["address_hour"]
    machine = p["machine_hour"] + p["address_hour"]
    return (
        Line("The labeling page: Fargate, load balancer, three addresses", HOURS * page, 0),
        Line("An endpoint: one ml.c7i.large", HOURS * p["endpoint_hour"], 0),
        Line("The simulated device: t3.small, 16 GB, an address", HOURS * machine + 16 * p["disk_gb"], 0),
    )


def bill() -> str:
    """Return the table."""
    head = ["service", *(f"{each:,} station{'s' if each > 1 else ''}" for each in FLEETS)]
    rows = [[each.service, *(_usd(each.of(stations)) for stations in FLEETS)] for each in lines()]
    total = [sum(each.of(stations) for each in lines()) for stations in FLEETS]
    rows.append(["**all**", *(f"**{_usd(each)}**" for each in total)])
    rows.append(["a station", *(_usd(each / stations) for each, stations in zip(total, FLEETS, strict=True))])
    return "\n".join(["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)])


def optional() -> str:
    """Return the table of what is optional."""
    rows = [["where it is wanted", "a month"], ["---"] * 2, *([each.service, _usd(each.fixed)] for each in options())]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def levers() -> tuple[str, str]:
    """Return what a station costs with statistics each 10 and each 60 s."""
    often, seldom = (sum(each.station for each in lines(interval)) for interval in (10, 60))
    return _usd(often), _usd(seldom)


def _usd(value: float) -> str:
    return f"{value:,.2f}" if value < 100 else f"{value:,.0f}"
