import os
import threading
from collections.abc import Callable, Sequence
from datetime import datetime, time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.samples.folder import SampleFolder
from edge_inspector.samples.pacing import Bandwidth, QuietHours
from edge_inspector.samples.spool import Spool
from edge_inspector.samples.target import RefusedError, UnavailableError, UnusableError, address
from edge_inspector.samples.uploader import Uploader
from edge_inspector.sampling import SampleReason
from edge_inspector.settings import parse
from edge_inspector.settings.keeping import FolderTarget, S3Target
from tests.mosquitto import PATIENCE_S, eventually
from tests.samples.made import ROOMY, content_of, files_below, key_of, pairs_of, store, wait_until_empty
from tests.small_disk import fill, set_read_only, small_disk


class ScriptedTarget:
    """Answers as the script says, request by request, and then takes everything.

    Attributes:
        asked: Keys, in the order in which they came.
        taken: Content by key.
    """

    def __init__(self, script: Sequence[Exception | threading.Event | None] = (), *, never: str = "") -> None:
        self.asked: list[str] = []
        self.taken: dict[str, bytes] = {}
        self._script = iter(script)
        self._never = never

    def put(self, key: str, path: Path, content_type: str) -> None:
        self.asked.append(key)
        assert content_type == {".jpg": "image/jpeg", ".json": "application/json"}[path.suffix]
        match next(self._script, None):
            case threading.Event() as gate:
                gate.wait(PATIENCE_S)
            case Exception() as error:
                raise error
        if self._never and self._never in key:
            msg = "this one never"
            raise UnusableError(msg)
        self.taken[key] = path.read_bytes()


def uploader_of(
    spool: Spool,
    target: Any,
    *,
    local_now: Callable[[], datetime] = datetime.now,
    to: Callable[[str], str] = lambda key: key,
    **upload: Any,
) -> Uploader:
    settings = parse({"samples": {"upload": {"retry_min_s": 0.01, "retry_max_s": 0.05, **upload}}}).samples.upload
    return Uploader(spool, target, settings, address=to, local_now=local_now)


def spool_of(folder: Path) -> Spool:
    return Spool(folder / "spool", quota_bytes=ROOMY)


def test_pairs_go_by_value_then_age_the_picture_before_its_sidecar(tmp_path: Path) -> None:
    spool, target = spool_of(tmp_path), ScriptedTarget()
    keys = [
        store(spool, number, reason)
        for number, reason in ((1, SampleReason.RANDOM), (7, SampleReason.DEFECT), (3, SampleReason.DEFECT))
    ]
    with uploader_of(spool, target) as uploader:
        wait_until_empty(spool)
        key = store(spool, 9)
        wait_until_empty(spool)
        eventually(lambda: uploader.state().uploaded == 4, what="all are counted")
    order = [keys[2], keys[1], keys[0], key]
    assert target.asked == [str(name) for key in order for name in (key, key.sidecar)]
    assert files_below(tmp_path) == {}
    state = uploader.state()
    assert (state.failures, state.failing_s, state.problem, state.unusable) == (0, None, None, 0)
    assert state.uploaded_bytes == 4 * 8192


def test_a_pair_stays_until_both_halves_are_confirmed(tmp_path: Path) -> None:
    spool, gates = spool_of(tmp_path), [threading.Event(), threading.Event()]
    target = ScriptedTarget(gates)
    key = store(spool, 1)
    with uploader_of(spool, target):
        eventually(lambda: target.asked == [str(key)], what="the picture is on its way")
        assert len(files_below(tmp_path)) == 2
        gates[0].set()
        eventually(lambda: len(target.asked) == 2, what="the sidecar is on its way")
        assert len(files_below(tmp_path)) == 2
        gates[1].set()
        wait_until_empty(spool)
    assert files_below(tmp_path) == {}


def test_a_target_that_is_away_is_asked_again_until_it_is_back(tmp_path: Path) -> None:
    spool = spool_of(tmp_path)
    target = ScriptedTarget([UnavailableError("bucket b: answers 503 SlowDown")] * 5)
    store(spool, 1)
    with uploader_of(spool, target, retry_min_s=0.02, retry_max_s=0.1) as uploader:
        eventually(lambda: uploader.state().failing_s is not None, what="it fails")
        assert uploader.state().problem in {"bucket b: answers 503 SlowDown", None}
        wait_until_empty(spool)
        eventually(lambda: uploader.state().problem is None, what="all is well")
    assert uploader.state().failures == 5
    assert uploader.state().failing_s is None


