"""Colors of the operator page: what is written on what can be read, in light and dark (WCAG 2.2, AA)."""

import re
from importlib.resources import files

import pytest

STYLE = (files("edge_inspector.page") / "static" / "app.css").read_text(encoding="utf-8")
_TOKEN = re.compile(r"--([a-z-]+):\s*#([0-9a-f]{6});")
TEXT, SIGN = 4.5, 3.0
_GROUNDS = ("ground", "surface", "raised")
_INKS = ("ink", "faint", "accent", "accept-ink", "reject-ink", "review-ink", "no-verdict-ink")
PAIRS = [
    *((ink, ground, TEXT) for ink in _INKS for ground in _GROUNDS),
    *((f"on-{name}", name, TEXT) for name in ("accent", "accept", "reject", "review", "no-verdict")),
    ("ink", "tint", TEXT),
    ("faint", "tint", TEXT),
    *(("edge", ground, SIGN) for ground in _GROUNDS),
]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_is_written_can_be_read(theme: str) -> None:
    """Every pair of colors that the page puts on each other has the contrast that WCAG AA asks for."""
    tokens = _tokens(theme)
    found = [(front, back, _contrast(tokens[front], tokens[back]), least) for front, back, least in PAIRS]

    assert not [(front, back, contrast) for front, back, contrast, least in found if contrast < least]


def _tokens(theme: str) -> dict[str, str]:
    light, dark = STYLE.split(':root[data-theme="dark"]')[:2]
    tokens = dict(_TOKEN.findall(light))
    return tokens if theme == "light" else tokens | dict(_TOKEN.findall(dark.split("}", 1)[0]))


def _contrast(one: str, other: str) -> float:
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: str) -> float:
    """Return the relative luminance of rrggbb as WCAG defines it."""
    channels = (int(color[at : at + 2], 16) / 255 for at in (0, 2, 4))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
