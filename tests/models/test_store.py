import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

from edge_inspector.errors import ModelError
from edge_inspector.inspection import ModelIdentity
from edge_inspector.models.memory import Memory, Probation, Rejection
from edge_inspector.models.store import Store, StoreError
from tests.models.fakes import NOW
from tests.small_disk import fill, set_read_only, small_disk

OLD = ModelIdentity("spot", "1.0.0", "1" * 64)
NEW = ModelIdentity("spot", "1.1.0", "2" * 64)
NEWER = ModelIdentity("spot", "1.2.0", "3" * 64)
FILES = {"model.json": b"{}", "model.onnx": b"onnx" * 1000, "golden/one.png": b"png"}
KB = 1 << 10


def make_package(folder: Path, files: dict[str, bytes] = FILES) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def store_with_old(tmp_path: Path) -> Store:
    """Return a store in which a model runs and has proved itself."""
    store = Store(tmp_path / "home" / "models")
    store.take_in(make_package(tmp_path / "old"), OLD)
    store.change(lambda memory: memory.switched(OLD, None))
    return store


def test_nothing_is_remembered_and_nothing_made_before_the_first_change(tmp_path: Path) -> None:
    store = Store(tmp_path / "models")
    assert store.read() == Memory()
    assert not store.folder.exists()


def test_a_package_is_copied_whole_and_readable_for_this_user_only(tmp_path: Path) -> None:
    store = store_with_old(tmp_path)
    place = store.place_of(OLD)
    assert place.name == "spot-1.0.0-111111111111"
    assert files_in(place) == FILES
    for path in (store.folder, *store.folder.rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path


def test_links_and_pipes_in_a_package_are_left_out(tmp_path: Path) -> None:
    package = make_package(tmp_path / "package")
    secret = tmp_path / "secret"
    secret.write_text("secret")
    (package / "link.onnx").symlink_to(secret)
    (package / "folder").symlink_to(tmp_path)
    os.mkfifo(package / "pipe")
    assert files_in(Store(tmp_path / "models").take_in(package, NEW)) == FILES


def test_a_package_that_is_kept_is_not_copied_again_and_another_one_is_made_anew(tmp_path: Path) -> None:
    store = store_with_old(tmp_path)
    changed = make_package(tmp_path / "changed", {"model.json": b"changed"})
    assert files_in(store.take_in(changed, OLD)) == FILES
    store.take_in(make_package(tmp_path / "new"), NEW)
    assert files_in(store.take_in(changed, NEW)) == {"model.json": b"changed"}


def test_a_candidate_has_the_room_of_those_that_nobody_waits_for_any_more(tmp_path: Path) -> None:
    def end() -> None:
        if next(steps):
            raise LookupError

    store, other = store_with_old(tmp_path), ModelIdentity("spot", "1.3.0", "4" * 64)
    steps = iter([False, False, True])
    store.take_in(tmp_path / "old", NEW)
    with pytest.raises(LookupError):
        store.take_in(tmp_path / "old", NEWER, go_on=end)
    store.take_in(tmp_path / "old", other)
    assert {path for path in store.folder.iterdir() if path.is_dir()} == {store.place_of(OLD), store.place_of(other)}


def test_what_is_not_kept_is_tidied_away_half_copies_too(tmp_path: Path) -> None:
    store = store_with_old(tmp_path)
    store.take_in(tmp_path / "old", NEW)
    make_package(store.folder / ".spot-1.2.0-333333333333.part")
    store.tidy(store.read())
    assert [path.name for path in store.folder.iterdir() if path.is_dir()] == [store.place_of(OLD).name]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"running": {"name": "a"}}', '{"running": 1}'])
def test_a_damaged_memory_is_told_and_can_be_set_aside(tmp_path: Path, content: str) -> None:
    store = store_with_old(tmp_path)
    (store.folder / "state.json").write_text(content)
    with pytest.raises(StoreError, match=r"state\.json: expected the memory of a station's models"):
        store.read()
    assert store.set_aside().read_text() == content
    assert store.read() == Memory()


