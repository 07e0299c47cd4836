"""A real GigE Vision camera on loopback, Aravis's own, that can be killed and started again.

    with GigeCamera() as camera:
        open_by(camera.serial)  # or by camera.address
        camera.kill()           # its cable is pulled
        camera.start()          # it is there again, with its address and serial

A GigE Vision camera listens on one fixed port, so every camera here gets a loopback address of its own, which takes the
right to add one (root); without it they share 127.0.0.1 and wait for each other, across test processes too. Discovery
finds the cameras of other tests as well: open them by serial or address, and never expect one to be the only one.

It gives 512x512 Mono8 at 25 fps from a sensor of 2048x2048, in Mono8, Mono16, RGB8 and Bayer8; its frames are numbered
from 65,000 on, so that 16 bits wrap after 535. Software triggers work (TriggerMode On, TriggerSource Software).
"""

import fcntl
import os
import random
import shutil
import socket
import subprocess
import tempfile
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Self

from tests.mosquitto import eventually
from tests.requirements import require_program

PROGRAM = "arv-fake-gv-camera-0.8"
_CONTROL_PORT = 3956
_DISCOVER = bytes.fromhex("42 11 0002 0000 0001")
_DISCOVERED = bytes.fromhex("0003")
_ADDRESSES = 64  # tried before one shares the address of all


class GigeCamera:
    """A camera with one serial and one address for all its lives.

    Attributes:
        serial: Its serial number, like no other's.
        address: Its IP address.
        name: What Aravis calls it.
    """

    def __init__(self, *, lost_per_thousand: float = 0, serial: str | None = None) -> None:
        """Prepare; it is started as a context manager.

        Args:
            lost_per_thousand: Of a thousand packets of pictures, so many are never sent.
            serial: At most 15 characters; one by chance if absent.
        """
        self.serial = serial or f"T{random.getrandbits(40):010x}"
        self.name = f"Aravis-Fake-{self.serial}"
        self.address = ""
        self._program = require_program(PROGRAM, package="aravis-tools")
        self._lost = lost_per_thousand
        self._process: subprocess.Popen[bytes] | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.address = _take_address(stack)
            self._stack = stack.pop_all()
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._stack.close()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._process = subprocess.Popen(
            [self._program, "-i", self.address, "-s", self.serial, "-r", str(self._lost)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        eventually(self.answers, what=f"{PROGRAM} answers at {self.address}")

    def kill(self) -> None:
        """End it at once; whoever holds it learns of it by silence alone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def answers(self) -> bool:
        """Return whether a camera is there."""
        with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as control:
            control.settimeout(0.1)
            control.connect((self.address, _CONTROL_PORT))
            try:
                control.send(_DISCOVER)
                return control.recv(1024)[2:4] == _DISCOVERED
            except OSError:
                return False


def _take_address(stack: ExitStack) -> str:
    ip = shutil.which("ip") or shutil.which("ip", path="/usr/sbin:/sbin")
    if ip is not None and os.geteuid() == 0:
        for _ in range(_ADDRESSES):
            address = f"127.77.{random.randrange(256)}.{random.randrange(1, 255)}"
            if _change_loopback(ip, "add", address):  # the kernel refuses one that another test has
                stack.callback(_change_loopback, ip, "del", address)
                return address
    lock = stack.enter_context(Path(tempfile.gettempdir(), "edge-inspector-gige-camera.lock").open("w"))  # noqa: SIM115
    fcntl.flock(lock, fcntl.LOCK_EX)
    return "127.0.0.1"


def _change_loopback(ip: str, verb: str, address: str) -> bool:
    command = [ip, "addr", verb, f"{address}/32", "dev", "lo"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
