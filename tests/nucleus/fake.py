"""A Greengrass nucleus on a Unix socket that a component cannot tell from a real one, and that fails on request."""

import base64
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

from tests.nucleus.access import access_control
from tests.nucleus.configuration import ConfigurationTree, KeyPath, as_yaml_gives_them
from tests.nucleus.connection import Connection
from tests.nucleus.deployments import UpdateAnswer, ValidityReport
from tests.nucleus.desk import Desk, make_token
from tests.nucleus.faults import Fails, LosesAnswer, Waits
from tests.nucleus.flavors import FLAVORS
from tests.nucleus.loop import PATIENCE_S, LoopThread
from tests.nucleus.messages import Published
from tests.nucleus.operations import Operations
from tests.nucleus.topics import matches

_COMPONENT = "com.edgeinspector.Inspector"
_IOT_CORE = ("edge-inspector/+/+/{iot:thingName}/#",)  # topics there that no `accessControl` has to allow


class FakeNucleus:
    """The nucleus of one component; a context manager that listens from beginning to end.

    Attributes:
        socket_path: Where it listens.
        local: What the component published on the device.
        iot_core: What AWS IoT Core got from it.
        states: What it said of itself by UpdateState.
        secrets: What GetSecretValue finds by name: text or bytes.
    """

    def __init__(  # noqa: PLR0913 - what a nucleus knows; a test names the one or two that it cares for
        self,
        folder: Path,
        flavor: Literal["java", "lite"] = "java",
        *,
        thing_name: str = "station-2",
        configuration: Mapping[str, Any] | None = None,
        recipe: Literal["json", "yaml"] = "json",
        pubsub: Sequence[str] = ("edge-inspector/*",),
    ) -> None:
        """Get ready to listen on a socket in the folder.

        Args:
            folder: Where the socket is made.
            flavor: Which nucleus this one is like.
            thing_name: The name of the device.
            configuration: The recipe's defaults; an `accessControl` in it says what is allowed.
            recipe: The kind of recipe that they came from.
            pubsub: Local topics that are allowed if there is no `accessControl`.
        """
        self.flavor = FLAVORS[flavor]
        self.local: list[Published] = []
        self.iot_core: list[Published] = []
        self.states: list[str] = []
        self.secrets: dict[str, str | bytes] = {}
        defaults = {"accessControl": access_control(_COMPONENT, pubsub, _IOT_CORE), **(configuration or {})}
        self._operations = Operations(
            self.flavor,
            component=_COMPONENT,
            thing_name=thing_name,
            tree=ConfigurationTree(as_yaml_gives_them(defaults) if (flavor, recipe) == ("lite", "yaml") else defaults),
            secrets=self.secrets,
            hear=self.hear,
        )
        self.socket_path = folder / "ipc.socket"
        self._thing_name = thing_name
        self._thread = LoopThread("fake-nucleus")
        self._desk = Desk(self.flavor, self._operations, self._thread)

    def __enter__(self) -> Self:
        self._thread.start()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._thread.close()

    @property
    def token(self) -> str:
        """What a client has to show; another one after `restart(new_token=True)`."""
        return self._desk.token

    @token.setter
    def token(self, token: str) -> None:
        self._desk.token = token

    @property
    def environment(self) -> dict[str, str]:
        """What the nucleus puts into the environment of the component's process."""
        path = str(self.socket_path)
        return {
            "SVCUID": self.token,
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": self.token,
            "AWS_GG_NUCLEUS_DOMAIN_SOCKET_FILEPATH_FOR_COMPONENT": path,
            **({"AWS_GG_NUCLEUS_DOMAIN_SOCKET_FILEPATH": path} if self.flavor.is_java else {}),
            "AWS_IOT_THING_NAME": self._thing_name,
            "AWS_REGION": "eu-central-1",
            "AWS_DEFAULT_REGION": "eu-central-1",
            "GG_ROOT_CA_PATH": "/greengrass/v2/rootCA.pem",
            "GGC_VERSION": self.flavor.version,
        }

    @property
    def configuration(self) -> dict[str, Any]:
        """The component's configuration as it is now."""
        return dict(self._operations.tree.copy().get())

    @property
    def connections(self) -> list[Connection]:
        """Clients that showed the token and are still there."""
        return self._desk.connections

    @property
    def refused_connects(self) -> int:
        """How many clients showed something else."""
        return self._desk.refused_connects

    @property
    def requests(self) -> Counter[str]:
        """Requests by operation, whatever became of them."""
        return self._desk.requests

    @property
    def most_in_flight(self) -> int:
        """The most publishes that one connection had sent without having their answers."""
        return self._desk.most_in_flight

    @property
    def iot_is_online(self) -> bool:
        """Whether AWS IoT Core can be reached."""
        return self._operations.iot_core.is_online

    @iot_is_online.setter
    def iot_is_online(self, online: bool) -> None:
        self._thread.do(lambda: self._operations.iot_core.go(online=online))

    @property
    def iot_acknowledges(self) -> bool:
        """Whether AWS IoT Core acknowledges what it gets."""
        return self._operations.iot_core.acknowledges

    @iot_acknowledges.setter
    def iot_acknowledges(self, acknowledges: bool) -> None:
        self._thread.do(lambda: self._operations.iot_core.acknowledge(acknowledges=acknowledges))

    def publish_local(self, topic: str, payload: bytes | Mapping[str, Any]) -> None:
        """Publish as another component of the device: bytes, or a JSON message."""
        if isinstance(payload, bytes):
            message: dict[str, Any] = {"binaryMessage": {"message": base64.b64encode(payload).decode()}}
        else:
            message = {"jsonMessage": {"message": payload}}
        self._thread.do(lambda: self._operations.local.publish(topic, message, is_own=False))

    def publish_iot(self, topic: str, payload: bytes) -> None:
        """Publish in the cloud."""
        self._thread.do(lambda: self._operations.iot_core.deliver(topic, payload))

    def configure(
        self, merge: Mapping[str, Any] | None = None, *, reset: Sequence[Sequence[str]] = ()
    ) -> ValidityReport | None:
        """Deploy a change of the configuration: reset, then merge.

        A component that validates (Java) is asked before; what it rejects is not done.

        Returns:
            What it answered; None if nobody validates.

        Raises:
            AssertionError: If it does not answer in time.
        """
        tree, deployments = self._operations.tree, self._operations.deployments

        def change(changing: ConfigurationTree) -> list[KeyPath]:
            return changing.change(merge or {}, reset=reset, to_default=self.flavor.is_java)

        proposed = tree.copy()
        change(proposed)
        report = None
        if deployment_id := self._thread.do(lambda: deployments.ask_whether_valid(proposed.get())):
            try:
                self.wait_until(lambda: deployment_id in deployments.reports)
            finally:
                self._thread.do(lambda: deployments.give_up(deployment_id))
            report = deployments.reports[deployment_id]
        if report is None or report.status == "ACCEPTED":
            self._thread.do(lambda: self._operations.tell_of(change(tree)))
        return report

    def offer_update(self, deployment_id: str, timeout_s: float = PATIENCE_S) -> list[UpdateAnswer]:
        """Ask whether an update may come (Java), and return what was answered in time."""
        deployments = self._operations.deployments
        known = len(deployments.answers)
        event = {"deploymentId": deployment_id, "isGgcRestarting": False}
        asked = self._thread.do(lambda: deployments.tell("preUpdateEvent", event))
        self._thread.wait_until(lambda: len(deployments.answers) >= known + asked, timeout_s)
        return deployments.answers[known:]

    def finish_update(self, deployment_id: str) -> None:
        """Say that the update is done."""
        event = {"deploymentId": deployment_id}
        self._thread.do(lambda: self._operations.deployments.tell("postUpdateEvent", event))

    def fail(self, operation: str, error_name: str, times: int = 1) -> None:
        """Refuse the next requests, and do nothing of what they ask."""
        self._desk.faults.add(operation, Fails(error_name), times)

    def delay(self, operation: str, seconds: float, times: int = 1) -> None:
        """Serve the next requests later, each by itself."""
        self._desk.faults.add(operation, Waits(seconds), times)

    def silence(self, operation: str, times: int = 1, *, is_done: bool = False) -> None:
        """Never answer the next requests, whether what they ask is done or not."""
        self._desk.faults.add(operation, LosesAnswer(is_done=is_done, closes=False), times)

    def drop(self, operation: str, times: int = 1, *, is_done: bool = False) -> None:
        """Close the connection instead of answering the next requests, done or not."""
        self._desk.faults.add(operation, LosesAnswer(is_done=is_done, closes=True), times)

    def kill_subscription(self, topic: str) -> None:
        """End the subscriptions to the topic, or to a filter that covers it, without a word, as nucleus lite does."""
        subscriptions = self._operations.subscriptions
        self._thread.do(
            lambda: subscriptions.end(
                lambda subscription: subscription.topics == topic or matches(subscription.topics, topic)
            )
        )

    def disconnect_all(self) -> None:
        """Close every connection; new ones are welcome."""

        def close() -> set[Connection]:
            for connection in self._desk.all_connections:
                connection.close()
            return set(self._desk.all_connections)

        closed = self._thread.do(close)
        self.wait_until(lambda: closed.isdisjoint(self._desk.all_connections))

    def start(self) -> None:
        """Listen."""
        self._thread.listen(self.socket_path, lambda: Connection(self._desk))

    def stop(self) -> None:
        """Close the socket and every connection, and lose what is only in memory."""
        self._thread.listen_no_more()
        self.socket_path.unlink(missing_ok=True)
        self.disconnect_all()
        self._thread.do(self._operations.iot_core.forget)

    def restart(self, *, new_token: bool = False) -> None:
        """Go down and come up again; with a new token the old one is refused."""
        self.stop()
        if new_token:
            self.token = make_token()
        self.start()

    def wait_until(self, predicate: Callable[[], object], timeout_s: float = PATIENCE_S) -> None:
        """Wait until something that can be seen on the nucleus is true.

        Args:
            predicate: Looked at after each request, answer, connect and disconnect; it only reads attributes.
            timeout_s: How long.

        Raises:
            AssertionError: If it does not come true in time.
        """
        if not self._thread.wait_until(predicate, timeout_s):
            msg = f"never came true at the nucleus within {timeout_s} s"
            raise AssertionError(msg)

    def hear(self, where: str, what: Published | str) -> None:
        """Keep what the component says; a program that runs for days does something else."""
        kept: dict[str, list[Any]] = {"local": self.local, "iot_core": self.iot_core, "state": self.states}
        kept[where].append(what)