def test_a_name_that_leads_out_of_the_store_is_no_name(tmp_path: Path) -> None:
    store = store_with_old(tmp_path)
    state = json.loads((store.folder / "state.json").read_text())
    state["running"]["name"] = "../../../etc"
    (store.folder / "state.json").write_text(json.dumps(state))
    with pytest.raises(StoreError, match="expected a model with a name, a version and a sha256"):
        store.read()


def test_what_a_later_version_remembers_beside_is_passed_over(tmp_path: Path) -> None:
    store = store_with_old(tmp_path)
    state = json.loads((store.folder / "state.json").read_text())
    (store.folder / "state.json").write_text(json.dumps({**state, "later": 1}))
    assert store.read().running == OLD


def test_a_change_by_another_is_noticed_once_and_a_change_of_ours_is_none(tmp_path: Path) -> None:
    store, other = store_with_old(tmp_path), Store(tmp_path / "home" / "models")
    store.change(lambda memory: memory.refused(Rejection(NEW, "too slow", NOW)))
    assert not store.was_changed_by_another()
    assert [rejection.model for rejection in other.forget_rejected("22222222")] == [NEW]
    assert [store.was_changed_by_another(), store.was_changed_by_another()] == [True, False]
    assert store.read().rejected == ()


def test_forgetting_what_was_never_refused_is_an_error_and_makes_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path / "models")
    with pytest.raises(ModelError, match="expected a refused model whose sha256 begins '22222222', found none of 0"):
        store.forget_rejected("22222222")
    assert not store.folder.exists()


