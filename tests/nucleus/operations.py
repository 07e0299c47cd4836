"""What each operation of the IPC API does."""

import base64
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from tests.nucleus.access import IOT_CORE, LOCAL, SECRETS, is_allowed
from tests.nucleus.configuration import ConfigurationTree, KeyPath
from tests.nucleus.connection import Call
from tests.nucleus.deployments import Deployments
from tests.nucleus.flavors import Flavor
from tests.nucleus.messages import IotCore, LocalTopics, Published
from tests.nucleus.refusals import ApiError, RefusalError
from tests.nucleus.subscriptions import Subscriptions

_NOT_FOR_COMPONENTS = {"CreateLocalDeployment", "RestartComponent", "ValidateAuthorizationToken"}


class Operations:
    """The nucleus behind the protocol; lives on one thread.

    What the component published and said of itself goes to `hear`, with `local`, `iot_core` or `state`.
    """

    def __init__(  # noqa: PLR0913 - what one nucleus is told of its component
        self,
        flavor: Flavor,
        *,
        component: str,
        thing_name: str,
        tree: ConfigurationTree,
        secrets: Mapping[str, str | bytes],
        hear: Callable[[str, Published | str], None],
    ) -> None:
        self.tree = tree
        self.subscriptions = Subscriptions()
        self.local = LocalTopics(flavor, self.subscriptions)
        self.iot_core = IotCore(flavor, self.subscriptions, lambda message: hear("iot_core", message))
        self.deployments = Deployments(self.subscriptions)
        self._flavor = flavor
        self._component = component
        self._thing_name = thing_name
        self._secrets = secrets
        self._hear = hear
        self._methods: dict[str, Callable[[Call], dict[str, Any] | None]] = {
            "DeferComponentUpdate": lambda call: self.deployments.defer(call.request),
            "GetConfiguration": self._get_configuration,
            "GetSecretValue": self._get_secret_value,
            "PublishToIoTCore": self._publish_to_iot_core,
            "PublishToTopic": self._publish_to_topic,
            "SendConfigurationValidityReport": lambda call: self.deployments.report(call.request),
            "SubscribeToComponentUpdates": self.subscriptions.add,
            "SubscribeToConfigurationUpdate": self._subscribe_to_configuration,
            "SubscribeToIoTCore": self._subscribe_to_iot_core,
            "SubscribeToTopic": self._subscribe_to_topic,
            "SubscribeToValidateConfigurationUpdates": self.subscriptions.add,
            "UpdateConfiguration": self._update_configuration,
            "UpdateState": lambda call: self._hear("state", call.request["state"]),
        }

    def do(self, call: Call) -> dict[str, Any]:
        """Do what is asked and return the response; a RefusalError if it is not done."""
        if call.operation in _NOT_FOR_COMPONENTS:
            raise RefusalError(ApiError.UNAUTHORIZED)
        if call.operation not in self._flavor.operations:
            raise RefusalError(ApiError.SERVICE, f"Operation {call.operation} is not supported by Greengrass")
        return self._methods[call.operation](call) or {}

    def tell_of(self, changed: list[KeyPath]) -> None:
        """Send each changed leaf to those that follow it or what it is part of."""
        for path in changed:
            for subscription in self.subscriptions.to("SubscribeToConfigurationUpdate"):
                if path[: len(subscription.path)] == subscription.path:
                    event = {"componentName": self._component, "keyPath": list(path)}
                    subscription.send({"configurationUpdateEvent": event})

    def _publish_to_topic(self, call: Call) -> None:
        topic = call.request["topic"]
        self._authorize(LOCAL, call.operation, topic)
        self._hear("local", self.local.publish(topic, call.request["publishMessage"], is_own=True))

    def _subscribe_to_topic(self, call: Call) -> None:
        self._authorize(LOCAL, call.operation, call.request["topic"])
        self.local.subscribe(call)

    def _publish_to_iot_core(self, call: Call) -> None:
        self._authorize(IOT_CORE, call.operation, call.request["topicName"])
        self.iot_core.publish(call.request)

    def _subscribe_to_iot_core(self, call: Call) -> None:
        topics = call.request["topicName"]
        self._authorize(IOT_CORE, call.operation, topics)
        self.subscriptions.add(call, topics=topics)

    def _get_configuration(self, call: Call) -> dict[str, Any]:
        path, value = self._find(call)
        return {"componentName": self._component, "value": value if isinstance(value, dict) else {path[-1]: value}}

    def _subscribe_to_configuration(self, call: Call) -> None:
        path, _ = self._find(call)
        self.subscriptions.add(call, path=path)

    def _update_configuration(self, call: Call) -> None:
        path = tuple(call.request.get("keyPath", ()))
        value, timestamp_s = call.request.get("valueToMerge"), call.request.get("timestamp")
        if timestamp_s is None or value is None:
            raise RefusalError(ApiError.INVALID_ARGUMENTS, "Timestamp and ValueToMerge are required")
        if "accessControl" in (path[:1] or value):
            raise RefusalError(ApiError.INVALID_ARGUMENTS, "Config update is not allowed for accessControl")
        if self._flavor.is_java and self.tree.has_newer(path, value, timestamp_s):
            raise RefusalError(ApiError.FAILED_UPDATE_CONDITION_CHECK, "Proposed timestamp is older than the config's")
        self.tell_of(self.tree.merge(path, value, timestamp_s))

    def _get_secret_value(self, call: Call) -> dict[str, Any]:
        name = call.request["secretId"]
        self._authorize(SECRETS, call.operation, name)
        if name not in self._secrets:
            raise RefusalError(ApiError.RESOURCE_NOT_FOUND, f"Secret not found {name}")
        secret = self._secrets[name]
        if isinstance(secret, str):
            value = {"secretString": secret}
        else:
            value = {"secretBinary": base64.b64encode(secret).decode()}
        return {"secretId": name, "versionId": "1", "versionStage": ["AWSCURRENT"], "secretValue": value}

    def _find(self, call: Call) -> tuple[KeyPath, Any]:
        path = tuple(call.request.get("keyPath", ()))
        with suppress(KeyError):
            if call.request.get("componentName", self._component) == self._component:
                return path, self.tree.get(path)
        raise RefusalError(ApiError.RESOURCE_NOT_FOUND, "Key not found")

    def _authorize(self, service: str, operation: str, resource: str) -> None:
        policies = self.tree.get().get("accessControl", {})
        if not is_allowed(policies, service, operation, resource, thing_name=self._thing_name):
            raise RefusalError(ApiError.UNAUTHORIZED, f"Principal {self._component} is not authorized to {operation}")
