"""The endpoint's container: its file is linted, and what it takes is there."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
DOCKERFILE = ROOT / "cloud_side/deployment/endpoint/container/Dockerfile"
HADOLINT = Path(sys.prefix) / "bin" / "hadolint"


@pytest.mark.skipif(not HADOLINT.exists(), reason="hadolint is no part of this environment")
def test_the_container_is_made_as_containers_should_be() -> None:
    done = subprocess.run([HADOLINT, DOCKERFILE], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("", 0)


def test_everything_that_the_container_takes_is_there_and_nothing_of_it_trains() -> None:
    lines = DOCKERFILE.read_text().splitlines()
    copied = [word for line in lines if line.startswith("COPY") and "--from" not in line for word in line.split()[1:-1]]
    assert [each for each in copied if not (ROOT / each).exists()] == []
    assert [each for each in copied if each.startswith("requirements/")] == [
        "requirements/build.txt",
        "requirements/edge.txt",
    ]
    assert 'ENTRYPOINT ["python", "-m", "cloud_side.deployment.endpoint.server"]' in lines
