"""Dispositions: what a person says of a result, in words that labeling and the figures of quality start from."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from edge_inspector.inspection import ModelIdentity

LONGEST_NOTE: Final = 200  # characters
MOST_BOXES: Final = 16  # that a person draws on one part


class Disposition(StrEnum):
    """What a person says of a result."""

    TRUE_REJECT = "true_reject"  # it was not accepted, and rightly so
    FALSE_REJECT = "false_reject"  # it was not accepted, and the part is good
    MISSED_DEFECT = "missed_defect"  # there is a defect that nothing points at; its box is drawn
    TRUE_ACCEPT = "true_accept"  # it was accepted, and rightly so: the answer to an audit
    UNSURE = "unsure"
    WITHDRAWN = "withdrawn"  # what was said before counts no more

    def fits(self, *, accepted: bool) -> bool:
        """Return whether it can be said of a part that was accepted, or of one that was not."""
        if accepted:
            return self not in {Disposition.TRUE_REJECT, Disposition.FALSE_REJECT}
        return self is not Disposition.TRUE_ACCEPT


@dataclass(frozen=True, slots=True)
class DrawnBox:
    """A box that a person drew around a defect.

    Attributes:
        label: Class of the defect.
        xyxy: Corners in pixels of the frame as captured.
        part_frame: Which frame of the part it is on.
    """

    label: str
    xyxy: tuple[float, float, float, float]
    part_frame: int = 0


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a person said of one result.

    Attributes:
        disposition: What.
        boxes: Drawn around defects that nothing pointed at; only with a missed defect.
        by: Name of the person.
        at: When, aware UTC.
        note: More words of the person.
    """

    disposition: Disposition
    by: str
    at: datetime
    boxes: tuple[DrawnBox, ...] = ()
    note: str | None = None


@dataclass(frozen=True, slots=True)
class JudgedResult:
    """The result that was judged, as far as others need to know it.

    Attributes:
        inspection_id: Its id.
        outcome: What the station said: `accept`, `review`, `reject` or `no_verdict`.
        part_id, lot, product: As in its event.
        track_id, label: Of the defect of a free-running source, which and of what class; None for a part.
        model: Which model gave it.
        sample_key: Of its sample: where one was kept already, and then where that has what was said.
        image_wh: Width and height of its frames in pixels.
        previous: What was said of it before; None where nothing was, or it was withdrawn.
    """

    inspection_id: str
    outcome: str
    part_id: str | None
    lot: str | None
    product: str | None
    track_id: str | None
    model: ModelIdentity
    sample_key: str | None = None
    image_wh: tuple[int, int] | None = None
    previous: Disposition | None = None
    label: str | None = None
