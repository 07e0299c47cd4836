"""Which events a pattern is about: the cases of the documentation, and what it leaves to be guessed."""

import json
from typing import Any

import pytest

from cloud_side.local.services.events.patterns import Pattern, PatternError

EVENT = {
    "version": "0",
    "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
    "detail-type": "Object Created",
    "source": "aws.s3",
    "time": "2026-11-27T18:43:48Z",
    "resources": ["arn:aws:s3:::samples", "arn:aws:s3:::other"],
    "detail": {
        "bucket": {"name": "samples"},
        "object": {"key": "samples/site=a/x.JPG", "size": 300, "ratio": 0.5},
        "reason": "PutObject",
        "flag": True,
        "nothing": None,
        "empty": "",
        "none": [],
        "tags": [{"key": "a", "value": 1}, {"key": "b", "value": 2}],
        "numbers": [1, 2, 30],
        "price": 300.0,
        "path": "a*b\\c",
    },
}


def matches(detail: Any) -> bool:
    return Pattern(json.dumps({"detail": detail})).matches(EVENT)


def test_all_fields_must_fit_and_one_value_of_each() -> None:
    pattern = {"source": ["aws.s3", "aws.ec2"], "detail-type": ["Object Created"]}
    assert Pattern(json.dumps(pattern)).matches(EVENT)
    assert not Pattern(json.dumps({**pattern, "source": ["aws.ec2"]})).matches(EVENT)
    assert not Pattern(json.dumps({**pattern, "other": ["x"]})).matches(EVENT)
    assert not Pattern(json.dumps(pattern)).matches("no object")


def test_a_list_fits_when_one_of_it_does() -> None:
    assert Pattern('{"resources": ["arn:aws:s3:::other"]}').matches(EVENT)
    assert not Pattern('{"resources": ["arn:aws:s3:::third"]}').matches(EVENT)
    assert matches({"tags": {"key": ["a"], "value": [1]}})
    assert not matches({"tags": {"key": ["a"], "value": [2]}})  # those are of two


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        ({"reason": ["PutObject"]}, True),
        ({"reason": ["putobject"]}, False),
        ({"object": {"size": [300]}}, True),
        ({"price": [300]}, False),  # numbers are compared as they are written
        ({"price": [300.0]}, True),
        ({"flag": [True]}, True),
        ({"flag": [1]}, False),
        ({"object": {"size": ["300"]}}, False),
        ({"nothing": [None]}, True),
        ({"empty": [""]}, True),
        ({"empty": [None]}, False),
        ({"absent": [None]}, False),
        ({"object": {"key": [{"prefix": "samples/"}]}}, True),
        ({"object": {"key": [{"prefix": "models/"}, {"suffix": ".JPG"}]}}, True),
        ({"object": {"key": [{"suffix": ".jpg"}]}}, False),
        ({"object": {"key": [{"suffix": {"equals-ignore-case": ".jpg"}}]}}, True),
        ({"object": {"key": [{"prefix": {"equals-ignore-case": "SAMPLES"}}]}}, True),
        ({"object": {"size": [{"prefix": "3"}]}}, False),
        ({"reason": [{"equals-ignore-case": "putobject"}]}, True),
        ({"reason": [{"equals-ignore-case": "put"}]}, False),
        ({"reason": [{"anything-but": "CopyObject"}]}, True),
        ({"reason": [{"anything-but": "PutObject"}]}, False),
        ({"reason": [{"anything-but": ["CopyObject", "PutObject"]}]}, False),
        ({"object": {"size": [{"anything-but": [1, 2]}]}}, True),
        ({"object": {"size": [{"anything-but": 300}]}}, False),
        ({"absent": [{"anything-but": "x"}]}, False),
        ({"numbers": [{"anything-but": [1, 2]}]}, True),
        ({"numbers": [{"anything-but": [1, 2, 30]}]}, False),
        ({"reason": [{"anything-but": {"prefix": "Put"}}]}, False),
        ({"reason": [{"anything-but": {"prefix": ["Copy", "Delete"]}}]}, True),
        ({"reason": [{"anything-but": {"suffix": "Object"}}]}, False),
        ({"reason": [{"anything-but": {"equals-ignore-case": ["PUTOBJECT"]}}]}, False),
        ({"object": {"key": [{"anything-but": {"wildcard": "*/site=b/*"}}]}}, True),
        ({"object": {"size": [{"numeric": ["=", 300]}]}}, True),
        ({"price": [{"numeric": ["=", 300]}]}, True),
        ({"object": {"size": [{"numeric": [">", 0, "<=", 300]}]}}, True),
        ({"object": {"size": [{"numeric": [">", 0, "<", 300]}]}}, False),
        ({"object": {"ratio": [{"numeric": [">=", 0.5]}]}}, True),
        ({"reason": [{"numeric": ["<", 1]}]}, False),
        ({"flag": [{"numeric": ["=", 1]}]}, False),
        ({"object": {"key": [{"exists": True}]}}, True),
        ({"object": {"etag": [{"exists": True}]}}, False),
        ({"object": {"etag": [{"exists": False}]}}, True),
        ({"nothing": [{"exists": True}]}, True),
        ({"gone": {"deep": [{"exists": False}]}}, True),
        ({"object": [{"exists": True}]}, False),  # asked of leaves only
        ({"none": [{"exists": True}]}, False),
        ({"tags": {"key": [{"exists": True}]}}, True),
        ({"object": {"key": [{"wildcard": "samples/*/x.*"}]}}, True),
        ({"object": {"key": [{"wildcard": "samples/*"}]}}, True),
        ({"object": {"key": [{"wildcard": "amples/*"}]}}, False),
        ({"object": {"key": [{"wildcard": "samples/site=a/x.JPG*x.JPG"}]}}, False),  # no letter counts twice
        ({"object": {"key": [{"wildcard": "*.JPG*.JPG"}]}}, False),
        ({"object": {"key": [{"wildcard": "samples/site=a/x.JPG"}]}}, True),
        ({"object": {"key": [{"wildcard": "*"}]}}, True),
        ({"empty": [{"wildcard": "*"}]}, True),
        ({"empty": [{"wildcard": ""}]}, True),
        ({"reason": [{"wildcard": ""}]}, False),
        ({"path": [{"wildcard": "a\\*b\\\\c"}]}, True),
        ({"path": [{"wildcard": "a\\**"}]}, True),
        ({"$or": [{"reason": ["x"]}, {"object": {"size": [300]}}]}, True),
        ({"$or": [{"reason": ["x"]}, {"object": {"size": [3]}}]}, False),
        ({"reason": ["x"], "$or": [{"flag": [True]}, {"flag": [False]}]}, False),
    ],
)
def test_a_value_fits_as_documented(wanted: dict[str, Any], fits: bool) -> None:  # noqa: FBT001 - a parameter
    assert matches(wanted) is fits


