import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_inspector.samples.album import Shown
from edge_inspector.samples.recent import Recent, discard
from edge_inspector.samples.spool import Spool
from edge_inspector.sampling import SampleReason
from tests.samples.made import PAIR_BYTES, PLENTY, ROOMY, a_sidecar, content_of, files_below, identity_of, store
from tests.small_disk import fill, set_read_only, small_disk


def recent_in(  # noqa: PLR0913 - all that one can differ in
    folder: Path,
    *,
    quota: int = PLENTY,
    min_free: int = 0,
    free: Callable[[], int] | None = lambda: PLENTY,
    memory_bytes: int = 6_000_000,
    memory_pictures: int = 256,
) -> Recent:
    return Recent(
        folder / "pictures",
        quota_bytes=quota,
        min_free_bytes=min_free,
        free_bytes=free,
        memory_bytes=memory_bytes,
        memory_pictures=memory_pictures,
    )


def shown(number: int, *, part_frame: int = 0, size: int = 3000, suffix: str = "jpg") -> Shown:
    return Shown(identity_of(number), part_frame, suffix, content_of(number, size), a_sidecar())


def add(recent: Recent, number: int, *, is_lasting: bool = True, part_frame: int = 0, size: int = 3000) -> None:
    recent.add(shown(number, part_frame=part_frame, size=size), is_lasting=is_lasting)


def there(recent: Recent, numbers: range) -> list[int]:
    """Return of which parts there is a picture that is the right one."""
    found = []
    for number in numbers:
        if recent.frames_of(identity_of(number)):
            picture = recent.read(identity_of(number), 0)
            assert picture is not None
            assert picture.content == content_of(number, len(picture.content))
            found.append(number)
    return found


def names(folder: Path) -> set[str]:
    return set(files_below(folder / "pictures"))


