"""Serves the connections: counts them, and gives what they ask to the operations or to the faults."""

import secrets
from collections import Counter
from contextlib import suppress

from tests.nucleus.connection import Call, Connection
from tests.nucleus.faults import Fails, Faults, LosesAnswer, Waits
from tests.nucleus.flavors import Flavor
from tests.nucleus.loop import LoopThread
from tests.nucleus.operations import Operations
from tests.nucleus.refusals import RefusalError


class Desk:
    """Where clients come, ask and go; all of it on the loop."""

    def __init__(self, flavor: Flavor, operations: Operations, thread: LoopThread) -> None:
        self.flavor = flavor
        self.token = make_token()
        self.faults = Faults()
        self.all_connections: set[Connection] = set()
        self.connections: list[Connection] = []
        self.refused_connects = 0
        self.requests: Counter[str] = Counter()
        self._operations = operations
        self._thread = thread
        self._most_in_flight = 0

    @property
    def most_in_flight(self) -> int:
        return max([self._most_in_flight, *(connection.most_in_flight for connection in self.connections)])

    def came(self, connection: Connection) -> None:
        self.all_connections.add(connection)

    def asked_to_connect(self, connection: Connection, *, token_is_good: bool) -> None:
        if token_is_good:
            self.connections.append(connection)
        else:
            self.refused_connects += 1
        self._thread.look()

    def went(self, connection: Connection) -> None:
        self.all_connections.discard(connection)
        if connection in self.connections:
            self._most_in_flight = self.most_in_flight
            self.connections.remove(connection)
        self._operations.subscriptions.end(lambda subscription: subscription.connection is connection)
        self._thread.look()

    def end_stream(self, connection: Connection, stream_id: int) -> None:
        self._operations.subscriptions.end(
            lambda subscription: (subscription.connection, subscription.stream_id) == (connection, stream_id)
        )
        self._thread.look()

    def serve(self, call: Call) -> None:
        self.requests[call.operation] += 1
        match self.faults.next(call.operation):
            case None:
                self._answer(call)
            case Waits(seconds):
                self._thread.loop.call_later(seconds, self._answer, call)
            case Fails(error_name):
                call.refuse(RefusalError(error_name))
            case LosesAnswer(is_done, closes):
                if is_done:
                    with suppress(RefusalError):
                        self._operations.do(call)
                if closes:
                    call.connection.close()
        self._thread.look()

    def _answer(self, call: Call) -> None:
        if call.connection not in self.all_connections:
            return  # asked of a nucleus that is gone
        try:
            response = self._operations.do(call)
        except RefusalError as refusal:
            call.refuse(refusal)
        else:
            call.answer(response)
        self._thread.look()


def make_token() -> str:
    return secrets.token_hex(8).upper()
