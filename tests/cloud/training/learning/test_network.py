from pathlib import Path

import pytest

pytest.importorskip("torch", reason="training needs the extra edge-inspector-cloud[train], which is not installed")

import torch

from cloud_side.training.network.model import PRIOR, Network, Shape, anchor_points, count_parameters, shape_of
from cloud_side.training.network.weights import read_weights, take, write_weights
from edge_inspector.errors import ConfigError

TINY = Shape(model_wh=(64, 64), widths=(4, 8, 8, 8, 8), depths=(0, 0, 0, 0), neck=8)


def tiny(*, n_classes: int = 1, channels: int = 1, seed: int = 1) -> Network:
    torch.manual_seed(seed)
    return Network(Shape((64, 64), n_classes, TINY.widths, TINY.depths, TINY.neck, channels)).eval()


def test_nano_is_the_network_of_the_shipped_weights() -> None:
    network = Network(shape_of("nano", (320, 224), 1, 1))
    assert network.shape == Shape()
    assert count_parameters(network) == 1_013_009


def test_small_has_about_twice_the_parameters() -> None:
    sizes = [count_parameters(Network(shape_of(size, (320, 224), 3, 3))) for size in ("nano", "small")]
    assert 1.8 < sizes[1] / sizes[0] < 2.5


def expected_at_the_start(network: Network) -> float:
    """Return how many defects an untrained network expects in an image."""
    return float(network.head.score.bias.detach().sigmoid().sum()) * len(network.points)


def test_larger_inputs_and_more_classes_do_not_begin_with_more_defects_to_unlearn() -> None:
    usual = Network(shape_of("nano", (320, 224), 1, 1))
    assert float(usual.head.score.bias.detach().sigmoid()) == pytest.approx(PRIOR)
    for model_wh, n_classes in (((640, 640), 3), ((320, 224), 4), ((864, 160), 2)):
        larger = Network(shape_of("nano", model_wh, n_classes, 1))
        assert expected_at_the_start(larger) == pytest.approx(expected_at_the_start(usual))
    assert float(tiny().head.score.bias.detach().sigmoid()) == pytest.approx(PRIOR)


@pytest.mark.parametrize(("channels", "n_classes"), [(1, 1), (3, 4)])
def test_any_number_of_classes_on_grey_or_color(channels: int, n_classes: int) -> None:
    output = tiny(n_classes=n_classes, channels=channels)(torch.zeros(2, channels, 64, 64))
    assert output.logits.shape == (2, 84, n_classes)
    assert output.boxes.shape == (2, 84, 4)


def test_an_input_of_another_size_has_cells_of_its_own() -> None:
    network = tiny()
    torch.nn.init.zeros_(network.head.sides.weight)
    torch.nn.init.zeros_(network.head.sides.bias)
    points, strides = network.cells((32, 96))
    boxes = network(torch.zeros(1, 1, 96, 32)).boxes[0]
    assert len(boxes) == len(points) == len(strides) == len(anchor_points((32, 96))[0])
    # All sides lie equally far away then.
    assert torch.allclose((boxes[:, :2] + boxes[:, 2:]) / 2, points, atol=1e-3)
    assert torch.allclose(boxes[:, 2:] - boxes[:, :2], 13 * strides.expand(-1, 2), atol=1e-3)


@pytest.mark.parametrize(
    ("wrong", "found"), [({"model_wh": (100, 64)}, "100"), ({"channels": 2}, "found 2"), ({"n_classes": 0}, "found 0")]
)
def test_an_impossible_shape_is_refused(wrong: dict[str, object], found: str) -> None:
    with pytest.raises(ValueError, match=found):
        Shape(**wrong)  # type: ignore[arg-type]  # what is wrong is the point


def test_weights_come_back_from_their_file(tmp_path: Path) -> None:
    network = tiny(n_classes=2, channels=3)
    write_weights(tmp_path / "weights/final.pt", network, ("bridge", "hole"))
    again, names = read_weights(tmp_path / "weights/final.pt")
    assert names == ("bridge", "hole")
    assert again.shape == network.shape
    assert not again.training
    assert all(torch.equal(again.state_dict()[name], value) for name, value in network.state_dict().items())


@pytest.mark.parametrize("content", [b"", b"no weights", b"PK\x03\x04 cut off"])
def test_another_file_is_no_file_of_weights(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "weights.pt").write_bytes(content)
    with pytest.raises(ConfigError, match=r"weights\.pt: expected a file of weights"):
        read_weights(tmp_path / "weights.pt")


def test_classes_are_taken_over_by_name() -> None:
    champion, network = tiny(n_classes=2, seed=1), tiny(n_classes=3, seed=2)
    fresh = network.head.score.weight.detach().clone()
    taken = take(network, ("dent", "hole", "bridge"), champion, ("bridge", "hole"))
    assert taken.classes == ("hole", "bridge")
    assert torch.equal(network.head.score.weight[1], champion.head.score.weight[1])
    assert torch.equal(network.head.score.weight[2], champion.head.score.weight[0])
    assert torch.equal(network.head.score.weight[0], fresh[0])
    assert torch.equal(network.stem[0][0].weight, champion.stem[0][0].weight)
    assert taken.left == ("head.score.weight", "head.score.bias")
    assert taken.of - taken.values == 9
    assert "classes known: hole, bridge" in str(taken)


def test_layers_of_another_shape_begin_anew() -> None:
    grey, color = tiny(), tiny(channels=3, seed=2)
    first = color.stem[0][0].weight.detach().clone()
    taken = take(color, ("scratch",), grey, ("scratch",))
    assert taken.left == ("stem.0.0.weight",)
    assert torch.equal(color.stem[0][0].weight, first)
