from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from edge_inspector.decision import Outcome
from edge_inspector.frame import Frame
from edge_inspector.sample_keys import parse_key
from edge_inspector.samples import keeper as keeper_module
from edge_inspector.samples.keeper import Keeper
from edge_inspector.samples.sidecar import LABEL
from edge_inspector.samples.spool import Spool
from edge_inspector.sampling import Evicted, EvictionCause, SampleReason
from edge_inspector.settings import parse
from tests.mosquitto import PATIENCE_S, eventually
from tests.samples.made import (
    ACCEPT,
    NO_VERDICT,
    REJECT,
    REVIEW,
    ROOMY,
    WRITER,
    GatedSpool,
    files_below,
    frame,
    pairs_of,
    result,
)
from tests.samples.manifest import read_line


def keeper_of(
    spool: Spool, *, on_evicted: Callable[[Mapping[Evicted, int]], None] = lambda _: None, **samples: Any
) -> Keeper:
    return Keeper(
        parse({"samples": {"random_share": 0.0, **samples}}).samples,
        spool,
        WRITER,
        address=lambda key: f"s3://bucket/{key}",
        on_evicted=on_evicted,
    )


def offer(
    keeper: Keeper, number: int, outcome: Outcome = REJECT, *, frames: Sequence[Frame] | None = None
) -> str | None:
    return keeper.consider(result(number, outcome), [frame(number)] if frames is None else frames)


def kept(folder: Path) -> dict[str, tuple[SampleReason, dict[str, Any]]]:
    """Return reason and sidecar by the key of the picture, everything checked."""
    found = {}
    for path, (picture, document) in pairs_of(files_below(folder)).items():
        reason, _, key = path.partition("/")
        ours = document["edge-inspector"]
        assert (ours["reason"], ours["key"], document["source-ref"]) == (reason, key, f"s3://bucket/{key}")
        assert picture.startswith((b"\xff\xd8", b"\x89PNG"))
        read_line((folder / path).with_suffix(".json").read_bytes(), label=LABEL)
        found[key] = (SampleReason(reason), document)
    return found


def test_what_is_worth_it_is_stored_under_the_key_that_the_result_tells(tmp_path: Path) -> None:
    with keeper_of(Spool(tmp_path, quota_bytes=ROOMY)) as keeper:
        keys = [offer(keeper, number, outcome) for number, outcome in enumerate((REJECT, REVIEW, NO_VERDICT, ACCEPT))]
    found = kept(tmp_path)
    assert keys[3] is None
    assert {key: reason for key, (reason, _) in found.items()} == {
        keys[0]: SampleReason.DEFECT,
        keys[1]: SampleReason.UNCERTAIN,
        keys[2]: SampleReason.UNCERTAIN,
    }
    for key, (_, document) in found.items():
        assert document["edge-inspector"]["result"]["sample_key"] == key
        assert parse_key(key).inspection_id == document["edge-inspector"]["result"]["inspection_id"]
    state = keeper.state()
    assert (state.kept, state.not_kept, state.waiting, state.problem) == ({"defect": 1, "uncertain": 2}, {}, 0, None)


def test_collect_keeps_everything_losslessly_where_that_is_asked_for(tmp_path: Path) -> None:
    with keeper_of(Spool(tmp_path, quota_bytes=ROOMY), mode="collect", format="png") as keeper:
        for number in range(5):
            assert offer(keeper, number, NO_VERDICT) is not None
    found = kept(tmp_path)
    assert {reason for reason, _ in found.values()} == {SampleReason.COLLECT}
    assert all(key.endswith(".png") for key in found)
    assert len(found) == 5


def test_all_frames_of_a_part_are_kept_also_more_than_the_queue_holds(tmp_path: Path) -> None:
    with keeper_of(Spool(tmp_path, quota_bytes=ROOMY)) as keeper:
        pictures = [frame(1, part_frame=index) for index in range(12)]
        key = keeper.consider(result(1, frames=12), pictures)
    assert sorted(parse_key(key).frame for key in kept(tmp_path)) == list(range(12))
    assert key == str(min(map(parse_key, kept(tmp_path)), key=lambda sample: sample.frame))


def test_a_result_without_pictures_is_no_sample(tmp_path: Path) -> None:
    with keeper_of(Spool(tmp_path, quota_bytes=ROOMY)) as keeper:
        assert offer(keeper, 1, NO_VERDICT, frames=[]) is None


def test_a_full_queue_keeps_nobody_waiting_and_is_counted(tmp_path: Path) -> None:
    spool = GatedSpool(tmp_path)
    with keeper_of(spool) as keeper:
        assert offer(keeper, 0) is not None
        assert spool.busy.wait(PATIENCE_S)
        keys = [offer(keeper, number) for number in range(1, 20)]
        assert [key is not None for key in keys] == [True] * 8 + [False] * 11
        assert (keeper.state().waiting, keeper.state().not_kept) == (8, {"queue_full": 11})
        spool.gate.set()
        eventually(lambda: keeper.state().kept == {"defect": 9}, what="all that fitted are stored")
    assert len(kept(tmp_path)) == 9


