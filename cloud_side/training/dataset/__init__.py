"""What a network learns from: labeled images as values, read lazily, and what is known of all of them together."""

from cloud_side.training.dataset.examples import Example, Images, dataset_version, load_examples
from cloud_side.training.dataset.labeled import LABELS_FILE, LabeledImage, label_row, read_labels
from cloud_side.training.dataset.training_data import Leaks, Mode, NearPair, TrainingData

CLASS_NAMES = ("scratch",)  # until its last users have the classes of their data

__all__ = [
    "CLASS_NAMES",
    "LABELS_FILE",
    "Example",
    "Images",
    "LabeledImage",
    "Leaks",
    "Mode",
    "NearPair",
    "TrainingData",
    "dataset_version",
    "label_row",
    "load_examples",
    "read_labels",
]
