"""What the line was set up for outlives the process, and a person's configuration is more recent than it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge_inspector.app.product_memory import Begun, ProductMemory, Remembered, begin
from edge_inspector.events import ProductChange

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
KNOWN = ("a", "b", "c")


def was(product: str, configured: str) -> Remembered:
    return Remembered(product, "shift lead", AT, configured)


@pytest.mark.parametrize(
    ("remembered", "configured", "begun"),
    [
        (None, "a", Begun("a", None, ProductChange.START)),
        (was("b", "a"), "a", Begun("b", "b", ProductChange.START, "shift lead", is_remembered=True)),
        (was("b", "a"), "c", Begun("c", "b", ProductChange.CONFIGURATION)),
        (was("b", "a"), "b", Begun("b", "b", ProductChange.START)),
    ],
)
def test_with_which_product_a_station_starts(remembered: Remembered | None, configured: str, begun: Begun) -> None:
    assert begin(remembered, configured=configured, known=KNOWN) == begun


def test_a_product_that_is_gone_gives_way_to_the_configured_one_and_that_is_said() -> None:
    begun = begin(was("gone", "a"), configured="a", known=KNOWN)
    assert (begun.product, begun.previous, begun.cause) == ("a", "gone", ProductChange.CONFIGURATION)
    assert begun.problem is not None
    assert "gone" in begun.problem


def test_what_was_written_is_read(tmp_path: Path) -> None:
    memory = ProductMemory(tmp_path)
    assert memory.read() is None
    for remembered in (was("b", "a"), Remembered("c", None, AT, "a")):
        memory.write(remembered)
        assert ProductMemory(tmp_path).read() == remembered
    assert (tmp_path / "product.json").stat().st_mode & 0o777 == 0o600


def test_without_a_home_nothing_is_remembered() -> None:
    memory = ProductMemory(None)
    memory.write(was("b", "a"))
    assert memory.read() is None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"product": 1}', b"\xff", b'{"product": "a", "by": null}'])
def test_where_it_cannot_be_read_the_configured_product_starts_and_that_is_said(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "product.json").write_bytes(content)
    begun = ProductMemory(tmp_path).begin(configured="b", known=KNOWN)
    assert (begun.product, begun.previous, begun.is_remembered) == ("b", None, False)
    assert begun.problem is not None
    assert "product.json" in begun.problem
