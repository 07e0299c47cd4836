"""In what the Java nucleus and nucleus lite differ, as a component sees it."""

from dataclasses import dataclass

_BOTH = frozenset(
    {
        "GetConfiguration",
        "PublishToIoTCore",
        "PublishToTopic",
        "SubscribeToConfigurationUpdate",
        "SubscribeToIoTCore",
        "SubscribeToTopic",
        "UpdateConfiguration",
        "UpdateState",
    }
)
_JAVA = frozenset(
    {
        "DeferComponentUpdate",
        "GetSecretValue",
        "SendConfigurationValidityReport",
        "SubscribeToComponentUpdates",
        "SubscribeToValidateConfigurationUpdates",
    }
)


@dataclass(frozen=True, slots=True)
class Flavor:
    """One of the two; a limit that is None is none.

    Attributes:
        operations: What is implemented; the rest gets a ServiceError.
        is_java: Answers a bad token before it closes the connection, ends the stream of a request that subscribes to
            nothing with its answer, says `message` in errors, honors the receive mode of a subscriber, refuses an
            update with an older timestamp, gives a reset key its default back, passes the retain flag on.
        spool_bytes: What is kept in memory while IoT Core is away.
        frame_bytes: A longer frame closes the connection.
        answer_bytes: A longer answer is a ServiceError.
        answer_objects: So is one that holds more objects.
        publisher_objects: A JSON message of more objects is refused.
        subscriber_objects: A JSON message of more objects ends every subscription that it comes to.
        unacknowledged: Messages of QoS 1 on their way to IoT Core; more are refused.
        inbound_bytes: A longer message from IoT Core is dropped.
    """

    version: str
    is_java: bool
    operations: frozenset[str]
    spool_bytes: int
    frame_bytes: int | None = None
    answer_bytes: int | None = None
    answer_objects: int | None = None
    publisher_objects: int | None = None
    subscriber_objects: int | None = None
    unacknowledged: int | None = None
    inbound_bytes: int | None = None


FLAVORS = {
    "java": Flavor("2.14.3", is_java=True, operations=_BOTH | _JAVA, spool_bytes=2_621_440),
    "lite": Flavor(
        "2.6.0",
        is_java=False,
        operations=_BOTH,
        spool_bytes=0,
        frame_bytes=10_012,
        answer_bytes=10_000,
        answer_objects=255,
        publisher_objects=190,
        subscriber_objects=44,
        unacknowledged=10,
        inbound_bytes=4_950,
    ),
}


def exceeds(amount: int, limit: int | None) -> bool:
    return limit is not None and amount > limit