def test_a_picture_is_a_file_named_after_its_result_for_the_daemon_alone(tmp_path: Path) -> None:
    recent = recent_in(tmp_path)
    add(recent, 1, part_frame=2)
    recent.add(shown(1, part_frame=0, suffix="png"), is_lasting=True)
    stem = identity_of(1)
    assert names(tmp_path) == {f"{stem}-0.png", f"{stem}-0.json", f"{stem}-2.jpg", f"{stem}-2.json"}
    for path in (tmp_path / "pictures", *(tmp_path / "pictures").iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    assert recent.frames_of(stem) == [0, 2]
    picture = recent.read(stem, 0)
    assert picture is not None
    assert (picture.content, picture.suffix) == (content_of(1), "png")
    assert recent.sidecar(stem, 2) == a_sidecar()
    assert (recent.state().on_disk, recent.state().on_disk_bytes) == (2, 2 * PAIR_BYTES)


def test_after_a_restart_the_pictures_on_disk_are_there_and_those_in_memory_are_gone(tmp_path: Path) -> None:
    before = recent_in(tmp_path)
    for number in range(4):
        add(before, number, is_lasting=number % 2 == 0)
    assert there(before, range(5)) == [0, 1, 2, 3]
    after = recent_in(tmp_path)
    assert there(after, range(5)) == [0, 2]
    assert after.state().on_disk_bytes == before.state().on_disk_bytes


def test_the_quota_costs_the_oldest_also_after_a_restart_and_when_it_has_become_smaller(tmp_path: Path) -> None:
    recent = recent_in(tmp_path, quota=4 * PAIR_BYTES)
    for number in range(6):
        add(recent, number)
    assert there(recent, range(6)) == [2, 3, 4, 5]
    after = recent_in(tmp_path, quota=3 * PAIR_BYTES)
    assert there(after, range(6)) == [3, 4, 5]
    add(after, 9)
    assert there(after, range(10)) == [4, 5, 9]
    assert len(names(tmp_path)) == 6


def test_a_part_goes_with_all_of_its_frames_and_never_costs_itself_one(tmp_path: Path) -> None:
    recent = recent_in(tmp_path, quota=4 * PAIR_BYTES)
    for number in (1, 2):
        for part_frame in range(2):
            add(recent, number, part_frame=part_frame)
    for part_frame in range(3):
        add(recent, 3, part_frame=part_frame)
    assert [recent.frames_of(identity_of(number)) for number in (1, 2, 3)] == [[], [], [0, 1, 2]]
    for number, part_frame in ((4, 0), (3, 3)):  # the oldest one gets another frame
        add(recent, number, part_frame=part_frame)
    assert [recent.frames_of(identity_of(number)) for number in (3, 4)] == [[0, 1, 2, 3], []]


def test_a_picture_larger_than_the_quota_is_held_in_memory_and_costs_nobody_his_place(tmp_path: Path) -> None:
    recent = recent_in(tmp_path, quota=2 * PAIR_BYTES)
    add(recent, 1)
    add(recent, 2, size=100_000)
    assert there(recent, range(3)) == [1, 2]
    assert (recent.state().on_disk, recent.state().in_memory, recent.state().failures) == (1, 1, 1)


def test_memory_is_bounded_in_bytes_and_in_number(tmp_path: Path) -> None:
    by_bytes = recent_in(tmp_path, memory_bytes=10_000)
    by_number = recent_in(tmp_path, memory_pictures=2)
    for recent in (by_bytes, by_number):
        for number in range(5):
            add(recent, number, is_lasting=False)
        add(recent, 9, is_lasting=False, size=9_000_000)
    assert there(by_bytes, range(10)) == [2, 3, 4]
    assert by_bytes.state().in_memory_bytes <= 10_000
    assert there(by_number, range(10)) == [3, 4]
    assert not (tmp_path / "pictures").exists() or names(tmp_path) == set()


@pytest.mark.parametrize("torn", ["no sidecar", "no picture", "empty picture", "empty sidecar", "partial", "two"])
def test_what_a_crash_or_a_power_cut_tore_is_removed(tmp_path: Path, torn: str) -> None:
    add(recent_in(tmp_path), 1)
    whole = names(tmp_path)
    add(recent_in(tmp_path), 2)
    picture = tmp_path / "pictures" / f"{identity_of(2)}-0.jpg"
    match torn:
        case "no sidecar":
            picture.with_suffix(".json").unlink()
        case "no picture":
            picture.unlink()
        case "empty picture":
            os.truncate(picture, 0)
        case "empty sidecar":
            os.truncate(picture.with_suffix(".json"), 0)
        case "partial":
            picture.with_suffix(".json").rename(picture.with_name(f".{picture.stem}.json.part"))
        case "two":
            picture.with_suffix(".png").write_bytes(b"another")
            whole |= {picture.name, f"{picture.stem}.json"}
    recent = recent_in(tmp_path)
    recent.open()
    assert names(tmp_path) == whole
    assert there(recent, range(3)) == ([1, 2] if torn == "two" else [1])


def test_what_is_not_ours_is_left_alone_and_not_shown(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    (folder / f"{identity_of(1)}-0.json").symlink_to(secret)
    (folder / f"{identity_of(1)}-0.jpg").symlink_to(secret)
    (folder / f"{identity_of(2)}-0.jpg").mkdir()
    recent = recent_in(tmp_path)
    recent.open()
    assert there(recent, range(3)) == []
    add(recent, 2)
    add(recent, 3)
    assert there(recent, range(4)) == [2, 3], "of 2 in memory"
    assert (folder / "notes.txt").read_text() == "mine"
    assert secret.read_text() == "secret"


@pytest.mark.parametrize("asked", ["../secret", "..", "", "/etc/passwd", "\0", f"../pictures/{identity_of(1)}", "*"])
def test_only_what_was_given_out_can_be_asked_for(tmp_path: Path, asked: str) -> None:
    (tmp_path / "secret-0.jpg").write_text("secret")
    (tmp_path / "secret-0.json").write_text("secret")
    recent = recent_in(tmp_path)
    add(recent, 1)
    assert recent.frames_of(asked) == []
    assert recent.read(asked, 0) is None
    assert recent.sidecar(asked, 0) is None
    for part_frame in (-1, 1, 10**30):
        assert recent.read(identity_of(1), part_frame) is None
    recent.forget(f"{asked}-0.jpg")
    assert there(recent, range(2)) == [1]
    assert (tmp_path / "secret-0.jpg").exists()


def test_a_picture_that_somebody_deleted_is_gone_and_nothing_else_happens(tmp_path: Path) -> None:
    recent = recent_in(tmp_path)
    add(recent, 1)
    for path in (tmp_path / "pictures").iterdir():
        path.unlink()
    assert recent.read(identity_of(1), 0) is None
    assert recent.sidecar(identity_of(1), 0) is None
    add(recent, 2)
    assert there(recent, range(2, 3)) == [2]


def stored_in(spool: Spool, number: int) -> tuple[Path, Path]:
    return spool.where(store(spool, number), SampleReason.DEFECT)


def test_what_the_spool_has_just_stored_is_linked_and_outlives_its_upload(tmp_path: Path) -> None:
    spool, recent = Spool(tmp_path / "samples", quota_bytes=ROOMY), recent_in(tmp_path)
    stored = stored_in(spool, 1)
    recent.add(shown(1), is_lasting=True, stored=stored)
    ours = tmp_path / "pictures" / f"{identity_of(1)}-0.jpg"
    assert ours.samefile(stored[0])
    pair = spool.hold()
    assert pair is not None
    spool.remove(pair)
    assert ours.stat().st_nlink == 1
    assert there(recent, range(2)) == there(recent_in(tmp_path), range(2)) == [1]


def test_what_was_uploaded_before_it_could_be_linked_is_written(tmp_path: Path) -> None:
    spool, recent = Spool(tmp_path / "samples", quota_bytes=ROOMY), recent_in(tmp_path)
    for gone in (0, 1):
        stored = stored_in(spool, gone)
        stored[gone].unlink()
        recent.add(shown(gone), is_lasting=True, stored=stored)
        assert recent.sidecar(identity_of(gone), 0) == a_sidecar()
    assert there(recent, range(2)) == [0, 1]
    assert len(names(tmp_path)) == 4


def test_another_disk_than_that_of_the_spool_is_written_to(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        spool, recent = Spool(tmp_path / "samples", quota_bytes=ROOMY), recent_in(disk)
        recent.add(shown(1), is_lasting=True, stored=stored_in(spool, 1))
        assert there(recent, range(2)) == [1]
        assert recent.state().on_disk == 1


def test_a_full_disk_hurts_nobody_and_pictures_are_held_in_memory_until_it_has_room(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with small_disk(tmp_path / "disk") as disk:
        recent = recent_in(disk)  # which is not told how little is left
        add(recent, 1)
        whole = names(disk)
        ballast = fill(disk, leave=0)
        for number in range(2, 6):
            add(recent, number)
        assert there(recent, range(6)) == [1, 2, 3, 4, 5]
        assert names(disk) == whole
        state = recent.state()
        assert (state.on_disk, state.in_memory, state.failures) == (1, 4, 4)
        assert "No space left" in (state.problem or "")
        assert len([record for record in caplog.records if "operator page" in record.message]) == 1, "said once"
        ballast.unlink()
        add(recent, 6)
        assert (recent.state().on_disk, recent.state().problem) == (2, None)


def test_a_disk_that_is_read_only_still_shows_what_it_has(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        add(recent_in(disk), 1)
        (disk / "pictures" / f"{identity_of(2)}-0.jpg").write_bytes(b"half")
        add(recent_in(disk), 3)
        set_read_only(disk, on=True)
        recent = recent_in(disk, quota=2 * PAIR_BYTES)
        for number in (4, 5):
            add(recent, number)
        assert there(recent, range(6)) == [1, 3, 4, 5]
        set_read_only(disk, on=False)
        add(recent, 6)
        assert there(recent, range(7)) == [3, 4, 5, 6]


def test_a_folder_that_cannot_be_used_leaves_the_memory(tmp_path: Path) -> None:
    (tmp_path / "pictures").write_text("a file where the folder should be")
    recent = recent_in(tmp_path)
    recent.open()
    assert recent.frames_of(identity_of(1)) == []
    add(recent, 1)
    assert there(recent, range(2)) == [1]
    (tmp_path / "pictures").unlink()
    add(recent, 2)
    assert recent.state().on_disk == 1


def test_a_low_disk_costs_old_pictures_and_none_of_them_in_vain(tmp_path: Path) -> None:
    free = PLENTY
    recent = recent_in(tmp_path, min_free=PLENTY // 2, free=lambda: free)
    for number in range(3):
        add(recent, number)
    free = 0
    add(recent, 3)
    assert there(recent, range(4)) == [1, 2, 3]
    assert (recent.state().on_disk, recent.state().in_memory) == (3, 0)
    add(recent, 4, size=90_000)
    assert there(recent, range(5)) == [1, 2, 3, 4], "all old ones together would not have been enough"
    assert (recent.state().on_disk, recent.state().in_memory) == (3, 1)
    for part_frame in range(4):  # the others make room for three of them
        add(recent, 5, part_frame=part_frame)
    assert recent.frames_of(identity_of(5)) == [0, 1, 2, 3], "a part never costs itself a frame"
    assert (recent.state().on_disk, recent.state().in_memory) == (3, 2)


def test_a_sample_finds_room_where_pictures_are_and_never_in_vain(tmp_path: Path) -> None:
    free = PLENTY
    recent = recent_in(tmp_path)
    spool = Spool(
        tmp_path / "samples",
        quota_bytes=ROOMY,
        min_free_bytes=PLENTY // 2,
        free_bytes=lambda: free,
        cache=recent,
    )
    recent.add(shown(0), is_lasting=True, stored=stored_in(spool, 0))
    add(recent, 1)
    add(recent, 2)
    free = 0
    store(spool, 10)
    assert there(recent, range(3)) == [0, 2], "the oldest one that makes room when it goes"
    store(spool, 11)
    assert there(recent, range(3)) == [0]
    assert dict(spool.state().waiting) == {"defect": 3}, "no sample went for these"
    store(spool, 12)
    assert there(recent, range(3)) == [], "the oldest sample went, and with it the copy of its picture"
    assert (dict(spool.state().waiting), spool.state().evicted) == ({"defect": 3}, 1)
    assert spool.find(identity_of(0)) == []


def test_without_a_page_the_pictures_of_earlier_runs_go(tmp_path: Path) -> None:
    add(recent_in(tmp_path), 1)
    discard(tmp_path / "pictures")
    assert not (tmp_path / "pictures").exists()
    discard(tmp_path / "pictures")
    add(recent_in(tmp_path), 1)
    (tmp_path / "pictures" / "notes.txt").write_text("mine")
    discard(tmp_path / "pictures")
    assert names(tmp_path) == {"notes.txt"}


def test_the_same_result_again_changes_nothing(tmp_path: Path) -> None:
    recent = recent_in(tmp_path)
    for _ in range(2):
        add(recent, 1)
        add(recent, 2, is_lasting=False)
    state = recent.state()
    assert (state.on_disk, state.in_memory, state.on_disk_bytes) == (1, 1, PAIR_BYTES)
    add(recent, 2)
    state = recent.state()
    assert (state.on_disk, state.in_memory, state.in_memory_bytes) == (2, 0, 0)
