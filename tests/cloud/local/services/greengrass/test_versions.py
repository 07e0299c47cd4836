import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_side.local.services.greengrass.versions import Version, is_met

NUMBERS = st.tuples(*[st.integers(0, 30)] * 3)


@given(NUMBERS, NUMBERS)
def test_versions_order_as_their_numbers(one: tuple[int, int, int], other: tuple[int, int, int]) -> None:
    assert (Version(one) < Version(other)) == (one < other)


def test_versions_order_as_the_standard_says() -> None:
    texts = (
        "1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc.1 1.0.0 1.0.1 1.10.0"
    )
    ordered = [Version.parse(text) for text in texts.split()]
    assert sorted([*ordered[5:], *ordered[:5]]) == ordered
    assert Version.parse("1.2.3+build.7") == Version.parse("1.2.3")


@pytest.mark.parametrize("text", ["1.0", "01.0.0", "1.0.0.0", "v1.0.0", "", "1.0.x", "NEXT_PATCH"])
def test_what_is_no_version_is_said(text: str) -> None:
    with pytest.raises(ValueError, match="expected a semantic version"):
        Version.parse(text)


@pytest.mark.parametrize(
    ("requirement", "met", "unmet"),
    [
        (">=1.0.0 <2.0.0", ["1.0.0", "1.99.9"], ["0.9.9", "2.0.0"]),
        ("=1.2.3", ["1.2.3"], ["1.2.4"]),
        ("1.2.3", ["1.2.3"], ["1.2.4", "1.2.2"]),
        ("^1.2.0", ["1.2.0", "1.9.0"], ["1.1.9", "2.0.0"]),
        ("^0.2.1", ["0.2.1", "0.2.9"], ["0.2.0", "0.3.0"]),
        ("^0.0.3", ["0.0.3"], ["0.0.4"]),
        ("~2.0.1", ["2.0.1", "2.0.9"], ["2.1.0", "2.0.0"]),
        ("2.x", ["2.0.0", "2.9.1"], ["3.0.0"]),
        ("2.1.*", ["2.1.0"], ["2.2.0"]),
        ("*", ["0.0.0", "9.9.9"], []),
        ("1.0.0 || >=3.0.0", ["1.0.0", "3.1.0"], ["2.0.0"]),
        (">1.0.0 <=1.1.0", ["1.0.1", "1.1.0"], ["1.0.0", "1.1.1"]),
    ],
)
def test_a_requirement_is_met_by_these_versions_and_not_by_those(
    requirement: str, met: list[str], unmet: list[str]
) -> None:
    assert all(is_met(requirement, Version.parse(text)) for text in met)
    assert not any(is_met(requirement, Version.parse(text)) for text in unmet)


@pytest.mark.parametrize("requirement", ["", "||", ">=", "latest", ">= 1.0.0 ||", "1.0.0 - 2.0.0"])
def test_what_is_no_requirement_is_said(requirement: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        is_met(requirement, Version((1, 0, 0)))