def test_a_reason_has_its_budget_and_no_other_pays_for_it(tmp_path: Path) -> None:
    with keeper_of(Spool(tmp_path, quota_bytes=ROOMY), defect={"per_hour": 3, "per_day": 9, "quota_mb": 9}) as keeper:
        for number in range(6):
            offer(keeper, number)
        for number in range(6, 8):
            offer(keeper, number, REVIEW)
    assert keeper.state().kept == {"defect": 3, "uncertain": 2}
    assert keeper.state().not_kept == {"over_budget": 3}


def test_the_moments_before_a_defect_are_kept_with_it_and_only_once(tmp_path: Path) -> None:
    with keeper_of(
        Spool(tmp_path, quota_bytes=ROOMY), before_defect=3, defect={"per_hour": 2, "per_day": 9, "quota_mb": 9}
    ) as keeper:

        def pass_by(number: int) -> None:
            offer(keeper, number, ACCEPT)
            eventually(lambda: keeper._in_hand is None and not keeper.state().waiting, what="the frame is encoded")

        for number in range(6):
            pass_by(number)
        first = offer(keeper, 6)
        eventually(lambda: keeper.state().kept == {"defect": 4}, what="three before it and itself")
        pass_by(7)
        offer(keeper, 8)
    found = {
        int(document["edge-inspector"]["result"]["part_id"][5:]): document for _, document in kept(tmp_path).values()
    }
    assert sorted(found) == [3, 4, 5, 6, 7, 8]
    before = {number: document["edge-inspector"]["before"] for number, document in found.items()}
    assert first is not None
    assert before == dict.fromkeys((3, 4, 5), parse_key(first).inspection_id) | {
        6: None,
        7: found[8]["edge-inspector"]["result"]["inspection_id"],
        8: None,
    }
    assert found[3]["edge-inspector"]["result"]["outcome"] == "accept"
    assert (
        parse_key(found[3]["edge-inspector"]["key"]).inspection_id
        == found[3]["edge-inspector"]["result"]["inspection_id"]
    )


def test_frames_are_not_remembered_while_the_thread_has_better_to_do(tmp_path: Path) -> None:
    spool = GatedSpool(tmp_path)
    with keeper_of(spool, before_defect=5) as keeper:
        offer(keeper, 0)
        assert spool.busy.wait(PATIENCE_S)
        for number in range(1, 4):
            offer(keeper, number, ACCEPT)
        assert (keeper.state().not_remembered, keeper.state().waiting) == (3, 0)
        spool.gate.set()
        eventually(lambda: keeper.state().kept, what="the defect is stored")
    assert len(kept(tmp_path)) == 1


def test_what_was_given_up_to_make_room_is_told_by_kind(tmp_path: Path) -> None:
    told: list[Mapping[Evicted, int]] = []
    quota = {**ROOMY, SampleReason.DEFECT: 3 * 8192}
    with keeper_of(Spool(tmp_path, quota_bytes=quota), on_evicted=told.append) as keeper:
        for number in range(8):
            found = result(number, REJECT, boxes=[(1, 1, 9, 9)])
            assert keeper.consider(found, [frame(number)]) is not None
            eventually(lambda number=number: keeper.state().kept == {"defect": number + 1}, what="it is stored")
    kind = Evicted("scratch", SampleReason.DEFECT, EvictionCause.QUOTA)
    assert [dict(counts) for counts in told] == [{kind: 1}, {kind: 4}], "the first at once, the others within a minute"


def test_a_disk_that_fails_costs_samples_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "samples").write_text("a file where the folder should be")
    spool = Spool(tmp_path / "samples", quota_bytes=ROOMY)
    with keeper_of(spool) as keeper:
        offer(keeper, 1)
        eventually(lambda: keeper.state().not_kept == {"disk_failed": 1}, what="it is given up")
        assert "samples cannot be stored" in (keeper.state().problem or "")
        (tmp_path / "samples").unlink()
        offer(keeper, 2)
        eventually(lambda: keeper.state().kept == {"defect": 1}, what="the next one is stored")
        assert keeper.state().problem is None


def test_a_frame_that_cannot_be_encoded_is_counted_and_the_next_is_kept(tmp_path: Path) -> None:
    too_wide = frame(1, shape=(1, 70_000))  # more than a JPEG can be
    with keeper_of(Spool(tmp_path, quota_bytes=ROOMY)) as keeper:
        offer(keeper, 1, frames=[too_wide])
        offer(keeper, 2)
        eventually(lambda: keeper.state().kept == {"defect": 1}, what="the next one is stored")
    assert keeper.state().not_kept == {"not_encoded": 1}


def test_leaving_is_bounded_and_counts_what_it_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper_module, "CLOSE_S", 0.05)
    spool = GatedSpool(tmp_path)
    with keeper_of(spool) as keeper:
        for number in range(3):
            offer(keeper, number)
        assert spool.busy.wait(PATIENCE_S)
    assert keeper.state().not_kept == {"stopped": 2}
    assert offer(keeper, 9) is None
    spool.gate.set()
    keeper._thread.join(PATIENCE_S)
    assert len(kept(tmp_path)) == 1


def test_leaving_stores_what_waits(tmp_path: Path) -> None:
    with keeper_of(Spool(tmp_path, quota_bytes=ROOMY)) as keeper:
        for number in range(8):
            offer(keeper, number)
    assert len(kept(tmp_path)) == sum(keeper.state().kept.values()) == 8
