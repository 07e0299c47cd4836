"""However often it is killed: what the index finds is what the journal has, as if it were made of that alone."""

import random
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from edge_inspector.journal import Journal
from edge_inspector.page.index.figures import Asked
from edge_inspector.page.index.index import Index
from tests.journal.test_kills import Victims
from tests.page.indexed import AT, AT_ONCE, all_rows, caught_up, part, put
from tests.page.killed import SHARE


def kill_often(home: Path, *, kills: int) -> None:
    chance = random.Random(kills)
    with Victims("tests.page.killed") as victims:
        for seed in range(1, kills + 1):
            victims.run_and_kill(home / "journal.db", seed, after_s=chance.uniform(0.02, 0.3))
            begun_again = home.with_name("copy")
            shutil.copytree(home, begun_again)
            found, expected = of_both(begun_again, "index.db", share=SHARE, next_part=10_000_000 + seed)
            assert found == expected
            shutil.rmtree(begun_again)


def of_both(home: Path, name: str, *, share: float, next_part: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Begin again there, and return what the index of that name finds, which goes on, and one that is made anew."""
    with Journal(home / "journal.db", AT_ONCE) as journal:
        put(journal, *(part(next_part + number) for number in range(5)))  # by the numbers of what was lost
        found = []
        for each in (name, "new.db"):
            with Index(journal, home / each, random_share=share) as index:
                caught_up(index, journal)
                found.append(everything_in(index))
    return found[0], found[1]


def everything_in(index: Index) -> dict[str, Any]:
    rows = all_rows(index, limit=200)
    end = AT + timedelta(days=4000)
    return {
        "rows": rows,
        "said": [index.history(row.key) for row in rows],
        "counts": index.counts(AT, end),
        "figures": index.quality(Asked(AT, end, 10_080)),
        "number": index.state().indexed,
    }


def test_an_index_is_what_the_journal_has_after_being_killed_at_any_moment(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kill_often(tmp_path / "home", kills=3)
    assert "made anew" not in caplog.text, "it goes on where it was"


@pytest.mark.nightly
@pytest.mark.timeout(600)
def test_an_index_is_what_the_journal_has_after_a_hundred_kills(tmp_path: Path) -> None:
    kill_often(tmp_path / "home", kills=100)
