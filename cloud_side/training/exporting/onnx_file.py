"""The trained network as one ONNX file that takes bytes and gives boxes and scores.

Normalization, decoding and the sigmoid are inside the graph, so that a device only has to letterbox; batch
normalization is folded into the convolutions.
"""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from cloud_side.training.network.model import Network, normalize

INPUT_NAME: Final = "image"
OUTPUT_NAME: Final = "detections"
# Runs on every ONNX Runtime since 1.13.
OPSET: Final = 17
LARGEST_FILE_BYTES: Final = 5_000_000


class Deployed(nn.Module):
    """(1, c, h, w) uint8 in, (1, a, 4 + n_classes) float32 out: xyxy in model-input pixels, then scores."""

    def __init__(self, model: Network) -> None:
        super().__init__()
        self.model = folded(model)

    def forward(self, image: Tensor) -> Tensor:
        """Return boxes and scores side by side."""
        output = self.model(normalize(image))
        return torch.cat((output.boxes, output.logits.sigmoid()), dim=-1)


def folded(model: Network) -> Network:
    """Return a copy in evaluation mode whose batch normalizations are part of the convolutions before them."""
    copy = deepcopy(model).eval()
    for sequence in [module for module in copy.modules() if isinstance(module, nn.Sequential)]:
        for index in range(1, len(sequence)):
            before, norm = sequence[index - 1], sequence[index]
            if isinstance(before, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                sequence[index - 1] = fuse_conv_bn_eval(before, norm)
                sequence[index] = nn.Identity()
    return copy


def onnx_bytes(model: Network, *, largest_bytes: int = LARGEST_FILE_BYTES) -> bytes:
    """Return the ONNX file of a network, weights inside; the same weights give the same bytes.

    Args:
        model: Trained, of any input size, with one channel for grey or three for BGR.
        largest_bytes: What a device's component may hold.

    Raises:
        ValueError: If the file is larger.
    """
    width, height = model.shape.model_wh
    example = torch.zeros(1, model.shape.channels, height, width, dtype=torch.uint8)
    file = io.BytesIO()
    with warnings.catch_warnings():
        # The newer exporter writes the weights into a second file; this one says with every call that it is the older.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Deployed(model).eval(),
            (example,),
            file,  # type: ignore[arg-type]  # its annotation leaves out the open files that it takes
            dynamo=False,
            opset_version=OPSET,
            input_names=[INPUT_NAME],
            output_names=[OUTPUT_NAME],
        )
    content = file.getvalue()
    if len(content) > largest_bytes:
        msg = f"ONNX file: expected at most {largest_bytes} bytes, found {len(content)}"
        raise ValueError(msg)
    return content


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one thread meanwhile: for single images more of them mostly wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
