"""Tables in a terminal: aligned, as wide as it is, and nothing in them steers it."""

from cloud_side.drawing.visits import Outcome
from cloud_side.local.cli.tables import Style, padded, table


def test_columns_are_aligned_and_the_last_one_is_cut() -> None:
    lines = table([("a", "b" * 100), ("long", "c")], Style(30), heads=("ONE", "TWO"))

    assert lines == ["ONE   TWO", f"a     {'b' * 23}…", "long  c"]


def test_wide_characters_take_two_columns() -> None:
    assert padded("検査", 6) == "検査  "
    assert padded("検査検査", 5) == "検査…"
    assert padded("e\u0301", 2) == "e\u0301 "


def test_colors_are_only_for_a_terminal() -> None:
    plain = table([("x",)], Style(30), heads=("H",), outcomes=[Outcome.FAILED])
    colored = table([("x",)], Style(30, is_colored=True), heads=("H",), outcomes=[Outcome.FAILED])

    assert plain == ["H", "x"]
    assert colored == ["H", "\033[31;1mx\033[0m"]


def test_what_could_steer_the_terminal_is_shown() -> None:
    assert table([("a\033[2J\r\nb",)], Style(30), heads=("H",))[1] == "a␛[2J b"
