"""How much memory the daemon takes as a Greengrass component, and what takes it, measured in one run.

    .venv/bin/python benchmarks/component_memory.py

Each time it inspects the simulated line with the shipped model, and keeps journal and samples on disk:

    daemon        with a configuration file; samples go to a folder
    + IPC         as a component: configuration, results and commands over the nucleus' socket
    + S3          the same, and samples go to a bucket

The nucleus is the fake one of the tests, the bucket a real S3 server (nanio); neither is counted. The numbers are the
largest resident memory at a result.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # for the fake nucleus and the S3 server

from run import watch_memory  # noqa: E402

from edge_inspector.cli.arguments import image_wh  # noqa: E402
from tests.nucleus.fake import FakeNucleus  # noqa: E402
from tests.samples.s3_server import BUCKET, CREDENTIALS, REGION, S3Server  # noqa: E402

TARGET_MB = 160
COMPONENT = ("--greengrass", "--models", "models")


def main() -> None:
    """Measure, print, and fail above the target."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=600, help="inspected each time (default: %(default)s)")
    parser.add_argument("--image", type=image_wh, default=(450, 300), metavar="WxH", help="default: 450x300")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, S3Server(Path(name)) as s3:
        bucket = {"type": "s3", "bucket": BUCKET, "region": REGION, "endpoint": s3.endpoint}
        to_folder = station(options.frames, options.image, {"type": "folder"})
        to_bucket = station(options.frames, options.image, bucket)
        found_mb = {
            "daemon": daemon_mb(Path(name, "plain"), to_folder),
            "+ IPC": component_mb(Path(name, "ipc"), to_folder),
            "+ S3": component_mb(Path(name, "both"), to_bucket),
        }
        uploaded = len(s3.objects())
    before_mb = None
    for what, mb in found_mb.items():
        print(f"{what:<8}{mb:>8.1f} MB" + ("" if before_mb is None else f"{mb - before_mb:>+8.1f}"))
        before_mb = mb
    print(f"{uploaded} files came to the bucket; target for all of it: at most {TARGET_MB} MB")
    sys.exit(max(found_mb.values()) > TARGET_MB or not uploaded)


def station(frames: int, image: tuple[int, int], target: Mapping[str, object]) -> dict[str, object]:
    """Return a configuration; more samples are chosen than usual, so that the upload has something to do."""
    return {
        "source": {"type": "simulated", "rate_hz": 60, "count": frames, "image_wh": list(image)},
        "samples": {"random_share": 0.2, "upload": {"target": target}},
        "log": {"format": "text"},
    }


def daemon_mb(folder: Path, configuration: Mapping[str, object]) -> float:
    """Return the memory of a daemon with a configuration file."""
    folder.mkdir()
    file = folder / "station.json"
    file.write_text(json.dumps(configuration), encoding="utf-8")
    return watch_memory("-c", str(file), folder=folder)[0]


def component_mb(folder: Path, configuration: Mapping[str, object]) -> float:
    """Return the memory of a component."""
    folder.mkdir()
    with FakeNucleus(folder, configuration=configuration) as nucleus:
        environment = {**nucleus.environment, **CREDENTIALS}
        resident_mb, _ = watch_memory(*COMPONENT, folder=folder, environment=environment)
        if not nucleus.local:
            sys.exit("nothing was published: the component had no connection")
    return resident_mb


if __name__ == "__main__":
    main()
