"""The workflow that trains a model when there is something new to learn, and what begins it."""

import json
from pathlib import Path
from typing import Final

from cloud_side.training.pipeline.definition import NAME as PIPELINE
from cloud_side.training.pipeline.definition import definition
from cloud_side.training.triggers.alarms import ALARM_RAISED, DRIFT_ALARMS, KEPT
from cloud_side.training.triggers.settings import Trigger
from cloud_side.workflows import Function, Pipeline, Rule, Workflow

NAME: Final = "edge-inspector-retrain"
_RUNTIME: Final = "cloud_side.training.runtime"


def _function(step: str, handler: str, timeout_s: int, memory_mb: int = 512) -> Function:
    return Function(f"{NAME}-{step}", f"{_RUNTIME}.{handler}", timeout_s, memory_mb)


# A task of the definition waits a little longer than its function may take.
_FUNCTIONS: Final = (
    _function("decide", "deciding.decide_step", 900),
    _function("version", "versioning.make_version", 900, 2048),  # it decodes pictures
    _function("take", "running.take", 60),
    _function("note", "running.note", 60, 256),
    _function("result", "running.result", 60),
    _function("hear", "hearing.hear", 60, 256),
)

_LABELED: Final = {
    "source": ["aws.states"],
    "detail-type": ["Step Functions Execution Status Change"],
    "detail": {"status": ["SUCCEEDED"], "stateMachineArn": ["${edge-inspector-labeling}"]},
}
# The function looks closer: which alarm it is, and whether it was raised, is in the object.
_KEPT: Final = {
    "source": ["aws.s3"],
    "detail-type": ["Object Created"],
    "detail": {"bucket": {"name": ["${Bucket}"]}, "object": {"key": [{"prefix": KEPT}]}},
}
_DRIFTED: Final = {
    "source": ["${Installation}"],
    "detail-type": [ALARM_RAISED],
    "detail": {"name": list(DRIFT_ALARMS)},
}

RETRAIN: Final = Workflow(
    NAME,
    Path(__file__).with_name("retrain.asl.json"),
    _FUNCTIONS,
    (
        Rule(f"{NAME}-labels", pattern=json.dumps(_LABELED), input=None),
        Rule(f"{NAME}-alarms", pattern=json.dumps(_KEPT), function=f"{NAME}-hear"),
        Rule(f"{NAME}-drift", pattern=json.dumps(_DRIFTED), input=None),
        Rule(f"{NAME}-schedule", schedule="cron(0 3 ? * MON *)", input={"kind": Trigger.SCHEDULE.value}),
    ),
    (Pipeline(PIPELINE, definition),),
)
