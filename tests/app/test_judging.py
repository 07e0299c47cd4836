"""What is on record of a judgement, and where its sample is, whatever became of the pictures."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge_inspector.app.judging import Judging
from edge_inspector.dispositions import Disposition, JudgedResult, Judgement
from edge_inspector.journal import Journal, JournalOptions
from edge_inspector.topics import Channel
from tests.mosquitto import PATIENCE_S
from tests.samples.made import WRITER, identity_of
from tests.samples.test_judged import AT, Bench, bench, judged_result, said, word_in


@contextmanager
def judging(at: Bench) -> Iterator[tuple[Judging, Journal]]:
    with Journal(at.folder / "journal.db", JournalOptions()) as journal:
        yield Judging(journal, WRITER, at.judged), journal


def words_in(journal: Journal) -> list[dict[str, Any]]:
    """Return what is on record of what people said, in order."""
    topic = WRITER.topics.topic(Channel.DISPOSITION)
    stretch = journal.past.stretch(0, 1000)
    assert stretch is not None
    messages = [entry.message for entry in stretch.entries]
    return [json.loads(message.payload)["data"] for message in messages if message.topic == topic]


def of(number: int, key: str | None) -> JudgedResult:
    return replace(judged_result(number), sample_key=key)


def test_a_word_tells_where_the_sample_is_that_has_it(tmp_path: Path) -> None:
    with bench(tmp_path) as at, judging(at) as (judge, journal):
        key = at.inspect(1)
        assert judge.record(of(1, key), said(Disposition.TRUE_REJECT)).sample_key == key
        assert [(each["disposition"], each["sample_key"]) for each in words_in(journal)] == [("true_reject", key)]


@pytest.mark.parametrize("lacks", ["pictures", "quota", "time"])
def test_a_word_without_its_pictures_counts_and_names_no_sample(tmp_path: Path, lacks: str) -> None:
    at = Bench(tmp_path, quota=0 if lacks == "quota" else 1 << 40, within_s=0.0 if lacks == "time" else PATIENCE_S)
    key = at.inspect(1)
    with judging(at) as (judge, journal):
        if lacks != "time":
            with at.keeper:
                at.keeper.wait_for(identity_of(1), PATIENCE_S)
        other = 2 if lacks == "pictures" else 1
        assert judge.record(of(other, key), said(Disposition.FALSE_REJECT)).sample_key is None
        assert [(each["disposition"], each["sample_key"]) for each in words_in(journal)] == [("false_reject", None)]
    assert "false_reject" not in map(word_in, at.waits().values())


def test_a_result_that_is_judged_fifty_times_has_one_sample_with_the_last_word(tmp_path: Path) -> None:
    with bench(tmp_path) as at, judging(at) as (judge, journal):
        key = at.inspect(1)
        for number in range(50):
            disposition = (Disposition.FALSE_REJECT, Disposition.TRUE_REJECT, Disposition.WITHDRAWN)[number % 3]
            judge.record(of(1, key), said(disposition, minutes=number))
        assert len(words_in(journal)) == 50
        assert [word_in(document) for document in at.waits().values()] == [words_in(journal)[-1]["disposition"]]
        assert at.spool.state().waiting == {"operator": 1}


def test_of_two_people_at_once_the_record_and_the_sample_have_the_same_last_word(tmp_path: Path) -> None:
    with bench(tmp_path) as at, judging(at) as (judge, journal), ThreadPoolExecutor(2) as people:
        key = at.inspect(1)

        def say(person: int) -> None:
            for number in range(20):
                disposition = (Disposition.FALSE_REJECT, Disposition.TRUE_REJECT)[person]
                judge.record(of(1, key), Judgement(disposition, f"person-{person}", AT, note=f"{person}-{number}"))

        list(people.map(say, range(2)))
        (document,) = at.waits().values()
        assert document["edge-inspector"]["disposition"]["note"] == words_in(journal)[-1]["note"]
