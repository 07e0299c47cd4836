"""What is deployed of an installation, by boto3 alone: its stacks, what each of them holds, and their deletion."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from botocore.exceptions import WaiterError

from cloud_side.commands import CommandError
from cloud_side.installation import PRODUCT
from cloud_side.objects import Client

OWNER_TAG: Final = f"{PRODUCT}:installation"
UNIT_TAG: Final = f"{PRODUCT}:unit"
RECEIVING: Final = "receiving"  # of the delivery
CATALOG: Final = "catalog"
_VERSION: Final = "Version"  # an output of each stack
_GONE: Final = "DELETE_COMPLETE"
_PATIENCE: Final = {"Delay": 5, "MaxAttempts": 720}


@dataclass(frozen=True)
class Stack:
    """A stack that is there.

    Attributes:
        name: `edge-inspector-dev-catalog`.
        unit: `catalog`.
        state: As CloudFormation says it, `UPDATE_COMPLETE`.
        why: Of the state, where it says so.
        version: Of the product that it was deployed from; empty where it does not say.
        drifted: Whether the last look for drift found that somebody changed it by hand.
        is_protected: From deletion.
        created: ISO 8601, to sort by.
    """

    name: str
    unit: str
    state: str
    why: str = ""
    version: str = ""
    drifted: bool = False
    is_protected: bool = False
    created: str = ""

    @property
    def is_deployed(self) -> bool:
        """Whether it holds anything; a first deployment that failed leaves an empty stack."""
        empty = ("CREATE_FAILED", "CREATE_IN_PROGRESS", "DELETE_", "REVIEW_IN_PROGRESS", "ROLLBACK_")
        return not self.state.startswith(empty)

    @property
    def is_well(self) -> bool:
        """Whether the last thing that was done to it has worked."""
        return self.state in {"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"}


@dataclass(frozen=True)
class Content:
    """What deleting a stack comes to.

    Attributes:
        deleted: How many of each type, `AWS::Lambda::Function`.
        retained: Type and name of what stays.
    """

    deleted: Mapping[str, int] = field(default_factory=dict)
    retained: tuple[tuple[str, str], ...] = ()


def find_stacks(cloudformation: Client, installation: str) -> tuple[Stack, ...]:
    """Return the stacks of an installation, by their tag, oldest first."""
    pages = cloudformation.get_paginator("describe_stacks").paginate()
    found = (_stack(each, installation) for page in pages for each in page["Stacks"])
    return tuple(sorted((each for each in found if each is not None), key=lambda each: each.created))


def look_into(cloudformation: Client, stack: Stack) -> Content:
    """Return what deleting a stack deletes, and what it leaves, as the template that it was deployed from says."""
    template = cloudformation.get_template(StackName=stack.name, TemplateStage="Original")["TemplateBody"]
    resources = (json.loads(template) if isinstance(template, str) else template).get("Resources", {})
    kept = {name for name, each in resources.items() if each.get("DeletionPolicy", "Delete") != "Delete"}
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack.name)
    deleted: Counter[str] = Counter()
    retained: list[tuple[str, str]] = []
    for each in (each for page in pages for each in page["StackResourceSummaries"]):
        if each["ResourceStatus"] == _GONE:
            continue
        if each["LogicalResourceId"] in kept:
            retained.append((str(each["ResourceType"]), str(each.get("PhysicalResourceId", ""))))
        else:
            deleted[each["ResourceType"]] += 1
    return Content(dict(sorted(deleted.items())), tuple(retained))


def in_order_of_deletion(stacks: Sequence[Stack]) -> tuple[Stack, ...]:
    """Return stacks so that none goes before one that refers to it: youngest first, the catalog last.

    What lets a delivery in goes first: a role of it has a policy of the endpoint's stack.
    """
    return tuple(
        sorted(stacks, key=lambda each: (each.unit != CATALOG, each.unit == RECEIVING, each.created), reverse=True)
    )


def check_unprotected(stacks: Sequence[Stack]) -> None:
    """Check that no stack is protected from deletion.

    Raises:
        CommandError: If one is, with how that is lifted.
    """
    protected = [each.name for each in stacks if each.is_protected]
    if protected:
        lift = "\n".join(
            f"  aws cloudformation update-termination-protection --no-enable-termination-protection --stack-name {name}"
            for name in protected
        )
        msg = f"{len(protected)} stacks are protected from deletion, expected none; who may lift that says\n{lift}"
        raise CommandError(msg)


def delete_stack(cloudformation: Client, stack: Stack) -> None:
    """Delete a stack and wait until it is gone, for an hour at most.

    Raises:
        CommandError: If CloudFormation cannot delete it, with its reason.
    """
    identity = cloudformation.describe_stacks(StackName=stack.name)["Stacks"][0]["StackId"]
    cloudformation.delete_stack(StackName=identity)
    try:
        cloudformation.get_waiter("stack_delete_complete").wait(StackName=identity, WaiterConfig=_PATIENCE)
    except WaiterError as error:
        found = cloudformation.describe_stacks(StackName=identity)["Stacks"][0]
        reason = found.get("StackStatusReason", "no reason is said")
        msg = f"{stack.name}: expected it deleted, found {found['StackStatus']}: {reason}"
        raise CommandError(msg) from error


def _stack(said: Mapping[str, Any], installation: str) -> Stack | None:
    tags = {each["Key"]: each["Value"] for each in said.get("Tags", ())}
    if tags.get(OWNER_TAG) != installation or said["StackStatus"] == _GONE:
        return None
    outputs = {each["OutputKey"]: each["OutputValue"] for each in said.get("Outputs", ())}
    return Stack(
        name=said["StackName"],
        unit=tags.get(UNIT_TAG, ""),
        state=said["StackStatus"],
        why=said.get("StackStatusReason", ""),
        version=outputs.get(_VERSION, ""),
        drifted=said.get("DriftInformation", {}).get("StackDriftStatus") == "DRIFTED",
        is_protected=bool(said.get("EnableTerminationProtection")),
        created=said["CreationTime"].isoformat(),
    )