def test_a_refusal_is_said_and_other_pairs_are_tried_after_it(tmp_path: Path) -> None:
    spool = spool_of(tmp_path)
    target = ScriptedTarget([RefusedError("bucket b: refuses with 403; check the role")])
    first, second = store(spool, 1), store(spool, 2)
    with uploader_of(spool, target, retry_max_s=0.5) as uploader:
        eventually(lambda: uploader.state().problem, what="it says why")
        wait_until_empty(spool)
    assert target.asked[:2] == [str(first), str(second)]
    assert set(target.taken) == {str(key) for key in (first, first.sidecar, second, second.sidecar)}


def test_one_bad_pair_does_not_block_the_others(tmp_path: Path) -> None:
    spool, bad = spool_of(tmp_path), key_of(1)
    target = ScriptedTarget(never=bad.inspection_id)
    for number in range(1, 6):
        store(spool, number)
    with uploader_of(spool, target, retry_max_s=3600) as uploader:
        eventually(lambda: uploader.state().uploaded == 4, what="the others are uploaded")
        state = uploader.state()
    assert (state.unusable, state.problem) == (1, f"{bad}: this one never")
    assert dict(spool.state().waiting) == {"defect": 1}


def test_one_pair_on_which_the_server_always_fails_does_not_block_the_others(tmp_path: Path) -> None:
    spool = spool_of(tmp_path)
    target = ScriptedTarget([UnavailableError("bucket b: answers 500 InternalError")] * 7)
    first, *others = (store(spool, number) for number in range(1, 5))
    with uploader_of(spool, target, retry_min_s=0.001, retry_max_s=3600) as uploader:
        eventually(lambda: uploader.state().uploaded == 3, what="the others are uploaded")
        assert uploader.state().unusable == 1
    assert target.asked[:7] == [str(first)] * 5 + [str(others[0])] * 2


def test_a_pair_that_somebody_deleted_is_forgotten_and_a_half_one_is_not(tmp_path: Path) -> None:
    spool = spool_of(tmp_path)
    for number in range(1, 4):
        store(spool, number)
    for path in (tmp_path / "spool").rglob(f"{key_of(1).inspection_id}*"):
        path.unlink()
    next((tmp_path / "spool").rglob(f"{key_of(2).inspection_id}*.json")).write_bytes(b"{broken")
    target = tmp_path / "target"
    with uploader_of(spool, SampleFolder(target), retry_max_s=3600) as uploader:
        eventually(lambda: uploader.state().uploaded == 1, what="the whole pair is uploaded")
        eventually(lambda: dict(spool.state().waiting) == {"defect": 1}, what="the vanished one is forgotten")
        assert uploader.state().unusable == 1
    assert set(files_below(target)) == {str(key_of(3)), str(key_of(3).sidecar)}


