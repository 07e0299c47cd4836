"""Jobs on a disk that is full."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cloud_side.local.services.s3 import S3
from cloud_side.local.services.sagemaker import SERVICES
from tests.cloud.local.jobs.conftest import Bench
from tests.cloud.local.jobs.test_ending import alive, limited
from tests.cloud.local.kept import kept
from tests.cloud.local.services.sagemaker import asked
from tests.small_disk import fill, small_disk


def shell(script: str) -> list[str]:
    return ["/bin/sh", "-c", script]


class Waiting(logging.Handler):
    """Tells when a supervisor cannot say what it has reached."""

    def __init__(self) -> None:
        super().__init__()
        self.told = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        if "cannot be written" in record.getMessage():
            self.told.set()


@contextmanager
def waiting_supervisor() -> Iterator[threading.Event]:
    handler, logger = Waiting(), logging.getLogger("cloud_side.local.jobs.supervisor")
    logger.addHandler(handler)
    yield handler.told
    logger.removeHandler(handler)


@contextmanager
def small_bench(folder: Path) -> Iterator[tuple[Bench, Path]]:
    with small_disk(folder, size="8m") as disk, kept(disk / "engine", [S3, *SERVICES]) as opened:
        yield Bench(opened), disk


def test_a_program_that_fills_the_disk_fails_and_what_it_wrote_is_gone(tmp_path: Path) -> None:
    with small_bench(tmp_path / "disk") as (bench, _):
        found = bench.run(asked.training(command=["dd", "if=/dev/zero", "of=model/big", "bs=64k"]))
        assert found["TrainingJobStatus"] == "Failed"
        assert found["FailureReason"].startswith("AlgorithmError: ")
        assert not (bench.home.jobs / "training-job" / "train-1" / "algo-1" / "model").exists()


def test_a_job_that_ends_on_a_full_disk_is_told_of_when_there_is_room_again(tmp_path: Path, marks: Path) -> None:
    with small_bench(tmp_path / "disk") as (bench, disk), waiting_supervisor() as waits:
        folder = bench.create(
            asked.processing(command=shell(f"echo ran >> {marks}; until [ -e {marks}-go ]; do sleep 0.01; done"))
        )
        supervising = threading.Thread(target=bench.supervise, args=(folder,))
        supervising.start()
        while not marks.exists():
            time.sleep(0.01)
        ballast = fill(disk, leave=0)
        Path(f"{marks}-go").touch()
        assert waits.wait(30)
        ballast.unlink()
        supervising.join()
        assert bench.described(folder)["ProcessingJobStatus"] == "Completed"
    assert marks.read_text() == "ran\n"


def test_a_program_that_has_filled_the_disk_is_stopped_all_the_same(tmp_path: Path, marks: Path) -> None:
    with small_bench(tmp_path / "disk") as (bench, _), waiting_supervisor() as waits:
        folder = bench.create(
            asked.training(command=shell(f"echo $$ > {marks}; cat /dev/zero > model/big; exec sleep 60"))
        )
        limited(bench, "60", "1")
        supervising = threading.Thread(target=bench.supervise, args=(folder,))
        supervising.start()
        assert waits.wait(30)
        while not marks.exists() or not marks.read_text() or alive(int(marks.read_text())):
            time.sleep(0.01)
        (folder.host("algo-1") / "model" / "big").unlink()
        supervising.join()
        limited(bench, "1", "60")
        assert bench.described(folder)["TrainingJobStatus"] in ("Stopped", "Failed")  # as there was room to upload
