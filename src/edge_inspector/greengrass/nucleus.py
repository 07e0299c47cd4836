"""The nucleus as the rest of the daemon sees it: what one can ask of it, each in one call."""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Self

from awsiot.greengrasscoreipc.model import ReportedLifecycleState

from edge_inspector.errors import ConfigError, RefusedError, SinkError
from edge_inspector.greengrass.commands import Handler, subscribed_to_commands
from edge_inspector.greengrass.deployments import deferral, validation
from edge_inspector.greengrass.environment import NucleusEnvironment
from edge_inspector.greengrass.following import Follower, configuration_updates
from edge_inspector.greengrass.link import Link, Pace
from edge_inspector.greengrass.wire import ServiceFailedError, local_publish
from edge_inspector.greengrass.worker import Worker
from edge_inspector.topics import Message, TopicTree

LARGEST_MESSAGE = 7000  # bytes with the topic; a frame above 10,012 bytes closes the whole connection to a Lite nucleus
LARGEST_ANSWER, MOST_ANSWERED = 10_000, 255  # bytes, and values, of a Lite nucleus
TIMEOUT_S = 5.0

_log = logging.getLogger(__name__)


class Nucleus:
    """The one connection of the process to the nucleus that started it; for all threads.

    It outlives the flows, which are built anew. Used as a context manager: entering connects in the background, whether
    or not the nucleus is there; leaving ends the connection. Every call waits for its answer, for `timeout_s` at most.
    """

    def __init__(
        self, environment: NucleusEnvironment, *, timeout_s: float = TIMEOUT_S, pace: Pace | None = None
    ) -> None:
        """Connect to nothing yet.

        Args:
            environment: Where the nucleus is.
            timeout_s: What an answer may take.
            pace: How long to wait between attempts to connect.
        """
        self._link = Link(environment, timeout_s=timeout_s, pace=pace or Pace())
        self._worker = Worker()
        self._is_running = False
        self._open = ExitStack()

    def __enter__(self) -> Self:
        """Start to connect, and return at once."""
        self._open.enter_context(self._worker)
        self._open.enter_context(self._link.listening(self._tell_state))
        self._open.enter_context(self._link)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the connection."""
        self._open.close()

    @property
    def connection(self) -> int | None:
        """The number of the connection that stands, another one for every connection; None while there is none."""
        return self._link.connection

    @property
    def problem(self) -> str | None:
        """Why there is no connection; None while there is one."""
        return self._link.problem

    @property
    def token_is_dead(self) -> bool:
        """Whether the nucleus has refused our token again and again: only a new process gets another one."""
        return self._link.token_is_dead

    def wait_until_connected(self, timeout_s: float) -> bool:
        """Wait for a connection; return whether there is one."""
        return self._link.wait_until_connected(timeout_s)

    @contextmanager
    def listening(self, tell: Callable[[], None]) -> Iterator[None]:
        """Have `tell` called whenever the connection came or went; quick, and never failing."""
        with self._link.listening(tell):
            yield

    def publish_local(self, message: Message) -> None:
        """Publish on the device; a message that only clears a retained topic has no meaning there.

        Raises:
            RefusedError: If it is not allowed, or too large.
            SinkError: If it was not taken; try again later.
        """
        if message.payload:
            self._link.ask(*local_publish(message.topic, _fitting(message)))

    def publish_iot_core(self, message: Message) -> None:
        """Publish to AWS IoT Core; that it was taken means by the nucleus, not yet by the cloud.

        Raises:
            RefusedError: If it is not allowed, or too large.
            SinkError: If it was not taken; try again later.
        """
        payload = _fitting(message)
        self._link.ask(
            f"publish to IoT Core on {message.topic}",
            lambda client: client.publish_to_iot_core_async(
                topic_name=message.topic,
                qos=str(message.delivery.qos),
                payload=payload,
                retain=message.delivery.retain,
            ),
        )

    @contextmanager
    def subscribe_commands(self, topics: TopicTree, handler: Handler, *, heartbeat_s: float) -> Iterator[None]:
        """Take the commands to a station, from the device and from AWS IoT Core, until it is left.

        Args:
            topics: Of the station.
            handler: Called with topic and payload, one command after the other, on a thread of its own.
            heartbeat_s: How often the local subscription is tried.
        """
        with subscribed_to_commands(self._link, self._worker, topics, handler, heartbeat_s=heartbeat_s):
            yield

    def configuration(self) -> dict[str, object]:
        """Return the component's configuration as it is now.

        Raises:
            SinkError: If the nucleus does not tell it.
        """
        limits = f"{LARGEST_ANSWER} bytes and {MOST_ANSWERED} values"
        what = f"get the configuration, of which a Lite nucleus tells at most {limits}"
        answer = self._link.ask(what, lambda client: client.get_configuration_async(component_name=None, key_path=[]))
        return dict(answer.value or {})

    @contextmanager
    def following_configuration(self, take: Callable[[dict[str, object]], None]) -> Iterator[None]:
        """Have `take` called with the whole configuration soon after it changed, until it is left.

        Args:
            take: Called on a thread of its own, also where nothing has changed.
        """
        with ExitStack() as stack:
            follower = stack.enter_context(Follower(self.configuration, take))
            stack.enter_context(self._link.subscribed(configuration_updates(follower.note_change)))
            yield

    @contextmanager
    def validating(self, check: Callable[[dict[str, object]], str | None]) -> Iterator[None]:
        """Answer, until it is left, whether a configuration that a deployment brings can be used.

        Args:
            check: Returns what is wrong with a configuration, or None; called on a thread of its own.
        """
        with self._link.subscribed(validation(self._link, self._worker, check)):
            yield

    @contextmanager
    def deferring_updates(self, busy: Callable[[], str | None]) -> Iterator[None]:
        """Have component updates wait, until it is left, for as long as there is a reason.

        Args:
            busy: Returns why an update must wait, or None; called on a thread of its own.
        """
        with self._link.subscribed(deferral(self._link, self._worker, busy)):
            yield

    def report_running(self) -> None:
        """Have the nucleus told that the component runs, now and on every later connection; waits for nothing."""
        self._is_running = True
        self._tell_state()

    def secret(self, name: str) -> str:
        """Return a secret that is a password: its text, or `password` in its JSON.

        Args:
            name: Name or ARN.

        Raises:
            ConfigError: If the nucleus does not tell it, or it holds no password.
        """
        try:
            answer = self._link.ask(
                f"get the secret {name}", lambda client: client.get_secret_value_async(secret_id=name)
            )
        except RefusedError as error:
            msg = f"mqtt.password_secret: {error}; its ARN must also be in the configuration of the secret manager"
            raise ConfigError(msg) from error
        except ServiceFailedError as error:
            msg = f"mqtt.password_secret: {error}; expected a Java nucleus with aws.greengrass.SecretManager"
            raise ConfigError(msg) from error
        except SinkError as error:
            msg = f"mqtt.password_secret: {error}"
            raise ConfigError(msg) from error
        value = answer.secret_value
        return _password_in(value.secret_string if value.secret_string is not None else value.secret_binary or "", name)

    def _tell_state(self) -> None:
        if self._is_running and self.connection is not None:
            self._worker.put(self._report_running)

    def _report_running(self) -> None:
        try:
            self._link.ask(
                "report the state", lambda client: client.update_state_async(state=ReportedLifecycleState.RUNNING)
            )
        except SinkError as error:  # Lite answers so where nobody asked for it
            _log.info("nucleus: %s", error)


def _fitting(message: Message) -> bytes:
    size = len(message.topic.encode()) + len(message.payload)
    if size > LARGEST_MESSAGE:
        msg = f"publish on {message.topic}: expected at most {LARGEST_MESSAGE} bytes with the topic, found {size}"
        raise RefusedError(msg)
    return message.payload


def _password_in(content: str | bytes, name: str) -> str:
    try:
        text = content if isinstance(content, str) else content.decode()
    except UnicodeDecodeError:
        text = ""
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    password = document.get("password") if isinstance(document, dict) else text
    if not isinstance(password, str) or not password:
        msg = f"mqtt.password_secret: the secret {name}: expected the password, or JSON with a key `password`"
        raise ConfigError(msg)
    return password
