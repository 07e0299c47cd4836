"""The learning loop: samples -> labels -> dataset -> model -> approval -> rollout.

training    labels and simulated tags in, a model package with its card and thresholds out.
"""

__version__ = "0.1.0"
