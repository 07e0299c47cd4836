"""The program `edge-inspector`, which waits less: for what a nucleus does not do, and before it looks or tells."""

from typing import Any

from edge_inspector import component, durable
from edge_inspector.__main__ import enter
from edge_inspector.app import nucleus as joined
from edge_inspector.app import page
from edge_inspector.greengrass import nucleus
from edge_inspector.greengrass.link import Pace
from edge_inspector.health.checks import Check


def check_at_once(*fields: Any, **named: Any) -> Check:
    return Check(*fields, **{**named, "raise_after_s": 0.0, "clear_after_s": 0.0})


if __name__ == "__main__":
    component.ConfigurationFile.begin.__kwdefaults__["timeout_s"] = 1.0
    joined._PATIENCE_S = 0.0
    nucleus.Pace = lambda: Pace(first_s=0.05, longest_s=0.2)
    durable._POLL_S = 0.1
    page.Check = check_at_once
    enter()
