"""Whether the resources of a definition's tasks are any that Step Functions has."""

from collections.abc import Mapping
from typing import Any

from cloud_side.local.states.integrations import Integration, ResourceError
from cloud_side.local.states.scopes import scopes


def resource_problems(definition: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with them, a sentence each; nothing where all are known."""
    problems = []
    for scope in scopes(definition):
        for path, _, state in scope.named():
            if state["Type"] != "Task":
                continue
            try:
                Integration.parse(state["Resource"])
            except ResourceError as error:
                problems.append(f"{path}.Resource: {error}")
    return problems
