"""A deployment's questions to the component, and its answers; only the Java nucleus asks."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.nucleus.refusals import ApiError, RefusalError
from tests.nucleus.subscriptions import Subscriptions


@dataclass(frozen=True, slots=True)
class ValidityReport:
    """Whether the component takes a configuration: `status` is ACCEPTED or REJECTED."""

    deployment_id: str
    status: str
    message: str | None = None


@dataclass(frozen=True, slots=True)
class UpdateAnswer:
    """What the component says to an update: ask again after so long; 0 is go ahead."""

    deployment_id: str
    recheck_after_ms: int
    message: str | None = None


class Deployments:
    """Asks whoever subscribed, and keeps the answers in the order in which they came."""

    def __init__(self, subscriptions: Subscriptions) -> None:
        self.reports: dict[str, ValidityReport] = {}
        self.answers: list[UpdateAnswer] = []
        self._subscriptions = subscriptions
        self._pending: set[str] = set()
        self._numbers = itertools.count(1)

    def ask_whether_valid(self, configuration: Mapping[str, Any]) -> str | None:
        """Return the deployment whose report is awaited; None if nobody validates."""
        asked = self._subscriptions.to("SubscribeToValidateConfigurationUpdates")[:1]  # a second one is never asked
        if not asked:
            return None
        deployment_id = f"deployment-{next(self._numbers)}"
        self._pending.add(deployment_id)
        event = {"configuration": configuration, "deploymentId": deployment_id}
        asked[0].send({"validateConfigurationUpdateEvent": event})
        return deployment_id

    def report(self, request: Mapping[str, Any]) -> None:
        """Take a report; a RefusalError if nobody waits for it."""
        report = request["configurationValidityReport"]
        deployment_id = report.get("deploymentId")
        if deployment_id not in self._pending:
            raise RefusalError(ApiError.INVALID_ARGUMENTS, "Validation request either timed out or was never made")
        self._pending.remove(deployment_id)
        self.reports[deployment_id] = ValidityReport(deployment_id, report["status"], report.get("message"))

    def give_up(self, deployment_id: str) -> None:
        self._pending.discard(deployment_id)

    def tell(self, kind: str, event: Mapping[str, Any]) -> int:
        """Send `preUpdateEvent` or `postUpdateEvent`, and return to how many."""
        told = self._subscriptions.to("SubscribeToComponentUpdates")
        for subscription in told:
            subscription.send({kind: event})
        return len(told)

    def defer(self, request: Mapping[str, Any]) -> None:
        """Take an answer to an update; a RefusalError from a component that did not subscribe."""
        if not self._subscriptions.to("SubscribeToComponentUpdates"):
            raise RefusalError(ApiError.INVALID_ARGUMENTS, "Component is not subscribed to component update events")
        recheck_after_ms = request.get("recheckAfterMs", 0)
        self.answers.append(UpdateAnswer(request["deploymentId"], recheck_after_ms, request.get("message")))
