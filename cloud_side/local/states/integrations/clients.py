"""boto3's clients, one a service: making one is slow and must not happen in two threads, calling one may."""

import threading
from typing import Any

import boto3
from botocore.config import Config
from botocore.model import OperationModel

_LONGEST_CALL_S = 905  # a function may run for 15 minutes
_CONNECTIONS = 50


class Clients:
    """The clients of one session, each made when it is first wanted."""

    def __init__(self, session: boto3.Session) -> None:
        """Take a session; nobody else makes clients of it meanwhile."""
        self._session = session
        self._made: dict[str, Any] = {}
        self._making = threading.Lock()

    def of(self, service: str) -> Any:  # noqa: ANN401 - boto3 has no types
        """Return the client of a service, by boto3's name.

        It tries once only: a definition says itself what is tried again (Step Functions' own causes tell "SDK Attempt
        Count: 1").
        """
        client = self._made.get(service)
        if client is None:
            with self._making:
                if (client := self._made.get(service)) is None:
                    config = Config(
                        retries={"total_max_attempts": 1, "mode": "standard"},
                        read_timeout=_LONGEST_CALL_S,
                        max_pool_connections=_CONNECTIONS,
                    )
                    client = self._made[service] = self._session.client(service, config=config)
        return client

    def operation(self, service: str, operation: str) -> OperationModel:
        """Return the model of an operation, e.g. `PutObject`."""
        return self.of(service).meta.service_model.operation_model(operation)

    def close(self) -> None:
        """Close the connections of all clients."""
        with self._making:
            for client in self._made.values():
                client.close()
            self._made.clear()
