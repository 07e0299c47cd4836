"""Judgements become samples, whatever the uploader does at that moment."""

import json
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from edge_inspector.decision import Outcome
from edge_inspector.dispositions import Disposition, DrawnBox, JudgedResult, Judgement
from edge_inspector.sample_keys import parse_key
from edge_inspector.samples.folder import SampleFolder
from edge_inspector.samples.given_up import NotStoredError
from edge_inspector.samples.judged import JudgedSamples
from edge_inspector.samples.keeper import Keeper
from edge_inspector.samples.recent import Recent
from edge_inspector.samples.shelf import Pair
from edge_inspector.samples.sidecar import LABEL
from edge_inspector.samples.spool import Spool
from edge_inspector.samples.target import UnavailableError
from edge_inspector.samples.uploader import Uploader
from edge_inspector.sampling import SampleReason
from edge_inspector.settings import parse
from tests.mosquitto import PATIENCE_S, eventually
from tests.samples.made import (
    ACCEPT,
    MODEL,
    REJECT,
    REVIEW,
    ROOMY,
    WRITER,
    files_below,
    frame,
    identity_of,
    pairs_of,
    result,
    store,
    wait_until_empty,
)
from tests.samples.manifest import read_line
from tests.small_disk import fill, small_disk

AT = datetime(2026, 3, 1, 13, tzinfo=UTC)
BOX = DrawnBox("crack", (10.0, 10.0, 20.0, 20.0))
MODELS_BOX = (1.0, 2.0, 11.0, 12.0)


class Bench:
    """Keeper, spool and recent pictures as a station has them, without its uploader."""

    def __init__(self, folder: Path, *, quota: int = 1 << 40, within_s: float = PATIENCE_S, **samples: Any) -> None:
        self.folder = folder
        self.spool = Spool(folder / "samples", quota_bytes={**ROOMY, SampleReason.OPERATOR: quota})
        self.recent = Recent(folder / "pictures", quota_bytes=1 << 40)
        settings = parse({"samples": {"random_share": 0.0, **samples}}).samples
        self.keeper = Keeper(settings, self.spool, WRITER, address=str, recent=self.recent, rest=0.0)
        self.judged = JudgedSamples(
            self.spool, self.recent, wait_for=lambda identity: self.keeper.wait_for(identity, within_s)
        )

    def inspect(self, number: int, outcome: Outcome = REJECT, *, frames: int = 1) -> str | None:
        found = result(number, outcome, boxes=[MODELS_BOX], on_frames=[0], frames=frames)
        return self.keeper.consider(found, [frame(number, part_frame=index) for index in range(frames)])

    def judge(self, number: int, disposition: Disposition, *boxes: DrawnBox, minutes: int = 0) -> str | None:
        return self.judged.keep(judged_result(number), said(disposition, *boxes, minutes=minutes))

    def waits(self) -> dict[str, dict[str, Any]]:
        """Return the parsed sidecars of what is in the spool, by reason and key."""
        return {path: document for path, (_, document) in pairs_of(files_below(self.folder / "samples")).items()}


def judged_result(number: int) -> JudgedResult:
    return JudgedResult(identity_of(number), "reject", f"part-{number}", "lot-7", "tag", None, MODEL)


def said(disposition: Disposition, *boxes: DrawnBox, minutes: int = 0) -> Judgement:
    return Judgement(disposition, "ann", AT + timedelta(minutes=minutes), boxes)


def word_in(document: dict[str, Any]) -> str | None:
    return document["edge-inspector"].get("disposition", {}).get("disposition")


def labels_in(document: dict[str, Any]) -> list[str]:
    classes = document[f"{LABEL}-metadata"]["class-map"]
    return [classes[str(box["class_id"])] for box in document[LABEL]["annotations"]]


def uploader_of(spool: Spool, target: Any) -> Uploader:
    settings = parse({"samples": {"upload": {"retry_min_s": 0.001, "retry_max_s": 0.005}}}).samples.upload
    return Uploader(spool, target, settings, address=lambda key: f"elsewhere/{key}")


