"""The alarms of the catalogue, and what operators read about them."""

import re
from pathlib import Path

from edge_inspector.alarms import ALARM_NAMES, no_verdict_alarm
from edge_inspector.decision import NoVerdictCause

DOCS = Path(__file__).parents[1] / "docs"


def test_every_alarm_stands_in_what_operators_read_and_one_of_parts_without_a_verdict_by_its_cause() -> None:
    text = "".join((DOCS / name).read_text(encoding="utf-8") for name in ("operating.md", "health.md"))
    told = set(re.findall(r"`([a-z-]+)`", text))
    causes = set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))
    told |= {no_verdict_alarm(cause) for cause in NoVerdictCause if cause in causes}
    assert set(ALARM_NAMES) - told == set()
