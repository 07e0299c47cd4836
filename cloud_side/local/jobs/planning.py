"""What is to be done for a request, whichever kind of job it is."""

from collections.abc import Mapping
from typing import Any

from cloud_side.local.jobs import processing, training
from cloud_side.local.jobs.kinds import JobKind
from cloud_side.local.jobs.plan import Plan


def plan_of(kind: JobKind, request: Mapping[str, Any]) -> Plan:
    """Return what is to be done for a request.

    Raises:
        PlanError: If a part of it cannot be done.
    """
    match kind:
        case JobKind.TRAINING:
            return training.plan_of(request)
        case JobKind.PROCESSING:
            return processing.plan_of(request)
