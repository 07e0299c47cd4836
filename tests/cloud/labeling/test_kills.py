"""A labeling loop whose engine and page are killed at random moments ends as one that nobody killed."""

import json
import random
import shutil
import threading
import urllib.error
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

from cloud_side.catalog.store import read_labels
from tests.cloud.labeling.loop import BUCKET, MACHINE, Person, Site, opened, site, wait_until, write_samples
from tests.onnx_models import bright_spot_model

SAMPLES = 12
ENDED = {"SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"}


def answer(kind: str, item: dict[str, Any]) -> dict[str, Any]:
    """Answer as the picture says and nothing else: whoever is asked, and however often, says the same."""
    dice = int(item["item"][:8], 16)
    if kind == "label":
        if dice % 7 == 0:
            return {"unusable": "out of focus"}
        if dice % 3 == 0:
            return {"no_defect": True, "boxes": [], "seconds": 1.0}
        shift = 0 if item["note"] is None else 5
        box = {"label": item["class_names"][0], "x": 3 + shift, "y": 4, "width": 10 + dice % 20, "height": 12}
        return {"no_defect": False, "boxes": [box], "seconds": 2.5}
    if dice % 5 == 0 and not _is_second(item):
        return {"verdict": "reject", "reason": "box-inaccurate"}
    if dice % 5 == 1:
        return {"verdict": "adjust", "no_defect": False, "boxes": [{"label": item["class_names"][0], **CORRECTED}]}
    return {"verdict": "accept"}


CORRECTED = {"x": 1, "y": 1, "width": 7, "height": 9}


def _is_second(item: dict[str, Any]) -> bool:
    """Return whether an image comes to be verified for the second time, as its boxes tell."""
    return any(box["x"] == 8 for box in item["boxes"]) or not item["boxes"]


def outcome(home: Site, arn: str) -> dict[str, Any]:
    """Return all that a batch leaves behind that does not depend on when it was done."""
    told = home.execution(arn)
    assert told["status"] == "SUCCEEDED", (told.get("error"), told.get("cause"))
    with opened(home.folder) as session:
        labels = read_labels(session, "edge-inspector-labels")
        s3 = session.client("s3")
        batch = arn.rpartition(":")[2]
        report = json.loads(s3.get_object(Bucket=BUCKET, Key=f"labeling/batches/{batch}/report.json")["Body"].read())
        taken = s3.get_object(Bucket=BUCKET, Key="catalog/taken/00000001.jsonl")["Body"].read().splitlines()
        left = s3.list_objects_v2(Bucket=BUCKET, Prefix="labeling/open/").get("KeyCount", 0)
        rows = session.client("sagemaker").list_feature_groups()["FeatureGroupSummaries"]
    assert len(rows) == 1
    return {
        "labels": sorted(
            (each.sha256, each.label_sha256, each.verification, each.labeled_by, each.verified_by) for each in labels
        ),
        "claims": sorted((json.loads(row)["sha256"], json.loads(row)["until"]) for row in taken),
        "counts": {name: value for name, value in report.items() if isinstance(value, int)},
        "open": left,
    }


class Crew(threading.Thread):
    """Two people who answer as long as there is something to answer, whatever is killed under them."""

    def __init__(self, links: dict[str, str]) -> None:
        super().__init__(name="crew", daemon=True)
        self._links = links
        self._ended = threading.Event()
        self.trouble: list[BaseException] = []

    def run(self) -> None:
        people: dict[str, Person] = {}
        while not self._ended.wait(0.1):
            for name, link in self._links.items():
                try:
                    people[name] = people.get(name) or Person(link)
                    # One labels and the other verifies, so that the outcome does not depend on who comes first.
                    people[name].work(answer, kinds=("label",) if name == "ana" else ("verify",))
                except (OSError, HTTPException, urllib.error.URLError):
                    people.pop(name, None)  # it was killed; its session may have been too
                except AssertionError as error:
                    self.trouble.append(error)
                    return

    def end(self) -> None:
        """Send the people home."""
        self._ended.set()
        self.join(60)
        assert not self.trouble, self.trouble


def run_loop(folder: Path, samples: Path, dice: random.Random | None, kills: int) -> dict[str, Any]:
    """Run one batch to its end, killing the engine and the page in between, and return its outcome."""
    with site(folder) as home:
        shutil.copytree(samples, home.samples, dirs_exist_ok=True)
        crew = Crew(home.links())
        crew.start()
        arn = home.start("loop", since_days=None, rounds=3)
        for _ in range(kills):
            assert dice is not None
            threading.Event().wait(dice.uniform(0.1, 1.5))
            if home.execution(arn)["status"] in ENDED:
                break
            if dice.random() < 0.6:
                home.kill_engine()
                home.start_engine()
            else:
                home.kill_page()
                home.start_page()
            KILLS.append(arn)
        wait_until(lambda: home.execution(arn)["status"] in ENDED, 120, f"{MACHINE} ends")
        crew.end()
        return outcome(home, arn)


KILLS: list[str] = []


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("station")
    write_samples(folder, folder / "samples", bright_spot_model(folder / "model"), SAMPLES)
    return folder / "samples"


@pytest.mark.nightly
def test_a_hundred_kills_change_nothing(tmp_path: Path, samples: Path) -> None:
    undisturbed = run_loop(tmp_path / "undisturbed", samples, None, 0)
    assert len(undisturbed["labels"]) > SAMPLES / 2
    KILLS.clear()
    run = 0
    while len(KILLS) < 100:
        run += 1
        folder = tmp_path / f"run-{run}"
        assert run_loop(folder, samples, random.Random(run), 12) == undisturbed, f"seed {run}"
        shutil.rmtree(folder)
