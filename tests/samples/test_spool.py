import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.samples.given_up import NotKept, NotStoredError
from edge_inspector.samples.shelf import Pair, Shelf, for_room
from edge_inspector.samples.spool import Spool, quotas
from edge_inspector.sampling import BY_VALUE, Evicted, EvictionCause, SampleReason
from edge_inspector.settings import parse
from tests.samples.made import PAIR_BYTES, PLENTY, a_sidecar, content_of, files_below, key_of, store
from tests.small_disk import fill, set_read_only, small_disk


def spool_of(
    folder: Path,
    *,
    quota: int = PLENTY,
    min_free: int = 0,
    free: Callable[[], int] | None = lambda: PLENTY,
) -> Spool:
    return Spool(
        folder / "samples",
        quota_bytes=dict.fromkeys(SampleReason, quota),
        min_free_bytes=min_free,
        free_bytes=free,
    )


def waiting(spool: Spool) -> dict[str, int]:
    return dict(spool.state().waiting)


def in_order(spool: Spool) -> list[str]:
    """Return the keys in the order in which they would be uploaded."""
    keys: list[str] = []
    while (pair := spool.hold(keys)) is not None:
        keys.append(pair.key)
    return keys


def test_a_pair_is_stored_under_its_reason_and_key_for_the_daemon_alone(tmp_path: Path) -> None:
    spool = spool_of(tmp_path)
    key = store(spool, 1)
    root = tmp_path / "samples"
    assert set(files_below(root)) == {f"defect/{key}", f"defect/{key.sidecar}"}
    assert files_below(root)[f"defect/{key}"] == content_of(1)
    for path in (root, *root.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    state = spool.state()
    assert (state.waiting, state.waiting_bytes, state.problem) == ({"defect": 1}, PAIR_BYTES, None)


def test_the_folder_alone_tells_a_new_process_what_waits(tmp_path: Path) -> None:
    before = spool_of(tmp_path)
    for number, reason in enumerate([*SampleReason, *SampleReason]):
        store(before, number, reason)
    after = spool_of(tmp_path)
    after.open()
    assert waiting(after) == waiting(before) == dict.fromkeys(SampleReason, 2)
    assert after.state().waiting_bytes == before.state().waiting_bytes
    assert in_order(after) == in_order(before)
    assert after.arrived.is_set()


def test_the_most_valuable_pair_comes_first_and_of_these_the_oldest(tmp_path: Path) -> None:
    spool = spool_of(tmp_path)
    order = [(SampleReason.RANDOM, 1), (SampleReason.DEFECT, 5), (SampleReason.OPERATOR, 9), (SampleReason.DEFECT, 2)]
    keys = {number: str(store(spool, number, reason)) for reason, number in order}
    assert in_order(spool) == [keys[9], keys[2], keys[5], keys[1]]


@pytest.mark.parametrize("left", ["picture", "sidecar", "partial picture", "partial sidecar"])
def test_halves_that_a_crash_left_are_removed(tmp_path: Path, left: str) -> None:
    store(spool_of(tmp_path), 1)
    whole = files_below(tmp_path)
    key = key_of(2)
    path = tmp_path / "samples" / "defect" / str(key if "picture" in left else key.sidecar)
    if "partial" in left:
        path = path.with_name(f".{path.name}.part")
    path.write_bytes(b"half")
    spool = spool_of(tmp_path)
    spool.open()
    assert files_below(tmp_path) == whole
    assert waiting(spool) == {"defect": 1}


def test_what_is_not_ours_is_left_alone_and_empty_folders_go(tmp_path: Path) -> None:
    spool = spool_of(tmp_path)
    key = store(spool, 1)
    folder = (tmp_path / "samples" / "defect" / str(key)).parent
    (folder / "notes.txt").write_text("mine")
    store(spool, 100_000)  # another day
    pair = spool.hold({str(key)})
    assert pair is not None
    spool.remove(pair)
    spool_of(tmp_path).open()
    assert (folder / "notes.txt").exists()
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_the_same_inspection_twice_is_one_pair(tmp_path: Path) -> None:
    spool = spool_of(tmp_path)
    store(spool, 1)
    store(spool, 1)
    assert waiting(spool) == {"defect": 1}


def test_a_full_quota_costs_the_oldest_of_its_reason_and_no_other(tmp_path: Path) -> None:
    spool = spool_of(tmp_path, quota=3 * PAIR_BYTES)
    audit = [store(spool, number, SampleReason.RANDOM) for number in range(3)]
    defects = [store(spool, number) for number in range(10, 15)]
    assert in_order(spool) == [str(key) for key in (*defects[2:], *audit)]
    assert spool.take_evicted() == {Evicted("scratch", SampleReason.DEFECT, EvictionCause.QUOTA): 2}
    assert spool.take_evicted() == {}
    assert spool.state().evicted == 2
    assert len(files_below(tmp_path)) == 2 * 6


def test_a_sample_larger_than_its_quota_is_not_stored_and_costs_nobody_his_place(tmp_path: Path) -> None:
    spool = spool_of(tmp_path, quota=2 * PAIR_BYTES)
    store(spool, 1)
    with pytest.raises(NotStoredError, match=r"samples\.defect\.quota_mb") as caught:
        store(spool, 2, size=100_000)
    assert caught.value.cause is NotKept.OVER_QUOTA
    assert waiting(spool) == {"defect": 1}


def test_quotas_come_from_the_settings() -> None:
    found = quotas(parse({"samples": {"drift": {"per_hour": 1, "per_day": 1, "quota_mb": 3.5}}}).samples)
    assert set(found) == set(SampleReason)
    assert found[SampleReason.DRIFT] == 3_500_000


def test_a_low_disk_costs_what_is_worth_least_and_never_more_than_needed(tmp_path: Path) -> None:
    free = 10 * PAIR_BYTES
    spool = spool_of(tmp_path, min_free=5 * PAIR_BYTES, free=lambda: free)
    for number, reason in enumerate(reversed(BY_VALUE)):
        store(spool, number, reason)
        store(spool, number + 100, reason)
    free = 5 * PAIR_BYTES + 1  # one byte is too few for a pair more
    for number in range(5):
        store(spool, 200 + number, SampleReason.DEFECT)
    assert waiting(spool) == {"operator": 2, "defect": 7, "uncertain": 2, "drift": 1}
    causes = {kind.cause for kind in spool.take_evicted()}
    assert causes == {EvictionCause.DISK_LOW}


def test_an_audit_never_costs_a_defect_its_place(tmp_path: Path) -> None:
    free = PLENTY
    spool = spool_of(tmp_path, min_free=1_000_000, free=lambda: free)
    store(spool, 1)
    free = 1_000_000
    with pytest.raises(NotStoredError, match=r"1 MB are free, expected 1 MB") as caught:
        store(spool, 2, SampleReason.RANDOM)
    assert caught.value.cause is NotKept.DISK_LOW
    assert spool.state().problem == str(caught.value)
    assert (waiting(spool), spool.state().evicted) == ({"defect": 1}, 0)
    free = PLENTY
    store(spool, 3, SampleReason.RANDOM)
    assert spool.state().problem is None


def test_where_others_fill_the_disk_the_spool_does_not_grow_and_keeps_what_it_can(tmp_path: Path) -> None:
    free = PLENTY
    spool = spool_of(tmp_path, min_free=PLENTY // 2, free=lambda: free)
    for number in range(5):
        store(spool, number, SampleReason.RANDOM)
    free = 0
    store(spool, 9, SampleReason.DEFECT)
    assert waiting(spool) == {"random": 4, "defect": 1}


def test_what_is_being_uploaded_is_not_given_up(tmp_path: Path) -> None:
    spool = spool_of(tmp_path, quota=2 * PAIR_BYTES)
    first = store(spool, 1)
    held = spool.hold()
    assert held is not None
    assert held.key == str(first)
    for number in range(2, 6):
        store(spool, number)
    assert str(first) in in_order(spool)
    assert len(in_order(spool)) == 2


_pairs = st.lists(
    st.tuples(st.sampled_from(SampleReason), st.integers(0, 99), st.integers(1, 9)),
    max_size=30,
    unique_by=lambda p: p[1],
)


@given(_pairs, st.sampled_from(SampleReason), st.integers(-3, 60))
def test_who_goes_is_worth_no_more_than_the_newcomer_and_none_of_them_goes_in_vain(
    pairs: list[tuple[SampleReason, int, int]], newcomer: SampleReason, need: int
) -> None:
    shelves = {reason: Shelf() for reason in SampleReason}
    for reason, age, size in pairs:
        shelves[reason].add(Pair(reason, "f", f"{age:03}.jpg", size))
    may_go = [pair for reason in BY_VALUE[BY_VALUE.index(newcomer) :] for pair in shelves[reason]]
    going = for_room(shelves, newcomer, need, held=None)
    if going is None:
        assert sum(pair.bytes for pair in may_go) < need
        return
    assert set(going) <= set(may_go)
    assert sum(pair.bytes for pair in going) >= need
    assert sum(pair.bytes for pair in going[:-1]) < need or not going
    staying = [pair for pair in may_go if pair not in going]
    for gone in going:
        assert all(BY_VALUE.index(gone.reason) >= BY_VALUE.index(pair.reason) for pair in staying)
        assert all(gone.name < pair.name for pair in staying if pair.reason is gone.reason)


def test_a_full_disk_loses_the_sample_whole_and_nothing_else(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        spool = spool_of(disk)  # which is not told how little is left
        store(spool, 1)
        before = files_below(disk / "samples")
        ballast = fill(disk, leave=20_000)
        for number in range(2, 12):
            with pytest.raises(NotStoredError, match="No space left on device") as caught:
                store(spool, number, size=40_000)
            assert caught.value.cause is NotKept.DISK_FAILED
        assert files_below(disk / "samples") == before
        assert "No space left" in (spool.state().problem or "")
        # A sidecar that does not fit takes its picture with it.
        ballast.unlink()
        fill(disk, leave=5 * 4096)
        with pytest.raises(NotStoredError):
            spool.store(key_of(20), SampleReason.DEFECT, bytes(4 * 4096), a_sidecar() * 1000)
        assert files_below(disk / "samples") == before
        (disk / "ballast").unlink()
        store(spool, 30, size=40_000)
        assert (waiting(spool), spool.state().problem) == ({"defect": 2}, None)


def test_on_a_full_disk_with_a_floor_new_defects_take_the_place_of_old_audits(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        spool = spool_of(disk, free=None, min_free=100_000)
        for number in range(10):
            store(spool, number, SampleReason.RANDOM, size=30_000)
        fill(disk, leave=0)
        for number in range(10, 15):
            store(spool, number, size=30_000)
        assert waiting(spool) == {"random": 5, "defect": 5}


def test_a_read_only_disk_is_survived_and_used_again_later(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        store(spool_of(disk, free=None), 1)
        set_read_only(disk, on=True)
        spool = spool_of(disk, free=None)
        with pytest.raises(NotStoredError, match="Read-only file system"):
            store(spool, 2)
        pair = spool.hold()
        assert pair is not None
        with pytest.raises(OSError, match="Read-only"):
            spool.remove(pair)
        assert waiting(spool) == {"defect": 1}
        set_read_only(disk, on=False)
        store(spool, 2)
        assert (waiting(spool), spool.state().problem) == ({"defect": 2}, None)


def test_room_that_cannot_be_made_is_no_room(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        spool = spool_of(disk, quota=2 * PAIR_BYTES)
        store(spool, 1)
        store(spool, 2)
        set_read_only(disk, on=True)
        with pytest.raises(NotStoredError, match="Read-only") as caught:
            store(spool, 3)
        assert caught.value.cause is NotKept.DISK_FAILED
        assert (waiting(spool), spool.state().evicted) == ({"defect": 2}, 0)
        set_read_only(disk, on=False)


def test_a_spool_that_cannot_be_opened_says_why_and_tries_again(tmp_path: Path) -> None:
    (tmp_path / "samples").write_text("a file where the folder should be")
    spool = spool_of(tmp_path)
    for _ in range(2):
        with pytest.raises(NotStoredError, match="samples cannot be stored"):
            spool.open()
    (tmp_path / "samples").unlink()
    store(spool, 1)
    assert waiting(spool) == {"defect": 1}
