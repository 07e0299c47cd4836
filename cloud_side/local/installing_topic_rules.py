"""The topic rules that keep what stations tell workflows, as the local engine has them installed."""

from collections.abc import Mapping
from typing import Any

from cloud_side.local.services.iot.topic_rules import judge
from cloud_side.local.wiring import RefusedRequest
from cloud_side.workflows import TopicRule, Workflow, filled
from edge_inspector.errors import ConfigError

_SQL_VERSION = "2016-03-23"


def payloads_of(workflow: Workflow, values: Mapping[str, str], *, bucket: str, role: str) -> dict[str, dict[str, Any]]:
    """Return what each topic rule of a workflow is, by name, as CreateTopicRule takes it.

    Args:
        workflow: Whose rules they are.
        values: What is filled in.
        bucket: Where messages become objects.
        role: ARN of the role that writes them.

    Raises:
        ConfigError: If a rule has a placeholder that nothing is known for, or is refused.
    """
    payloads = {rule.name: _payload(workflow, rule, values, bucket=bucket, role=role) for rule in workflow.topic_rules}
    for name, payload in payloads.items():
        try:
            judge(name, payload)
        except RefusedRequest as refusal:
            msg = f"topic rule {name}: {refusal.message}"
            raise ConfigError(msg) from refusal
    return payloads


def install(iot: Any, workflow: Workflow, payloads: Mapping[str, Mapping[str, Any]]) -> None:  # noqa: ANN401 - boto3 has no types
    """Put a workflow's topic rules, and remove those that it had and has no more; one that was disabled stays so.

    Args:
        iot: A client.
        workflow: Whose rules they are.
        payloads: See `payloads_of`.

    Raises:
        ClientError: If a rule is refused.
    """
    pages = iot.get_paginator("list_topic_rules").paginate()
    names = [found["ruleName"] for page in pages for found in page["rules"]]
    there = {name: iot.get_topic_rule(ruleName=name)["rule"] for name in names}
    for name, payload in payloads.items():
        if (found := there.pop(name, None)) is None:
            iot.create_topic_rule(ruleName=name, topicRulePayload=payload)
        elif any(found.get(member) != value for member, value in payload.items()):
            kept = {**payload, "ruleDisabled": found["ruleDisabled"]}
            iot.replace_topic_rule(ruleName=name, topicRulePayload=kept)
    for name, found in there.items():
        if found.get("description") == _described(workflow):
            iot.delete_topic_rule(ruleName=name)


def _payload(
    workflow: Workflow, rule: TopicRule, values: Mapping[str, str], *, bucket: str, role: str
) -> dict[str, Any]:
    name = f"topic rule {rule.name}"
    key = filled(rule.key, values, name)
    return {
        "sql": filled(rule.sql, values, name),
        "description": _described(workflow),
        "actions": [{"s3": {"roleArn": role, "bucketName": bucket, "key": key}}],
        "awsIotSqlVersion": _SQL_VERSION,
    }


def _described(workflow: Workflow) -> str:
    return f"Installed with the workflow {workflow.name}"
