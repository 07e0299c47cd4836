"""The runbook has a section for each alarm of the cloud, and a line for each of the stations'."""

import re
from pathlib import Path

import pytest

from cloud_side.infrastructure.alarms import alarms
from cloud_side.infrastructure.environments import read_environments
from cloud_side.infrastructure.notices import BUDGET, NOTICES, section
from edge_inspector.alarms import ALARM_NAMES

DOCS = Path(__file__).parents[1] / "docs"
RUNBOOK = (DOCS / "runbook.md").read_text(encoding="utf-8")
ENDPOINT = {"endpoint-5xx", "endpoint-latency"}
SECTIONS = dict(re.findall(r"^### ([\w-]+)\n(.*?)(?=^##|\Z)", RUNBOOK, re.MULTILINE | re.DOTALL))


def test_each_alarm_has_its_section_and_each_section_its_alarm() -> None:
    (dev, *_) = read_environments().environments
    named = [*(each.name for each in alarms(dev)), *(each.name for each in NOTICES), BUDGET, *sorted(ENDPOINT)]
    assert sorted(SECTIONS) == sorted(named)
    assert section(BUDGET) == "docs/runbook.md#budget"


@pytest.mark.parametrize("name", SECTIONS)
def test_a_section_says_what_is_lost_meanwhile(name: str) -> None:
    assert re.search(r"^\*Lost meanwhile:\* \w", SECTIONS[name], re.MULTILINE)


def test_each_alarm_of_a_station_has_its_line_and_each_line_its_alarm() -> None:
    (table,) = re.findall(r"^## Alarms of stations\n(.*)", RUNBOOK, re.MULTILINE | re.DOTALL)
    named = [name for line in table.splitlines() if line.startswith("| `") for name in re.findall(r"`([\w-]+)`", line)]
    assert sorted(named) == sorted(ALARM_NAMES)


def test_what_is_linked_is_there() -> None:
    for page, heading in re.findall(r"\]\(([\w-]+\.md)?#([\w-]+)\)", RUNBOOK):
        text = (DOCS / (page or "runbook.md")).read_text(encoding="utf-8")
        anchors = {
            re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-")
            for each in re.findall(r"^#+ (.*)", text, re.MULTILINE)
        }
        assert heading in anchors, f"{page}#{heading}"
