"""Matching: which sighting is which defect.

Boxes of consecutive frames need not overlap on a fast belt, so the motion comes first: of the ways in which everything
may have moved, the one that explains most of the frame is taken. What it leaves over is looked at again, for what
does not move with the rest.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import hypot, isinf

from edge_inspector.decision import Verdict
from edge_inspector.tracks.belt import Belt, Elapsed
from edge_inspector.tracks.sighting import Box, Shift, Sighting, fit, offset, unlikeness

_MUST_GAIN = 0.3  # by how much of a perfect fit another motion must beat the expected one
_GOOD = 0.5  # fit of a match that speaks for a motion
_CROWD = 64  # of more pairs than these no motion is guessed
_ALIKE = 0.35  # how much a single pair may differ in size when it alone speaks for a motion
_WOBBLE = 0.15  # share of its size by which such a pair may leave the direction of the belt
_LAYERS = 3  # ways of moving that one frame may show
_GAIN = 0.5  # how far a prediction's error changes the velocity


@dataclass(slots=True)
class Followed:
    """A defect on its way through the frame, announced or not.

    Attributes:
        class_id: Index into the model's class names.
        xyxy: Where it was seen last.
        edges: Where it is thought to be now, infinite where the frame cut it.
        velocity: Pixels a second.
        travelled: How far it is thought to have gone since it was seen last.
        missed: Frames since.
        frames: On how many it was seen.
        verdict, confidence: The worst and the highest so far.
        first_frame_id, first_seen_at, last_seen_at: As in Track.
        number: As in Track; 0 until it is announced.
    """

    class_id: int
    xyxy: Box
    edges: Box
    velocity: Shift
    verdict: Verdict
    confidence: float
    first_frame_id: int
    first_seen_at: datetime
    last_seen_at: datetime
    travelled: Shift = (0.0, 0.0)
    missed: int = 0
    frames: int = 1
    number: int = 0

    def move(self, shift: Shift) -> None:
        """Move on, unseen."""
        dx, dy = shift
        x1, y1, x2, y2 = self.edges
        self.edges = (x1 + dx, y1 + dy, x2 + dx, y2 + dy)
        self.travelled = (self.travelled[0] + dx, self.travelled[1] + dy)
        self.missed += 1

    def seen_as(self, sighting: Sighting) -> None:
        """Be where it was seen."""
        self.xyxy, self.edges = sighting.xyxy, sighting.edges
        self.travelled, self.missed = (0.0, 0.0), 0
        self.frames += 1


@dataclass(frozen=True, slots=True)
class _Motion:
    """How far each defect may have moved; which pair of a defect and a sighting gave the idea."""

    shifts: Sequence[Shift]
    pair: tuple[int, int] | None = None
    is_expected: bool = False


@dataclass(slots=True)
class _Layer:
    """What one motion explains: pairs of a defect and a sighting by index, and how well they fit in all."""

    motion: _Motion
    pairs: list[tuple[int, int]] = field(default_factory=list)
    score: float = 0.0
    good: int = 0


@dataclass(slots=True)
class _Group:
    """Defects of a layer that were expected to move alike, and by how much each missed that."""

    shift: Shift
    indices: list[int] = field(default_factory=list)
    errors: list[Shift] = field(default_factory=list)
    corrected: Shift = (0.0, 0.0)

    def correct(self, gain: float) -> None:
        count = len(self.errors)
        self.corrected = (
            self.shift[0] + gain * sum(x for x, _ in self.errors) / count,
            self.shift[1] + gain * sum(y for _, y in self.errors) / count,
        )


class Scene:
    """One frame: what was followed, what is seen, and what is known of the motion."""

    def __init__(
        self, followed: Sequence[Followed], seen: Sequence[Sighting], belt: Belt, elapsed: Elapsed, *, slack: float
    ) -> None:
        self._followed, self._seen = followed, seen
        self._belt, self._elapsed, self._slack = belt, elapsed, slack
        self._expected = [(d.velocity[0] * elapsed.seconds, d.velocity[1] * elapsed.seconds) for d in followed]

    def match(self) -> dict[int, int]:
        """Move everything on and return which sighting, by index, is which defect, by index."""
        lost, free = list(range(len(self._followed))), list(range(len(self._seen)))
        matched: dict[int, int] = {}
        for _ in range(_LAYERS):
            if not lost or not free:
                break
            layer = self._best_layer(lost, free, anything_moved=bool(matched))
            if not layer.pairs:
                break
            is_first = not matched
            matched.update(layer.pairs)
            lost = [index for index in lost if index not in matched]
            free = sorted(set(free) - {number for _, number in layer.pairs})
            way = self._follow(layer, lost if is_first else [])
            if is_first:
                self._belt.learn(way, self._elapsed, slack=self._slack, sure=self._is_sure(layer))
        for index, (defect, shift) in enumerate(zip(self._followed, self._expected, strict=True)):
            if index in matched:
                defect.seen_as(self._seen[matched[index]])
            else:
                defect.move(shift)
        return matched

    def _best_layer(self, lost: list[int], free: list[int], *, anything_moved: bool) -> _Layer:
        best = self._layer(lost, free, _Motion(self._expected, is_expected=True))
        if not self._leaves_pairs(best, lost, free):
            return best
        goal = best.score + _MUST_GAIN
        for motion in self._motions(lost, free):
            layer = self._layer(lost, free, motion)
            if layer.score <= goal:
                continue
            if motion.pair is not None and not self._is_plausible(
                *motion.pair, motion.shifts[0], alone=layer.good < 2, rest=anything_moved
            ):
                continue
            best, goal = layer, layer.score
        return best

    def _layer(self, lost: list[int], free: list[int], motion: _Motion) -> _Layer:
        """Pair what fits under one motion, best first."""
        candidates = []
        for index in lost:
            defect = self._followed[index]
            for number in free:
                sighting = self._seen[number]
                if sighting.class_id == defect.class_id:
                    shift = motion.shifts[index]
                    found = fit(defect.edges, defect.xyxy, sighting, shift, defect.travelled, self._slack)
                    if found >= 0:
                        candidates.append((-found, index, number))
        candidates.sort()
        layer = _Layer(motion)
        defects, sightings = set[int](), set[int]()
        for cost, index, number in candidates:
            if index not in defects and number not in sightings:
                defects.add(index)
                sightings.add(number)
                layer.pairs.append((index, number))
                layer.score -= cost
                layer.good += -cost >= _GOOD
        return layer

    def _leaves_pairs(self, layer: _Layer, lost: list[int], free: list[int]) -> bool:
        """Return whether both a defect and a sighting are left over that may be the same."""
        paired, taken = {pair[0] for pair in layer.pairs}, {pair[1] for pair in layer.pairs}
        classes = {self._followed[index].class_id for index in lost if index not in paired}
        return any(self._seen[number].class_id in classes for number in free if number not in taken)

    def _motions(self, lost: list[int], free: list[int]) -> Iterator[_Motion]:
        """Yield other motions to try: what is known of the belt first, then what a pair speaks for."""
        count = len(self._followed)
        yield _Motion([(-defect.travelled[0], -defect.travelled[1]) for defect in self._followed])
        for shift in self._belt.guesses(self._elapsed):
            yield _Motion([shift] * count)
        if len(lost) * len(free) > _CROWD:
            return
        for index in lost:
            for number in free:
                defect, sighting = self._followed[index], self._seen[number]
                if (
                    defect.class_id == sighting.class_id
                    and unlikeness(defect.edges, sighting.edges, self._slack) <= _ALIKE
                ):
                    yield _Motion([offset(defect.edges, sighting.edges)] * count, pair=(index, number))

    def _is_plausible(self, index: int, number: int, shift: Shift, *, alone: bool, rest: bool) -> bool:
        """Return whether to believe a motion that nobody expected.

        Args:
            index: The defect that speaks for it.
            number: The sighting that it would be.
            shift: The motion.
            alone: Nothing else speaks for it.
            rest: The most of the frame moved otherwise.
        """
        defect, sighting = self._followed[index], self._seen[number]
        if self._belt.knows_its_way():
            x1, y1, x2, y2 = sighting.xyxy
            slack = self._slack + _WOBBLE * max(x2 - x1, y2 - y1)
            possible = self._belt.could_go(shift, self._elapsed, missed=defect.missed, slack=slack)
        else:
            possible = not alone or (defect.frames == 1 and defect.missed == 0)
        if not possible or not alone:
            return possible
        return not (rest and defect.frames > 1) and not self._belt.is_entering(sighting.edges)

    def _follow(self, layer: _Layer, lost: list[int]) -> Shift:
        """Give the defects of a layer the speed at which they were seen, and return how far most of them moved.

        Args:
            layer: What moved alike, or each as it did before.
            lost: Defects that were not seen: they move like those that were expected to move as they do.
        """
        groups: list[_Group] = []
        for index, number in layer.pairs:
            (dx, dy), edges = layer.motion.shifts[index], self._followed[index].edges
            moved = (edges[0] + dx, edges[1] + dy, edges[2] + dx, edges[3] + dy)
            group = next((group for group in groups if self._alike(group.shift, (dx, dy))), None)
            if group is None:
                group = _Group((dx, dy))
                groups.append(group)
            group.indices.append(index)
            group.errors.append(_error(moved, self._seen[number].edges))
        gain = _GAIN if layer.motion.is_expected else 1.0
        # What stands while others move, a fleck on the lens, is no part of the belt.
        groups.sort(key=lambda group: (self._alike(group.shift, (0.0, 0.0)), -len(group.indices)))
        for group in groups:
            group.correct(gain)
            for index in group.indices:
                self._expect(index, group.corrected)
        leading = groups[0]
        for index in lost:
            if not layer.motion.is_expected or self._alike(leading.shift, self._expected[index]):
                self._expect(index, leading.corrected)
        return leading.corrected

    def _alike(self, first: Shift, second: Shift) -> bool:
        return hypot(first[0] - second[0], first[1] - second[1]) <= self._slack

    def _is_sure(self, layer: _Layer) -> bool:
        return layer.motion.is_expected and any(self._followed[index].frames > 1 for index, _ in layer.pairs)

    def _expect(self, index: int, shift: Shift) -> None:
        seconds = self._elapsed.seconds
        self._followed[index].velocity = (shift[0] / seconds, shift[1] / seconds)
        self._expected[index] = shift


def _error(moved: Box, seen: Box) -> Shift:
    """Return by how much a prediction was wrong.

    Of a scratch that lies across and is cut on the left or right, the visible part slides up or down by itself.
    """
    x, y = offset(moved, seen)
    cut_x = any(map(isinf, (moved[0], moved[2], seen[0], seen[2])))
    cut_y = any(map(isinf, (moved[1], moved[3], seen[1], seen[3])))
    return 0.0 if cut_y and not cut_x else x, 0.0 if cut_x and not cut_y else y
