"""Memory of the steps that meet every sample: it does not grow with their number."""

from pathlib import Path

import pytest

from benchmarks.labeling import BATCH, BUCKET, in_a_process, look_at_all, samples, select, write_samples
from cloud_side.catalog.sidecars import row_of, write_row
from cloud_side.catalog.tables import SAMPLES
from cloud_side.clients import client
from cloud_side.local.installing import install_each
from tests.cloud.labeling.stations import at_most, opened_home
from tests.cloud.local.engines import opened


def test_a_thousand_samples_are_selected_in_little_memory(tmp_path: Path) -> None:
    rows = b"".join(write_row(row_of(line, image=f"{stem}.jpg", etag="5e")) for stem, _, line in samples(1000))
    with opened_home(tmp_path) as home:
        install_each(home.cloud, ())
        client("s3").put_object(Bucket=BUCKET, Key=f"{SAMPLES.prefix}all.jsonl", Body=rows)
        with at_most(4):
            assert select(450) == 450
        taken = tmp_path / "s3" / BUCKET / f"labeling/batches/{BATCH}/taken.jsonl"
        assert len(taken.read_text().splitlines()) == 450


@pytest.mark.nightly
@pytest.mark.timeout(1800)
def test_a_hundred_thousand_samples_are_selected_in_bounded_memory(tmp_path: Path) -> None:
    write_samples(tmp_path / "s3" / BUCKET, 100_000)
    with opened(tmp_path) as cloud:
        install_each(cloud, ())
    for step, expected, most_mb in ((look_at_all, 100_000, 60), (look_at_all, 100_000, 30), (select, 10_000, 50)):
        found = in_a_process(step, tmp_path, 10_000)
        assert found.answer == expected
        assert found.more_mb < most_mb, step.__name__
