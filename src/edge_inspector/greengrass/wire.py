"""One connection to the nucleus, from the attempt to its end.

Here the SDK's errors become ours, by their class alone: Greengrass Lite sends no text.
"""

import json
import logging
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from typing import Protocol, TypeAlias, TypeVar

from awscrt.exceptions import AwsCrtError
from awscrt.io import ClientBootstrap, DefaultHostResolver, EventLoopGroup, SocketDomain, SocketOptions
from awsiot.eventstreamrpc import ClientOperation, Connection, LifecycleHandler, MessageAmendment
from awsiot.greengrasscoreipc.client import GreengrassCoreIPCClient
from awsiot.greengrasscoreipc.clientv2 import GreengrassCoreIPCClientV2
from awsiot.greengrasscoreipc.model import (
    BinaryMessage,
    GreengrassCoreIPCError,
    InvalidArgumentsError,
    PublishMessage,
    ResourceNotFoundError,
    UnauthorizedError,
)

from edge_inspector.errors import RefusedError, SinkError
from edge_inspector.greengrass.environment import NucleusEnvironment

_MOST_UNANSWERED = 3  # calls in a row, after which a connection that stands is taken for dead
_CLOSE_S = 1.0

Client: TypeAlias = GreengrassCoreIPCClientV2
T = TypeVar("T")


class TokenRefusedError(SinkError):
    """The nucleus listens, and hung up when it saw our token."""


class ServiceFailedError(SinkError):
    """The nucleus answered that it cannot: not now, or not at all."""


class Stream(Protocol):
    """A subscription that stands."""

    def close(self) -> object:
        """Ask the nucleus to end it; waits for nothing."""


def _is_not_answered_twice(record: logging.LogRecord) -> bool:
    """Return False for what the SDK says of a request that a connection ended under: that is told by us."""
    return record.exc_info is None or not isinstance(record.exc_info[1], InvalidStateError)


class Dialer:
    """Makes connections to one nucleus; its thread of the SDK is shared by all of them."""

    def __init__(self, environment: NucleusEnvironment, *, timeout_s: float) -> None:
        """Start the SDK's thread.

        Args:
            environment: Where the nucleus is.
            timeout_s: What an answer may take.
        """
        # Its errors are told by us, in our words; its debug texts hold the payloads, secrets among them.
        logging.getLogger("awsiot").setLevel(logging.CRITICAL)
        logging.getLogger("concurrent.futures").addFilter(_is_not_answered_twice)
        loop = EventLoopGroup(num_threads=1)
        self._bootstrap = ClientBootstrap(loop, DefaultHostResolver(loop))
        self._options = SocketOptions()
        self._options.domain = SocketDomain.Local
        self._options.connect_timeout_ms = int(timeout_s * 1000)
        self._environment, self._timeout_s = environment, timeout_s

    def dial(self, *, on_end: Callable[[], None]) -> "Wire":
        """Return a connection that the nucleus has accepted.

        Args:
            on_end: Called once when it ends, on the SDK's thread.

        Raises:
            TokenRefusedError: If the nucleus hung up when it saw the token.
            SinkError: If it is not there, or does not answer.
        """
        token = json.dumps({"authToken": self._environment.token}).encode()
        was_shown = False

        def show_token() -> MessageAmendment:
            nonlocal was_shown
            was_shown = True
            return MessageAmendment(payload=token)

        path = self._environment.socket
        connection = Connection(
            host_name=path,
            port=0,
            bootstrap=self._bootstrap,
            socket_options=self._options,
            connect_message_amender=show_token,
        )
        try:
            connection.connect(_Ending(on_end)).result(self._timeout_s)
        except TimeoutError as error:
            connection.close()
            msg = f"no answer at {path} in {self._timeout_s:g} s"
            raise SinkError(msg) from error
        except (RuntimeError, AwsCrtError) as error:
            if was_shown:
                msg = f"{path}: hung up when it saw the token of this process"
                raise TokenRefusedError(msg) from error
            msg = f"nothing listens at {path}"
            raise SinkError(msg) from error
        return Wire(connection, timeout_s=self._timeout_s)


