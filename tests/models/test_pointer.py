import os
from pathlib import Path
from typing import TYPE_CHECKING, cast

from edge_inspector.models.pointer import PointerWatch, package_wished
from edge_inspector.models.wishes import Wishes
from tests.models.fakes import place, point_at

if TYPE_CHECKING:
    from edge_inspector.models.examining import Examination
    from edge_inspector.models.telling import Teller


def due(watch: PointerWatch, *, at: int) -> bool:
    """Return whether it is due, looked at so many polls after the start."""
    return watch.is_due(float(at * 10))


def test_a_folder_that_is_not_there_yet_is_no_wish(tmp_path: Path) -> None:
    watch = PointerWatch(tmp_path / "updates")
    assert [due(watch, at=number) for number in range(3)] == [False] * 3
    assert package_wished(tmp_path / "updates") is None
    package = place(tmp_path / "updates", "1.0.0")
    assert [due(watch, at=number) for number in (3, 4)] == [False, True], "it has come to rest"
    assert watch.take() == b"spot/1.0.0\n"
    assert package_wished(tmp_path / "updates") == package


def test_a_wish_is_due_once_and_again_when_it_is_made_again(tmp_path: Path) -> None:
    watch = PointerWatch(tmp_path)
    point_at(tmp_path, "spot/1.0.0")
    seen = []
    for number in range(8):
        seen.append(due(watch, at=number))
        if seen[-1]:
            watch.take()
        if number == 3:
            point_at(tmp_path, "spot/1.0.0")
    assert seen == [False, True, False, False, False, True, False, False]


def test_it_is_looked_at_no_more_often_than_once_a_second(tmp_path: Path) -> None:
    watch = PointerWatch(tmp_path)
    point_at(tmp_path, "spot/1.0.0")
    assert [watch.is_due(at_s) for at_s in (0.0, 0.5, 0.9, 1.0)] == [False, False, False, True]


def test_what_goes_away_again_is_no_wish_and_neither_is_a_folder_or_a_pipe(tmp_path: Path) -> None:
    watch = PointerWatch(tmp_path)
    point_at(tmp_path, "spot/1.0.0")
    assert not due(watch, at=0)
    (tmp_path / "current").unlink()
    assert not due(watch, at=1)
    (tmp_path / "current").mkdir()
    assert not due(watch, at=2)
    (tmp_path / "current").rmdir()
    os.mkfifo(tmp_path / "current")
    assert [due(watch, at=number) for number in (3, 4, 5)] == [False] * 3


def test_a_second_look_after_a_problem_ends_no_examination_that_goes_on(tmp_path: Path) -> None:
    class Going:
        ends = 0

        def take(self) -> None:
            pass

        def cancel(self) -> None:
            self.ends += 1

    going = Going()
    package = tmp_path / "spot" / "1.0.0"
    package.mkdir(parents=True)
    (tmp_path / "current").write_text("spot/1.0.0")
    wishes = Wishes(tmp_path, lambda _: cast("Examination", going), cast("Teller", None))
    for now_s in range(3):
        wishes.look(now_s)
    assert wishes.examination is going
    wishes.try_later(3)
    wishes.look(60)
    assert (wishes.examination, going.ends) == (going, 0)
