"""Our own components on a device of this machine: the daemon is started by hand here, and its model goes to it."""

import json
import shlex
import sys
from collections.abc import Mapping
from typing import Any

from cloud_side.local.devices.registering import CoreDevice

INSPECTOR = "com.edgeinspector.Inspector"
MODEL = "com.edgeinspector.Model"
_ACCESS = "accessControl"  # the nucleus' own key
_VARIABLE = "CONFIGURATION"


def is_by_hand(name: str) -> bool:
    """Return whether a component's program is not started by deployments here."""
    return name == INSPECTOR


def configuration_text(configuration: Mapping[str, Any], device: CoreDevice) -> str:
    """Return a component's configuration as the daemon's file: what `edge-inspector run --greengrass` makes of it."""
    document = {key: value for key, value in configuration.items() if key != _ACCESS}
    document["station"] = {"station": device.thing, **document.get("station", {}), "thing_name": device.thing}
    model = document.get("model", {})
    document["model"] = {**model, "updates": {"folder": str(device.models), **model.get("updates", {})}}
    return json.dumps(document, ensure_ascii=False, indent=2, sort_keys=True)


def configuration_script(device: CoreDevice) -> str | None:
    """Return the script that puts a configuration into force if the daemon can use it; None where none follows one.

    The configuration itself is the script's variable `CONFIGURATION`.
    """
    if device.configuration is None:
        return None
    file = shlex.quote(str(device.configuration))
    new = shlex.quote(str(device.configuration.with_name(f".new-{device.configuration.name}")))
    check = f"{shlex.quote(sys.executable)} -m edge_inspector check-config {new}"
    clean = shlex.quote(f"rm -f {new}")  # what is refused may hold secrets
    return f'umask 077 && trap {clean} EXIT && printf "%s\\n" "${_VARIABLE}" >{new} && {check} && mv {new} {file}'


def configuration_variables(configuration: Mapping[str, Any], device: CoreDevice) -> dict[str, str]:
    """Return the variables of that script."""
    return {_VARIABLE: configuration_text(configuration, device)}
