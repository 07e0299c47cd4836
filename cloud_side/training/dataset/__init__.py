"""What a network learns from: labeled images as values, read lazily, and what is known of all of them together."""

from cloud_side.training.dataset.examples import Example, Images
from cloud_side.training.dataset.labeled import LABELS_FILE, LabeledImage, label_row, read_labels
from cloud_side.training.dataset.training_data import Leaks, Mode, NearPair, TrainingData

__all__ = [
    "LABELS_FILE",
    "Example",
    "Images",
    "LabeledImage",
    "Leaks",
    "Mode",
    "NearPair",
    "TrainingData",
    "label_row",
    "read_labels",
]
