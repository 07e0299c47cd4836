"""What a component may do: the accessControl of its configuration."""

from collections.abc import Mapping, Sequence
from typing import Any

from tests.nucleus.topics import covers

LOCAL, IOT_CORE, SECRETS = "aws.greengrass.ipc.pubsub", "aws.greengrass.ipc.mqttproxy", "aws.greengrass.SecretManager"


def access_control(component: str, pubsub: Sequence[str], iot_core: Sequence[str]) -> dict[str, Any]:
    """Return the accessControl of a recipe that allows these topics, and every secret."""
    allowed = {
        LOCAL: (["PublishToTopic", "SubscribeToTopic"], pubsub),
        IOT_CORE: (["PublishToIoTCore", "SubscribeToIoTCore"], iot_core),
        SECRETS: (["GetSecretValue"], ["*"]),
    }
    return {
        service: {
            f"{component}:{service.rpartition('.')[2]}:1": {
                "operations": [f"aws.greengrass#{operation}" for operation in operations],
                "resources": list(resources),
            }
        }
        for service, (operations, resources) in allowed.items()
    }


def is_allowed(policies: Mapping[str, Any], service: str, operation: str, resource: str, *, thing_name: str) -> bool:
    """Whether one of the policies of accessControl allows the operation on a topic, filter or secret."""
    return any(
        {"*", f"aws.greengrass#{operation}"} & set(policy["operations"])
        and any(
            covers(pattern.replace("{iot:thingName}", thing_name), resource, is_mqtt=service == IOT_CORE)
            for pattern in policy["resources"]
        )
        for policy in policies.get(service, {}).values()
    )
