"""Whether the ONNX file gives what the trained weights give."""

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from cloud_side.training.exporting.agreement import Agreement, agreement_of_outputs
from cloud_side.training.network.model import Network, normalize
from edge_inspector.detectors.onnx import open_session
from edge_inspector.errors import ModelError

PARITY_IMAGES: Final = 16


def parity(model: Network, content: bytes, images: Iterable[NDArray[Any]], *, input_name: str) -> Agreement:
    """Compare a network in evaluation mode, as it was trained, with its ONNX file.

    Args:
        model: The network.
        content: Its ONNX file, with boxes and scores as the one output.
        images: (1, c, h, w) uint8 input tensors; one at least.
        input_name: Of the ONNX file's tensor that they are.

    Raises:
        ModelError: If the file is no ONNX model, or one of the two gives what is no number: no difference shows that.
    """
    session = open_session(content, name="ONNX file", threads=1)
    model = model.eval()
    of_weights, of_file = [], []
    for image in images:
        with torch.no_grad():
            output = model(normalize(torch.from_numpy(image)))
        of_weights.append(torch.cat((output.boxes, output.logits.sigmoid()), dim=-1).numpy())
        of_file.append(session.run(None, {input_name: image})[0])
    first, second = np.concatenate(of_weights), np.concatenate(of_file)
    for name, values in (("weights", first), ("ONNX file", second)):
        if not np.isfinite(values).all():
            msg = f"{name}: expected finite boxes and scores, found {(~np.isfinite(values)).sum()} of {values.size} not"
            raise ModelError(msg)
    return agreement_of_outputs(first, second)
