"""Installs a workflow in AWS: the same definition, functions and rules that the engine of one machine installs."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_iot as iot
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from cloud_side.infrastructure.catalog import Catalog
from cloud_side.infrastructure.functions import LOGS_KEPT, X_RAY, Functions
from cloud_side.infrastructure.grants import Grant, on_all, role, use_key, write
from cloud_side.infrastructure.packages import Packages
from cloud_side.infrastructure.rule_errors import error_action
from cloud_side.infrastructure.unit import Unit
from cloud_side.workflows import Pipeline, Rule, TopicRule, Workflow, filled, placeholders

_DELIVERY: Final = on_all(
    "the delivery of logs has no resource: Step Functions Developer Guide, Logging using CloudWatch Logs",
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
)


@dataclass(frozen=True)
class Rights:
    """What a workflow's parts may do.

    Attributes:
        functions: By the name of the function, each one of the workflow.
        machine: Of the state machine, beside calling its functions.
        scratch_mb: Disk of a function in `/tmp`, where 512 are too few; by its name.
    """

    functions: Mapping[str, Sequence[Grant]]
    machine: Sequence[Grant] = ()
    scratch_mb: Mapping[str, int] = field(default_factory=dict)


class InstalledWorkflow(Construct):
    """A state machine with its functions, rules, pipelines and topic rules.

    Attributes:
        functions: By the product's name.
        machine: The state machine.
    """

    def __init__(  # noqa: PLR0913 - what CloudFormation has to know
        self,
        unit: Unit,
        workflow: Workflow,
        *,
        catalog: Catalog,
        packages: Packages,
        values: Mapping[str, str],
        rights: Rights,
        pipeline_role: iam.Role | None = None,
    ) -> None:
        """Install it.

        Args:
            unit: The stack.
            workflow: Its definition and what it needs.
            catalog: Where everything is kept.
            packages: Code and libraries of functions.
            values: For the placeholders of its definition, rules and pipelines, beside those that all have.
            rights: What its parts may do.
            pipeline_role: That its pipelines run with.

        Raises:
            ValueError: If the rights name other functions than the workflow has.
        """
        super().__init__(unit, "Workflow")
        names = {function.name for function in workflow.functions}
        if names != rights.functions.keys():
            differ = ", ".join(sorted(names ^ rights.functions.keys()))
            msg = f"{workflow.name}: expected the rights of each function, found a difference in {differ}"
            raise ValueError(msg)
        self._unit, self._catalog, self._workflow = unit, catalog, workflow
        makes = Functions(self, unit, catalog, packages)
        self.functions = {
            each.name: makes.make(each, rights.functions[each.name], rights.scratch_mb.get(each.name))
            for each in workflow.functions
        }
        self._values = {
            **catalog.values(unit),
            **values,
            **{name: made.function_arn for name, made in self.functions.items()},
        }
        self.machine = self._machine(rights)
        for rule in workflow.rules:
            self._rule(rule)
        for pipeline in workflow.pipelines:
            self._pipeline(pipeline, pipeline_role)
        if workflow.topic_rules:
            self._errors = error_action(unit)
        for topic_rule in workflow.topic_rules:
            self._topic_rule(topic_rule)

    def _machine(self, rights: Rights) -> sfn.StateMachine:
        name = self._unit.named(self._workflow.name)
        log = logs.LogGroup(
            self,
            "machine-log",
            log_group_name=f"/aws/vendedlogs/states/{name}",
            retention=LOGS_KEPT,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        calls = Grant(("lambda:InvokeFunction",), tuple(each.function_arn for each in self.functions.values()))
        grants = (*rights.machine, calls, use_key(self._catalog.key.key_arn), X_RAY, _DELIVERY)
        text = self._workflow.text()
        used = {key: self._values[key] for key in sorted(self._workflow.placeholders())}
        return sfn.StateMachine(
            self,
            "Machine",
            state_machine_name=name,
            definition_body=sfn.DefinitionBody.from_string(text),
            definition_substitutions=used,
            role=role(self._unit, "machine-role", "states", grants, description=f"What {name} may do"),
            logs=sfn.LogOptions(destination=log, level=sfn.LogLevel.ALL, include_execution_data=False),
            tracing_enabled=True,
        )

    def _rule(self, rule: Rule) -> None:
        target: events.CfnRule.TargetProperty
        if rule.function is not None:
            target = events.CfnRule.TargetProperty(id="target", arn=self.functions[rule.function].function_arn)
        else:
            starts = Grant(("states:StartExecution",), (self.machine.state_machine_arn,))
            taker = self._unit.node.try_find_child("rules-role") or role(
                self._unit, "rules-role", "events", (starts,), description="Begins executions"
            )
            assert isinstance(taker, iam.Role)  # noqa: S101 - for the types
            target = events.CfnRule.TargetProperty(
                id="target",
                arn=self.machine.state_machine_arn,
                role_arn=taker.role_arn,
                input=None if rule.input is None else json.dumps(rule.input),
            )
        pattern = None
        if rule.pattern is not None:
            pattern = json.loads(filled(rule.pattern, self._values, f"rule {rule.name}"))
        made = events.CfnRule(
            self,
            f"rule-{rule.name}",
            name=self._unit.named(rule.name),
            event_pattern=pattern,
            schedule_expression=rule.schedule,
            targets=[target],
        )
        if rule.function is not None:
            self.functions[rule.function].add_permission(
                f"rule-{rule.name}",
                principal=iam.ServicePrincipal("events.amazonaws.com"),
                source_arn=made.attr_arn,
            )

    def _pipeline(self, pipeline: Pipeline, runs_as: iam.Role | None) -> None:
        if runs_as is None:
            msg = f"pipeline {pipeline.name}: expected a role, found none"
            raise ValueError(msg)
        text = pipeline.text()
        used = {name: self._values[name] for name in sorted(placeholders(text))}
        sagemaker.CfnPipeline(
            self,
            f"pipeline-{pipeline.name}",
            pipeline_name=self._unit.named(pipeline.name),
            pipeline_definition={"PipelineDefinitionBody": cdk.Fn.sub(text, used)},
            role_arn=runs_as.role_arn,
        )

    def _topic_rule(self, rule: TopicRule) -> None:
        name = f"topic rule {rule.name}"
        key = filled(rule.key, self._values, name)
        prefix = f"{key.split('${', 1)[0]}*"
        grants = (write(self._catalog.bucket_arn(self._unit), prefix), use_key(self._catalog.key.key_arn))
        writer = role(self._unit, f"{rule.name}-role", "iot", grants, description=f"What the rule {rule.name} may do")
        iot.CfnTopicRule(
            self,
            f"topic-{rule.name}",
            rule_name=self._unit.named(rule.name.replace("_", "-")).replace("-", "_"),
            topic_rule_payload=iot.CfnTopicRule.TopicRulePayloadProperty(
                sql=filled(rule.sql, self._values, name),
                aws_iot_sql_version="2016-03-23",
                description=f"Keeps what stations tell the workflow {self._workflow.name}",
                error_action=self._errors,
                actions=[
                    iot.CfnTopicRule.ActionProperty(
                        s3=iot.CfnTopicRule.S3ActionProperty(
                            bucket_name=self._catalog.bucket_name(self._unit), key=key, role_arn=writer.role_arn
                        )
                    )
                ],
            ),
        )