def test_a_spool_that_cannot_be_emptied_uploads_nothing_twice_in_a_hurry(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        spool = spool_of(disk)
        store(spool, 1)
        set_read_only(disk, on=True)
        target = ScriptedTarget()
        with uploader_of(spool, target, retry_max_s=3600) as uploader:
            eventually(lambda: uploader.state().unusable, what="it says so")
            assert "Read-only" in (uploader.state().problem or "")
        assert len(target.asked) == 2
        set_read_only(disk, on=False)


def test_leaving_waits_for_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_inspector.samples.uploader.CLOSE_S", 0.1)
    spool, gate = spool_of(tmp_path), threading.Event()
    target = ScriptedTarget([gate])
    store(spool, 1)
    with uploader_of(spool, target) as uploader:
        eventually(lambda: target.asked, what="an upload is under way")
    assert uploader._thread.is_alive()
    gate.set()
    uploader._thread.join(PATIENCE_S)
    assert not uploader._thread.is_alive()


def test_a_sidecar_that_was_written_for_another_target_names_the_right_one_in_the_end(tmp_path: Path) -> None:
    spool, target = spool_of(tmp_path), tmp_path / "target"
    key = store(spool, 1)
    bucket = S3Target(type="s3", bucket="line-samples", region="eu-central-1")
    with uploader_of(spool, SampleFolder(target), to=lambda key: address(bucket, key)):
        wait_until_empty(spool)
    assert pairs_of(files_below(target))[str(key)][1]["source-ref"] == f"s3://line-samples/{key}"


def test_addresses_of_a_folder_are_paths_in_it() -> None:
    assert address(FolderTarget(), "samples/x.jpg") == "samples/x.jpg"


def test_a_folder_has_the_pairs_byte_for_byte_and_nothing_else(tmp_path: Path) -> None:
    spool, target = spool_of(tmp_path), tmp_path / "a" / "target"
    keys = [store(spool, number) for number in range(20)]
    with uploader_of(spool, SampleFolder(target)):
        wait_until_empty(spool)
    found = pairs_of(files_below(target))
    assert {key: picture for key, (picture, _) in found.items()} == {
        str(key): content_of(number) for number, key in enumerate(keys)
    }


def test_a_folder_below_its_floor_takes_nothing_and_says_so(tmp_path: Path) -> None:
    free = 5_000_000
    spool, root = spool_of(tmp_path), tmp_path / "target"
    store(spool, 1)
    target = SampleFolder(root, min_free_bytes=5_000_000, free_bytes=lambda: free)
    with uploader_of(spool, target) as uploader:
        eventually(lambda: uploader.state().problem, what="it says so")
        assert "5 MB are free, expected at least 5 MB" in (uploader.state().problem or "")
        assert files_below(root) == {}
        free = 6_000_000
        wait_until_empty(spool)


def test_a_full_folder_keeps_no_half_file(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        spool = spool_of(tmp_path)
        store(spool, 1, size=100_000)
        ballast = fill(disk, leave=50_000)
        with uploader_of(spool, SampleFolder(disk / "target", free_bytes=lambda: 1 << 40)) as uploader:
            eventually(lambda: uploader.state().failures > 2, what="it fails again and again")
            assert "No space left" in (uploader.state().problem or "")
            assert dict(spool.state().waiting) == {"defect": 1}
            ballast.unlink()
            wait_until_empty(spool)
        assert len(pairs_of(files_below(disk))) == 1


def test_a_share_that_is_not_mounted_keeps_samples_waiting(tmp_path: Path) -> None:
    spool, root = spool_of(tmp_path), tmp_path / "share"
    root.write_text("no folder")
    store(spool, 1)
    with uploader_of(spool, SampleFolder(root)) as uploader:
        eventually(lambda: uploader.state().problem, what="it says so")
        assert f"folder {root}: samples cannot be copied there" in (uploader.state().problem or "")
        root.unlink()
        wait_until_empty(spool)


def test_others_may_fetch_what_is_in_the_folder(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        path = tmp_path / "file.jpg"
        path.write_bytes(b"picture")
        SampleFolder(tmp_path / "target").put("a/b.jpg", path, "image/jpeg")
    finally:
        os.umask(before)
    assert (tmp_path / "target" / "a" / "b.jpg").stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "target" / "a").stat().st_mode & 0o777 == 0o755


def test_nothing_is_uploaded_in_quiet_hours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_inspector.samples.uploader._QUIET_LOOK_S", 0.01)
    now = datetime(2026, 3, 1, 23, 30)  # noqa: DTZ001 - local time
    looked = threading.Semaphore(0)

    def local_now() -> datetime:
        looked.release()
        return now

    spool, target = spool_of(tmp_path), ScriptedTarget()
    store(spool, 1)
    with uploader_of(spool, target, quiet_hours="22:00-06:00", local_now=local_now) as uploader:
        for _ in range(5):
            assert looked.acquire(timeout=PATIENCE_S)
        assert uploader.state().is_quiet
        assert target.asked == []
        now = datetime(2026, 3, 2, 6, 0)  # noqa: DTZ001 - local time
        wait_until_empty(spool)
        assert not uploader.state().is_quiet


_times = st.times().map(lambda at: at.replace(second=0, microsecond=0))


@given(_times, _times, st.times())
def test_quiet_hours_and_the_others_make_a_day(begins: time, ends: time, now: time) -> None:
    if begins != ends:
        assert QuietHours(begins, ends).hold(now) != QuietHours(ends, begins).hold(now)
        assert QuietHours(begins, ends).hold(begins)
        assert not QuietHours(begins, ends).hold(ends)


def test_quiet_hours_as_settings_write_them() -> None:
    assert QuietHours.parse("22:00-06:30") == QuietHours(time(22), time(6, 30))


def test_the_mean_rate_stays_at_the_bandwidth() -> None:
    bandwidth = Bandwidth(100.0)
    assert bandwidth.pause_s(50_000, 0.1) == pytest.approx(0.4)
    assert bandwidth.pause_s(50_000, 9.0) == 0.0
    assert Bandwidth(None).pause_s(1 << 40, 0.0) == 0.0


def test_between_two_pairs_there_is_the_pause_of_the_bandwidth(tmp_path: Path) -> None:
    spool, target = spool_of(tmp_path), ScriptedTarget()
    store(spool, 1)
    store(spool, 2)
    with uploader_of(spool, target, bandwidth_kb_s=0.1) as uploader:
        eventually(lambda: uploader.state().uploaded == 1, what="the first is uploaded")
    assert len(target.asked) == 2, "the second waits for 80 seconds"