@contextmanager
def bench(folder: Path, **differs: Any) -> Iterator[Bench]:
    made = Bench(folder, **differs)
    with made.keeper:
        yield made


def test_a_judged_part_is_a_sample_for_the_operator_under_the_key_it_had(tmp_path: Path) -> None:
    with bench(tmp_path) as at:
        key = at.inspect(1)
        assert at.judge(1, Disposition.FALSE_REJECT) == key
        (path,), (document,) = zip(*at.waits().items(), strict=True)
    assert path == f"operator/{key}", "and the one that waited as a defect is gone"
    assert dict(at.spool.state().waiting) == {"operator": 1}
    assert (document["edge-inspector"]["reason"], word_in(document), labels_in(document)) == (
        "operator",
        "false_reject",
        [],
    )
    assert document["edge-inspector"]["as_found"]["reason"] == "defect"
    read_line((tmp_path / "samples" / path).with_suffix(".json").read_bytes(), label=LABEL)
    assert (tmp_path / "samples" / path).read_bytes() == at.recent.read(identity_of(1), 0).content  # type: ignore[union-attr]


def test_a_part_that_was_no_sample_becomes_one_however_the_budgets_are(tmp_path: Path) -> None:
    spent = {"per_hour": 0, "per_day": 0, "quota_mb": 9}
    with bench(tmp_path, defect=spent, operator=spent) as at:
        assert at.inspect(1) is None
        key = at.judge(1, Disposition.TRUE_REJECT)
    assert key is not None
    assert parse_key(key).inspection_id == identity_of(1)
    (document,) = at.waits().values()
    assert document["edge-inspector"]["result"]["sample_key"] == key
    assert labels_in(document) == ["scratch"]


def test_all_frames_of_a_part_are_judged_each_with_its_own_boxes(tmp_path: Path) -> None:
    with bench(tmp_path) as at:
        key = at.inspect(1, frames=3)
        drawn = [DrawnBox("crack", (1, 1, 9, 9), 2), DrawnBox("dent", (1, 1, 9, 9), 1), BOX]
        assert at.judge(1, Disposition.MISSED_DEFECT, *drawn) == key
    found = {parse_key(document["edge-inspector"]["key"]).frame: document for document in at.waits().values()}
    assert {number: labels_in(document) for number, document in found.items()} == {
        0: ["crack", "scratch"],
        1: ["dent"],
        2: ["crack"],
    }
    assert all(len(document["edge-inspector"]["disposition"]["boxes"]) == 3 for document in found.values())


def test_a_change_of_mind_replaces_what_waits_and_forgets_no_box_of_the_model(tmp_path: Path) -> None:
    with bench(tmp_path) as at:
        at.inspect(1)
        for minutes, (disposition, boxes, labels) in enumerate(
            (
                (Disposition.FALSE_REJECT, (), []),
                (Disposition.MISSED_DEFECT, (BOX,), ["crack", "scratch"]),
                (Disposition.FALSE_REJECT, (), []),
                (Disposition.UNSURE, (), ["scratch"]),
                (Disposition.WITHDRAWN, (), ["scratch"]),
            )
        ):
            assert at.judge(1, disposition, *boxes, minutes=minutes) is not None
            (document,) = at.waits().values()
            assert (word_in(document), labels_in(document)) == (disposition.value, labels)
            assert dict(at.spool.state().waiting) == {"operator": 1}
    assert at.spool.state().waiting_bytes == 2 * 4096


def test_a_change_of_mind_starts_from_the_spool_where_the_picture_is_gone_elsewhere(tmp_path: Path) -> None:
    with bench(tmp_path) as at:
        at.inspect(1)
        at.judge(1, Disposition.FALSE_REJECT)
    without = JudgedSamples(at.spool, None)
    assert without.keep(judged_result(1), said(Disposition.TRUE_REJECT)) is not None
    (document,) = at.waits().values()
    assert (word_in(document), labels_in(document)) == ("true_reject", ["scratch"])


