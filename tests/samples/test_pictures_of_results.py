"""What the keeper lets the operator page have."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from edge_inspector.app.samples import Samples, open_samples
from edge_inspector.decision import NoVerdict, NoVerdictCause, Outcome
from edge_inspector.samples.keeper import Keeper
from edge_inspector.samples.recent import Recent
from edge_inspector.samples.sidecar import LABEL
from edge_inspector.samples.spool import Spool
from edge_inspector.sampling import Evicted
from edge_inspector.settings import Settings, parse
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
    identity_of,
    result,
    wait_until_empty,
)
from tests.samples.manifest import read_line

NO_BUDGET = {"per_hour": 0, "per_day": 0, "quota_mb": 9}
NO_MODEL = NoVerdict(NoVerdictCause.NO_MODEL, "there is none")


def recent_in(folder: Path) -> Recent:
    return Recent(folder / "pictures", quota_bytes=1 << 40)


def keeper_of(folder: Path, recent: Recent | None, *, spool: Spool | None = None, **samples: Any) -> Keeper:
    settings = parse({"samples": {"random_share": 0.0, **samples}}).samples
    spool = spool or Spool(folder / "samples", quota_bytes=ROOMY)
    return Keeper(settings, spool, WRITER, address=lambda key: f"s3://bucket/{key}", recent=recent, rest=0.0)


def offer(keeper: Keeper, number: int, outcome: Outcome = REJECT, **differs: Any) -> str | None:
    return keeper.consider(result(number, outcome, **differs), [frame(number)])


def wait_for(keeper: Keeper, number: int) -> None:
    keeper.wait_for(identity_of(number), PATIENCE_S)


def lasting(folder: Path) -> set[str]:
    """Return the names of the pictures on disk, each of which must have its sidecar."""
    found = files_below(folder / "pictures")
    pictures = {name for name in found if name.endswith((".jpg", ".png"))}
    assert set(found) == pictures | {name.rpartition(".")[0] + ".json" for name in pictures}
    return pictures


def test_what_was_not_accepted_is_on_disk_and_what_is_a_sample_is_there_once(tmp_path: Path) -> None:
    with keeper_of(tmp_path, recent := recent_in(tmp_path)) as keeper:
        keys = [offer(keeper, number, outcome) for number, outcome in enumerate((REJECT, REVIEW, NO_VERDICT))]
        wait_for(keeper, 2)
    assert lasting(tmp_path) == {f"{identity_of(number)}-0.jpg" for number in range(3)}
    for number, key in enumerate(keys):
        assert key is not None
        reason = "defect" if number == 0 else "uncertain"
        picture = tmp_path / "samples" / reason / key
        for path in (picture, picture.with_suffix(".json")):
            assert path.samefile(tmp_path / "pictures" / path.name)
        shown = recent.read(identity_of(number), 0)
        assert shown is not None
        assert shown.content == picture.read_bytes()


def test_a_spent_budget_costs_samples_and_no_pictures(tmp_path: Path) -> None:
    with keeper_of(tmp_path, recent := recent_in(tmp_path), uncertain=NO_BUDGET, before_defect=3) as keeper:
        for number in range(7):
            assert offer(keeper, number, REVIEW, boxes=[(1, 2, 11, 12)]) is None
        offer(keeper, 7)
        wait_for(keeper, 7)
        state = keeper.state()
    assert lasting(tmp_path) == {f"{identity_of(number)}-0.jpg" for number in range(8)}
    assert (state.not_kept, state.not_shown) == ({"over_budget": 7}, 0)
    assert state.kept == {"defect": 1}, "the others are no moments before a defect"
    line = recent.sidecar(identity_of(3), 0)
    assert line is not None
    document = read_line(line, label=LABEL)
    assert document["edge-inspector"]["reason"] is None
    assert document[LABEL]["annotations"][0]["left"] == 1


def test_all_frames_of_a_part_are_there(tmp_path: Path) -> None:
    with keeper_of(tmp_path, recent := recent_in(tmp_path), defect=NO_BUDGET) as keeper:
        pictures = [frame(1, part_frame=index) for index in range(12)]
        assert keeper.consider(result(1, frames=12), pictures) is None
        wait_for(keeper, 1)
    assert recent.frames_of(identity_of(1)) == list(range(12))
    keys = {read_line(recent.sidecar(identity_of(1), index) or b"", label=LABEL)["source-ref"] for index in range(12)}
    assert len(keys) == 12


def test_accepted_parts_are_in_memory_alone_unless_they_are_samples(tmp_path: Path) -> None:
    with keeper_of(tmp_path, recent := recent_in(tmp_path), random_share=1.0) as keeper:
        key = offer(keeper, 1, ACCEPT)
        wait_for(keeper, 1)
    with keeper_of(tmp_path, recent) as keeper:
        assert offer(keeper, 2, ACCEPT) is None
        wait_for(keeper, 2)
    assert lasting(tmp_path) == {f"{identity_of(1)}-0.jpg"}, "a person has days to judge what was drawn for the audit"
    assert (tmp_path / "samples" / "random" / str(key)).samefile(tmp_path / "pictures" / f"{identity_of(1)}-0.jpg")
    assert [recent.frames_of(identity_of(number)) for number in range(4)] == [[], [0], [0], []]
    assert keeper.state().kept == {}
    assert [recent_in(tmp_path).frames_of(identity_of(number)) for number in (1, 2)] == [[0], []]


def test_accepted_parts_are_not_encoded_while_there_is_better_to_do_or_too_often(tmp_path: Path) -> None:
    spool, recent = GatedSpool(tmp_path / "samples"), recent_in(tmp_path)
    with keeper_of(tmp_path, recent, spool=spool) as keeper:
        offer(keeper, 0)
        assert spool.busy.wait(PATIENCE_S)
        for number in range(1, 4):
            offer(keeper, number, ACCEPT)
        assert (keeper.state().waiting, keeper.state().not_remembered, keeper.state().not_shown) == (0, 0, 0)
        spool.gate.set()
        wait_for(keeper, 0)
    settings = parse({"samples": {"random_share": 0.0}}).samples
    with Keeper(settings, spool, WRITER, address=str, recent=recent, rest=1e9) as keeper:
        for number in (5, 6):
            offer(keeper, number, ACCEPT)
            wait_for(keeper, number)
        offer(keeper, 7)
    assert [bool(recent.frames_of(identity_of(number))) for number in range(8)] == [
        True,
        *[False] * 4,
        True,
        False,
        True,
    ]


def test_a_belt_without_a_verdict_and_a_line_without_a_model_fill_no_disk(tmp_path: Path) -> None:
    with keeper_of(tmp_path, recent := recent_in(tmp_path), uncertain=NO_BUDGET) as keeper:
        for number, differs in enumerate(({"part_id": None}, {}, {})):
            offer(keeper, number, NO_MODEL if number == 1 else NO_VERDICT, **differs)
            wait_for(keeper, number)
    assert lasting(tmp_path) == {f"{identity_of(2)}-0.jpg"}
    assert [recent.frames_of(identity_of(number)) for number in range(3)] == [[0], [0], [0]], "in memory"


def test_a_full_queue_costs_pictures_and_is_counted_apart(tmp_path: Path) -> None:
    spool = GatedSpool(tmp_path / "samples")
    with keeper_of(tmp_path, recent := recent_in(tmp_path), spool=spool) as keeper:
        offer(keeper, 0)
        assert spool.busy.wait(PATIENCE_S)
        for number in range(1, 12):
            offer(keeper, number)
        state = keeper.state()
        assert (state.waiting, state.not_kept, state.not_shown) == (8, {"queue_full": 3}, 3)
        spool.gate.set()
        wait_for(keeper, 8)
    assert [number for number in range(12) if recent.frames_of(identity_of(number))] == list(range(9))


def test_pictures_that_are_no_samples_make_way_for_samples(tmp_path: Path) -> None:
    spool, recent = GatedSpool(tmp_path / "samples"), recent_in(tmp_path)
    defects = {"per_hour": 1, "per_day": 1, "quota_mb": 9}
    with keeper_of(tmp_path, recent, spool=spool, defect=defects) as keeper:
        offer(keeper, 0)
        assert spool.busy.wait(PATIENCE_S)
        for number in range(1, 12):
            assert offer(keeper, number) is None
        assert (keeper.state().waiting, keeper.state().not_shown) == (8, 3)
        for number in range(20, 25):
            assert offer(keeper, number, REVIEW) is not None
        state = keeper.state()
        assert (state.waiting, state.not_kept, state.not_shown) == (8, {"over_budget": 11}, 8)
        spool.gate.set()
        wait_for(keeper, 24)
    assert keeper.state().kept == {"defect": 1, "uncertain": 5}
    shown = [number for number in range(30) if recent.frames_of(identity_of(number))]
    assert shown == [0, 6, 7, 8, 20, 21, 22, 23, 24]


def test_a_defect_that_its_track_has_told_of_is_not_shown_again(tmp_path: Path) -> None:
    with keeper_of(tmp_path, recent := recent_in(tmp_path)) as keeper:
        keeper.consider(result(1, part_id=None), [frame(1)], is_news=False)
    assert recent.frames_of(identity_of(1)) == []


def test_the_moments_before_a_defect_are_samples_as_ever(tmp_path: Path) -> None:
    with keeper_of(tmp_path, recent := recent_in(tmp_path), before_defect=2) as keeper:
        for number in range(4):
            offer(keeper, number, ACCEPT)
            wait_for(keeper, number)
        offer(keeper, 4)
        wait_for(keeper, 4)
    assert keeper.state().kept == {"defect": 3}
    assert all(recent.frames_of(identity_of(number)) for number in range(5))
    assert lasting(tmp_path) == {f"{identity_of(4)}-0.jpg"}


def test_a_disk_that_fails_leaves_pictures_in_memory(tmp_path: Path) -> None:
    for name in ("samples", "pictures"):
        (tmp_path / name).write_text("a file where the folder should be")
    with keeper_of(tmp_path, recent := recent_in(tmp_path)) as keeper:
        offer(keeper, 1)
        wait_for(keeper, 1)
        assert keeper.state().not_kept == {"disk_failed": 1}
        assert recent.read(identity_of(1), 0) is not None


def opened(settings: Mapping[str, Any], home: Path) -> Any:
    def tell(evicted: Mapping[Evicted, int]) -> None:
        raise AssertionError(evicted)

    whole: Settings = parse({"health": {"min_free_mb": 0}, **settings})
    return open_samples(whole, home, WRITER, on_evicted=tell)


@pytest.mark.parametrize("mode", ["select", "collect"])
def test_with_a_page_pictures_outlive_the_upload_of_their_samples_and_the_daemon(tmp_path: Path, mode: str) -> None:
    settings = {"page": {}, "samples": {"mode": mode, "random_share": 0.0}}
    with opened(settings, tmp_path) as samples:
        assert isinstance(samples, Samples)
        key = offer(samples.keeper, 1)
        wait_for(samples.keeper, 1)
        wait_until_empty(samples.spool)
        eventually(lambda: samples.uploader.state().uploaded == 1, what="it is uploaded")
    assert key is not None
    uploaded = (tmp_path / "uploads" / key).read_bytes()
    with opened(settings, tmp_path) as samples:
        assert samples.recent is not None
        shown = samples.recent.read(identity_of(1), 0)
        assert shown is not None
        assert shown.content == uploaded


@pytest.mark.parametrize("without", [{"page": {"enabled": False}}, {}, {"page": {}, "samples": {"mode": "off"}}])
def test_without_a_page_or_without_samples_no_pictures_are_kept(tmp_path: Path, without: dict[str, Any]) -> None:
    with opened({"page": {}}, tmp_path) as samples:
        offer(samples.keeper, 1)
        wait_for(samples.keeper, 1)
    assert lasting(tmp_path)
    with opened(without, tmp_path) as samples:
        if samples is not None:
            assert samples.recent is None
            offer(samples.keeper, 2)
            offer(samples.keeper, 3, ACCEPT)
    assert not (tmp_path / "pictures").exists()
