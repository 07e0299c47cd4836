from edge_inspector.dispositions import Disposition
from edge_inspector.quality.intervals import wilson
from edge_inspector.quality.judged import judged_audits, judged_rejects


def test_the_false_reject_rate_leaves_out_what_nobody_judged_and_what_nobody_can_tell() -> None:
    found = judged_rejects({None: 70, Disposition.TRUE_REJECT: 20, Disposition.FALSE_REJECT: 5, Disposition.UNSURE: 3})
    assert (found.total, found.judged, found.true_reject, found.false_reject, found.unsure) == (98, 28, 20, 5, 3)
    assert found.false_reject_rate == wilson(5, 25)


def test_a_reject_on_which_more_was_found_was_rightly_rejected() -> None:
    found = judged_rejects({Disposition.MISSED_DEFECT: 2, Disposition.FALSE_REJECT: 2})
    assert (found.true_reject, found.false_reject) == (2, 2)


def test_escapes_are_counted_among_judged_audits() -> None:
    found = judged_audits({None: 100, Disposition.TRUE_ACCEPT: 48, Disposition.MISSED_DEFECT: 2, Disposition.UNSURE: 1})
    assert (found.total, found.judged, found.true_accept, found.missed_defect, found.unsure) == (151, 51, 48, 2, 1)
    assert found.escape_rate == wilson(2, 50)


def test_without_a_word_there_is_no_rate() -> None:
    assert judged_rejects({None: 5}).false_reject_rate is None
    assert judged_audits({Disposition.UNSURE: 5}).escape_rate is None
