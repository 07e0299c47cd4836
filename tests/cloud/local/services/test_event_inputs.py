"""What a target gets of an event."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from cloud_side.local.services.events.inputs import InputError, Occasion, input_of, require_input

EVENT = {
    "id": "e",
    "source": "aws.s3",
    "resources": ["arn:aws:s3:::samples"],
    "detail": {"key": 'a "quoted" key', "size": 3, "tags": [{"name": "x"}], "odd name": None, "b.c": 1},
}
OCCASION = Occasion(EVENT, "arn:aws:events:eu-central-1:000000000000:rule/r", datetime(2026, 11, 27, 21, tzinfo=UTC))


def made(**target: Any) -> Any:
    require_input(target)
    return json.loads(input_of(target, OCCASION))


def test_all_of_it_a_part_or_a_text_of_its_own() -> None:
    assert made() == EVENT
    assert made(Input='{"a": 1}') == {"a": 1}
    assert made(InputPath="$.detail") == EVENT["detail"]
    assert made(InputPath="$.detail.tags[0].name") == "x"
    assert made(InputPath="$.detail['b.c']") == 1
    assert made(InputPath="$.resources[0]") == "arn:aws:s3:::samples"
    assert made(InputPath="$.resources[1]") is None
    assert made(InputPath="$.detail.size.more") is None


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ('{"key": <key>, "size": <size>}', {"key": 'a "quoted" key', "size": 3}),
        ('{"text": "<key> has <size> bytes"}', {"text": 'a "quoted" key has 3 bytes'}),
        ('"<size> bytes"', "3 bytes"),
        ('{"all": <tags>, "in text": "<tags>"}', {"all": [{"name": "x"}], "in text": '[{"name": "x"}]'}),
        ('{"gone": <gone>, "in text": "<gone>!"}', {"gone": "", "in text": "!"}),
        ('{"nothing": <nothing>}', {"nothing": None}),
        ('{"quote \\" <size>": "<unknown>"}', {'quote " 3': "<unknown>"}),
        ('{"rule": "<aws.events.rule-name>"}', {"rule": "r"}),
        ('{"rule": <aws.events.rule-arn>}', {"rule": OCCASION.rule_arn}),
        ('{"at": <aws.events.event.ingestion-time>}', {"at": "2026-11-27T21:00:00Z"}),
        ('{"event": <aws.events.event.json>}', {"event": EVENT}),
        ('{"event": <aws.events.event>}', {"event": {k: v for k, v in EVENT.items() if k != "detail"}}),
    ],
)
def test_a_template_is_filled_with_parts_of_the_event(template: str, expected: Any) -> None:
    paths = {
        "key": "$.detail.key",
        "size": "$.detail.size",
        "tags": "$.detail.tags",
        "gone": "$.detail.gone",
        "nothing": "$.detail.odd name",
    }
    assert made(InputTransformer={"InputPathsMap": paths, "InputTemplate": template}) == expected


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ({"Input": "1", "InputPath": "$"}, "found Input and InputPath, expected one of them"),
        ({"Input": "{"}, "Input is not JSON"),
        ({"InputPath": "detail"}, "found path 'detail'"),
        ({"InputPath": "$.detail[*]"}, "found path"),
        ({"InputTransformer": {"InputPathsMap": {"a": "$..b"}, "InputTemplate": "<a>"}}, "found path '$..b'"),
    ],
)
def test_what_cannot_be_made_is_refused(target: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as caught:
        require_input(target)
    assert said in str(caught.value)
