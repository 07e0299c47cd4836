"""The network: a small anchor-free detector, about one million parameters as nano, read top to bottom.

Strided 3x3 convolutions shrink the image to 1/32; a top-down path carries context back to 1/8; one head, shared by
the three strides, says for every cell how likely a defect is and how far its four sides are. Only dense 3x3 and 1x1
convolutions with ReLU: that is what ONNX Runtime runs fastest on one core.

Source:
    Residual blocks: He et al., CVPR 2016. Feature pyramid: Lin et al., CVPR 2017. One anchor point per cell with
    left, top, right, bottom distances: Tian et al., "FCOS", ICCV 2019. Each distance as a distribution over whole
    strides: Li et al., "Generalized Focal Loss", NeurIPS 2020.
"""

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

STRIDES = (8, 16, 32)
# The share of cells that hold a defect at the start of training; RetinaNet's prior keeps the first losses small. It is
# that of so many cells and classes: an image with more of them holds no more defects.
PRIOR, PRIOR_CELLS = 0.01, 1470
# A side lies this many strides from its cell: below 0 the cell's centre is outside a thin box.
SIDE_STRIDES = range(-1, 15)

Size = Literal["nano", "small"]


class Output(NamedTuple):
    """What the network says about every cell.

    Attributes:
        boxes: (n, a, 4) xyxy in model-input pixels; `a` counts the cells of all strides.
        logits: (n, a, n_classes) of the class scores.
        sides: (n, a, 4, bins) logits of the distances that the boxes are the mean of.
    """

    boxes: Tensor
    logits: Tensor
    sides: Tensor


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of the network.

    Attributes:
        model_wh: Width and height of the input in pixels, multiples of 32.
        n_classes: Number of defect classes.
        widths: Channels at strides 2, 4, 8, 16 and 32.
        depths: Residual blocks at strides 4, 8, 16 and 32.
        neck: Channels of the top-down path and of the head.
        channels: Of the image: 1 for grey, 3 for BGR.
    """

    model_wh: tuple[int, int] = (320, 224)
    n_classes: int = 1
    widths: tuple[int, int, int, int, int] = (16, 32, 64, 96, 128)
    depths: tuple[int, int, int, int] = (0, 1, 2, 1)
    neck: int = 48
    channels: int = 1

    def __post_init__(self) -> None:
        if any(side % STRIDES[-1] for side in self.model_wh):
            msg = f"model_wh: expected multiples of {STRIDES[-1]}, found {self.model_wh}"
            raise ValueError(msg)
        if self.channels not in {1, 3}:
            msg = f"channels: expected 1 for grey or 3 for BGR, found {self.channels}"
            raise ValueError(msg)
        if self.n_classes < 1:
            msg = f"n_classes: expected at least 1, found {self.n_classes}"
            raise ValueError(msg)


_NANO: Final = Shape()
_SMALL: Final = Shape(widths=(24, 48, 80, 112, 160), depths=(0, 1, 2, 2), neck=64)


def shape_of(size: Size, model_wh: tuple[int, int], n_classes: int, channels: int) -> Shape:
    """Return the network of a size: nano has one million parameters, small about twice as many.

    Args:
        size: Which.
        model_wh: Width and height of the input in pixels, multiples of 32.
        n_classes: Number of defect classes.
        channels: 1 for grey, 3 for BGR.

    Raises:
        ValueError: If a value is none of these.
    """
    return replace(_NANO if size == "nano" else _SMALL, model_wh=model_wh, n_classes=n_classes, channels=channels)


def conv_bn(inputs: int, outputs: int, *, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Return convolution, batch normalization and ReLU; the export folds the middle one into the first."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )


class Residual(nn.Module):
    """Two 3x3 convolutions beside a shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            conv_bn(channels, channels), nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels)
        )

    def forward(self, features: Tensor) -> Tensor:
        """Return (n, c, h, w) of the same shape."""
        return functional.relu(features + self.body(features))


class Head(nn.Module):
    """Class scores and side distances for every cell of one stride."""

    def __init__(self, channels: int, n_classes: int, prior: float) -> None:
        super().__init__()
        self.shared = conv_bn(channels, channels)
        self.tower = conv_bn(channels, channels)
        self.score = nn.Conv2d(channels, n_classes, 1)
        self.sides = nn.Conv2d(channels, 4 * len(SIDE_STRIDES), 1)
        nn.init.constant_(_bias(self.score), -math.log((1 - prior) / prior))

    def forward(self, features: Tensor) -> Tensor:
        """Return (n, cells, 4 * bins + n_classes): logits of the four distances, then of the classes."""
        shared = self.shared(features)
        maps = torch.cat((self.sides(self.tower(shared)), self.score(shared)), dim=1)
        return maps.flatten(2).transpose(1, 2)


