from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra edge-inspector-cloud[train], which is not installed")

from cloud_side.training.dataset import LabeledImage
from cloud_side.training.hyperparameters import Hyperparameters
from cloud_side.training.learning.curve import Curve, progress, rows
from cloud_side.training.learning.launching import command
from cloud_side.training.learning.plan import Plan, learning_rate, plan_of
from cloud_side.training.learning.ranks import Ranks, read_ranks
from edge_inspector.errors import ConfigError
from edge_inspector.geometry import as_boxes


def plan(**said: object) -> Plan:
    return plan_of(Hyperparameters.parse({"threads": 1, **said}), (320, 224), 2, 3, processes=1)


def test_the_size_of_the_model_is_that_of_the_data_unless_somebody_says_another() -> None:
    assert plan().shape.model_wh == (320, 224)
    assert plan(model_width=640).shape.model_wh == (640, 224)


def test_a_crop_as_large_as_the_image_is_the_whole_image() -> None:
    assert plan().crop_wh is None
    assert plan(crop=640).crop_wh is None
    assert plan(crop=256).crop_wh == (256, 224)
    assert plan(crop=256).input_wh == (256, 224)


def test_small_defects_on_a_large_input_are_learned_from_parts_of_the_images_unless_somebody_says_otherwise() -> None:
    def crop_wh(model_wh: tuple[int, int], *sides: float, **said: object) -> tuple[int, int] | None:
        boxes = as_boxes([(0, 0, side, 4) for side in sides])
        image = LabeledImage(Path("a.png"), "a", 1280, 1280, boxes, np.zeros(len(sides), np.int64), labeled=True)
        return plan_of(Hyperparameters.parse({"threads": 1, **said}), model_wh, 2, 3, 1, [image]).crop_wh

    assert crop_wh((640, 640), 20, 320) == (320, 320)
    assert crop_wh((640, 224), 20) == (320, 224)
    assert crop_wh((640, 640), 20, 330) is None  # half a part does not hold it
    assert crop_wh((512, 512), 20) is None
    assert crop_wh((640, 640)) is None
    assert crop_wh((640, 640), 20, crop=0) is None
    assert crop_wh((640, 640), 330, crop=256) == (256, 256)


def test_a_crop_that_is_neither_a_size_nor_auto_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"hyperparameter crop: .*multiple of 32, found '33'"):
        plan(crop="33")


def test_a_run_is_validated_ten_times_or_each_20_steps_unless_somebody_says_how_often() -> None:
    assert plan(iterations=700).validate_every == 70
    assert plan(iterations=40).validate_every == 20
    assert plan(iterations=700, validate_every=50).validate_every == 50


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("size", "small"), ("iterations", 7), ("batch", 3), ("learning_rate", 0.5), ("cycles", 2),
        ("weight_decay", 0.5),
        ("average", 0.5), ("seed", 9), ("precision", "bf16"), ("model_width", 64), ("model_height", 64), ("crop", 64),
        ("flip_share", 0.1), ("turn_deg", 9), ("stretch", 0.5), ("shift", 0.5), ("hide_share", 0.3),
        ("paste_share", 0.3), ("fade_share", 0.3), ("faint_share", 0.3),
        ("faint_from", 9), ("surface_window", 9), ("surface_noise", 3), ("surface_tolerance", 9), ("faintest", 9),
        ("cut_share", 0.9), ("light", 0.9), ("brightness", 1), ("slope", 1), ("noise_share", 0.9), ("noise", 1),
        ("blur_share", 0.9), ("simulated_share", 0.9), ("box_weight", 1), ("side_weight", 2),
    ],
)  # fmt: skip
def test_every_hyperparameter_that_decides_reaches_the_plan(name: str, value: object) -> None:
    assert plan(**{name: value}).fingerprint() != plan().fingerprint()


@pytest.mark.parametrize("name", ["validate_every", "checkpoint_every", "workers", "threads"])
def test_how_the_work_is_done_does_not_decide(name: str) -> None:
    assert plan(**{name: 3}) != plan()
    assert plan(**{name: 3}).fingerprint() == plan().fingerprint()


