"""What a nucleus tells the component that it starts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from edge_inspector.errors import ConfigError

SOCKET = "AWS_GG_NUCLEUS_DOMAIN_SOCKET_FILEPATH_FOR_COMPONENT"
TOKEN = "SVCUID"  # noqa: S105 - a name
THING_NAME = "AWS_IOT_THING_NAME"


@dataclass(frozen=True, slots=True)
class NucleusEnvironment:
    """How to reach the nucleus, and as whom.

    Attributes:
        socket: Path of its socket.
        token: Says which component this is; a nucleus that was restarted knows it no more.
        thing_name: Name of the device in AWS IoT.
    """

    socket: str
    token: str = field(repr=False)
    thing_name: str

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self:
        """Read the variables of a process.

        Raises:
            ConfigError: If one is missing: the process was not started by a nucleus.
        """
        if missing := [name for name in (SOCKET, TOKEN, THING_NAME) if not environment.get(name)]:
            msg = (
                f"expected to be started by a Greengrass nucleus, but {', '.join(missing)} is not in the environment;"
                " without a nucleus use `edge-inspector run --config`"
            )
            raise ConfigError(msg)
        return cls(environment[SOCKET], environment[TOKEN], environment[THING_NAME])
