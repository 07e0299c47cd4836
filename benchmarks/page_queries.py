"""The index of the operator page with 100,000 results: what its queries take, and what it costs to keep.

    .venv/bin/python benchmarks/page_queries.py

A tenth of the parts is not accepted, with six classes of defects, forty lots and three products over four weeks; people
have judged some. The events come through a real journal. Each query is asked as the pages ask it; printed are the
median, and what 95 of 100 do not exceed.
"""

import argparse
import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from starlette.requests import Request

from edge_inspector.decision import Decision, NoVerdict, NoVerdictCause, Reason, Verdict
from edge_inspector.detections import Detections
from edge_inspector.dispositions import Disposition, DrawnBox, JudgedResult, Judgement
from edge_inspector.events import EventWriter
from edge_inspector.identity import inspection_id
from edge_inspector.inspection import FrameRecord, InspectionResult, ModelIdentity
from edge_inspector.journal import Journal, JournalOptions
from edge_inspector.page.access.roles import Role, Visitor
from edge_inspector.page.api.quality import QualityQuery, doors, run_rule_now
from edge_inspector.page.api.results import FilterQuery
from edge_inspector.page.doors import Asked
from edge_inspector.page.index.database import Database
from edge_inspector.page.index.index import Index
from edge_inspector.page.index.rows import ResultFilter, ResultRow
from edge_inspector.page.index.told import told
from edge_inspector.settings import PageSettings
from edge_inspector.topics import Message, TopicTree

LABELS = ("scratch", "dent", "stain", "crack", "burr", "hole")
PRODUCTS = ("cover", "frame", "hinge")
LOTS, WEEKS = 40, 4
MODEL = ModelIdentity("metal-tags", "1.2.0", "5a" * 32)
TOPICS = TopicTree("edge-inspector", "berlin", "line-1", "press-3", "top")
WRITER = EventWriter(TOPICS, "01KJMMA2G0HBA0CAVB2M3SWTSS")
IMAGE_WH = (1280, 1024)
LATENCY_MS = {"queue": 0.2, "preprocess": 1.5, "inference": 12.25, "postprocess": 0.5, "decide": 0.1, "total": 14.6}


