"""Programs that some tests need: missing ones skip a test on a laptop and fail it in CI."""

import os
import shutil
import subprocess
from importlib import util
from typing import NoReturn

import pytest

_PATH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))


def require_program(name: str, *, package: str) -> str:
    """Return the path of a program, or skip the test; fail it where CI=true says that everything is installed."""
    if path := shutil.which(name, path=_PATH):
        return path
    return _do_without(f"{name} is not installed; install the package {package}")


def require_gstreamer() -> str:
    """Return an interpreter that can serve RTSP by GStreamer, or do as `require_program`."""
    python = shutil.which("python3", path="/usr/bin")
    wanted = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import Gst; Gst.init(None); "
    wanted += "assert all(Gst.ElementFactory.find(name) for name in ('appsrc', 'openh264enc', 'rtph264pay'))"
    if python and subprocess.run([python, "-c", wanted], capture_output=True, check=False).returncode == 0:
        return python
    return _do_without(f"GStreamer's RTSP server is not installed; install the packages {GSTREAMER_PACKAGES}")


GSTREAMER_PACKAGES = "python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-good gstreamer1.0-plugins-bad"


def require_module(name: str, *, how: str) -> None:
    """Go on if a module is installed, or do as `require_program`; nothing is imported."""
    if util.find_spec(name) is None:
        _do_without(f"{name} is not installed: {how}")


def _do_without(reason: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
