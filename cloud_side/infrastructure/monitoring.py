"""What people are told of by AWS itself, and a dashboard: alarms, events, and a budget."""

from dataclasses import replace
from typing import Any, Final

from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from constructs import Construct

from cloud_side.infrastructure.alarms import PERIOD_S, Alarm, Measured, alarms
from cloud_side.infrastructure.catalog import Catalog
from cloud_side.infrastructure.dashboard import dashboard
from cloud_side.infrastructure.environments import Environment
from cloud_side.infrastructure.notices import BUDGET, NOTICES, TRAINING_FAILED, Notice, section
from cloud_side.infrastructure.packages import Packages
from cloud_side.infrastructure.unit import OWNER_TAG, Unit
from cloud_side.training.pipeline.definition import NAME as PIPELINE

DASHBOARD: Final = "edge-inspector"
_MOST_ADDRESSES: Final = 10  # of a notification of AWS Budgets
_SPENT_PERCENT: Final = (("ACTUAL", 80), ("ACTUAL", 100), ("FORECASTED", 100))


class Monitoring(Unit):
    """Alarms, all to the installation's topic; each names its section of the runbook."""

    def __init__(self, scope: Construct, environment: Environment, catalog: Catalog, packages: Packages) -> None:
        """Make it."""
        super().__init__(scope, "monitoring", environment, "Edge Inspector: alarms, a budget and a dashboard")
        del packages  # it runs no code of its own
        self._topic = catalog.topic.topic_arn
        watched = [self._placed(each) for each in alarms(environment)]
        for alarm in watched:
            self._alarm(alarm)
        for notice in NOTICES:
            self._notice(notice)
        if environment.monthly_budget_usd is not None:
            self._budget(environment.monthly_budget_usd)
        names = [self._name(alarm) for alarm in watched]
        arns = [self.arn("cloudwatch", f"alarm:{name}") for name in names]
        body = dashboard(environment, self.region, catalog.bucket_name(self), watched, arns)
        cloudwatch.CfnDashboard(
            self, "Dashboard", dashboard_name=self.named(DASHBOARD), dashboard_body=self.to_json_string(body)
        )
        self.publish("alarms", ",".join(names))
        self.publish("dashboard", self.named(DASHBOARD))

    def _name(self, alarm: Alarm) -> str:
        return self.named(f"edge-inspector-{alarm.name}")

    def _placed(self, alarm: Alarm) -> Alarm:
        """Return an alarm with the ARNs of state machines for their names."""
        return replace(alarm, measured=tuple(self._with_arn(each) for each in alarm.measured))

    def _with_arn(self, measured: Measured) -> Measured:
        match measured.dimension:
            case ("StateMachineArn", name):
                arn = self.arn("states", f"stateMachine:{self.named(name)}")
                return replace(measured, dimension=("StateMachineArn", arn))
            case _:
                return measured

    def _alarm(self, alarm: Alarm) -> None:
        name = self._name(alarm)
        cloudwatch.CfnAlarm(
            self,
            f"alarm-{alarm.name}",
            alarm_name=name,
            alarm_description=f"{alarm.says} Nothing measured is {alarm.missing.words}: {alarm.because}. "
            f"What to do: {section(alarm.name)}",
            comparison_operator="LessThanThreshold" if alarm.is_too_few else "GreaterThanThreshold",
            threshold=alarm.limit,
            evaluation_periods=alarm.periods,
            datapoints_to_alarm=alarm.enough,
            treat_missing_data=alarm.missing.value,
            metrics=_queries(alarm),
            alarm_actions=[self._topic],
            ok_actions=[self._topic],
        )

    def _notice(self, notice: Notice) -> None:
        detail = dict(notice.detail)
        if notice is TRAINING_FAILED:
            detail["pipelineArn"] = [self.arn("sagemaker", f"pipeline/{self.named(PIPELINE)}")]
        events.CfnRule(
            self,
            f"rule-{notice.name}",
            name=self.named(notice.rule),
            description=f"Tells people, see {section(notice.name)}",
            event_pattern={"source": [notice.source], "detail-type": [notice.detail_type], "detail": detail},
            targets=[
                events.CfnRule.TargetProperty(
                    id="target",
                    arn=self._topic,
                    input_transformer=events.CfnRule.InputTransformerProperty(
                        input_paths_map=dict(notice.paths), input_template=notice.template()
                    ),
                )
            ],
        )

    def _budget(self, usd: float) -> None:
        # It has no name of ours: other addresses are another budget, which is made before the old one is deleted.
        of_budget = budgets.CfnBudget
        addresses = self.environment_.notify[:_MOST_ADDRESSES]  # also by mail: the topic may be what is broken
        subscribers = [
            of_budget.SubscriberProperty(subscription_type="SNS", address=self._topic),
            *(of_budget.SubscriberProperty(subscription_type="EMAIL", address=each) for each in addresses),
        ]
        of_budget(
            self,
            BUDGET,
            budget=of_budget.BudgetDataProperty(
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=of_budget.SpendProperty(amount=usd, unit="USD"),
                cost_filters={"TagKeyValue": [f"user:{OWNER_TAG}${self.environment_.installation}"]},
            ),
            notifications_with_subscribers=[
                of_budget.NotificationWithSubscribersProperty(
                    notification=of_budget.NotificationProperty(
                        notification_type=kind,
                        comparison_operator="GREATER_THAN",
                        threshold=percent,
                        threshold_type="PERCENTAGE",
                    ),
                    subscribers=subscribers,
                )
                for kind, percent in _SPENT_PERCENT
            ],
        )


def _queries(alarm: Alarm) -> list[cloudwatch.CfnAlarm.MetricDataQueryProperty]:
    """Return what an alarm looks at: the one metric, or the sum of several, of which most are silent mostly."""
    query = cloudwatch.CfnAlarm.MetricDataQueryProperty
    is_one = len(alarm.measured) == 1
    found = [
        query(
            id=f"m{at}",
            metric_stat=cloudwatch.CfnAlarm.MetricStatProperty(
                metric=cloudwatch.CfnAlarm.MetricProperty(
                    namespace=each.namespace, metric_name=each.metric, dimensions=_dimensions(each)
                ),
                period=PERIOD_S,
                stat=each.statistic,
            ),
            return_data=is_one,
        )
        for at, each in enumerate(alarm.measured)
    ]
    if not is_one:
        total = " + ".join(f"FILL(m{at}, 0)" for at in range(len(found)))
        found.append(query(id="total", expression=total, label=alarm.name, return_data=True))
    return found


def _dimensions(measured: Measured) -> Any:  # noqa: ANN401 - as CDK's own types
    if measured.dimension is None:
        return None
    name, value = measured.dimension
    return [cloudwatch.CfnAlarm.DimensionProperty(name=name, value=value)]
