"""The support bundle: one file with all that someone far away needs, and no secret in it.

Works without a network, whether the daemon runs or not, and with a configuration that cannot be read: what is missing
is named in it, with the reason. It needs neither ONNX Runtime nor OpenCV, which may be what is broken.
"""
