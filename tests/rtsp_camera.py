"""A network camera by RTSP, run by the interpreter that has GStreamer's bindings: `python3 -m tests.rtsp_camera PORT`.

Standard output tells when it listens. Lines on standard input steer it: `freeze`, `thaw`.
"""

import argparse
import sys
import threading
from typing import Any

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402 - the versions come first

from tests.clock_pictures import HEIGHT, WIDTH, draw_clock, now_ms  # noqa: E402

_CODECS = {
    "jpeg": "jpegenc ! rtpjpegpay name=pay0",
    "h264": "openh264enc gop-size=25 complexity=low ! h264parse config-interval=-1 ! rtph264pay name=pay0",
}


class Camera:
    """Feeds pictures into the server's pipelines at a rate."""

    def __init__(self, rate_hz: float) -> None:
        self._frozen_ms: int | None = None
        self._entries: list[Any] = []
        GLib.timeout_add(int(1000 / rate_hz), self._make_picture)

    def obey(self, command: str) -> None:
        self._frozen_ms = {"freeze": now_ms(), "thaw": None}[command]

    def join(self, _factory: Any, media: Any) -> None:
        entry = media.get_element().get_child_by_name("camera")
        self._entries.append(entry)
        media.connect("unprepared", lambda _media: self._entries.remove(entry))

    def _make_picture(self) -> bool:
        made_ms = now_ms() if self._frozen_ms is None else self._frozen_ms
        pixels = draw_clock(made_ms)
        for entry in self._entries:
            entry.emit("push-buffer", Gst.Buffer.new_wrapped(pixels))
        return True


def serve() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--rate-hz", type=float, default=25.0)
    parser.add_argument("--codec", choices=_CODECS, default="h264")
    parser.add_argument("--password")
    arguments = parser.parse_args()
    Gst.init(None)
    camera = Camera(arguments.rate_hz)
    server = GstRtspServer.RTSPServer(address="127.0.0.1", service=str(arguments.port))
    factory = GstRtspServer.RTSPMediaFactory()
    picture = f"video/x-raw,format=GRAY8,width={WIDTH},height={HEIGHT},framerate={int(arguments.rate_hz)}/1"
    source = f"appsrc name=camera is-live=true do-timestamp=true format=time caps={picture}"
    factory.set_launch(f"( {source} ! videoconvert ! video/x-raw,format=I420 ! {_CODECS[arguments.codec]} )")
    factory.set_shared(True)
    factory.connect("media-configure", camera.join)
    if arguments.password is not None:
        ask_for(arguments.password, server, factory)
    server.get_mount_points().add_factory("/stream", factory)
    server.attach(None)
    threading.Thread(target=lambda: [camera.obey(line.strip()) for line in sys.stdin], daemon=True).start()
    print("ready", flush=True)  # noqa: T201 - its parent waits for this
    GLib.MainLoop().run()


def ask_for(password: str, server: Any, factory: Any) -> None:
    """Let only the user `camera` with this password in."""
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "camera")
    access = GstRtspServer.RTSPAuth()
    access.add_basic(GstRtspServer.RTSPAuth.make_basic("camera", password), token)
    server.set_auth(access)
    permissions = GstRtspServer.RTSPPermissions()
    for right in ("access", "construct"):
        permissions.add_permission_for_role("camera", f"media.factory.{right}", True)  # noqa: FBT003 - GStreamer's
    factory.set_permissions(permissions)


if __name__ == "__main__":
    serve()
