"""How an installation is: what is deployed and what is not, workflows, alarms and parameters; by boto3 alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from cloud_side import __version__
from cloud_side.all_workflows import WORKFLOWS
from cloud_side.commands import CommandError
from cloud_side.infrastructure.environments import Environment
from cloud_side.installation import installed
from cloud_side.lifecycle.account import Account
from cloud_side.lifecycle.stacks import Stack, find_stacks
from cloud_side.objects import Client

_ALARMS: Final = frozenset({"AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"})
_AT_ONCE: Final = 100  # names of alarms that CloudWatch takes
_EXECUTIONS: Final = 3


@dataclass(frozen=True)
class Execution:
    """One of the last executions of a workflow.

    Attributes:
        workflow: As the product calls it.
        name: Of the execution.
        state: As Step Functions says it.
        started: ISO 8601.
    """

    workflow: str
    name: str
    state: str
    started: str


@dataclass(frozen=True)
class Seen:
    """How an installation is.

    Attributes:
        installation: Its name.
        account, region: Where.
        stacks: That are there.
        missing: Units that are not deployed.
        executions: The last ones, each workflow's youngest first.
        alarms: In state ALARM, with their reasons.
        parameters: That its stacks publish.
    """

    installation: str
    account: str
    region: str
    stacks: tuple[Stack, ...]
    missing: tuple[str, ...]
    executions: tuple[Execution, ...]
    alarms: tuple[tuple[str, str], ...]
    parameters: tuple[tuple[str, str], ...]

    @property
    def is_well(self) -> bool:
        """Whether all of it is deployed, whole, of this version, and without an alarm."""
        whole = all(each.is_well and not each.drifted and each.version == __version__ for each in self.stacks)
        return whole and not self.missing and not self.alarms


def units_of(environment: Environment) -> tuple[str, ...]:
    """Return the names of the stacks that an environment asks for."""
    optional = {"endpoint": environment.endpoint, "simulated-device": environment.simulated_device}
    always = ("catalog", "ingest", "labeling", "training", "deployment", "monitoring")
    return (*always, *(name for name, wish in optional.items() if wish is not None))


def look(account: Account, environment: Environment) -> Seen:
    """Return how an installation is."""
    installation = environment.installation
    cloudformation = account.client("cloudformation")
    stacks = find_stacks(cloudformation, installation)
    there = {each.unit for each in stacks}
    return Seen(
        installation=installation,
        account=account.number,
        region=account.region,
        stacks=stacks,
        missing=tuple(unit for unit in units_of(environment) if unit not in there),
        executions=tuple(each for name in _workflows() for each in _executions(account, installation, name)),
        alarms=_alarms(account.client("cloudwatch"), _alarm_names(cloudformation, stacks)),
        parameters=find_parameters(account, installation),
    )


def find_parameters(account: Account, installation: str) -> tuple[tuple[str, str], ...]:
    """Return names and values of what an installation's stacks publish, by name."""
    pages = account.client("ssm").get_paginator("get_parameters_by_path").paginate(Path=f"/{installation}")
    return tuple(sorted((str(each["Name"]), str(each["Value"])) for page in pages for each in page["Parameters"]))


def _workflows() -> tuple[str, ...]:
    return tuple(each.name for each in WORKFLOWS)


def check_idle(account: Account, installation: str) -> None:
    """Check that no execution of a workflow runs.

    A state machine that is deleted goes only once its executions have ended, which may wait for people for weeks, and
    until then no other one can have its name.

    Raises:
        CommandError: If one does.

    Source:
        Step Functions API reference, DeleteStateMachine.
    """
    running = [
        each for name in _workflows() for each in _executions(account, installation, name, statusFilter="RUNNING")
    ]
    if running:
        named = ", ".join(f"{installed(each.workflow, installation)}:{each.name}" for each in running)
        msg = f"these run: {named}; expected none: wait for them, or stop them (`aws stepfunctions stop-execution`)"
        raise CommandError(msg)


def _executions(account: Account, installation: str, workflow: str, **more: str) -> tuple[Execution, ...]:
    states = account.client("stepfunctions")
    name = installed(workflow, installation)
    arn = f"arn:{states.meta.partition}:states:{account.region}:{account.number}:stateMachine:{name}"
    try:
        found = states.list_executions(stateMachineArn=arn, maxResults=_EXECUTIONS, **more)["executions"]
    except states.exceptions.StateMachineDoesNotExist:
        return ()
    return tuple(
        Execution(workflow, each["name"], each["status"], each["startDate"].isoformat(timespec="seconds"))
        for each in found
    )


def _alarm_names(cloudformation: Client, stacks: Sequence[Stack]) -> list[str]:
    found: list[str] = []
    for stack in stacks:
        for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack.name):
            found += (
                each["PhysicalResourceId"]
                for each in page["StackResourceSummaries"]
                if each["ResourceType"] in _ALARMS and each.get("PhysicalResourceId")
            )
    return found


def _alarms(cloudwatch: Client, names: Sequence[str]) -> tuple[tuple[str, str], ...]:
    found: list[dict[str, Any]] = []
    for start in range(0, len(names), _AT_ONCE):
        asked = list(names[start : start + _AT_ONCE])
        answer = cloudwatch.describe_alarms(
            AlarmNames=asked, MaxRecords=_AT_ONCE, AlarmTypes=["MetricAlarm", "CompositeAlarm"]
        )
        found += [*answer.get("MetricAlarms", ()), *answer.get("CompositeAlarms", ())]
    raised = (each for each in found if each["StateValue"] == "ALARM")
    return tuple(sorted((str(each["AlarmName"]), str(each.get("StateReason", ""))) for each in raised))
