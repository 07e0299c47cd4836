"""What happened, in the words of GetExecutionHistory.

Source:
    https://docs.aws.amazon.com/step-functions/latest/apireference/API_HistoryEvent.html
"""

from typing import TYPE_CHECKING

from cloud_side.local.home import REGION
from cloud_side.local.states.failure import StateFailure
from cloud_side.local.states.machine import Called, Moved, is_distributed
from cloud_side.local.states.store import Event, Json, Phase, Strand, dumps

if TYPE_CHECKING:
    from cloud_side.local.states.interpreter import Task
    from cloud_side.local.states.scenes import Scene


def entered(strand: Strand, scene: "Scene") -> list[Event]:
    """Tell that a strand entered a state, and before its first one that an iteration began; nothing when it retries."""
    if strand.phase is Phase.AGAIN:
        return []
    began = iteration(strand, "Started") if strand.version == 0 else []
    details = {"name": strand.state, "input": dumps(strand.input)}
    return [*began, Event(f"{scene.state['Type']}StateEntered", details)]


def left(scene: "Scene", moved: Moved) -> list[Event]:
    """Tell that a state was left."""
    details: dict[str, Json] = {"name": scene.path[-1], "output": dumps(moved.output)}
    if moved.assigned:
        details["assignedVariables"] = {name: dumps(value) for name, value in moved.assigned.items()}
    return [Event(f"{scene.state['Type']}StateExited", details)]


def scheduled(scene: "Scene", called: Called) -> list[Event]:
    """Tell that a task is to be done."""
    details: dict[str, Json] = {
        **_what(scene.state["Resource"]),
        "region": REGION,
        "parameters": dumps(called.arguments),
    }
    for name, seconds in (("timeoutInSeconds", called.timeout_s), ("heartbeatInSeconds", called.heartbeat_s)):
        if seconds is not None:
            details[name] = int(seconds)
    return [Event("TaskScheduled", details), Event("TaskStarted", _what(scene.state["Resource"]))]


def submitted(task: "Task", answer: Json) -> list[Event]:
    """Tell that a task was begun, whose end is waited for."""
    return [Event("TaskSubmitted", {**_what(task.resource), "output": dumps(answer)})]


def forked(scene: "Scene", children: int) -> list[Event]:
    """Tell that branches or iterations begin."""
    if scene.state["Type"] == "Map":
        return [Event("MapStateStarted", {"length": children})]
    return [Event("ParallelStateStarted")]


def fanned(run: str) -> list[Event]:
    """Tell that a map run began."""
    return [Event("MapRunStarted", {"mapRunArn": run})]


def came_to(scene: "Scene", result: Json) -> list[Event]:
    """Tell that a task, branches or iterations came to their result."""
    match scene.state["Type"]:
        case "Task":
            return [Event("TaskSucceeded", {**_what(scene.state["Resource"]), "output": dumps(result)})]
        case "Parallel":
            return [Event("ParallelStateSucceeded")]
        case "Map" if is_distributed(scene.state):
            return [Event("MapRunSucceeded")]
        case "Map":
            return [Event("MapStateSucceeded")]
    return []


def failed(strand: Strand, scene: "Scene", failure: StateFailure) -> list[Event]:
    """Tell how a state failed; of one that does nothing outside only its expressions can."""
    told = {"error": failure.error, "cause": failure.cause}
    began = strand.phase not in (Phase.ENTER, Phase.AGAIN)
    match scene.state["Type"]:
        case _ if failure.error == "States.QueryEvaluationError":
            return [Event("EvaluationFailed", {**told, "state": strand.state})]
        case "Task" if began:
            kind = "TaskTimedOut" if failure.error in ("States.Timeout", "States.HeartbeatTimeout") else "TaskFailed"
            return [Event(kind, {**_what(scene.state["Resource"]), **told})]
        case "Parallel" if began:
            return [Event("ParallelStateFailed")]
        case "Map" if began and is_distributed(scene.state):
            return [Event("MapRunFailed", told)]
        case "Map" if began:
            return [Event("MapStateFailed")]
    return []


def iteration(strand: Strand, how: str) -> list[Event]:
    """Tell how an iteration of an inline map stands: `Started`, `Succeeded` …; nothing for other strands."""
    if strand.parent is None or strand.scope[-1] != "ItemProcessor":
        return []
    return [Event(f"MapIteration{how}", {"name": str(strand.scope[-2]), "index": strand.place})]


def _what(resource: str) -> dict[str, str]:
    """Split the resource of a task as the history tells it."""
    parts = resource.split(":")
    if parts[2] == "states":
        return {"resourceType": ":".join(parts[5:-1]) or parts[5], "resource": parts[-1]}
    return {"resourceType": parts[2], "resource": resource}
