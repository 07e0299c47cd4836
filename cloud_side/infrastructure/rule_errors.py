"""Where a rule of AWS IoT says what it could not do: a message that is not kept would be lost without a word."""

from typing import Final

from aws_cdk import aws_iot as iot

from cloud_side.infrastructure.grants import Grant, role
from cloud_side.infrastructure.unit import Unit

_LOG: Final = "edge-inspector-rule-errors"
_STREAMS: Final = "streams of a log have names that nobody knows before"


def log_name(unit: Unit) -> str:
    """Return the name of the installation's log of what rules could not do; the stack `ingest` makes it."""
    return f"/aws/iot/{unit.named(_LOG)}"


def error_action(unit: Unit) -> iot.CfnTopicRule.ActionProperty:
    """Return the error action of a unit's rules, with a role that may write that log.

    Source:
        https://docs.aws.amazon.com/iot/latest/developerguide/rule-error-handling.html
    """
    actions = ("logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents")
    writer = role(
        unit,
        "errors-role",
        "iot",
        (Grant(actions, (unit.arn("logs", f"log-group:{log_name(unit)}:*"),), _STREAMS),),
        description="Writes down what rules could not do",
    )
    return iot.CfnTopicRule.ActionProperty(
        cloudwatch_logs=iot.CfnTopicRule.CloudwatchLogsActionProperty(
            log_group_name=log_name(unit), role_arn=writer.role_arn
        )
    )
