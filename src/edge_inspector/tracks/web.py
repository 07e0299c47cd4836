"""Web tracker: a defect of a continuous web that two or more frames show is told once, and whole.

It is told when no later frame can see more of it: at once where it lies clear of the lines that the next frame shows
too, else with the next frame. One that goes on for more frames than `LONG` is told then, and once more when it ends.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from edge_inspector.decision import Policy, Verdict
from edge_inspector.detections import Detections
from edge_inspector.tracks.piece import Piece, millimeters
from edge_inspector.tracks.sighting import MOST, sightings
from edge_inspector.tracks.track import Track, TrackChange, TrackOptions, TrackPhase
from edge_inspector.web import WebPlace, WebStretch

LONG = 4  # frames that a defect goes on before it is told for the first time
_AT_THE_EDGE = 0.04  # of the frame's lines: a box that ends so close to its edge may go on behind it


class WebTracker:
    """Follows the defects of a web from frame to frame; for one thread at a time.

    The phase of what it tells is `new`. `update` follows only where a frame that overlaps more than others, as a roll's
    last one, finds a defect worse that was told already; `end` only of a defect that still went on when it was told.
    """

    def __init__(
        self, class_names: Sequence[str], policy: Policy, options: TrackOptions, *, overlap_lines: int
    ) -> None:
        """Start with nothing seen.

        Args:
            class_names: Names by class id.
            policy: The thresholds and regions in force; names every class.
            options: Of them `keep_share`: weaker sightings than those that are told still lengthen a defect.
            overlap_lines: What a frame shares with the next one at most, a roll's last one apart.
        """
        self._options, self._overlap_lines = options, overlap_lines
        self.begin_anew(class_names, policy)
        self._told = 0
        self._roll: str | None = None
        self._first_line, self._end_line, self._uncounted = 0, 0, 0  # of the last frame
        self._pieces: list[Piece] = []

    def judge_by(self, policy: Policy) -> None:
        """Let another policy decide from the next frame on."""
        self._policy = policy
        self._keep_at = [policy.classes[label].review_at * self._options.keep_share for label in self._class_names]

    def begin_anew(self, class_names: Sequence[str], policy: Policy) -> None:
        """Follow what a model with other classes finds, from the next frame on; call it after `end_all`."""
        self._class_names = tuple(class_names)
        self.judge_by(policy)

    def see(  # noqa: PLR0913 - as Follower
        self,
        detections: Detections,
        *,
        image_wh: tuple[int, int],
        frame_id: int,
        captured_at: datetime,
        captured_monotonic_ns: int,  # noqa: ARG002 - a web's defects do not move
        web: WebPlace | None = None,
    ) -> list[TrackChange]:
        """Return what is told with a frame.

        Args:
            detections: What was found, from `lowest_score` on, in frame pixels.
            image_wh: Width and height of the frame.
            frame_id: Number of the frame within the session.
            captured_at: When its last lines were captured, aware UTC.
            captured_monotonic_ns: The same on the monotonic clock.
            web: Where the frame lies; a frame without a place stands alone.
        """
        place = web or WebPlace("", 0, image_wh[1], ends_roll=True)
        is_same = (place.roll, place.uncounted) == (self._roll, self._uncounted)
        goes_on = is_same and self._first_line <= place.first_line <= self._end_line
        changes = [] if goes_on else self.end_all()
        seen = self._seen(detections, image_wh, place, frame_id, captured_at)
        changes += self._match(seen)
        self._roll, self._uncounted = place.roll, place.uncounted
        self._first_line, self._end_line = place.first_line, place.end_line
        if place.ends_roll:
            return changes + self.end_all()
        changes += self._tell()
        self._pieces = [
            piece
            for piece in self._pieces
            if piece.xyxy[3] > place.first_line or (_counts(piece) and not piece.is_done)
        ]
        return changes

    def end_all(self) -> list[TrackChange]:
        """Return what was not told yet and follow nothing more: at a gap, at the end of a roll, at the stop."""
        changes = [change for piece in _in_order(self._pieces) if (change := self._whole(piece)) is not None]
        self._pieces, self._roll = [], None
        return changes

    def _seen(
        self,
        detections: Detections,
        image_wh: tuple[int, int],
        place: WebPlace,
        frame_id: int,
        captured_at: datetime,
    ) -> list[Piece]:
        """Return what there is to see on a frame, most confident first, each defect once."""
        if not len(detections):
            return []
        edge = _AT_THE_EDGE * image_wh[1]
        pieces: list[Piece] = []
        for one in sightings(detections, self._class_names, self._policy, keep_at=self._keep_at, image_wh=image_wh):
            x1, y1, x2, y2 = one.xyxy
            first, end = place.first_line + y1, place.first_line + y2
            piece = Piece(
                one.class_id, one.verdict, one.confidence, (x1, first, x2, end),
                cut_above=y1 <= edge, cut_below=y2 >= image_wh[1] - edge,
                mm=millimeters(place, first, end), frame_id=frame_id, frame_xyxy=one.xyxy,
                first_frame_id=frame_id, first_seen_at=captured_at, last_seen_at=captured_at,
            )  # fmt: skip
            if (whole := next(filter(piece.is_fragment_of, pieces), None)) is not None:
                whole.absorb(piece)
            elif (twin := next(filter(piece.is_twin_of, pieces), None)) is not None:
                twin.unite(piece)
            else:
                pieces.append(piece)
        return pieces

    def _match(self, seen: list[Piece]) -> list[TrackChange]:
        """Join what a frame shows to what is known, best pairs first; what is left is new."""
        known = self._pieces
        fits = [(piece.fit(other), i, j) for i, piece in enumerate(known) for j, other in enumerate(seen)]
        pairs: dict[int, int] = {}
        for fit, i, j in sorted(fits, key=lambda each: -each[0]):
            if fit > 0 and i not in pairs and j not in pairs.values():
                pairs[i] = j
        worse = {i for i, j in pairs.items() if known[i].take(seen[j])}
        wholes = dict(enumerate(known))
        left = [piece for j, piece in enumerate(seen) if j not in pairs.values()]
        new = [piece for piece in left if not _goes_into(piece, wholes, worse)]
        joined = {i: known[i] for i in pairs}
        for i, piece in enumerate(known):
            others = {other: whole for other, whole in joined.items() if other != i}
            if not piece.number and _goes_into(piece, others, worse):
                wholes.pop(i)
                joined.pop(i, None)
        self._pieces = [*wholes.values(), *new][: 2 * MOST]
        return [self._change(TrackPhase.UPDATE, known[i]) for i in sorted(worse) if known[i].number]

    def _tell(self) -> list[TrackChange]:
        """Return what no later frame can see more of, and what has gone on for long."""
        changes = []
        for piece in _in_order(self._pieces):
            change = None
            if piece.xyxy[3] <= self._end_line - self._overlap_lines:
                change = self._whole(piece)
            elif piece.frames >= LONG and not piece.number and piece.cut_below and _counts(piece):
                change = self._change(TrackPhase.NEW, piece)
            if change is not None:
                changes.append(change)
        return changes

    def _whole(self, piece: Piece) -> TrackChange | None:
        """Return what is told of a defect that is whole, if that is not told yet."""
        if piece.is_done or not _counts(piece):
            return None
        piece.is_done = True
        return self._change(TrackPhase.END if piece.number else TrackPhase.NEW, piece)

    def _change(self, phase: TrackPhase, piece: Piece) -> TrackChange:
        if not piece.number:
            self._told += 1
            piece.number = self._told
        x1, first, x2, end = piece.xyxy
        track = Track(
            number=piece.number,
            label=self._class_names[piece.class_id],
            verdict=piece.verdict,
            confidence=piece.confidence,
            xyxy=piece.frame_xyxy,
            first_frame_id=piece.first_frame_id,
            first_seen_at=piece.first_seen_at,
            last_seen_at=piece.last_seen_at,
            frames=piece.frames,
            frame_id=piece.frame_id,
            web=None if not self._roll else WebStretch(self._roll, (first, end), piece.mm, self._uncounted),
            across_px=(x1, x2),
            goes_on=not piece.is_done,
        )
        return TrackChange(phase, track)


def _counts(piece: Piece) -> bool:
    return piece.verdict is not Verdict.ACCEPT


def _in_order(pieces: Sequence[Piece]) -> list[Piece]:
    return sorted(pieces, key=lambda piece: piece.xyxy[1::-1])


def _goes_into(piece: Piece, wholes: Mapping[int, Piece], worse: set[int]) -> bool:
    """Let a part be counted with its whole, if there is one, and note whether that got worse by it."""
    for i, whole in wholes.items():
        if piece.is_fragment_of(whole):
            worse |= {i} if whole.absorb(piece) else set()
            return True
    return False
