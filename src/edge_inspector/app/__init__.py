"""Choice: the only modules, with the demo, that name concrete sources, detectors and sinks."""

from edge_inspector.app.build import build, topic_tree
from edge_inspector.app.checking import check
from edge_inspector.app.detector import SHIPPED_MODEL, open_model
from edge_inspector.app.policy import build_policy
from edge_inspector.app.source import open_source
from edge_inspector.app.station import Station

__all__ = [
    "SHIPPED_MODEL",
    "Station",
    "build",
    "build_policy",
    "check",
    "open_model",
    "open_source",
    "topic_tree",
]