def main() -> None:
    """Fill, ask, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=int, default=100_000, help="default: %(default)s")
    parser.add_argument("--asked", type=int, default=40, help="how often each query is asked (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write the numbers to a file")
    options = parser.parse_args()
    numbers = measure(options.results, asked=options.asked, seed=options.seed)
    if options.json:
        options.json.write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")


def measure(results: int = 100_000, *, asked: int = 40, seed: int = 1) -> dict[str, float]:
    """Print what queries take, in milliseconds, and what it costs to keep the index; return it by name."""
    chance = random.Random(seed)
    numbers: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "index.db"
        with Journal(Path(name) / "journal.db", JournalOptions(commit_s=0.5, commit_rows=5000)) as journal:
            with Index(journal, path, random_share=0.01) as index:
                events = 0
                for messages in _events(results, chance):
                    journal.append(messages)
                    events += len(messages)
                    while index.state().behind > 5000:
                        time.sleep(0.01)
                _wait(index, results)
                for name_of_query, query in queries(index, chance).items():
                    _say(numbers, name_of_query, _timed(query, asked))
            numbers["bytes per result"] = path.stat().st_size / results
            path.unlink()
            with Index(journal, path, random_share=0.01) as index:
                began_s = time.perf_counter()
                _wait(index, results)
                numbers["s to make anew"] = time.perf_counter() - began_s
            numbers["us per event"] = _applying_us(journal, events)
    for figure in ("bytes per result", "us per event", "s to make anew"):
        print(f"{figure:44s} {numbers[figure]:8.1f}")
    return numbers


def queries(index: Index, chance: random.Random) -> dict[str, Callable[[], object]]:
    """Return what the pages ask, by name."""
    page = PageSettings()
    doors_of = {door.path: door for door in doors(index, page, lambda: LABELS, is_triggered=True)}
    quality_of = doors_of["/api/v1/quality"].handler
    newest = index.last()
    assert newest is not None
    now = newest.captured_at
    ids = [row.inspection_id for row in _walk(index, ResultFilter(outcomes=("reject",)), 2000)]

    def quality(days: float, **more: str) -> Callable[[], object]:
        query = QualityQuery(since=now - timedelta(days=days), until=now, **more)
        visitor = Visitor("benchmark", Role.VIEWER)
        asked = Asked(visitor, {}, query, None, Request({"type": "http"}))
        return lambda: quality_of(asked)

    def listed(**wanted: object) -> Callable[[], object]:
        return lambda: index.results(FilterQuery(**wanted).filter(), 50, None)

    lot = lambda: f"L-{chance.randrange(LOTS):03d}"  # noqa: E731
    deep = index.results(ResultFilter(outcomes=("reject",), until=now - timedelta(days=WEEKS * 5)), 50).next
    bad: Sequence[str] = ("review", "reject", "no_verdict")
    return {
        "line: counts of a shift": lambda: index.counts(now - timedelta(hours=8), now),
        "line: last part": index.last,
        "line: run rule": lambda: run_rule_now(index, page.run_rule),
        "one result": lambda: index.find(chance.choice(ids)),
        "what was said of it": lambda: index.history(chance.choice(ids)),
        "choices": index.choices,
        "list: all": listed(),
        "list: not accepted": listed(outcome=bad),
        "list: rejects, three weeks down": lambda: index.results(ResultFilter(outcomes=("reject",)), 50, deep),
        "list: a class": lambda: index.results(ResultFilter(label=chance.choice(LABELS)), 50),
        "list: a lot": lambda: index.results(ResultFilter(lot=lot()), 50),
        "list: a lot, rejects": lambda: index.results(ResultFilter(lot=lot(), outcomes=("reject",)), 50),
        "list: a product, not judged, rejects": listed(product="hinge", judged=False, outcome=("reject",)),
        "list: a product that is rare": listed(product="rare"),
        "list: one part": lambda: index.results(ResultFilter(part=f"part-{chance.randrange(90_000):06d}"), 50),
        "list: parts that begin alike": listed(part="part-0"),
        "list: said": listed(disposition="false_reject"),
        "list: audits not judged": listed(audit=True, judged=False),
        "list: nothing is such": listed(product="rare", outcome=("no_verdict",), judged=False),
        "list: accepted, missed": listed(outcome=("accept",), disposition="missed_defect"),
        "list: part of a product that is rare": listed(part="part-", product="rare", outcome=("review",)),
        "quality: a shift": quality(1 / 3),
        "quality: a week": quality(7),
        "quality: four weeks": quality(28),
        "quality: four weeks, a class": quality(28, label="dent"),
        "quality: four weeks, a product": quality(28, product="hinge"),
    }


def _walk(index: Index, wanted: ResultFilter, count: int) -> Iterator[ResultRow]:
    before: str | None = None
    while count > 0:
        page = index.results(wanted, 200, before)
        yield from page.rows
        count -= len(page.rows)
        if (before := page.next) is None:
            return


def _wait(index: Index, results: int) -> None:
    while index.state().indexed < results or index.state().behind:
        time.sleep(0.05)


def _timed(query: Callable[[], object], asked: int) -> list[float]:
    times = []
    for _ in range(asked):
        began_s = time.perf_counter()
        query()
        times.append((time.perf_counter() - began_s) * 1000)
    return sorted(times)


def _say(numbers: dict[str, float], name: str, times_ms: Sequence[float]) -> None:
    p50, p95 = statistics.median(times_ms), times_ms[int(len(times_ms) * 0.95)]
    numbers[f"{name}, ms"], numbers[f"{name}, ms at 95 of 100"] = p50, p95
    print(f"{name:44s} {p50:8.2f} {p95:8.2f} ms")


def _applying_us(journal: Journal, events: int) -> float:
    """Return the processor time of an event in microseconds: parsed and written, without pauses and commits."""
    with tempfile.TemporaryDirectory() as name:
        database, seq, spent_s = Database(Path(name) / "index.db"), 0, 0.0
        while (stretch := journal.past.stretch(seq, 64)) is not None and (entries := stretch.entries):
            began_s = time.thread_time()
            found = [each for entry in entries if (each := told(entry, random_share=0.01)) is not None]
            with database.alone() as writing:
                writing.write(found)
            spent_s += time.thread_time() - began_s
            seq = entries[-1].seq
        database.close()
    return spent_s / events * 1e6


def _events(results: int, chance: random.Random) -> Iterator[list[Message]]:
    """Make the events of parts in their order, and of what people say of some of them."""
    start = datetime.now(UTC) - timedelta(weeks=WEEKS)
    step = timedelta(weeks=WEEKS) / results
    for number in range(results):
        at = start + number * step
        result = _result(number, results, at, chance)
        yield WRITER.of_result(result)
        if (judgement := _judgement(result, at, chance)) is not None:
            judged = JudgedResult(
                result.inspection_id, result.outcome_name, result.part_id, None, None, None, MODEL, None, IMAGE_WH
            )
            yield [WRITER.disposition_recorded(judged, judgement)]


def _result(number: int, results: int, at: datetime, chance: random.Random) -> InspectionResult:
    outcome: Decision | NoVerdict = Decision(Verdict.ACCEPT)
    detections = Detections.empty()
    lucky = chance.random()
    if lucky < 0.005:
        outcome = NoVerdict(NoVerdictCause.DEADLINE_MISSED, "the verdict came too late", Verdict.REJECT)
    elif lucky < 0.1:
        count = chance.choice((1, 1, 1, 2, 3))
        corners = [(chance.gauss(640, 200), chance.gauss(500, 150)) for _ in range(count)]
        labels = sorted(chance.choices(range(len(LABELS)), (30, 12, 6, 3, 2, 1), k=count))
        scores = sorted((chance.uniform(0.4, 0.99) for _ in range(count)), reverse=True)
        detections = Detections(
            np.array([[x, y, x + 40, y + 25] for x, y in corners], np.float32),
            np.array(scores, np.float32),
            np.array(labels, np.int64),
        )
        verdicts = [Verdict.REJECT if score > 0.7 else Verdict.REVIEW for score in scores]
        reasons = [
            Reason(LABELS[label], float(np.float32(score)), verdict, 0.7 if verdict is Verdict.REJECT else 0.4)
            for label, score, verdict in zip(labels, scores, verdicts, strict=True)
        ]
        outcome = Decision(verdicts[0], tuple(reasons))
    part_id = f"part-{number:06d}"
    product = "rare" if number % 2000 == 7 else PRODUCTS[number * 9 // results % 3]
    lot = f"L-{number * LOTS // results:03d}"
    frame = FrameRecord(number, at, "camera", "camera-1", IMAGE_WH, outcome, lot=lot, product=product)
    name = inspection_id(at, station=TOPICS.station_path, camera=TOPICS.camera, session="s", number=part_id)
    return InspectionResult(name, part_id, (frame,), detections, LABELS, outcome, MODEL, LATENCY_MS)


def _judgement(result: InspectionResult, at: datetime, chance: random.Random) -> Judgement | None:
    if result.outcome_name == "accept":
        if chance.random() > 0.005:
            return None
        word = chance.choices((Disposition.TRUE_ACCEPT, Disposition.MISSED_DEFECT), (9, 1))[0]
    elif chance.random() < 0.3:
        words = (Disposition.TRUE_REJECT, Disposition.FALSE_REJECT, Disposition.UNSURE)
        word = chance.choices(words, (8, 3, 1))[0]
    else:
        return None
    boxes = (DrawnBox("dent", (100.0, 100.0, 140.0, 140.0)),) if word is Disposition.MISSED_DEFECT else ()
    return Judgement(word, "Zoe", at + timedelta(minutes=3), boxes)


if __name__ == "__main__":
    main()
