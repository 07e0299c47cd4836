"""Judged: what people found rejects and audited parts to be, and what share of the rest that stands for."""

from collections.abc import Mapping
from dataclasses import dataclass

from edge_inspector.dispositions import Disposition
from edge_inspector.quality.intervals import Share, wilson


@dataclass(frozen=True, slots=True)
class JudgedRejects:
    """What people said of rejected parts.

    Attributes:
        total: Rejected.
        judged: Of these, with a word that counts.
        true_reject: Rightly so; parts on which more was found than the station saw are among them.
        false_reject: The part was good.
        unsure: Nobody can tell.
        false_reject_rate: False ones of those that were told to be the one or the other; None where none was.
    """

    total: int
    judged: int
    true_reject: int
    false_reject: int
    unsure: int
    false_reject_rate: Share | None


@dataclass(frozen=True, slots=True)
class JudgedAudits:
    """What people said of accepted parts that were drawn by chance.

    Attributes:
        total: Drawn.
        judged: Of these, with a word that counts.
        true_accept: Good; of one class of defect, without one of it.
        missed_defect: There was a defect.
        unsure: Nobody can tell.
        escape_rate: Bad ones of those that were told to be the one or the other; None where none was. Only of these
            parts can it be known: people look at others because they saw something.
    """

    total: int
    judged: int
    true_accept: int
    missed_defect: int
    unsure: int
    escape_rate: Share | None


def judged_rejects(by_disposition: Mapping[Disposition | None, int]) -> JudgedRejects:
    """Return the figures of rejected parts.

    Args:
        by_disposition: How many there are by what was said; None for those of which nothing counts.
    """
    count = by_disposition.get
    true = count(Disposition.TRUE_REJECT, 0) + count(Disposition.MISSED_DEFECT, 0)
    false, unsure = count(Disposition.FALSE_REJECT, 0), count(Disposition.UNSURE, 0)
    return JudgedRejects(
        sum(by_disposition.values()), true + false + unsure, true, false, unsure, wilson(false, true + false)
    )


def judged_audits(by_disposition: Mapping[Disposition | None, int]) -> JudgedAudits:
    """Return the figures of audited parts.

    Args:
        by_disposition: As for rejects.
    """
    count = by_disposition.get
    good, missed = count(Disposition.TRUE_ACCEPT, 0), count(Disposition.MISSED_DEFECT, 0)
    unsure = count(Disposition.UNSURE, 0)
    return JudgedAudits(
        sum(by_disposition.values()), good + missed + unsure, good, missed, unsure, wilson(missed, good + missed)
    )
