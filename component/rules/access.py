"""What a component may do by IPC: the operations and resources that its accessControl grants."""

import re
from collections.abc import Iterator

from component.rules.finding import Finding, Json, Path, defaults_of, key_findings, list_at, object_at

_OPERATIONS = {
    "aws.greengrass.ipc.pubsub": {"aws.greengrass#PublishToTopic", "aws.greengrass#SubscribeToTopic"},
    "aws.greengrass.ipc.mqttproxy": {"aws.greengrass#PublishToIoTCore", "aws.greengrass#SubscribeToIoTCore"},
    "aws.greengrass.SecretManager": {"aws.greengrass#GetSecretValue"},
}
_LOCAL = "aws.greengrass.ipc.pubsub"
_PATH = "ComponentConfiguration.DefaultConfiguration.accessControl"


def access_findings(recipe: Json) -> Iterator[Finding]:
    """Yield what is wrong with the grants."""
    defaults = defaults_of(recipe)
    if not isinstance(defaults.get("accessControl", {}), dict):
        yield Finding(_PATH, repr(defaults["accessControl"]), "an object")
    seen = set[str]()
    for service, policies in object_at(defaults, "accessControl").items():
        path = f"{_PATH}.{service}"
        if service not in _OPERATIONS:
            yield Finding(path, f"the service {service!r}", f"one of {', '.join(_OPERATIONS)}")
        if not isinstance(policies, dict):
            yield Finding(path, repr(policies), "an object")
            continue
        for policy_id, policy in policies.items():
            yield from _id_findings(path, policy_id, str(recipe.get("ComponentName")), seen)
            seen.add(policy_id)
            yield from _policy_findings(f"{path}.{policy_id}", service, policy)


def _id_findings(path: Path, policy_id: str, component: str, seen: set[str]) -> Iterator[Finding]:
    if policy_id in seen:
        yield Finding(f"{path}.{policy_id}", "an id that another policy has", "an id that is unique on the device")
    if not re.fullmatch(rf"{re.escape(component)}:[a-z]+:\d+", policy_id):
        yield Finding(f"{path}.{policy_id}", f"the id {policy_id!r}", f"'{component}:service:1': unique on the device")


def _policy_findings(path: Path, service: str, policy: object) -> Iterator[Finding]:
    if not isinstance(policy, dict):
        yield Finding(path, repr(policy), "an object")
        return
    yield from key_findings(path, policy, ("policyDescription", "operations", "resources"))
    for key in ("operations", "resources"):
        found = policy.get(key)
        if not isinstance(found, list) or not found or not all(isinstance(each, str) and each for each in found):
            yield Finding(f"{path}.{key}", repr(found), "a list of texts, not empty")
            return
    known = _OPERATIONS.get(service, set())
    for number, operation in enumerate(list_at(policy, "operations")):
        if operation not in known:
            yield Finding(f"{path}.operations[{number}]", repr(operation), f"one of {', '.join(sorted(known))}")
    for number, resource in enumerate(list_at(policy, "resources")):
        if problem := _resource_problem(service, str(resource)):
            yield Finding(f"{path}.resources[{number}]", repr(resource), problem)


def _resource_problem(service: str, resource: str) -> str | None:
    if resource in {"*", "#", "+/#"}:
        return "a resource that names a part of the tree"
    if "{" in resource.replace("{iot:thingName}", ""):
        return "no variable but {iot:thingName}"
    if service == _LOCAL and ("+" in resource or "#" in resource):
        return "a pattern with '*': local topics know no '+' and '#'"
    levels = resource.split("/")
    if any(("+" in level and level != "+") or ("#" in level and level != "#") for level in levels):
        return "'+' and '#' as whole levels"
    if "#" in levels[:-1]:
        return "'#' as the last level"
    return None
