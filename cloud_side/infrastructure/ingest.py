"""What stations say: kept in the bucket, written down for the watch, passed on; and the watch over all stations."""

from dataclasses import replace
from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_glue as glue
from aws_cdk import aws_iam as iam
from aws_cdk import aws_iot as iot
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from constructs import Construct

from cloud_side.infrastructure.catalog import Catalog, database_of
from cloud_side.infrastructure.environments import Environment
from cloud_side.infrastructure.event_stream import STREAM, event_stream
from cloud_side.infrastructure.functions import LOGS_KEPT, Functions
from cloud_side.infrastructure.grants import Grant, role, tell, use_key
from cloud_side.infrastructure.packages import Packages
from cloud_side.infrastructure.rule_errors import error_action, log_name
from cloud_side.infrastructure.unit import Unit, acknowledge
from cloud_side.monitoring.events_table import table_input
from cloud_side.monitoring.functions import EVERY, SILENT_AFTER_VARIABLE, TABLE_VARIABLE, TOPIC_VARIABLE, WATCH
from cloud_side.monitoring.heard import EXPIRES, HEARD, KEY, KIND, TABLE

DEFECTS: Final = "edge-inspector-defects"
_SQL_VERSION: Final = "2016-03-23"


class Ingest(Unit):
    """Topic rules of the installation's stations, and what they write to.

    Attributes:
        stream: Through which all events go to the bucket.
        table: What was last heard of each station; gone with the stack, as stations say it again.
        defects: The topic with each event of a defect, for programs; nobody is subscribed.
    """

    def __init__(self, scope: Construct, environment: Environment, catalog: Catalog, packages: Packages) -> None:
        """Make it."""
        super().__init__(scope, "ingest", environment, "Edge Inspector: what stations say, and whether they do")
        self._catalog = catalog
        logs.LogGroup(
            self,
            "RuleErrors",
            log_group_name=log_name(self),
            retention=LOGS_KEPT,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        self._errors = error_action(self)
        self.stream = event_stream(self, catalog)
        self.table = self._table()
        self.defects = self._topic()
        self._events_table()
        self._topic_rules()
        self._watch(packages)
        self.publish("events-stream", self.named(STREAM))
        self.publish("stations-table", self.named(TABLE))
        self.publish("defects-topic", self.defects.topic_arn)

    def _table(self) -> dynamodb.Table:
        table = dynamodb.Table(
            self,
            "Stations",
            table_name=self.named(TABLE),
            partition_key=dynamodb.Attribute(name=KEY, type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name=KIND, type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            time_to_live_attribute=EXPIRES,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        acknowledge(
            table, "AwsSolutions::AwsSolutions-DDB3", "it says the present, which stations say again by themselves"
        )
        return table

    def _topic(self) -> sns.Topic:
        key = self._catalog.key
        return sns.Topic(self, "Defects", topic_name=self.named(DEFECTS), master_key=key, enforce_ssl=True)

    def _events_table(self) -> None:
        made = glue.CfnTable(
            self,
            "EventsTable",
            catalog_id=self.account,
            database_name=database_of(self.environment_),
            table_input={},
        )
        # CDK would drop the names as Glue and CloudFormation write them.
        made.add_property_override("TableInput", table_input(self._catalog.bucket_name(self)))
        made.apply_removal_policy(cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE)

    def _topic_rules(self) -> None:
        action, topics = iot.CfnTopicRule.ActionProperty, self.environment_.topics
        to_stream = role(
            self,
            "events-role",
            "iot",
            (Grant(("firehose:PutRecord",), (self.stream.attr_arn,)),),
            description="Passes events on to the stream",
        )
        # Only events have a `specversion`: not what carries the present, nor the empty payload that clears an alarm.
        self._rule(
            "edge_inspector_events",
            f"SELECT * FROM '{topics}/#' WHERE isUndefined(specversion) = false",  # noqa: S608 - our own texts
            action(
                firehose=iot.CfnTopicRule.FirehoseActionProperty(
                    delivery_stream_name=self.named(STREAM), role_arn=to_stream.role_arn, separator="\n"
                )
            ),
        )
        to_topic = role(
            self,
            "defects-role",
            "iot",
            (tell(self.defects.topic_arn), use_key(self._catalog.key.key_arn)),
            description="Passes events of defects on to their topic",
        )
        self._rule(
            "edge_inspector_defects",
            f"SELECT * FROM '{topics}/+/+/+/+/defect'",  # noqa: S608 - our own texts
            action(
                sns=iot.CfnTopicRule.SnsActionProperty(
                    target_arn=self.defects.topic_arn, role_arn=to_topic.role_arn, message_format="RAW"
                )
            ),
        )
        to_table = role(
            self,
            "heard-role",
            "iot",
            (Grant(("dynamodb:PutItem",), (self.table.table_arn,)),),
            description="Writes down what was last heard of stations",
        )
        put = iot.CfnTopicRule.PutItemInputProperty(table_name=self.table.table_name)
        for heard in HEARD:
            made = iot.CfnTopicRule.DynamoDBv2ActionProperty(put_item=put, role_arn=to_table.role_arn)
            self._rule(heard.name, heard.sql(topics), action(dynamo_d_bv2=made))

    def _rule(self, name: str, sql: str, action: iot.CfnTopicRule.ActionProperty) -> None:
        iot.CfnTopicRule(
            self,
            f"topic-{name}",
            rule_name=self.named(name.replace("_", "-")).replace("-", "_"),
            topic_rule_payload=iot.CfnTopicRule.TopicRulePayloadProperty(
                sql=sql,
                aws_iot_sql_version=_SQL_VERSION,
                actions=[action],
                error_action=self._errors,
            ),
        )

    def _watch(self, packages: Packages) -> None:
        topic = self._catalog.topic.topic_arn
        rows = Grant(("dynamodb:Scan", "dynamodb:BatchWriteItem"), (self.table.table_arn,))
        minutes = str(self.environment_.silent_after_minutes)
        values = {TABLE_VARIABLE: self.table.table_name, TOPIC_VARIABLE: topic, SILENT_AFTER_VARIABLE: minutes}
        function = replace(WATCH, environment=values)
        made = Functions(self, self, self._catalog, packages).make(function, (rows, tell(topic)))
        # It is called again in a minute anyway; what was throttled would wait for hours.
        made.configure_async_invoke(retry_attempts=0, max_event_age=cdk.Duration.minutes(1))
        rule = events.CfnRule(
            self,
            "rule-watch",
            name=self.named(WATCH.name),
            schedule_expression=EVERY,
            targets=[events.CfnRule.TargetProperty(id="target", arn=made.function_arn)],
        )
        made.add_permission(
            "rule-watch", principal=iam.ServicePrincipal("events.amazonaws.com"), source_arn=rule.attr_arn
        )
