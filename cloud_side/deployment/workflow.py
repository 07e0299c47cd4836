"""The workflow that brings an approved model to the stations, and what begins it."""

import json
from pathlib import Path
from typing import Final

from cloud_side.deployment.asking import APPROVED, ENDED, SOURCE, STATE_CHANGE, STATES
from cloud_side.workflows import Function, Rule, TopicRule, Workflow

NAME: Final = "edge-inspector-rollout"
_RUNTIME: Final = "cloud_side.deployment.runtime"


def _function(step: str, handler: str, timeout_s: int = 60, memory_mb: int = 512) -> Function:
    return Function(f"{NAME}-{step}", f"{_RUNTIME}.{handler}", timeout_s, memory_mb)


_WHOLE_CORE_MB: Final = 1769  # a function gets a core's time in proportion to its memory; thousands of stations need it

# A task of the definition waits a little longer than its function may take.
_FUNCTIONS: Final = (
    _function("begin", "beginning.begin", 300),
    _function("build", "building.build_step", 900, 2048),  # it unpacks a model and packs it again
    _function("look-component", "building.look_component"),
    _function("deploy", "deploying.deploy"),
    _function("look-devices", "looking.look_devices", 900, _WHOLE_CORE_MB),
    _function("look-evidence", "looking.look_evidence", 900, _WHOLE_CORE_MB),
    _function("finish", "closing.finish"),
    _function("restore", "restoring.restore", 300),
    _function("look-restored", "restoring.look_restored", 900, _WHOLE_CORE_MB),
    _function("close", "closing.close"),
)
_APPROVED: Final = {
    "source": [SOURCE],
    "detail-type": [STATE_CHANGE],
    "detail": {"ModelPackageGroupName": ["${ModelPackageGroup}"], "ModelApprovalStatus": [APPROVED]},
}
# What was stopped, took too long, or could not even write down that it failed, takes nothing back itself.
_ENDED: Final = {
    "source": [STATES],
    "detail-type": [ENDED],
    "detail": {"status": ["ABORTED", "FAILED", "TIMED_OUT"], "stateMachineArn": [f"${{{NAME}}}"]},
}
_KEY: Final = "events/{}/${{topic(4)}}/${{timestamp()}}-${{newuuid()}}.json"

ROLLOUT: Final = Workflow(
    NAME,
    Path(__file__).with_name("rollout.asl.json"),
    _FUNCTIONS,
    (
        Rule(f"{NAME}-approved", pattern=json.dumps(_APPROVED), input=None),
        Rule(f"{NAME}-ended", pattern=json.dumps(_ENDED), input=None),
    ),
    topic_rules=(
        TopicRule("edge_inspector_model_events", "SELECT * FROM '${TopicPrefix}/+/+/+/model'", _KEY.format("model")),
        TopicRule("edge_inspector_alarms", "SELECT * FROM '${TopicPrefix}/+/+/+/alarm/+'", _KEY.format("alarm")),
    ),
)
