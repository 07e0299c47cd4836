"""docs/labeling.md says what is there."""

import json
import re
from pathlib import Path

import pytest

from cloud_side.labeling.page.api import Api
from cloud_side.labeling.settings import LabelingSettings
from cloud_side.labeling.work.desk import Desk
from cloud_side.objects import Bucket

GUIDE = Path("docs/labeling.md")


@pytest.fixture(scope="module")
def text() -> str:
    return GUIDE.read_text()


def test_the_guide_is_short(text: str) -> None:
    assert len(text.splitlines()) <= 130


def test_every_setting_is_told_with_its_default_and_what_it_is(text: str) -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \|$", text, re.MULTILINE)
    assert [name for name, _, _ in rows] == list(LabelingSettings.model_fields)
    defaults = LabelingSettings().model_dump(mode="json")
    for name, default, told in rows:
        if default != "a tenth of `budget`":
            assert json.loads(default.strip("`")) == defaults[name], name
        description = (LabelingSettings.model_fields[name].description or "").partition("; default:")[0]
        assert told.replace("`", "").startswith(description.partition(",")[0]), name


def test_every_request_of_the_api_is_told(text: str) -> None:
    told = re.findall(r"^\| `(GET|POST|PUT|DELETE) (/api/\S+)` \|", text, re.MULTILINE)
    assert told == [(method, path) for method, path, _ in Api(Desk(Bucket(None, "none")), lambda: None).doors()]