def test_an_accepted_part_can_be_judged_and_its_picture_stays_then(tmp_path: Path) -> None:
    with bench(tmp_path) as at:
        at.inspect(1, ACCEPT)
        key = at.judge(1, Disposition.MISSED_DEFECT, BOX)
        at.inspect(2, ACCEPT)
        at.keeper.wait_for(identity_of(2), PATIENCE_S)
    assert set(at.waits()) == {f"operator/{key}"}
    later = Recent(tmp_path / "pictures", quota_bytes=1 << 40)
    assert [later.frames_of(identity_of(number)) for number in (1, 2)] == [[0], []]
    JudgedSamples(at.spool, later).keep(judged_result(1), said(Disposition.WITHDRAWN))
    (document,) = at.waits().values()
    assert (word_in(document), labels_in(document)) == ("withdrawn", ["scratch"])


def test_a_result_without_a_picture_gives_no_sample(tmp_path: Path) -> None:
    with bench(tmp_path) as at:
        at.inspect(1)
        for asked in (identity_of(2), "../../secret", ""):
            judged = JudgedResult(asked, "reject", None, None, None, None, MODEL)
            assert at.judged.keep(judged, said(Disposition.UNSURE)) is None
    assert set(map(word_in, at.waits().values())) == {None}


def test_a_picture_that_is_just_being_stored_is_waited_for(tmp_path: Path) -> None:
    with bench(tmp_path) as at:
        for number in range(8):
            at.inspect(number, frames=1)
        assert at.judge(7, Disposition.TRUE_REJECT) is not None


def test_a_picture_that_still_waits_to_be_stored_is_told_and_can_be_judged_later(tmp_path: Path) -> None:
    at = Bench(tmp_path, within_s=0.0)
    key = at.inspect(1, frames=2)  # its thread has not begun
    with pytest.raises(NotStoredError, match="still wait to be stored"):
        at.judge(1, Disposition.TRUE_REJECT)
    with at.keeper:
        at.keeper.wait_for(identity_of(1), PATIENCE_S)
        assert at.judge(1, Disposition.TRUE_REJECT) == key
    assert set(map(word_in, at.waits().values())) == {"true_reject"}


def test_a_sidecar_that_this_program_cannot_read_is_told_and_stays(tmp_path: Path) -> None:
    with bench(tmp_path) as at:
        at.inspect(1)
        at.keeper.wait_for(identity_of(1), PATIENCE_S)
        for path in (*(tmp_path / "pictures").glob("*.json"), *(tmp_path / "samples").rglob("*.json")):
            line = json.loads(path.read_bytes())
            path.unlink()
            path.write_text(json.dumps({**line, LABEL: None}))
        before = files_below(tmp_path / "samples")
        with pytest.raises(NotStoredError, match="expected one that this program wrote"):
            at.judge(1, Disposition.TRUE_REJECT)
    assert files_below(tmp_path / "samples") == before


@pytest.mark.parametrize("damaged", ["picture", "sidecar"])
def test_a_damaged_picture_is_no_sample_unless_the_spool_has_it_whole(tmp_path: Path, damaged: str) -> None:
    with bench(tmp_path) as at:
        at.inspect(1)
        at.keeper.wait_for(identity_of(1), PATIENCE_S)
        path = tmp_path / "pictures" / f"{identity_of(1)}-0.{'jpg' if damaged == 'picture' else 'json'}"
        path.unlink()
        path.write_bytes(b"\0" * 100)
        assert at.judge(1, Disposition.TRUE_REJECT) is not None
        pair = at.spool.hold()
        assert pair is not None
        at.spool.remove(pair)
        path.write_bytes(b"\0" * 100)
        whole = Recent(tmp_path / "pictures", quota_bytes=1 << 40)
        assert JudgedSamples(at.spool, whole).keep(judged_result(1), said(Disposition.UNSURE)) is None


