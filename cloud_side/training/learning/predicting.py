"""What a network that is not exported yet finds: enough to watch it learn; a model is judged by its ONNX file."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

import numpy as np
import torch

from cloud_side.training.dataset import Example
from cloud_side.training.network.around import NMS_IOU, PAD_VALUE
from cloud_side.training.network.model import Network, normalize
from cloud_side.training.predictions import Prediction, Predictions
from edge_inspector.detections import Detections
from edge_inspector.letterbox import Fit, Letterbox, Resize
from edge_inspector.postprocess import Limits, decode_xyxy_scores

LOWEST_SCORE: Final = 0.01
_AT_ONCE: Final = 8


def predicted(network: Network, images: Iterable[Example], class_names: Sequence[str]) -> Predictions:
    """Return what a network finds on images, in the order of their names.

    Args:
        network: In evaluation mode, on any device.
        images: Grey or color, as the network takes them.
        class_names: Order = class id.

    Raises:
        ModelError: If its boxes or scores are no numbers.
    """
    found = [prediction for few in _few(images) for prediction in _predicted(network, few)]
    return Predictions(tuple(class_names), tuple(sorted(found, key=lambda each: each.name)))


def _few(images: Iterable[Example]) -> Iterator[list[Example]]:
    remaining = iter(images)
    while few := list(islice(remaining, _AT_ONCE)):
        yield few


@torch.inference_mode()
def _predicted(network: Network, images: Sequence[Example]) -> Iterator[Prediction]:
    shape = network.shape
    letterbox = Letterbox(shape.model_wh, channels=shape.channels, resize=Resize.LETTERBOX, pad_value=PAD_VALUE)
    fits, canvases = [], []
    for image in images:
        fits.append(letterbox.write(image.image))
        canvases.append(letterbox.canvas.copy())
    pixels = np.stack(canvases)
    pixels = pixels[:, None] if shape.channels == 1 else pixels.transpose(0, 3, 1, 2)
    on_device = torch.from_numpy(np.ascontiguousarray(pixels)).to(network.points.device)
    output = network(normalize(on_device).to(network.points.dtype))
    # A network that has only begun to learn puts right sides left of left ones.
    bottom_right = torch.maximum(output.boxes[..., :2], output.boxes[..., 2:])
    raw = torch.cat((output.boxes[..., :2], bottom_right, output.logits.sigmoid()), dim=-1).cpu().numpy()
    for image, fit, one in zip(images, fits, raw, strict=True):
        yield _prediction(image, decode_xyxy_scores(one[None], Limits(LOWEST_SCORE, iou_threshold=NMS_IOU)), fit)


def _prediction(image: Example, found: Detections, fit: Fit) -> Prediction:
    height, width = image.image.shape[:2]
    return Prediction(
        image.name,
        image.sha256,
        image.group,
        width,
        height,
        image.boxes,
        image.class_ids,
        fit.to_image(found.xyxy),
        found.confidence,
        found.class_id,
        image.slices,
    )
