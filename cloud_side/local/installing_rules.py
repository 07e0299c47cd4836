"""The rules by which workflows begin by themselves, as the local engine has them installed."""

import json
from collections.abc import Mapping
from typing import Any

from cloud_side.local.services.functions.configuration import arn_of
from cloud_side.workflows import Rule, Workflow, filled
from edge_inspector.errors import ConfigError

_TARGET = "target"


def patterns_of(workflow: Workflow, values: Mapping[str, str]) -> dict[str, str]:
    """Return the event pattern of each rule that has one, filled in.

    Raises:
        ConfigError: If a rule has a placeholder that nothing is known for, names a function that the workflow does not
            have, or begins with neither or both of a pattern and a schedule.
    """
    names = {function.name for function in workflow.functions}
    for rule in workflow.rules:
        if (rule.pattern is None) == (rule.schedule is None):
            msg = f"rule {rule.name}: expected a pattern or a schedule, found {rule.pattern!r} and {rule.schedule!r}"
            raise ConfigError(msg)
        if rule.function is not None and rule.function not in names:
            msg = f"rule {rule.name}: expected a function among {', '.join(sorted(names))}, found {rule.function!r}"
            raise ConfigError(msg)
    return {
        rule.name: filled(rule.pattern, values, f"rule {rule.name}")
        for rule in workflow.rules
        if rule.pattern is not None
    }


def install(events: Any, workflow: Workflow, patterns: Mapping[str, str], *, machine: str, role: str) -> None:  # noqa: ANN401 - boto3 has no types
    """Put a workflow's rules, and remove those that it had and has no more.

    Args:
        events: A client.
        workflow: Whose rules they are.
        patterns: See `patterns_of`.
        machine: ARN of its state machine.
        role: ARN of the role that begins executions.

    Raises:
        ClientError: If a rule is refused.
    """
    description = f"Installed with the workflow {workflow.name}"
    pages = events.get_paginator("list_rules").paginate()
    there = {found["Name"]: found for page in pages for found in page["Rules"]}
    for rule in workflow.rules:
        reason = {"ScheduleExpression": rule.schedule} if rule.schedule else {"EventPattern": patterns[rule.name]}
        wanted, found = {"Description": description, **reason}, there.pop(rule.name, {})
        if any(found.get(name) != value for name, value in wanted.items()):
            state = found.get("State", "ENABLED")  # one that somebody disabled stays so
            events.put_rule(Name=rule.name, State=state, **wanted)
        events.put_targets(Rule=rule.name, Targets=[_target(rule, machine, role)])
    for found in there.values():
        if found.get("Description") == description:
            events.remove_targets(Rule=found["Name"], Ids=[_TARGET])
            events.delete_rule(Name=found["Name"])


def _target(rule: Rule, machine: str, role: str) -> dict[str, str]:
    if rule.function is not None:  # it gets the event
        return {"Id": _TARGET, "Arn": arn_of(rule.function)}
    execution = {"Id": _TARGET, "Arn": machine, "RoleArn": role}
    return execution if rule.input is None else {**execution, "Input": json.dumps(rule.input)}