def test_changes_by_two_at_once_are_both_remembered(tmp_path: Path) -> None:
    def refuse(first: int) -> None:
        store = Store(tmp_path / "models")
        for number in range(first, first + 20):
            model = ModelIdentity("spot", "1.0.0", f"{number:064x}")
            store.change(lambda memory, model=model: memory.refused(Rejection(model, "", NOW)))

    threads = [threading.Thread(target=refuse, args=(first,)) for first in (0, 20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(Store(tmp_path / "models").read().rejected) == 40


def test_a_copy_that_nobody_waits_for_ends_and_leaves_no_package(tmp_path: Path) -> None:
    store = store_with_old(tmp_path)

    def end() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        store.take_in(tmp_path / "old", NEW, go_on=end)
    assert not store.place_of(NEW).exists()


def test_a_full_disk_takes_no_package_and_changes_nothing(tmp_path: Path) -> None:
    package = make_package(tmp_path / "package", {"model.onnx": bytes(600 * KB)})
    with small_disk(tmp_path / "disk") as disk:
        store = Store(disk / "models", min_free_bytes=100 * KB)
        store.change(lambda memory: memory.refused(Rejection(OLD, "", NOW)))
        ballast = fill(disk, leave=650 * KB)
        with pytest.raises(OSError, match=r"0\.6 MB are needed, 0\.7 MB are free"):
            store.take_in(package, NEW)
        store = Store(disk / "models", min_free_bytes=-(1 << 30))  # as if another filled it meanwhile
        ballast.unlink()
        fill(disk, leave=300 * KB)
        with pytest.raises(OSError, match="No space left on device"):
            store.take_in(package, NEW)
        assert [path for path in store.folder.iterdir() if path.is_dir()] == []
        assert store.read().rejected != ()


def test_a_disk_that_is_read_only_keeps_what_it_has(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        store = Store(disk / "models")
        store.change(lambda memory: memory.refused(Rejection(OLD, "", NOW)))
        set_read_only(disk, on=True)
        with pytest.raises(OSError, match="Read-only"):
            store.change(lambda memory: memory.forgetting(""))
        store.tidy(Memory())
        assert store.read().rejected != ()


class Killed(BaseException):
    """Stands for a kill: nothing that clears up after an error sees it as one."""


class _Steps:
    """Raises instead of the n-th step that changes the disk, while it is on."""

    CHANGES = frozenset({"os.rename", "os.mkdir", "os.remove", "os.rmdir", "shutil.rmtree"})

    def __init__(self) -> None:
        self.left: int | None = None
        sys.addaudithook(self._on_event)

    def _on_event(self, event: str, arguments: tuple[object, ...]) -> None:
        if self.left is None or not (event in self.CHANGES or (event == "open" and _writes(arguments))):
            return
        self.left -= 1
        if self.left < 0:
            raise Killed

    @contextmanager
    def kill_after(self, steps: int) -> Iterator[None]:
        self.left = steps
        try:
            yield
        finally:
            self.left = None


def _writes(arguments: tuple[object, ...]) -> bool:
    flags = arguments[2]
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR))


@cache
def disk_steps() -> _Steps:
    """Return the only ones: an audit hook stays, and every test that comes after it pays for it."""
    return _Steps()


def crashes(tmp_path: Path, act: Callable[[Store], object]) -> Iterator[Store]:
    """Yield a store as each step of an act leaves it that is the last one."""
    for steps in range(100):
        folder = tmp_path / f"{steps}"
        store = store_with_old(folder)
        make_package(store.folder / ".spot-0.9.0-000000000000.part")
        try:
            with disk_steps().kill_after(steps):
                act(store)
        except Killed:
            yield Store(store.folder)
            continue
        assert steps > 3, "each of them was the last one once"
        return
    pytest.fail("it never ends")


def test_a_copy_that_is_cut_short_at_any_step_leaves_the_old_package_and_no_half_one(tmp_path: Path) -> None:
    package = make_package(tmp_path / "new")
    for store in crashes(tmp_path, lambda store: store.take_in(package, NEW)):
        assert store.read() == Memory(running=OLD)
        assert files_in(store.place_of(OLD)) == FILES
        place = store.place_of(NEW)
        assert not place.exists() or files_in(place) == FILES
        store.tidy(store.read())
        assert [path.name for path in store.folder.iterdir() if path.is_dir()] == [store.place_of(OLD).name]
        assert files_in(store.take_in(package, NEW)) == FILES


def test_a_switch_that_is_cut_short_at_any_step_leaves_the_old_model_or_the_new_one_and_both_packages(
    tmp_path: Path,
) -> None:
    package = make_package(tmp_path / "new")
    probation = Probation(NOW)
    before, after = Memory(running=OLD), Memory(running=NEW, previous=OLD, probation=probation)

    def switch(store: Store) -> None:
        store.take_in(package, NEW)
        (store.folder / ".spot-0.8.0-000000000000.part").mkdir()
        store.change(lambda memory: memory.switched(NEW, probation))
        store.tidy(store.read())

    seen = set()
    for store in crashes(tmp_path, switch):
        memory = store.read()
        seen.add(memory)
        for model in memory.kept:
            assert files_in(store.place_of(model)) == FILES
    assert seen == {before, after}


def test_a_rollback_that_is_cut_short_at_any_step_leaves_a_model_whose_package_is_there(tmp_path: Path) -> None:
    package = make_package(tmp_path / "new")

    def take_back(store: Store) -> None:
        store.change(lambda memory: memory.taken_back(Rejection(NEW, "bad", NOW)))
        store.tidy(store.read())

    def act(store: Store) -> None:
        steps = disk_steps()
        steps.left, left = None, steps.left
        store.take_in(package, NEW)
        store.change(lambda memory: memory.switched(NEW, Probation(NOW)))
        steps.left = left
        take_back(store)

    running = set()
    for store in crashes(tmp_path, act):
        memory = store.read()
        running.add(memory.running)
        assert (memory.running == OLD) == (memory.rejection_of(NEW) is not None)
        for model in memory.kept:
            assert files_in(store.place_of(model)) == FILES
    assert running == {OLD, NEW}
