"""Processor and memory that each source takes, as ratios to the simulated line in the same run.

    .venv/bin/python benchmarks/sources.py

Every source delivers frames of one size at one rate to a process of its own, twice:

    alone     only the source is read, by a reader that costs nothing
    daemon    `edge-inspector run` with the shipped model, the journal on disk and no broker

The network camera and the GigE Vision camera are other processes, which are not counted; that of pylon is emulated
inside the process that is measured, and makes its frames there. What a machine lacks (GigE camera, pypylon) is left
out, and said. Ratios of memory are small, since Python, NumPy and OpenCV are most of it.
"""

import argparse
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from importlib import util
from pathlib import Path
from shutil import which
from typing import TypeAlias

import cv2

from edge_inspector.bench.machine import memory_mb
from edge_inspector.cli.arguments import image_wh
from edge_inspector.simulation import plan_tag, render_tag

FAKE_CAMERA = "arv-fake-gv-camera-0.8"
HOST = "127.0.0.1"
_PICTURES = 40
_TICKS_HZ = os.sysconf("SC_CLK_TCK")
_REFERENCE = "simulated"
Source: TypeAlias = dict[str, object]
Origin: TypeAlias = Callable[[], AbstractContextManager[Source | str]]


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process took.

    Attributes:
        cpu_percent: Of one core.
        resident_mb: At the end.
        rate_hz: Frames that came a second.
    """

    cpu_percent: float
    resident_mb: float
    rate_hz: float


def main() -> None:
    """Measure every source and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=6.0, help="of each measurement (default: %(default)s)")
    parser.add_argument("--rate", type=float, default=20.0, metavar="HZ", help="frames a second (default: %(default)s)")
    parser.add_argument("--image", type=image_wh, default=(640, 480), metavar="WxH", help="default: 640x480")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these sources, and the simulated one")
    parser.add_argument("--json", type=Path, help="write the numbers to a file")
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)  # the process that is measured alone
    options = parser.parse_args()
    if options.read is not None:
        read_alone(options.read, options.seconds)
        return
    numbers = measure(options.rate, options.image, options.seconds, only=options.only)
    if options.json:
        options.json.write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")


def measure(
    rate_hz: float = 20.0, size_wh: tuple[int, int] = (640, 480), seconds: float = 6.0, *, only: list[str] | None = None
) -> dict[str, float]:
    """Print what each source costs and return it by name, as ratios to the simulated line."""
    costs: dict[tuple[str, str], Cost] = {}
    with tempfile.TemporaryDirectory() as name:
        for source_name, origin in origins(Path(name), rate_hz, size_wh).items():
            if only is not None and source_name not in {*only, _REFERENCE}:
                continue
            with origin() as source:
                if isinstance(source, str):
                    print(f"{source_name:<22}left out: {source}")
                    continue
                for how, run in (("alone", alone), ("daemon", daemon)):
                    folder = Path(name, f"{source_name}-{how}".replace(" ", "-"))
                    folder.mkdir()
                    costs[source_name, how] = run(folder, source, seconds)
                    _print(source_name, how, costs[source_name, how], costs[_REFERENCE, how])
    return {
        f"source {source_name}, {how}, {what}": value / reference
        for (source_name, how), cost in costs.items()
        for what, value, reference in (
            ("processor", cost.cpu_percent, costs[_REFERENCE, how].cpu_percent),
            ("memory", cost.resident_mb, costs[_REFERENCE, how].resident_mb),
        )
    }


def _print(name: str, how: str, cost: Cost, reference: Cost) -> None:
    print(
        f"{name:<22}{how:<8}{cost.cpu_percent:7.1f} % {cost.cpu_percent / reference.cpu_percent:6.2f}x"
        f"{cost.resident_mb:8.0f} MB {cost.resident_mb / reference.resident_mb:5.2f}x{cost.rate_hz:7.1f} frames/s"
    )


