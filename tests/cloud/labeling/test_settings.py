"""What an execution of the labeling workflow may be asked for."""

import pytest

from cloud_side.labeling.settings import LabelingSettings, Method, parse_settings
from edge_inspector.errors import ConfigError


def test_every_setting_has_a_default() -> None:
    assert parse_settings({}) == LabelingSettings()


def test_settings_come_as_json() -> None:
    settings = parse_settings({"method": "ground-truth", "class_names": ["dent"], "since_days": None})
    assert (settings.method, settings.class_names, settings.since_days) == (Method.GROUND_TRUTH, ("dent",), None)


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_settings({"budget": 0, "bugdet": 5, "method": "turk"})
    lines = str(caught.value).splitlines()
    assert [line.split(":")[0] for line in lines] == ["budget", "method", "bugdet"]
    assert "found 'turk'" in lines[1]


@pytest.mark.parametrize("document", [[], "budget", None, 3])
def test_an_input_that_is_no_object_is_refused(document: object) -> None:
    with pytest.raises(ConfigError, match=r"input: expected: .*object"):
        parse_settings(document)


def test_settings_of_more_than_a_year_are_refused() -> None:
    assert parse_settings({"rounds": 10, "label_days": 16, "verify_days": 17}).rounds == 10
    with pytest.raises(ConfigError, match=r"input: .*rounds x \(label_days \+ verify_days\) is 340 days, 330 at most"):
        parse_settings({"rounds": 10, "label_days": 17, "verify_days": 17})


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("class_names", ["dent", "scratch", "dent"], "class_names: expected: .*each class once, twice: dent"),
        ("class_names", [str(number) for number in range(201)], "class_names: expected: .*at most 200 items"),
        ("since_days", 1_000_000_000, "since_days: expected: .*less than or equal to 36500"),
    ],
)
def test_what_a_later_step_could_not_take_is_refused(name: str, value: object, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        parse_settings({name: value})