def test_the_learning_rate_rises_and_then_falls() -> None:
    rates = [learning_rate(Plan(iterations=100, learning_rate=1.0), step) for step in range(100)]
    assert int(np.argmax(rates)) in {9, 10}
    assert rates[9] == 1.0
    assert rates[0] == pytest.approx(0.1)
    assert rates[-1] < 0.03


def test_the_rate_of_a_later_cycle_is_half_as_high_for_half_as_long() -> None:
    plan = Plan(iterations=700, learning_rate=1.0, cycles=3)
    rates = np.array([learning_rate(plan, step) for step in range(700)])
    peaks = np.flatnonzero((rates[1:-1] > rates[:-2]) & (rates[1:-1] >= rates[2:])) + 1
    assert rates[peaks] == pytest.approx([1.0, 0.5, 0.25], rel=0.01)
    assert peaks.tolist() == pytest.approx([40, 420, 610], abs=2)
    assert rates[[399, 599, 699]] == pytest.approx([0.02, 0.01, 0.005], rel=0.02)
    alone = Plan(iterations=400, learning_rate=1.0)
    assert rates[:400].tolist() == [learning_rate(alone, step) for step in range(400)]


@pytest.mark.parametrize("cycles", [1, 2, 5])
@pytest.mark.parametrize("iterations", [1, 3, 10])
def test_a_run_may_be_shorter_than_its_cycles(iterations: int, cycles: int) -> None:
    plan = Plan(iterations=iterations, learning_rate=1.0, cycles=cycles)
    assert all(0 < learning_rate(plan, step) <= 1 for step in range(iterations))


def test_progress_says_how_long_it_takes() -> None:
    line = progress(25, 100, [2.0, 4.0], 10.0, 20.0, 8)
    assert line == "step 25/100  loss 3.000  20.0 images/s  10 s, about 30 s left"
    assert progress(100, 100, [2.0], 40.0, 20.0, 8).endswith("images/s  40 s")


def test_progress_of_the_first_of_several_runs_says_how_long_all_of_them_take() -> None:
    line = progress(25, 100, [2.0, 4.0], 10.0, 20.0, 8, after=9000)
    assert line.endswith("10 s, about 30 s left, about 1 h with the runs after this one")


def test_a_curve_has_at_most_some_hundred_points_and_all_scores() -> None:
    curve = Curve(np.arange(1001, dtype=np.float32), np.ones(1001, np.float32), ((500, 0.4), (1001, 0.5)))
    points = rows("final", curve, Plan(iterations=1001))
    assert len(points) < 210
    assert points[0]["class_loss"] == pytest.approx(2.5)
    assert points[-1]["step"] == 1001
    assert [(point["step"], point["map50"]) for point in points if "map50" in point] == [(500, 0.4), (1001, 0.5)]


def test_a_process_knows_who_it_is() -> None:
    assert read_ranks({}) == Ranks()
    told = {"RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "4"}
    assert read_ranks(told) == Ranks(5, 8, 1, 4)
    assert not read_ranks(told).is_first


@pytest.mark.parametrize(
    "told", [{"RANK": "8", "WORLD_SIZE": "8", "LOCAL_RANK": "0"}, {"RANK": "0"}, {"RANK": "x", "WORLD_SIZE": "8"}]
)
def test_ranks_that_cannot_be_are_refused(told: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="expected whole numbers"):
        read_ranks(told)


def test_hosts_meet_where_they_are_told_else_at_the_first() -> None:
    hosts = ["algo-1", "algo-2"]
    words = " ".join(command(hosts, "algo-2", 4, {}))
    assert "--nnodes 2 --nproc-per-node 4 --node-rank 1 --master-addr algo-1 --master-port 29500" in words
    told = " ".join(command(hosts, "algo-1", 4, {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "4321"}))
    assert "--node-rank 0 --master-addr 127.0.0.1 --master-port 4321" in told
    assert "--standalone" in command(["algo-1"], "algo-1", 2, {})


def test_a_host_that_is_none_of_them_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"current_host: expected one of algo-1, found algo-7"):
        command(["algo-1"], "algo-7", 1, {})