def origins(folder: Path, rate_hz: float, size_wh: tuple[int, int]) -> Mapping[str, Origin]:
    """Return by name what makes each source ready; the reference comes first."""
    pictures = [render_tag(plan_tag(0, number, image_wh=size_wh)) for number in range(_PICTURES)]
    width, height = size_wh
    images, video = folder / "images", folder / "belt.mp4"
    images.mkdir()
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*"mp4v"), rate_hz, size_wh)
    for number, picture in enumerate(pictures):
        cv2.imwrite(str(images / f"{number:04d}.jpg"), picture)
        writer.write(cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR) if picture.ndim == 2 else picture)
    writer.release()
    jpegs = [cv2.imencode(".jpg", picture)[1].tobytes() for picture in pictures]
    region = {"region": [0, 0, width, height], "rate_hz": rate_hz}
    overlap = height // 4
    web = {"frame_lines": height, "overlap_lines": overlap}
    looped = {"loop": True, "rate_hz": rate_hz}

    def genicam(pixel_format: str) -> Origin:
        return lambda: _gige(region, pixel_format)

    return {
        _REFERENCE: _plain({"type": "simulated", "rate_hz": rate_hz, "image_wh": list(size_wh)}),
        "simulated_web": _plain({"type": "simulated_web", "lines_hz": rate_hz * (height - overlap), "web": web}),
        "directory, JPEG": _plain({"type": "directory", "path": str(images), **looped}),
        "video, MPEG-4": _plain({"type": "video", "path": str(video), **looped}),
        "network, MJPEG": lambda: _mjpeg(jpegs, rate_hz),
        "genicam, Mono8": genicam("Mono8"),
        "genicam, BayerRG8": genicam("BayerRG8"),
        "genicam, RGB8": genicam("RGB8"),
        "pylon, Mono8": lambda: _pylon(region),
    }


# --- the two ways ---