class Network(nn.Module):
    """Backbone, top-down path and head; returns boxes in model-input pixels and class logits."""

    points: Tensor
    strides: Tensor
    bins: Tensor

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        two, four, *rest = shape.widths
        self.stem = nn.Sequential(conv_bn(shape.channels, two, stride=2), _stage(two, four, shape.depths[0]))
        deeper = zip(pairwise((four, *rest)), shape.depths[1:], strict=True)
        self.stages = nn.ModuleList(_stage(before, after, depth) for (before, after), depth in deeper)
        self.laterals = nn.ModuleList(nn.Conv2d(width, shape.neck, 1) for width in rest)
        self.smooth = nn.ModuleList(conv_bn(shape.neck, shape.neck) for _ in rest)
        points, strides = anchor_points(shape.model_wh)
        self.head = Head(shape.neck, shape.n_classes, prior_of(len(points), shape.n_classes))
        self.register_buffer("points", points, persistent=False)
        self.register_buffer("strides", strides, persistent=False)
        self.register_buffer("bins", torch.tensor(SIDE_STRIDES, dtype=torch.float32), persistent=False)

    def forward(self, image: Tensor) -> Output:
        """Return boxes and logits of a batch.

        Args:
            image: (n, c, h, w) float, normalized by `normalize`; of any size in multiples of 32.
        """
        features, maps = self.stem(image), []
        for stage in self.stages:
            features = stage(features)
            maps.append(features)
        raw = torch.cat([self.head(level) for level in self._top_down(maps)], dim=1)
        raw = raw if raw.dtype == torch.float64 else raw.float()
        columns = 4 * len(SIDE_STRIDES)
        sides = raw[..., :columns].reshape(*raw.shape[:2], 4, len(SIDE_STRIDES))
        points, strides = self.cells((image.shape[3], image.shape[2]))
        distances = (sides.softmax(dim=-1) * self.bins).sum(dim=-1) * strides
        top_left, bottom_right = points - distances[..., :2], points + distances[..., 2:]
        return Output(torch.cat((top_left, bottom_right), dim=-1), raw[..., columns:], sides)

    def cells(self, image_wh: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """Return the (a, 2) cell centres and (a, 1) strides of an input: the model's own, or that of a crop."""
        if image_wh == self.shape.model_wh:
            return self.points, self.strides
        points, strides = anchor_points(image_wh)
        return points.to(self.points), strides.to(self.points)

    def _top_down(self, maps: list[Tensor]) -> list[Tensor]:
        laterals = [lateral(features) for lateral, features in zip(self.laterals, maps, strict=True)]
        for index in range(len(laterals) - 1, 0, -1):
            laterals[index - 1] = laterals[index - 1] + functional.interpolate(laterals[index], scale_factor=2.0)
        return [smooth(level) for smooth, level in zip(self.smooth, laterals, strict=True)]


def prior_of(cells: int, n_classes: int) -> float:
    """Return how likely each class is in each cell at the start of training."""
    return PRIOR * min(1.0, PRIOR_CELLS / (cells * n_classes))


def normalize(image: Tensor) -> Tensor:
    """Return (n, c, h, w) uint8 as float around 0; the exported graph holds the same arithmetic."""
    return (image.float() - 114.0) / 64.0


def anchor_points(model_wh: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Return the (a, 2) cell centres in model-input pixels and the (a, 1) strides, finest stride first, row by row."""
    points, strides = [], []
    for stride in STRIDES:
        x = (torch.arange(model_wh[0] // stride) + 0.5) * stride
        y = (torch.arange(model_wh[1] // stride) + 0.5) * stride
        grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1).reshape(-1, 2)
        points.append(grid)
        strides.append(torch.full((len(grid), 1), float(stride)))
    return torch.cat(points), torch.cat(strides)


def count_parameters(model: nn.Module) -> int:
    """Return the number of trained values."""
    return sum(parameter.numel() for parameter in model.parameters())


def _stage(before: int, after: int, depth: int) -> nn.Sequential:
    return nn.Sequential(conv_bn(before, after, stride=2), *(Residual(after) for _ in range(depth)))


def _bias(layer: nn.Conv2d) -> Tensor:
    assert layer.bias is not None  # noqa: S101 - for the type checker: the layer was built with a bias
    return layer.bias