def test_an_event_of_any_depth_is_looked_into() -> None:
    deep: Any = "x"
    for _ in range(900):
        deep = [deep]
    pattern = Pattern('{"detail": {"deep": ["x"], "other": [{"exists": false}]}}')
    assert pattern.matches({"detail": {"deep": deep}})
    assert not pattern.matches({"detail": {"deep": [deep, {}], "other": deep}})


def test_many_wildcards_take_no_longer_than_a_few() -> None:
    assert not Pattern(json.dumps({"key": [{"wildcard": "*a" * 40 + "b"}]})).matches({"key": "a" * 100_000})
    assert Pattern(json.dumps({"key": [{"wildcard": "*a" * 40 + "*"}]})).matches({"key": "a" * 100_000})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it is not JSON"),
        ("[]", "$: found []"),
        ("{}", "$: found {}"),
        ('{"source": "aws.s3"}', '$.source: found "aws.s3", expected an object with fields, or a list of values'),
        ('{"source": []}', "$.source: found []"),
        ('{"detail": {"a": {}}}', "$.detail.a: found {}"),
        ('{"a": [["x"]]}', '$.a: found ["x"], expected a value, or an object with one operator'),
        ('{"a": [{"prefix": "x", "suffix": "y"}]}', "expected a value, or an object with one operator"),
        ('{"a": [{"starts": "x"}]}', '$.a: found {"starts": "x"}, which is no operator with its operand'),
        ('{"a": [{"prefix": 1}]}', "which is no operator with its operand"),
        ('{"a": [{"exists": "true"}]}', "which is no operator with its operand"),
        ('{"a": [{"numeric": [">"]}]}', "which is no operator with its operand"),
        ('{"a": [{"numeric": ["~", 1]}]}', "expected a comparison and a number"),
        ('{"a": [{"numeric": [">", "1"]}]}', "expected a comparison and a number"),
        ('{"a": [{"anything-but": []}]}', "which is no operator with its operand"),
        ('{"a": [{"anything-but": ["x", 1]}]}', "which is no operator with its operand"),
        ('{"a": [{"anything-but": {"prefix": 1}}]}', "found 1 for prefix, expected a text"),
        ('{"a": [{"wildcard": "a**b"}]}', "expected no **"),
        ('{"a": [{"wildcard": "a\\\\b"}]}', "expected no **"),
        ('{"a": [{"cidr": "10.0.0.0/8"}]}', "which is no operator with its operand"),
    ],
)
def test_what_is_no_pattern_is_refused_with_the_place_and_the_reason(text: str, said: str) -> None:
    with pytest.raises(PatternError) as caught:
        Pattern(text)
    assert said in str(caught.value)
