"""What the engine hears for the topic rules: each message becomes an object before the broker may forget it."""

import logging
import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError
from paho.mqtt.client import Client, MQTTMessage, topic_matches_sub
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from cloud_side.local.broker.link import LOOK_S, PAUSES_S, Broker, Link
from cloud_side.local.database import Database
from cloud_side.local.services.iot.statements import filled
from cloud_side.local.services.iot.subscriptions import client_id_of, forget, note, subscribed
from cloud_side.local.services.iot.topic_rules import Storing, storings

_KEPT_S = 30 * 86400  # a home that nobody starts any more is no burden to the broker for ever
_IDLE_S = 0.25
_AS_THEY_COME = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND)  # as rules in AWS

_log = logging.getLogger(__name__)


class TopicRules:
    """A chore: stores what comes under the topic filters of enabled rules, at least once.

    The broker keeps the session while the engine is down, and a message until it is acknowledged, which is after its
    objects are on the disk. A payload is stored as it came, JSON or not; an empty one, which clears a retained topic,
    is not. A rule sees nothing that was published before it was there.

    Source:
        AWS IoT Core Developer Guide, "S3" (rule action), "AWS IoT SQL reference", "Working with binary payloads".
    """

    name = "topic-rules"

    def __init__(
        self,
        database: Database,
        broker: Broker | None,
        s3: Any,  # noqa: ANN401 - boto3 has no types
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        pauses_s: tuple[float, float] = PAUSES_S,
    ) -> None:
        """Connect to nothing yet.

        Args:
            database: Holds the rules.
            broker: Has the messages; None where there is none.
            s3: A client.
            clock: Tells the time, aware UTC.
            pauses_s: The shortest and the longest pause before the broker is tried again, in seconds.
        """
        self._database, self._s3, self._clock = database, s3, clock
        self._broker = broker
        self._link: Link | None = None
        if broker is not None:
            self._link = Link(
                broker,
                self._prepare,
                waiting="messages for topic rules",
                pauses_s=pauses_s,
                kept_s=_KEPT_S,
                manual_ack=True,
            )
        self._is_said = False
        self._came: deque[MQTTMessage] = deque()
        self._asked: dict[str, int] = {}  # filters of this connection, with paho's message id of the wish
        self._left: dict[str, int] = {}  # likewise, those that are no rule's any more

    def turn(self) -> float:
        """Connect, subscribe, hear and store, for a short while."""
        rules: dict[str, list[Storing]] = {}
        for topic_filter, storing in storings(self._database.connection()):
            rules.setdefault(topic_filter, []).append(storing)
        if (link := self._link) is None:
            self._say_that_rules_sleep(rules)
            return _IDLE_S
        known = subscribed(self._database)
        if not rules and not known:
            link.close()
            return _IDLE_S
        if link.client is None and not self._open(link, known):
            return link.away()
        self._subscribe(link, rules, known)
        link.hear(LOOK_S)
        self._store(link, rules)
        return link.away() if link.client is None else 0.0

    def close(self) -> None:
        """Say goodbye to the broker, which keeps the session."""
        if self._link is not None:
            self._link.close()

    def _say_that_rules_sleep(self, rules: Mapping[str, object]) -> None:
        if rules and not self._is_said:
            self._is_said = True
            _log.info("no broker is configured; topic rules hear nothing")

    def _open(self, link: Link, known: Mapping[str, int]) -> bool:
        for memory in (self._came, self._asked, self._left):
            memory.clear()  # the broker sends again what was not acknowledged
        if not link.open(client_id_of(self._database)):
            return False
        if known and not link.is_known:
            _log.warning("%s: it has not kept the session; what came for topic rules meanwhile is lost", self._broker)
        return True

    def _subscribe(self, link: Link, rules: Mapping[str, object], known: Mapping[str, int]) -> None:
        """Ask for the filters of the rules, once a connection, and give up those that are no rule's any more."""
        if new := sorted(rules.keys() - self._asked.keys()):
            note(self._database, new)
            numbers = subscribed(self._database)
            for topic_filter in new:
                number = Properties(PacketTypes.SUBSCRIBE)  # type: ignore[no-untyped-call]
                number.SubscriptionIdentifier = numbers[topic_filter]
                self._left.pop(topic_filter, None)
                if link.client is not None:
                    _, mid = link.client.subscribe([(topic_filter, _AS_THEY_COME)], properties=number)
                    self._asked[topic_filter] = mid or 0
        for topic_filter in known.keys() - rules.keys() - self._left.keys():
            self._asked.pop(topic_filter, None)
            if link.client is not None:
                _, mid = link.client.unsubscribe(topic_filter)
                self._left[topic_filter] = mid or 0

    def _store(self, link: Link, rules: Mapping[str, Sequence[Storing]]) -> None:
        """Make objects of what came; without a connection it comes again."""
        numbers = subscribed(self._database) if self._came else {}
        while self._came and link.client is not None:
            message = self._came[0]
            for storing in _concerned(message, rules, numbers):
                self._put(storing, message)
            link.client.ack(message.mid, message.qos)
            self._came.popleft()

    def _put(self, storing: Storing, message: MQTTMessage) -> None:
        key = filled(storing.key, message.topic, self._clock(), lambda: str(uuid.uuid4()))
        try:
            self._s3.put_object(Bucket=storing.bucket, Key=key, Body=message.payload)
        except ClientError as error:  # it would be refused again
            _log.warning("topic rule %s: a message of %s was not stored: %s", storing.rule, message.topic, error)

    def _prepare(self, client: Client) -> None:
        client.on_message = self._on_message
        client.on_subscribe = self._on_subscribe
        client.on_unsubscribe = self._on_unsubscribe

    def _on_message(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        self._came.append(message)

    def _on_subscribe(
        self, _client: Client, _userdata: object, mid: int, reasons: Sequence[ReasonCode], _: Properties | None
    ) -> None:
        if any(reason.is_failure for reason in reasons):
            refused = [topic_filter for topic_filter, asked in self._asked.items() if asked == mid]
            why = ", ".join(reason.getName() for reason in reasons)
            _log.warning("%s: lets no topic rule hear %s: %s", self._broker, ", ".join(refused), why)

    def _on_unsubscribe(
        self, _client: Client, _userdata: object, mid: int, _reasons: Sequence[ReasonCode], _: Properties | None
    ) -> None:
        forget(self._database, [topic_filter for topic_filter, left in self._left.items() if left == mid])


def _concerned(
    message: MQTTMessage, rules: Mapping[str, Sequence[Storing]], numbers: Mapping[str, int]
) -> list[Storing]:
    """Return what rules do with a message, which comes once for each subscription that it fits."""
    if not message.payload:
        return []
    because_of = getattr(message.properties, "SubscriptionIdentifier", None)
    return [
        storing
        for topic_filter, of_filter in rules.items()
        if topic_matches_sub(topic_filter, message.topic)
        and (because_of is None or numbers.get(topic_filter) in because_of)
        for storing in of_filter
    ]
