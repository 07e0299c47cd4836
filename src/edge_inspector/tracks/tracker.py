"""Tracker: when a defect is announced, and when it has gone."""

from collections.abc import Sequence
from datetime import datetime

from edge_inspector.decision import Policy, Verdict
from edge_inspector.detections import Detections
from edge_inspector.tracks.belt import Belt, Clock, Elapsed
from edge_inspector.tracks.matching import Followed, Scene
from edge_inspector.tracks.sighting import BORDER, MOST, Sighting, is_within, sightings
from edge_inspector.tracks.track import Track, TrackChange, TrackOptions, TrackPhase
from edge_inspector.web import WebPlace

_GRAVITY = {Verdict.ACCEPT: 0, Verdict.REVIEW: 1, Verdict.REJECT: 2}
_PATIENCE = 1  # frames running on which a defect may be missed before it is announced


def lowest_score(policy: Policy, options: TrackOptions) -> float:
    """Return the score from which on the tracker must hear of detections: the detector's floor."""
    return min(limits.review_at for limits in policy.classes.values()) * options.keep_share


class Tracker:
    """Follows the defects in front of one free-running camera; for one thread at a time.

    A defect starts at a detection that counts and reaches its class's `review_at`. It is announced once it was seen on
    `confirm_frames` frames, and is then kept alive by weaker scores. An update tells that its verdict got worse; that
    it moved on, or how sure the model is of it, changes nothing for the one who acts, and is told at the end.
    """

    def __init__(self, class_names: Sequence[str], policy: Policy, options: TrackOptions) -> None:
        """Start with nothing in sight.

        Args:
            class_names: Names by class id.
            policy: The thresholds and regions in force; names every class.
            options: When a defect is believed, and for how long.
        """
        self._options = options
        self.begin_anew(class_names, policy)
        self._announced = 0
        self._image_wh: tuple[int, int] | None = None
        self._followed: list[Followed] = []
        self._belt, self._clock = Belt(), Clock()

    def judge_by(self, policy: Policy) -> None:
        """Let another policy decide from the next frame on."""
        self._policy = policy
        self._keep_at = [policy.classes[label].review_at * self._options.keep_share for label in self._class_names]

    def begin_anew(self, class_names: Sequence[str], policy: Policy) -> None:
        """Follow what a model with other classes finds, from the next frame on; numbers of tracks go on.

        Call it when nothing is followed: after `end_all`.
        """
        self._class_names = tuple(class_names)
        self.judge_by(policy)

    def see(  # noqa: PLR0913 - as Follower
        self,
        detections: Detections,
        *,
        image_wh: tuple[int, int],
        frame_id: int,
        captured_at: datetime,
        captured_monotonic_ns: int,
        web: WebPlace | None = None,  # noqa: ARG002 - a belt has none
    ) -> list[TrackChange]:
        """Return what changed with a frame; most of the time nothing.

        Args:
            detections: What was found, from `lowest_score` on, in frame pixels.
            image_wh: Width and height of the frame; another size than before ends all tracks.
            frame_id: Number of the frame within the session; the dropped ones leave gaps.
            captured_at: When it was captured, aware UTC.
            captured_monotonic_ns: The same on the monotonic clock.
            web: As Follower.
        """
        elapsed = self._clock.elapsed(frame_id, captured_monotonic_ns)
        changes = []
        if image_wh != self._image_wh:
            changes = self.end_all()
            self._image_wh, self._belt = image_wh, Belt()
        if not len(detections) and not self._followed:
            return changes
        seen = sightings(detections, self._class_names, self._policy, keep_at=self._keep_at, image_wh=image_wh)
        if not seen and not self._followed:
            return changes
        matched = self._match(seen, elapsed)
        for index, defect in enumerate(self._followed):
            if index in matched and (phase := self._take(defect, seen[matched[index]], captured_at)) is not None:
                changes.append(self._change(phase, defect))
        changes += self._let_go()
        starts = self._starts(seen, set(matched.values()))
        if starts and any(defect.frames == defect.missed == 1 for defect in self._followed):
            self._belt.doubt()
        for sighting in starts:
            defect = self._follow(sighting, frame_id, captured_at)
            if self._is_confirmed(defect):
                changes.append(self._change(TrackPhase.NEW, defect))
        return changes

    def end_all(self) -> list[TrackChange]:
        """Return the end of every announced track and follow nothing more: at the stop."""
        gone, self._followed = self._followed, []
        return [self._change(TrackPhase.END, defect) for defect in gone if defect.number]

    def _match(self, seen: list[Sighting], elapsed: Elapsed) -> dict[int, int]:
        return Scene(self._followed, seen, self._belt, elapsed, slack=self._slack()).match() if self._followed else {}

    def _slack(self) -> float:
        return 0.0 if self._image_wh is None else BORDER * max(self._image_wh)

    def _take(self, defect: Followed, sighting: Sighting, captured_at: datetime) -> TrackPhase | None:
        defect.last_seen_at = captured_at
        is_worse = _GRAVITY[sighting.verdict] > _GRAVITY[defect.verdict]
        if is_worse:
            defect.verdict = sighting.verdict
        if sighting.verdict is not Verdict.ACCEPT:
            defect.confidence = max(defect.confidence, sighting.confidence)
        if not defect.number:
            return TrackPhase.NEW if self._is_confirmed(defect) else None
        return TrackPhase.UPDATE if is_worse else None

    def _is_confirmed(self, defect: Followed) -> bool:
        return defect.frames >= self._options.confirm_frames

    def _let_go(self) -> list[TrackChange]:
        """Stop following what has gone, and return the ends of what was announced."""
        changes, kept = [], []
        for defect in self._followed:
            patience = self._options.end_after_frames - 1 if defect.number else _PATIENCE
            if defect.missed <= patience and self._is_in_frame(defect):
                kept.append(defect)
            elif defect.number:
                changes.append(self._change(TrackPhase.END, defect))
        self._followed = kept
        return changes

    def _is_in_frame(self, defect: Followed) -> bool:
        if not defect.missed or self._image_wh is None:
            return True
        x1, y1, x2, y2 = defect.edges
        return x1 < self._image_wh[0] and y1 < self._image_wh[1] and x2 > 0 and y2 > 0

    def _starts(self, seen: list[Sighting], taken: set[int]) -> list[Sighting]:
        """Return what starts a track: not a further box on a defect that has one."""
        known = [seen[number] for number in sorted(taken)]
        starts: list[Sighting] = []
        for number, sighting in enumerate(seen):
            if number in taken or sighting.verdict is Verdict.ACCEPT or len(self._followed) + len(starts) >= MOST:
                continue
            same = (other for other in known if other.class_id == sighting.class_id)
            if not any(is_within(sighting.xyxy, other.xyxy) for other in same):
                starts.append(sighting)
                known.append(sighting)
        return starts

    def _follow(self, sighting: Sighting, frame_id: int, captured_at: datetime) -> Followed:
        defect = Followed(
            class_id=sighting.class_id,
            xyxy=sighting.xyxy,
            edges=sighting.edges,
            velocity=self._belt.velocity,
            verdict=sighting.verdict,
            confidence=sighting.confidence,
            first_frame_id=frame_id,
            first_seen_at=captured_at,
            last_seen_at=captured_at,
        )
        self._followed.append(defect)
        return defect

    def _change(self, phase: TrackPhase, defect: Followed) -> TrackChange:
        if phase is TrackPhase.NEW:
            self._announced += 1
            defect.number = self._announced
            self._belt.believe()
        track = Track(
            number=defect.number,
            label=self._class_names[defect.class_id],
            verdict=defect.verdict,
            confidence=defect.confidence,
            xyxy=defect.xyxy,
            first_frame_id=defect.first_frame_id,
            first_seen_at=defect.first_seen_at,
            last_seen_at=defect.last_seen_at,
            frames=defect.frames,
        )
        return TrackChange(phase, track)
