import random
import threading
from pathlib import Path

import pytest

from edge_inspector.journal import Tally


@pytest.fixture(params=["shared memory", "no shared memory"])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return the folder of the pages; without it they are files of the home."""
    folder = tmp_path / "shm"
    if request.param == "shared memory":
        folder.mkdir()
    return folder


def page_of(path: Path, shared: Path) -> Path:
    """Return the page that belongs to a home."""
    with Tally(path, shared=shared) as tally:
        assert tally.place is not None
        assert (tally.place.parent == shared) == shared.exists()
        return tally.place


def test_a_tally_goes_on_where_it_was(tmp_path: Path, shared: Path) -> None:
    path = tmp_path / "home" / "tally"
    with Tally(path, shared=shared) as tally:
        assert (tally.frames, tally.parts, tally.problem) == (0, 0, None)
        tally.add_frames()
        tally.add_frames(41)
        tally.add_parts()
    with Tally(path, shared=shared) as tally:
        assert (tally.frames, tally.parts, tally.problem) == (42, 1, None)
        tally.reset_to(7, 5)
    with Tally(path, shared=shared) as tally:
        assert (tally.frames, tally.parts) == (7, 5)


def test_what_is_counted_is_in_the_file_at_once(tmp_path: Path, shared: Path) -> None:
    with Tally(tmp_path / "tally", shared=shared) as tally, Tally(tmp_path / "tally", shared=shared):
        tally.add_frames(3)
        with Tally(tmp_path / "tally", shared=shared) as after_a_kill:
            assert after_a_kill.frames == 3


@pytest.mark.parametrize("content", [b"short", b"\xff" * 4096, b"\0" * 10_000, random.Random(1).randbytes(4096)])
def test_a_damaged_tally_begins_at_zero_and_says_so(tmp_path: Path, shared: Path, content: bytes) -> None:
    path = tmp_path / "tally"
    page = page_of(path, shared)
    page.write_bytes(content)
    with Tally(path, shared=shared) as tally:
        assert (tally.frames, tally.parts) == (0, 0)
        assert tally.problem == f"{page} is damaged: it begins at zero"
        tally.add_frames(2)
    with Tally(path, shared=shared) as tally:
        assert (tally.frames, tally.problem) == (2, None)


def test_no_flipped_bit_passes_for_a_count(tmp_path: Path, shared: Path) -> None:
    path = tmp_path / "tally"
    with Tally(path, shared=shared) as tally:
        tally.reset_to(1000, 500)
    page = page_of(path, shared)
    sound = page.read_bytes()
    for bit in range(64 * 5):
        content = bytearray(sound)
        content[bit // 8] ^= 1 << bit % 8
        page.write_bytes(content)
        with Tally(path, shared=shared) as tally:
            close = abs(tally.frames - 1000) <= 100_000 and abs(tally.parts - 500) <= 100_000
            assert close or (tally.frames, tally.parts) == (0, 0)


def test_a_tally_that_was_cut_off_begins_at_zero(tmp_path: Path, shared: Path) -> None:
    path = tmp_path / "tally"
    with Tally(path, shared=shared) as tally:
        tally.add_frames(9)
    page = page_of(path, shared)
    page.write_bytes(page.read_bytes()[:20])
    with Tally(path, shared=shared) as tally:
        assert (tally.frames, tally.problem) == (0, f"{page} is damaged: it begins at zero")


def test_a_tally_counts_in_memory_where_the_disk_does_not_take_it(tmp_path: Path, shared: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    for path in (None, tmp_path / "file" / "tally"):
        with Tally(path, shared=shared) as tally:
            tally.add_frames()
            tally.add_parts(2)
            assert (tally.frames, tally.parts) == (1, 2)
            assert (tally.problem is None) == (path is None)


def test_a_page_that_was_forgotten_or_a_name_that_is_none_begins_at_zero(tmp_path: Path, shared: Path) -> None:
    path = tmp_path / "tally"
    with Tally(path, shared=shared) as tally:
        tally.add_frames(3)
        tally.forget()
    with Tally(path, shared=shared) as tally:
        assert (tally.frames, tally.problem) == (0, None)
        tally.add_frames(3)
    path.write_bytes(b"../../etc/passwd")
    with Tally(path, shared=shared) as tally:
        assert tally.place is not None
        assert tally.place.parent in {shared, tmp_path}
        assert tally.problem is None


def test_two_homes_never_share_a_page(tmp_path: Path, shared: Path) -> None:
    with Tally(tmp_path / "a" / "tally", shared=shared) as one, Tally(tmp_path / "b" / "tally", shared=shared) as other:
        one.add_frames(5)
        assert other.frames == 0
        assert one.place != other.place


def test_a_closed_tally_still_counts(tmp_path: Path, shared: Path) -> None:
    with Tally(tmp_path / "tally", shared=shared) as tally:
        tally.add_frames()
    tally.add_frames()
    assert tally.frames == 2


def test_threads_may_count_at_once(tmp_path: Path, shared: Path) -> None:
    with Tally(tmp_path / "tally", shared=shared) as tally:

        def count() -> None:
            for _ in range(5000):
                tally.add_frames()
                tally.add_parts()

        threads = [threading.Thread(target=count) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    with Tally(tmp_path / "tally", shared=shared) as tally:
        assert (tally.frames, tally.parts) == (20_000, 20_000)