class Wire:
    """A connection that was accepted; for all threads, never used again once it has ended."""

    def __init__(self, connection: Connection, *, timeout_s: float) -> None:
        """Take over a connection.

        Args:
            connection: Accepted by the nucleus.
            timeout_s: What an answer may take.
        """
        # Without an executor events come on the SDK's thread, in order, and nothing is submitted after the end.
        self._client = GreengrassCoreIPCClientV2(client=_Requests(connection), executor=None)
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._unanswered = 0

    def ask(self, what: str, start: Callable[[Client], Future[T]]) -> T:
        """Send one request and return its answer.

        Args:
            what: The request in words, for errors.
            start: Sends it.

        Raises:
            RefusedError: If it is not allowed, or cannot be.
            ServiceFailedError: If the nucleus answers that it cannot.
            SinkError: If there is no answer, or the connection has ended.
        """
        try:
            answer = start(self._client).result(self._timeout_s)
        except TimeoutError as error:
            self._note(answered=False)
            msg = f"{what}: no answer from the nucleus in {self._timeout_s:g} s"
            raise SinkError(msg) from error
        except GreengrassCoreIPCError as error:
            self._note(answered=True)
            raise _in_our_words(what, error) from error
        except (RuntimeError, AwsCrtError) as error:
            msg = f"{what}: the connection to the nucleus has ended, or it does not know this request"
            raise SinkError(msg) from error
        self._note(answered=True)
        return answer

    def subscribe(self, what: str, start: Callable[[Client], tuple[Future[object], Stream]]) -> Stream:
        """Open a stream of events and return it.

        Raises:
            RefusedError, ServiceFailedError, SinkError: As `ask`.
        """
        opened: list[Stream] = []

        def begin(client: Client) -> Future[object]:
            answer, stream = start(client)
            opened.append(stream)
            return answer

        try:
            self.ask(what, begin)
        except SinkError:
            for stream in opened:
                stream.close()
            raise
        return opened[0]

    def close(self) -> None:
        """End it, and wait a moment for that."""
        with suppress(TimeoutError, RuntimeError, AwsCrtError):  # how it ended no longer matters
            self._client.close().result(_CLOSE_S)

    def _note(self, *, answered: bool) -> None:
        with self._lock:
            self._unanswered = 0 if answered else self._unanswered + 1
            is_dead = self._unanswered >= _MOST_UNANSWERED
        if is_dead:
            self._client.close()


def local_publish(topic: str, payload: bytes) -> tuple[str, Callable[[Client], Future[object]]]:
    """Return the request to publish on the device, as `Wire.ask` takes it: in words, and what sends it."""
    message = PublishMessage(binary_message=BinaryMessage(message=payload))
    return f"publish on {topic}", lambda client: client.publish_to_topic_async(topic=topic, publish_message=message)


class _Requests(GreengrassCoreIPCClient):  # type: ignore[misc] # the SDK has no types
    """Ends the stream of every request that was answered; else the SDK keeps it for as long as the connection stands.

    A Java nucleus ends it with the answer, Greengrass Lite never does. Which of them it is shows once the SDK is
    through with the answer, so it is ended with the next one. All of that is on the SDK's thread.
    """

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._answered: list[Callable[[], Stream | None]] = []  # the last one; the SDK keeps answers, which hold it

    def _new_operation(self, operation_type: type, stream_handler: object = None) -> ClientOperation:
        operation = super()._new_operation(operation_type, stream_handler)
        if stream_handler is None:
            _end_after(operation.get_response(), weakref.ref(operation), self._answered)
        return operation


def _end_after(
    answer: Future[object], operation: Callable[[], Stream | None], answered: list[Callable[[], Stream | None]]
) -> None:
    def end_the_one_before(_: Future[object]) -> None:
        if answered and (before := answered.pop()()) is not None:
            before.close()
        answered.append(operation)

    answer.add_done_callback(end_the_one_before)


class _Ending(LifecycleHandler):  # type: ignore[misc] # the SDK has no types
    """Hears of the end of a connection."""

    def __init__(self, on_end: Callable[[], None]) -> None:
        self._on_end = on_end

    def on_disconnect(self, reason: Exception | None) -> None:  # noqa: ARG002 - the SDK's signature
        """Pass it on."""
        self._on_end()


def _in_our_words(what: str, error: GreengrassCoreIPCError) -> SinkError:
    text = f" ({error.message})" if getattr(error, "message", None) else ""
    match error:
        case UnauthorizedError():
            return RefusedError(f"{what}: not allowed; check accessControl in the component's configuration{text}")
        case InvalidArgumentsError():
            return RefusedError(f"{what}: the nucleus takes it for invalid{text}")
        case ResourceNotFoundError():
            return RefusedError(f"{what}: the nucleus knows none of that name{text}")
        case _:
            return ServiceFailedError(f"{what}: the nucleus cannot do that now, or not at all{text}")
