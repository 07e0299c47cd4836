"""The workflow that trains the shipped model again."""

from pathlib import Path
from typing import Final

from cloud_side.workflows import Workflow

RETRAIN: Final = Workflow("edge-inspector-retrain", Path(__file__).with_name("retrain.asl.json"))
