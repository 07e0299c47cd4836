"""`python -m cloud_side.deployment.endpoint.server`: the program of the container, as SageMaker begins it.

SM_MODEL_DIR                      folder of the unpacked model package; /opt/ml/model when absent
SAGEMAKER_BIND_TO_PORT            8080 when absent
EDGE_INSPECTOR_ENDPOINT_SESSIONS  models that are open; one a processor when absent
EDGE_INSPECTOR_ENDPOINT_WAITING   requests that wait for them; 8 for each when absent
EDGE_INSPECTOR_ENDPOINT_PRECISION float32 or int8; float32 when absent
"""

import logging
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from cloud_side.deployment.endpoint.serving import Serving, serve
from edge_inspector.errors import ConfigError, InspectorError

FOLDER_VARIABLE: Final = "SM_MODEL_DIR"
PORT_VARIABLE: Final = "SAGEMAKER_BIND_TO_PORT"
SESSIONS_VARIABLE: Final = "EDGE_INSPECTOR_ENDPOINT_SESSIONS"
WAITING_VARIABLE: Final = "EDGE_INSPECTOR_ENDPOINT_WAITING"
PRECISION_VARIABLE: Final = "EDGE_INSPECTOR_ENDPOINT_PRECISION"
_FOLDER, _PORT, _LAST_PORT = "/opt/ml/model", 8080, 65_535
_ANYWHERE: Final = "0.0.0.0"  # noqa: S104 - a container's port is opened by who runs it
_SERVE: Final = "serve"  # the word with which SageMaker begins every container


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Serve until told to end, and return the exit code; an error is one line a problem."""
    try:
        if list(arguments) not in ([], [_SERVE]):
            msg = f"expected `{_SERVE}` or nothing, found {' '.join(arguments)!r}"
            raise ConfigError(msg)
        serve(serving_of(environment), lambda line: print(line, flush=True))  # noqa: T201 - for who reads its log
    except InspectorError as error:
        for line in str(error).splitlines():
            print(f"endpoint: error: {line}", file=sys.stderr)  # noqa: T201
        return 78 if isinstance(error, ConfigError) else 65
    return 0


def serving_of(environment: Mapping[str, str]) -> Serving:
    """Return what the environment of a container asks for.

    Raises:
        ConfigError: If a number is none.
    """
    return Serving(
        Path(environment.get(FOLDER_VARIABLE) or _FOLDER),
        _ANYWHERE,
        _number(environment, PORT_VARIABLE, 1, _LAST_PORT) or _PORT,
        sessions=_number(environment, SESSIONS_VARIABLE, 1, 256),
        waiting=_number(environment, WAITING_VARIABLE, 0, 10_000),
        precision=environment.get(PRECISION_VARIABLE) or "float32",
    )


def _number(environment: Mapping[str, str], name: str, least: int, most: int) -> int | None:
    said = environment.get(name)
    if not said:
        return None
    if not (said.isascii() and said.isdecimal() and least <= int(said) <= most):
        msg = f"{name}: expected a number from {least} to {most}, found {said!r:.100}"
        raise ConfigError(msg)
    return int(said)


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    sys.exit(main(sys.argv[1:], os.environ))
