"""Who sends commands over a broker and reads the answers."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.mosquitto import PATIENCE_S, Subscriber


class Commander(Subscriber):
    """Sends commands to one station; hears what it answers."""

    def __init__(self, port: int, station: str) -> None:
        super().__init__(port, f"{station}/cmd/+/reply")
        self._station = station

    def send(self, name: str, payload: bytes, *, retain: bool = False) -> None:
        """Publish whatever is given; the broker has it when this returns."""
        self._client.publish(f"{self._station}/cmd/{name}", payload, 1, retain).wait_for_publish(PATIENCE_S)

    def tell(self, name: str, request_id: str, *, retain: bool = False, **arguments: object) -> None:
        """Send a command that is good for a minute."""
        expires_at = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()
        document = {"request_id": request_id, "expires_at": expires_at, **arguments}
        self.send(name, json.dumps(document).encode(), retain=retain)

    def answer(self) -> dict[str, Any]:
        """Return the next answer, the whole event."""
        return dict(json.loads(self.next().payload))

    def ask(self, name: str, request_id: str, **arguments: object) -> dict[str, Any]:
        """Send a command and return the answer to it."""
        self.tell(name, request_id, **arguments)
        while (answer := self.answer())["data"]["request_id"] != request_id:
            pass
        return answer
