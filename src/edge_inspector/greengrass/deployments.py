"""What a nucleus asks before a deployment: is this configuration usable, and may components be updated now?

Greengrass Lite asks neither.
"""

import logging
from collections.abc import Callable

from awsiot.greengrasscoreipc.model import (
    ComponentUpdatePolicyEvents,
    ConfigurationValidityReport,
    ConfigurationValidityStatus,
    ValidateConfigurationUpdateEvents,
)

from edge_inspector.errors import SinkError
from edge_inspector.greengrass.link import Link
from edge_inspector.greengrass.subscription import Subscription
from edge_inspector.greengrass.worker import Worker

RECHECK_MS = 30_000
_LONGEST_REASON = 1000

_log = logging.getLogger(__name__)


def validation(link: Link, worker: Worker, check: Callable[[dict[str, object]], str | None]) -> Subscription:
    """Return the subscription to configurations that shall be looked at before they are deployed.

    Args:
        link: The nucleus.
        worker: Runs the check.
        check: Returns what is wrong, or None.
    """

    def report(deployment: str, configuration: dict[str, object]) -> None:
        problem = check(configuration)
        status = ConfigurationValidityStatus.ACCEPTED if problem is None else ConfigurationValidityStatus.REJECTED
        _log.info("nucleus: configuration of deployment %s: %s", deployment, problem or "usable")
        report = ConfigurationValidityReport(
            status=status, deployment_id=deployment, message=problem and problem[:_LONGEST_REASON]
        )
        _answer(
            lambda: link.ask(
                "report on a configuration",
                lambda client: client.send_configuration_validity_report_async(configuration_validity_report=report),
            )
        )

    def on_event(events: ValidateConfigurationUpdateEvents) -> None:
        if (event := events.validate_configuration_update_event) is not None:
            worker.put(lambda: report(event.deployment_id, event.configuration or {}))

    return Subscription(
        "asking before a configuration is deployed",
        lambda client, **events: client.subscribe_to_validate_configuration_updates_async(**events),
        on_event,
        is_optional=True,
    )


def deferral(link: Link, worker: Worker, busy: Callable[[], str | None]) -> Subscription:
    """Return the subscription to updates that are about to come.

    Args:
        link: The nucleus.
        worker: Runs `busy`.
        busy: Returns why an update must wait, or None.
    """

    def answer(deployment: str) -> None:
        reason = busy()
        if reason is not None:
            _log.info("nucleus: deployment %s has to wait: %s", deployment, reason)
        _answer(
            lambda: link.ask(
                "answer to an update",
                lambda client: client.defer_component_update_async(
                    deployment_id=deployment,
                    message=reason and reason[:_LONGEST_REASON],
                    recheck_after_ms=0 if reason is None else RECHECK_MS,
                ),
            )
        )

    def on_event(events: ComponentUpdatePolicyEvents) -> None:
        if (event := events.pre_update_event) is not None:
            worker.put(lambda: answer(event.deployment_id))

    return Subscription(
        "asking before components are updated",
        lambda client, **events: client.subscribe_to_component_updates_async(**events),
        on_event,
        is_optional=True,
    )


def _answer(ask: Callable[[], object]) -> None:
    """Answer as well as it goes: a nucleus that hears nothing goes on after its own time-out."""
    try:
        ask()
    except SinkError as error:
        _log.warning("nucleus: %s", error)