def test_the_quota_of_the_operator_counts_and_the_oldest_judgement_goes(tmp_path: Path) -> None:
    with bench(tmp_path, quota=2 * 2 * 4096) as at:
        for number in range(4):
            at.inspect(number)
            at.judge(number, Disposition.FALSE_REJECT)
            at.judge(number, Disposition.TRUE_REJECT)
    kept = {document["edge-inspector"]["result"]["part_id"] for document in at.waits().values()}
    assert kept == {"part-2", "part-3"}
    assert at.spool.state().evicted == 2


def test_a_full_disk_is_told_and_what_was_there_stays(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk, bench(disk) as at:
        at.inspect(1)
        at.keeper.wait_for(identity_of(1), PATIENCE_S)
        before, ballast = at.waits(), fill(disk, leave=0)
        with pytest.raises(NotStoredError, match="No space left on device"):
            at.judge(1, Disposition.FALSE_REJECT)
        assert at.waits() == before
        assert dict(at.spool.state().waiting) == {"defect": 1}
        ballast.unlink()
        assert at.judge(1, Disposition.FALSE_REJECT) is not None
        judged = at.waits()
        fill(disk, leave=0)
        with pytest.raises(NotStoredError, match="No space left on device"):
            at.judge(1, Disposition.TRUE_REJECT)
        assert at.waits() == judged
        assert dict(at.spool.state().waiting) == {"operator": 1}


def test_a_spool_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "samples").write_text("a file where the folder should be")
    with bench(tmp_path) as at:
        at.inspect(1)
        with pytest.raises(NotStoredError, match="samples cannot be stored"):
            at.judge(1, Disposition.FALSE_REJECT)


def test_a_frame_from_before_a_defect_never_replaces_what_a_person_said_of_it(tmp_path: Path) -> None:
    with bench(tmp_path, before_defect=1) as at:
        at.inspect(1, ACCEPT)
        key = at.judge(1, Disposition.MISSED_DEFECT, BOX)
        with uploader_of(at.spool, SampleFolder(tmp_path / "target")):
            wait_until_empty(at.spool)
        at.inspect(2)
        at.keeper.wait_for(identity_of(2), PATIENCE_S)
    with uploader_of(at.spool, SampleFolder(tmp_path / "target")):
        wait_until_empty(at.spool)
    uploaded = pairs_of(files_below(tmp_path / "target"))
    assert len(uploaded) == 2
    assert word_in(uploaded[str(key)][1]) == "missed_defect"


def test_of_two_pairs_of_one_key_that_a_crash_left_the_judged_one_stays(tmp_path: Path) -> None:
    with bench(tmp_path) as at:
        key = at.inspect(1)
        at.keeper.wait_for(identity_of(1), PATIENCE_S)
        defect = {path: (tmp_path / "samples" / path).read_bytes() for path in files_below(tmp_path / "samples")}
        at.judge(1, Disposition.FALSE_REJECT)
    for path, content in defect.items():
        (tmp_path / "samples" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "samples" / path).write_bytes(content)
    after = Spool(tmp_path / "samples", quota_bytes=ROOMY)
    after.open()
    assert dict(after.state().waiting) == {"operator": 1}
    assert set(at.waits()) == {f"operator/{key}"}


# While the uploader is at work.


