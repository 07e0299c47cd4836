"""What the Resource of a state means: the calls that Step Functions makes of it, made by boto3.

    resource -> Integration: which service, operation and pattern, or one clear error when a definition is made
    arguments -> parameters of boto3 (spelling, instants, bytes) -> call -> result, or the failure that is caught
    `.sync`: the call gives a handle; checks of it give the description at the end; stop ends it early

The clients are those of any session, so the same code calls the services of this machine, a simulation, or AWS.
`readers` and `writers` bring the items of a distributed map and take its results away.
"""

from cloud_side.local.states.integrations.calls import check, pause_s, start, stop
from cloud_side.local.states.integrations.clients import Clients
from cloud_side.local.states.integrations.optimized import Pattern
from cloud_side.local.states.integrations.resource import Integration, Kind, ResourceError

__all__ = ["Clients", "Integration", "Kind", "Pattern", "ResourceError", "check", "pause_s", "start", "stop"]