def alone(folder: Path, source: Source, seconds: float) -> Cost:
    """Return what a process costs that only reads the source."""
    file = _write(folder, {"source": source})
    command = [sys.executable, __file__, "--read", str(file), "--seconds", str(seconds)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        sys.exit(f"{source['type']}: {ended.stderr.strip()}")
    return Cost(**json.loads(ended.stdout.splitlines()[-1]))


def read_alone(file: Path, seconds: float) -> None:
    """Read the source of a configuration and print what that cost this process; its first second is not counted."""
    from edge_inspector.app.source import open_source  # noqa: PLC0415 - only here
    from edge_inspector.configuration.reading import read_settings  # noqa: PLC0415
    from edge_inspector.frame import Frame  # noqa: PLC0415
    from edge_inspector.sources.live import LiveSource  # noqa: PLC0415

    cv2.setNumThreads(1)
    source = open_source(read_settings(file).source, threading.Event(), staleness_ms=500)
    _take(lambda: isinstance(source.read(0.2), Frame), 20.0, most=1)  # it is open
    _take(lambda: isinstance(source.read(0.2), Frame), 1.0)
    began_s, before_s = time.monotonic(), time.process_time()
    frames = _take(lambda: isinstance(source.read(0.2), Frame), seconds)
    took_s, busy_s = time.monotonic() - began_s, time.process_time() - before_s
    print(json.dumps({
        "cpu_percent": 100 * busy_s / took_s, "resident_mb": memory_mb(os.getpid())[0], "rate_hz": frames / took_s,
    }), flush=True)  # fmt: skip
    if isinstance(source, LiveSource):
        source.close()  # else the camera waits for who held it
        time.sleep(0.5)
    os._exit(0)  # a driver may take its time


def _take(came: Callable[[], bool], seconds: float, most: int | None = None) -> int:
    frames, end_s = 0, time.monotonic() + seconds
    while time.monotonic() < end_s and frames != most:
        frames += came()
    return frames


def daemon(folder: Path, source: Source, seconds: float) -> Cost:
    """Return what `edge-inspector run` costs with the shipped model."""
    port = _free_port()
    sections = {
        "source": source,
        "state": {"dir": str(folder / "state")},
        "samples": {"mode": "off"},
        "log": {"format": "text"},
        "health": {"metrics_port": port},
    }
    file = _write(folder, sections)
    process = subprocess.Popen(
        [sys.executable, "-m", "edge_inspector", "run", "-c", str(file)], stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    reader = threading.Thread(target=process.stderr.read, daemon=True)
    reader.start()  # a log that nobody reads would hold it up
    try:
        _wait_for_frames(port)
        began_s, before, frames = time.monotonic(), _ticks(process.pid), _inspected(port)
        time.sleep(seconds)
        took_s, ticks = time.monotonic() - began_s, _ticks(process.pid) - before
        frames = _inspected(port) - frames
        resident_mb = memory_mb(process.pid)[0] or 0.0
    except OSError as error:
        sys.exit(f"{source['type']}: the daemon does not inspect: {error}")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()
        reader.join()
    return Cost(100 * ticks / _TICKS_HZ / took_s, resident_mb, frames / took_s)


def _wait_for_frames(port: int) -> None:
    """Wait until the daemon has inspected for a second or so, by when it has all that it will need."""
    for _ in range(300):
        time.sleep(0.1)
        with suppress(OSError):  # it does not listen yet
            if _inspected(port) > 20:
                return
    msg = "no frame was inspected in 30 s"
    raise OSError(msg)


def _inspected(port: int) -> float:
    with urllib.request.urlopen(f"http://{HOST}:{port}/metrics", timeout=5) as answer:
        found = re.search(r"^\w*frames_inspected_total (\S+)$", answer.read().decode(), re.MULTILINE)
    return float(found[1]) if found else 0.0


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as probe:
        return int(probe.getsockname()[1])


def _ticks(pid: int) -> int:
    """Return what a process has used of the processors."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _write(folder: Path, configuration: Mapping[str, object]) -> Path:
    file = folder / "station.json"
    file.write_text(json.dumps(configuration), encoding="utf-8")
    return file


# --- what makes a source ready: its settings, or why this machine cannot have it ---


def _plain(source: Source) -> Origin:
    @contextmanager
    def ready() -> Iterator[Source | str]:
        yield source

    return ready


@contextmanager
def _gige(region: Source, pixel_format: str) -> Iterator[Source | str]:
    if (program := which(FAKE_CAMERA)) is None:
        yield f"{FAKE_CAMERA} is not installed (package aravis-tools-cli)"
        return
    serial = f"BENCH{os.getpid()}"
    process = subprocess.Popen(
        [program, "-i", HOST, "-s", serial], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        time.sleep(1.0)
        yield {"type": "genicam", "camera": HOST, "pixel_format": pixel_format, **region}
    finally:
        process.kill()
        process.wait()


@contextmanager
def _pylon(region: Source) -> Iterator[Source | str]:
    if util.find_spec("pypylon") is None:
        yield "pypylon is not installed (make setup-pylon)"
        return
    os.environ["PYLON_CAMEMU"] = "1"
    try:
        yield {"type": "pylon", "pixel_format": "Mono8", **region}
    finally:
        del os.environ["PYLON_CAMEMU"]


@contextmanager
def _mjpeg(jpegs: list[bytes], rate_hz: float) -> Iterator[Source | str]:
    """Serve pictures to one caller after another, without a web server."""
    ended = threading.Event()

    def serve() -> None:
        while not ended.is_set():
            with suppress(OSError):
                connection, _ = listener.accept()
                with connection:
                    _send_pictures(connection, jpegs, rate_hz, ended)

    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server((HOST, 0)))
        server = threading.Thread(target=serve, daemon=True)
        server.start()
        try:
            yield {"type": "network", "url": f"http://{HOST}:{listener.getsockname()[1]}/video.mjpg"}
        finally:
            ended.set()
            listener.shutdown(socket.SHUT_RDWR)
            server.join()


def _send_pictures(connection: socket.socket, jpegs: list[bytes], rate_hz: float, ended: threading.Event) -> None:
    connection.recv(4096)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=picture\r\n\r\n")
    number, due_s = 0, time.monotonic()
    while not ended.wait(max(0.0, due_s - time.monotonic())):
        jpeg = jpegs[number % len(jpegs)]
        head = f"--picture\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
        connection.sendall(head.encode() + jpeg + b"\r\n")
        number, due_s = number + 1, due_s + 1 / rate_hz


if __name__ == "__main__":
    main()
