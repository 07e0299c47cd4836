"""The trained network as one ONNX file that takes grey bytes and gives boxes and scores.

Normalization, decoding and the sigmoid are inside the graph, so that a device only has to letterbox; batch
normalization is folded into the convolutions.
"""

import io
import warnings
from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from cloud_side.training.model import ScratchDetector, normalize

INPUT_NAME = "image"
OUTPUT_NAME = "detections"
# Runs on every ONNX Runtime since 1.13.
OPSET = 17
LARGEST_FILE_BYTES = 5_000_000


class Deployed(nn.Module):
    """(1, 1, h, w) uint8 grey in, (1, a, 4 + n_classes) float32 out: xyxy in model-input pixels, then scores."""

    def __init__(self, model: ScratchDetector) -> None:
        super().__init__()
        self.model = folded(model)

    def forward(self, image: Tensor) -> Tensor:
        """Return boxes and scores side by side."""
        output = self.model(normalize(image))
        return torch.cat((output.boxes, output.logits.sigmoid()), dim=-1)


def folded(model: ScratchDetector) -> ScratchDetector:
    """Return a copy in evaluation mode whose batch normalizations are part of the convolutions before them."""
    copy = deepcopy(model).eval()
    for sequence in [module for module in copy.modules() if isinstance(module, nn.Sequential)]:
        for index in range(1, len(sequence)):
            before, norm = sequence[index - 1], sequence[index]
            if isinstance(before, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                sequence[index - 1] = fuse_conv_bn_eval(before, norm)
                sequence[index] = nn.Identity()
    return copy


def onnx_bytes(model: ScratchDetector) -> bytes:
    """Return the ONNX file of a model, weights inside.

    Raises:
        ValueError: If it is larger than a model component should be.
    """
    width, height = model.shape.model_wh
    example = torch.zeros(1, 1, height, width, dtype=torch.uint8)
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
    if len(content) > LARGEST_FILE_BYTES:
        msg = f"ONNX file: expected at most {LARGEST_FILE_BYTES} bytes, found {len(content)}"
        raise ValueError(msg)
    return content
