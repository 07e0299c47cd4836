"""Which installation this is: an account may hold several, one a site or a stage, whose names begin differently."""

import os
from typing import Final

from cloud_side.engines import engine_folder

INSTALLATION_VARIABLE: Final = "EDGE_INSPECTOR_INSTALLATION"
PRODUCT: Final = "edge-inspector"  # also the one installation of a local engine, whatever the variable says


def installation() -> str:
    """Return how the names of this installation begin, as `EDGE_INSPECTOR_INSTALLATION` says.

    Raises:
        ConfigError: If `EDGE_INSPECTOR_ENGINE` names no engine.
    """
    said = os.environ.get(INSTALLATION_VARIABLE)
    return said if said and engine_folder() is None else PRODUCT


def installed(name: str, installation_name: str | None = None) -> str:
    """Return what something of the product is called in an installation.

    Args:
        name: As the product calls it: `edge-inspector-labels` is `edge-inspector-dev-labels` in `edge-inspector-dev`.
        installation_name: Of the installation; this one when None.
    """
    return (installation_name or installation()) + name.removeprefix(PRODUCT)
