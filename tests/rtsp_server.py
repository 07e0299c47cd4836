"""A network camera by RTSP in a process of its own, that can be stopped, killed and started again on one port."""

import os
import signal
import subprocess
from pathlib import Path
from typing import Self

from tests.mosquitto import HOST, eventually, free_port
from tests.requirements import require_gstreamer

_ROOT = Path(__file__).parents[1]


class RtspServer:
    """Runs `tests.rtsp_camera` with the interpreter that has GStreamer."""

    def __init__(self, *options: str, rate_hz: float = 100.0) -> None:
        """Choose a port; nothing listens yet.

        Args:
            options: For the camera's command line.
            rate_hz: Pictures a second; FFmpeg looks at some thirty before it has opened the stream.
        """
        self.port = free_port()
        self.url = f"rtsp://{HOST}:{self.port}/stream"
        self._command = [
            require_gstreamer(),
            "-m",
            "tests.rtsp_camera",
            str(self.port),
            f"--rate-hz={rate_hz}",
            *options,
        ]
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Start, and wait until it listens."""
        self._process = subprocess.Popen(
            self._command,
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n", "the RTSP server did not start"

    def kill(self) -> None:
        """End it at once."""
        if (process := self._process) is not None:
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                assert pipe is not None
                pipe.close()
            self._process = None

    def hang(self) -> None:
        """Stop it where it is, with its connections open."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        status = Path(f"/proc/{self._process.pid}/status")
        eventually(lambda: "State:\tT" in status.read_text(), what="the server is stopped")

    def wake(self) -> None:
        """Let it go on."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGCONT)

    def freeze(self) -> None:
        """Send the picture of this moment from now on."""
        self._command_line("freeze")

    def thaw(self) -> None:
        """Send new pictures again."""
        self._command_line("thaw")

    def _command_line(self, command: str) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()
