"""A station that is killed while people judge: every word that was answered is on record, and with its sample."""

import json
import random
import signal
import sqlite3
import threading
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

from tests.daemons import write_configuration
from tests.forked import ForkedDaemon
from tests.integration.watcher import HOME
from tests.mosquitto import eventually, free_port
from tests.onnx_models import bright_spot_model
from tests.page.people import Person, answers, page_of

BOX = {"label": "bright-spot", "xyxy": [10, 10, 30, 30], "part_frame": 0}
WORDS: tuple[dict[str, Any], ...] = (
    {"disposition": "true_reject", "boxes": []},
    {"disposition": "false_reject", "boxes": []},
    {"disposition": "unsure", "boxes": []},
    {"disposition": "missed_defect", "boxes": [BOX]},
)


@dataclass(slots=True)
class Said:
    """What two people said by result, each word with a note of its own.

    Attributes:
        answered: Time and note of the words that were answered.
        open: Notes of words whose answer a kill swallowed: nothing is promised of these.
        refused: Answers that there should not be.
    """

    answered: dict[str, list[tuple[str, str]]] = field(default_factory=lambda: defaultdict(list))
    open: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    refused: list[object] = field(default_factory=list)


def judge_until_it_is_killed(person: Person, own: list[str], said: Said, began: threading.Event, seed: int) -> None:
    dice = random.Random(seed)
    while not said.refused:
        inspection_id, note = dice.choice(own), f"{seed}-{dice.random()}"
        said.open[inspection_id].add(note)
        try:
            status, item = person.put(f"/results/{inspection_id}/disposition", {**dice.choice(WORDS), "note": note})
        except (OSError, HTTPException, ValueError):  # no answer, or half of one
            return
        if status != 200:
            said.refused.append(item)
        else:
            said.answered[inspection_id].append((item["disposition"]["at"], note))
            said.open[inspection_id].discard(note)
        began.set()


def life_of(note: str) -> int:
    return int(note.partition("-")[0]) // 2


def notes_on_record(home: Path) -> set[str]:
    with closing(sqlite3.connect(f"file:{home / 'journal.db'}?mode=ro", uri=True)) as database:
        rows = database.execute("SELECT payload FROM events WHERE channel = 'disposition'")
        return {json.loads(row[0])["data"]["note"] for row in rows}


def note_in_sample(home: Path, inspection_id: str) -> str | None:
    """Return what the sample of a result says: the one that waits, else the one that was taken away."""
    for folder in (home / "samples" / "operator", home / "uploads"):
        for path in folder.rglob(f"{inspection_id}-0.json"):
            if path.with_suffix(".jpg").is_file():
                return str(json.loads(path.read_bytes())["edge-inspector"].get("disposition", {}).get("note"))
    return None


def check(home: Path, said: Said) -> None:
    on_record = notes_on_record(home)
    for inspection_id, words in said.answered.items():
        assert [note for _, note in words if note not in on_record] == [], "answered, and not on record"
        last = max(words)[1]
        later = {note for note in said.open[inspection_id] if life_of(note) >= life_of(last)}
        assert note_in_sample(home, inspection_id) in {last, *later}, "answered, and not in its sample"


def kill_while_people_judge(tmp_path: Path, *, kills: int) -> None:
    dice, said, home, port = random.Random(kills), Said(), tmp_path / HOME, free_port()
    plenty = {"per_hour": 100_000, "per_day": 100_000, "quota_mb": 1000}
    configuration = write_configuration(
        tmp_path / "station.json",
        bright_spot_model(tmp_path / "model", model_wh=(96, 64)),
        source={"type": "simulated", "rate_hz": 20, "image_wh": [96, 64], "defect_rate": 0.5},
        page=page_of(port),
        samples={"defect": plenty},
        health={"clock_synchronized": False},
    )

    for life in range(kills):
        with ForkedDaemon(configuration) as daemon:
            eventually(lambda: answers(port), what="the page answers")
            tablets = [Person(port).sign_in(user) for user in ("otto", "ada")]

            def shown(otto: Person = tablets[0]) -> list[str]:
                results = otto.get("/results", outcome="reject", limit=8)[1]["results"]
                return [item["inspection_id"] for item in results if item["pictures"]]

            eventually(lambda: len(shown()) >= 4, what="there is something to judge")
            own, began = shown(), threading.Event()
            judging = [
                threading.Thread(target=judge_until_it_is_killed, args=(person, own, said, began, 2 * life + number))
                for number, person in enumerate(tablets)
            ]
            for thread in judging:
                thread.start()
            assert began.wait(20)
            threading.Event().wait(dice.uniform(0, 0.4))
            daemon.send(signal.SIGKILL)
            daemon.wait()
            for thread in judging:
                thread.join()
        assert said.refused == []
        check(home, said)
    assert sum(map(len, said.answered.values())) >= kills


@pytest.mark.thorough
@pytest.mark.timeout(120)
def test_a_word_that_was_answered_outlives_a_kill_at_any_moment(tmp_path: Path) -> None:
    kill_while_people_judge(tmp_path, kills=2)


@pytest.mark.nightly
@pytest.mark.timeout(1800)
def test_a_word_that_was_answered_outlives_a_hundred_kills(tmp_path: Path) -> None:
    kill_while_people_judge(tmp_path, kills=100)
