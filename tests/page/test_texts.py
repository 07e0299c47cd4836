"""Words of the operator page: each one comes from the catalogue, and the catalogue has none to spare."""

import json
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

STATIC = Path(str(files("edge_inspector.page") / "static"))
CATALOGUE = json.loads((STATIC / "texts.en.json").read_text(encoding="utf-8"))
SCRIPTS = sorted(STATIC.glob("*.js"))
MARKUP = (STATIC / "index.html").read_text(encoding="utf-8")

_KEY = re.compile(r"""\b(?:t|knows)\(\s*["']([^"']+)["']""")
_BEGINNING = re.compile(r"\b(?:t|knows)\(\s*`([^`$]+)\$\{")
_MARKED = re.compile(r'data-t(?:-label)?="([^"]+)"')
_COMMENT = re.compile(r"/\*.*?\*/|(?<![:\"'`])//[^\n]*", re.DOTALL)
_SENTENCE = re.compile(r"""(["'`])((?:(?!\1)[^\n\\]|\\.)*)\1""")
_FIELD = re.compile(r"\{(\w+)\}")


def test_every_word_that_is_asked_for_is_in_the_catalogue() -> None:
    """A key without a text would show itself to the operator."""
    missing = _keys() - CATALOGUE.keys()
    empty = {beginning for beginning in _beginnings() if not any(key.startswith(beginning) for key in CATALOGUE)}

    assert not missing
    assert not empty


def test_every_text_of_the_catalogue_is_used() -> None:
    """Who translates the catalogue translates nothing in vain."""
    beginnings, keys = tuple(_beginnings()), _keys()

    spare = [key for key in CATALOGUE if key not in keys and not key.startswith(beginnings)]

    assert not spare


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_have_no_words_of_their_own(script: Path) -> None:
    """A sentence in a script is one that nobody can translate."""
    code = _COMMENT.sub("", script.read_text(encoding="utf-8"))
    code = re.sub(r"(?:console\.\w+|new Error)\([^\n]*", "", code)

    found = [text for _, text in _SENTENCE.findall(code) if re.search(r"(?<![\w#.-])[A-Z][a-z]+ [a-z]{2,}", text)]

    assert not found


def test_the_markup_has_no_words_of_its_own() -> None:
    """Text of the markup comes from the catalogue, by data-t."""
    body = re.sub(r"<!doctype html>", "", MARKUP)
    texts = [text.strip() for text in re.findall(r">([^<]*)<", body)]

    assert not [text for text in texts if text]
    assert not re.findall(r'(?:aria-label|title|placeholder|alt)="', MARKUP)


def test_nothing_is_written_into_the_markup_that_the_policy_of_the_page_forbids() -> None:
    """Scripts and styles come from files: no handler, no style attribute, no markup made of texts, no other host."""
    for path in (*SCRIPTS, STATIC / "index.html"):
        source = path.read_text(encoding="utf-8")
        code = _COMMENT.sub("", source) if path.suffix == ".js" else source
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", code), (
            path
        )
        assert not re.search(r"""https?://(?!www\.w3\.org/2000/svg)""", code), path
        assert not re.search(r"""<[^>]+\s(?:style|on\w+)=""", MARKUP)


def test_texts_can_be_filled_in() -> None:
    """A text is one string, or one for one and one for more of something."""
    for key, text in CATALOGUE.items():
        if isinstance(text, dict):
            assert set(text) == {"one", "other"}, key
            assert "n" in _FIELD.findall(text["other"]), key
        for each in text.values() if isinstance(text, dict) else [text]:
            assert each, key
            assert each == each.strip(), key
            assert "{" not in _FIELD.sub("", each), key


def _keys() -> set[str]:
    return {key for code in _codes() for key in _KEY.findall(code)} | set(_MARKED.findall(MARKUP))


def _beginnings() -> set[str]:
    return {beginning for code in _codes() for beginning in _BEGINNING.findall(code)}


def _codes() -> Iterator[str]:
    for script in SCRIPTS:
        yield _COMMENT.sub("", script.read_text(encoding="utf-8"))
