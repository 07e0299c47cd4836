"""Evidence of a model that passes, to be made worse by the tests."""

from dataclasses import replace
from typing import Any

from cloud_side.training.evaluation.bootstrap import Interval
from cloud_side.training.gate.evidence import (
    Champion,
    ClassScores,
    Evidence,
    Leaks,
    Parity,
    Quantized,
    Scores,
    Tested,
)

VERSION, OTHER = "a" * 64, "b" * 64


def exactly(value: float, around: float = 0.01) -> Interval:
    return Interval(value, value - around, value + around)


SCORES = Scores(
    map50=exactly(0.9),
    map50_95=exactly(0.6),
    escapes=Interval(0.01, 0.0, 0.03),
    overkill=Interval(0.02, 0.01, 0.04),
    cost=0.3,
    latency_ms=10.0,
    classes={"dent": ClassScores(40, 0.88, 0.99), "scratch": ClassScores(200, 0.92, 0.98)},
)
CHAMPION = Champion(
    title="tags 1.1.0",
    trained_on=OTHER,
    scores=replace(SCORES, map50=exactly(0.89)),
    map50=exactly(0.01),
    escapes=exactly(-0.001),
    cost=exactly(-0.1),
)
GOOD = Evidence(
    title="tags 1.2.0",
    trained_on=VERSION,
    tested=Tested("tags", VERSION, images=400, groups=40, defective=150, clean=250),
    leaks=Leaks(VERSION),
    scores=SCORES,
    parity=Parity(0.0001, 0.01),
    quantized=Quantized(is_kept=True, reason="fast", map50_loss=0.002, escapes=0.01, speed_ratio=0.5, score_mean=0.01),
    champion=CHAMPION,
    recount=0.0,
)
FIRST = replace(GOOD, champion=None)


def with_scores(**changed: Any) -> Evidence:
    return replace(GOOD, scores=replace(SCORES, **changed))


def with_tested(**changed: Any) -> Evidence:
    return replace(GOOD, tested=replace(GOOD.tested, **changed))


def with_quantized(**changed: Any) -> Evidence:
    return replace(GOOD, quantized=replace(GOOD.quantized, **changed))


def with_champion(**changed: Any) -> Evidence:
    return replace(GOOD, champion=replace(CHAMPION, **changed))


def with_class(name: str, *, boxes: int = 40, ap50: float = 0.88, part_recall: float = 0.99) -> Evidence:
    return with_scores(classes={**SCORES.classes, name: ClassScores(boxes, ap50, part_recall)})
