"""A process that puts, copies, deletes and completes is killed over and over: nothing is torn, lost, or done twice."""

import json
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from cloud_side.local.calling import Caller, calling
from cloud_side.local.services.s3 import FolderWatch, Tidying
from tests.cloud.local.services.s3.buckets import BUCKET, REGION_SAID
from tests.cloud.local.services.s3.work import Model, Operation, body_of, open_home
from tests.journal.test_kills import Victims


def there(s3: Any) -> dict[str, int]:
    """Return who wrote each object; each is whole, and what was said of it is true of these very bytes."""
    found: dict[str, int] = {}
    for each in s3.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        if not each["Key"].startswith("drops/"):
            opened = s3.get_object(Bucket=BUCKET, Key=each["Key"])
            by = int(opened["Metadata"]["by"])
            assert opened["Body"].read() == body_of(by)
            assert each["ETag"] == opened["ETag"]
            found[each["Key"]] = by
    return found


def kill_often(folder: Path, *, kills: int) -> None:
    home, database, s3 = open_home(folder)
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=REGION_SAID)
    s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration={"EventBridgeConfiguration": {}})
    chance, model, number, longest_s = random.Random(kills), Model(), 0, 0.1
    with Victims("tests.cloud.local.services.s3.killed") as victims:
        for kill in range(kills):
            said = victims.run_and_kill(folder, number, after_s=chance.uniform(0, longest_s))
            for _ in range(sum(1 for words in said if words[0] == "done")):
                model, number = model.after(Operation.of(number)), number + 1
            if number < 2 * kill:
                longest_s *= 1.5  # a busy machine, which shall do something before it is killed
            if chance.random() < 0.5:  # to look is to finish what was decided
                assert there(s3) in (model.objects, model.after(Operation.of(number)).objects), "the old or the new"
    with calling(Caller("execution", f"task {number}")):
        Operation.of(number).do(s3, home.buckets / BUCKET)
    model = model.after(Operation.of(number))
    Tidying(home, database).turn()
    FolderWatch(home, database, now_ns=lambda: time.time_ns() + 10**10).turn()

    assert there(s3) == model.objects
    told = [json.loads(row["event"])["detail"] for row in database.connection().execute("SELECT event FROM emitted")]
    keys = [detail["object"]["key"] for detail in told]
    assert Counter(key for key in keys if key.startswith("drops/")) == Counter(model.drops)
    through_api = [(detail["reason"], key) for detail, key in zip(told, keys, strict=True) if key not in model.drops]
    assert through_api == model.told, "each effect was told once, in order"
    root = home.buckets / BUCKET
    files = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    assert files == set(model.objects) | model.drops, "nothing was left behind"
    assert number >= kills
    database.close()


def test_a_bucket_survives_being_killed_at_any_moment(tmp_path: Path) -> None:
    kill_often(tmp_path / "home", kills=4)


@pytest.mark.nightly
@pytest.mark.timeout(600)
def test_a_bucket_survives_being_killed_two_hundred_times(tmp_path: Path) -> None:
    kill_often(tmp_path / "home", kills=200)