class GatedFolder(SampleFolder):
    """A target that stops before one of its files until it is let go, and then takes it or not."""

    def __init__(self, root: Path, *, stops_at: int, fails: bool = False) -> None:
        super().__init__(root)
        self.reached, self.gate = threading.Event(), threading.Event()
        self._stops_at, self._fails, self._number = stops_at, fails, -1

    def put(self, key: str, path: Path, content_type: str) -> None:
        self._number += 1
        if self._number == self._stops_at:
            self.reached.set()
            assert self.gate.wait(PATIENCE_S)
            if self._fails:
                msg = "it is not there"
                raise UnavailableError(msg)
        super().put(key, path, content_type)


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("stops_at", [0, 1])
@pytest.mark.parametrize("was_judged", [False, True])
def test_a_judgement_while_its_pair_is_being_uploaded_is_uploaded_after_it(
    tmp_path: Path, *, stops_at: int, was_judged: bool, fails: bool
) -> None:
    with bench(tmp_path) as at:
        key = at.inspect(1)
        at.keeper.wait_for(identity_of(1), PATIENCE_S)
        if was_judged:
            at.judge(1, Disposition.FALSE_REJECT)
        target = GatedFolder(tmp_path / "target", stops_at=stops_at, fails=fails)
        with uploader_of(at.spool, target) as uploader:
            assert target.reached.wait(PATIENCE_S)
            assert at.judge(1, Disposition.MISSED_DEFECT, BOX, minutes=1) == key
            assert dict(at.spool.state().waiting) == {"operator": 1}
            target.gate.set()
            wait_until_empty(at.spool)
            eventually(lambda: uploader.state().uploaded == (1 if fails else 2), what="both are through")
    ((uploaded, (_, document)),) = pairs_of(files_below(tmp_path / "target")).items()
    assert (uploaded, word_in(document), labels_in(document)) == (key, "missed_defect", ["crack", "scratch"])
    assert document["source-ref"] == f"elsewhere/{key}"
    assert files_below(tmp_path / "samples") == {}
    assert uploader.state().failures == (1 if fails else 0)


def test_what_was_uploaded_is_uploaded_again_with_what_a_person_said(tmp_path: Path) -> None:
    with bench(tmp_path) as at, uploader_of(at.spool, SampleFolder(tmp_path / "target")):
        key = at.inspect(1)
        for disposition in (None, Disposition.FALSE_REJECT, Disposition.WITHDRAWN):
            if disposition is not None:
                assert at.judge(1, disposition) == key
            at.keeper.wait_for(identity_of(1), PATIENCE_S)
            wait_until_empty(at.spool)
            ((_, document),) = pairs_of(files_below(tmp_path / "target")).values()
            assert word_in(document) == (disposition and disposition.value)


class HastyTarget(SampleFolder):
    """Fails now and then, in the middle of a pair too."""

    def __init__(self, root: Path, seed: int) -> None:
        super().__init__(root)
        self._dice = random.Random(seed)

    def put(self, key: str, path: Path, content_type: str) -> None:
        if self._dice.random() < 0.3:
            msg = "it is not there"
            raise UnavailableError(msg)
        super().put(key, path, content_type)


@pytest.mark.parametrize("seed", range(3))
def test_in_any_order_the_target_ends_with_the_last_word(tmp_path: Path, seed: int) -> None:
    dice, last = random.Random(seed), {}
    with bench(tmp_path) as at, uploader_of(at.spool, HastyTarget(tmp_path / "target", seed)):
        keys = []
        for number in range(24):
            keys.append(at.inspect(number, dice.choice((REJECT, REVIEW)), frames=dice.choice((1, 2))))
            for _ in range(dice.randrange(4)):
                chosen = dice.randrange(number + 1)
                disposition = dice.choice((Disposition.FALSE_REJECT, Disposition.TRUE_REJECT, Disposition.WITHDRAWN))
                assert at.judge(chosen, disposition) == keys[chosen]
                last[chosen] = disposition.value
            at.keeper.wait_for(identity_of(number), PATIENCE_S)
        wait_until_empty(at.spool)
    uploaded = pairs_of(files_below(tmp_path / "target"))
    assert set(keys) <= set(uploaded)
    for _, document in uploaded.values():
        number = int(document["edge-inspector"]["result"]["part_id"][5:])
        assert word_in(document) == last.get(number), number
    assert files_below(tmp_path / "samples") == {}
    assert at.spool.state().evicted == 0


def test_a_pair_whose_place_was_taken_is_neither_removed_nor_rewritten(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "samples", quota_bytes=ROOMY)
    key = store(spool, 1, SampleReason.OPERATOR)
    old = spool.hold()
    assert old is not None
    spool.store_judged(key, b"picture", b"judged")
    spool.rewrite_sidecar(old, b"readdressed")
    spool.remove(old)
    (new,) = spool.find(key.inspection_id)
    assert isinstance(new, Pair)
    assert new != old
    assert spool.paths(new)[1].read_bytes() == b"judged"
    assert spool.hold() == new
