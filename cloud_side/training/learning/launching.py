"""Several processes on this host, begun by torchrun; those of other hosts meet them over the network."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from types import FrameType
from typing import Final

from cloud_side.training.places import ml_root
from edge_inspector.errors import ConfigError, InspectorError

PROGRAM: Final = "cloud_side.training.steps.train"
DEFAULT_PORT: Final = 29500
FAILURE: Final = "output/failure"


class TrainingFailedError(InspectorError):
    """A process that took part in the training ended."""


def command(hosts: Sequence[str], current: str, processes: int, variables: Mapping[str, str]) -> list[str]:
    """Return the command that begins this host's processes.

    Args:
        hosts: Names of all hosts, in the order that each of them knows.
        current: The name of this one.
        processes: On each host.
        variables: Where the hosts meet, if somebody says so: MASTER_ADDR and MASTER_PORT.

    Raises:
        ConfigError: If this host is none of them.
    """
    if current not in hosts:
        msg = f"resourceconfig.json: current_host: expected one of {', '.join(hosts)}, found {current}"
        raise ConfigError(msg)
    address = variables.get("MASTER_ADDR", hosts[0])
    port = variables.get("MASTER_PORT", str(DEFAULT_PORT))
    meeting = ["--node-rank", str(hosts.index(current)), "--master-addr", address, "--master-port", port]
    return [
        *(sys.executable, "-m", "torch.distributed.run", "--nnodes", str(len(hosts))),
        *("--nproc-per-node", str(processes)),
        *(meeting if len(hosts) > 1 else ["--standalone"]),
        *("-m", PROGRAM),
    ]


def launch(words: Sequence[str], network_interface: str | None) -> None:
    """Run torchrun to its end; a wish for the end is handed on to it.

    Args:
        words: Its command.
        network_interface: By which the hosts reach each other; None lets them find out.

    Raises:
        TrainingFailedError: With the reason that a process wrote down, if one did.
    """
    variables = dict(os.environ)
    if network_interface:
        for name in ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME"):
            variables.setdefault(name, network_interface)
    failure = ml_root() / FAILURE
    failure.unlink(missing_ok=True)  # of an earlier start
    child = subprocess.Popen(words, env=variables)  # noqa: S603 - our own program

    def hand_on(number: int, _frame: FrameType | None) -> None:
        child.send_signal(number)

    before = signal.signal(signal.SIGTERM, hand_on)
    try:
        code = child.wait()
    finally:
        signal.signal(signal.SIGTERM, before)
    if code:
        reason = failure.read_text(encoding="utf-8") if failure.is_file() else "its log says why"
        msg = f"training: expected all processes to end well, found exit code {code}: {reason}"
        raise TrainingFailedError(msg)
