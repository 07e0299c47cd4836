"""What the stations say by MQTT, heard by somebody who knows nothing else of them."""

import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from paho.mqtt.client import Client, ConnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from cloud_side.loop.programs import LoopError

_STATIONS: Final = "edge-inspector/+/+/+/#"
_PART: Final = "part-"
_LOOK_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class Heard:
    """The result of a part.

    Attributes:
        station: That inspected it.
        day: How often the station's line has begun to count anew before, from 0.
        number: Of the part on that day, from 0.
        result: The data of the event.
    """

    station: str
    day: int
    number: int
    result: Mapping[str, Any]

    @property
    def model(self) -> str:
        """The version of the model that judged it."""
        return str(self.result["model"]["version"])


class Listener:
    """Hears everything that stations publish, each event once."""

    def __init__(self, host: str, port: int) -> None:
        """Connect with `with`.

        Args:
            host: Of the broker.
            port: Likewise.
        """
        self._address = host, port
        self._came = threading.Condition()
        self._seen: set[str] = set()
        self._results: dict[str, list[Heard]] = defaultdict(list)
        self._by_id: dict[str, Heard] = {}
        self._events: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self._latest: dict[tuple[str, str], dict[str, Any]] = {}
        self._subscribed = False
        self._client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv311)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = lambda _client, _userdata, message: self.on_message(message)

    def __enter__(self) -> Self:
        """Connect, and return once all is heard."""
        self._client.connect(*self._address)
        self._client.loop_start()
        self.wait_for(lambda: self._subscribed, 20, "the broker lets us hear")
        return self

    def __exit__(self, *_: object) -> None:
        """Say goodbye."""
        self._client.disconnect()
        self._client.loop_stop()

    def results(self, station: str) -> Sequence[Heard]:
        """Return the results of a station so far, in their order."""
        with self._came:
            return tuple(self._results[station])

    def result(self, inspection_id: str) -> Heard | None:
        """Return the result of an inspection, once it was heard."""
        with self._came:
            return self._by_id.get(inspection_id)

    def events(self, station: str, kind: str) -> Sequence[Mapping[str, Any]]:
        """Return the data of a station's events of a kind, e.g. `model.proved`, in their order."""
        with self._came:
            return [each["data"] for each in self._events[station] if f".{kind}." in each["type"]]

    def latest(self, station: str, channel: str) -> Mapping[str, Any] | None:
        """Return what a station last said on a channel that tells the present, e.g. `stats`."""
        with self._came:
            return self._latest.get((station, channel))

    def wait_for(
        self, predicate: Callable[[], object], patience_s: float, what: str, check: Callable[[], object] = lambda: None
    ) -> None:
        """Wait until something is true of what was heard.

        Args:
            predicate: Whether it is.
            patience_s: How long at most.
            what: For people.
            check: Called between; raises where there is nothing to wait for any more.

        Raises:
            LoopError: If it has not come true.
        """
        ends_s = time.monotonic() + patience_s
        while not predicate():
            check()
            if time.monotonic() > ends_s:
                msg = f"not within {patience_s:g} s: {what}"
                raise LoopError(msg)
            with self._came:
                self._came.wait(_LOOK_S)

    def on_message(self, message: MQTTMessage) -> None:
        """Take what a station says."""
        _, _, _, station, *rest = message.topic.split("/")
        if not message.payload:  # an alarm that is cleared
            return
        document, channel = json.loads(message.payload), "/".join(rest)
        with self._came:
            if "specversion" not in document:
                self._latest[station, channel] = document
            elif document["id"] not in self._seen:  # at least once, says the station
                self._seen.add(document["id"])
                self._keep(station, channel, document)
            self._came.notify_all()

    def _on_connect(
        self, client: Client, _: object, __: ConnectFlags, ___: ReasonCode, ____: Properties | None
    ) -> None:
        client.subscribe(_STATIONS, qos=1)

    def _on_subscribe(
        self, _: Client, __: object, ___: int, reasons: Sequence[ReasonCode], ____: Properties | None
    ) -> None:
        with self._came:
            self._subscribed = not any(reason.is_failure for reason in reasons)
            self._came.notify_all()

    def _keep(self, station: str, channel: str, event: dict[str, Any]) -> None:
        if not channel.endswith("/result"):
            self._events[station].append(event)
            return
        result = event["data"]
        number, before = int(result["part_id"].removeprefix(_PART)), self._results[station]
        day = 0 if not before else before[-1].day + (number <= before[-1].number)
        heard = Heard(station, day, number, result)
        before.append(heard)
        self._by_id[result["inspection_id"]] = heard
