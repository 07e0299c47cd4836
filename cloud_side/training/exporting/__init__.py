"""From weights to a model package: ONNX, parity, INT8."""
