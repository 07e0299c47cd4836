"""Words of the labeling page: each one comes from the catalogue, and the catalogue has none to spare."""

import json
import re
from importlib.resources import files
from pathlib import Path

STATIC = Path(str(files("cloud_side.labeling.page") / "static"))
CATALOGUE = json.loads((STATIC / "texts.en.json").read_text(encoding="utf-8"))
MARKUP = (STATIC / "index.html").read_text(encoding="utf-8")
_COMMENT = re.compile(r"/\*.*?\*/|(?<![:\"'`])//[^\n]*", re.DOTALL)
CODES = {path.name: _COMMENT.sub("", path.read_text(encoding="utf-8")) for path in sorted(STATIC.glob("*.js"))}

_KEY = re.compile(r"""\bt\(\s*["']([^"']+)["']""")
_BEGINNING = re.compile(r"\b(?:t|knows)\(\s*`([^`$]+)\$\{")
_MARKED = re.compile(r'data-t="([^"]+)"')
_SENTENCE = re.compile(r"""(["'`])((?:(?!\1)[^\n\\]|\\.)*)\1""")
_FIELD = re.compile(r"\{(\w+)\}")


def test_every_word_that_is_asked_for_is_in_the_catalogue_and_no_other_one() -> None:
    """A key without a text would show itself, and who translates the catalogue translates nothing in vain."""
    keys = {key for code in CODES.values() for key in _KEY.findall(code)} | set(_MARKED.findall(MARKUP))
    beginnings = tuple(beginning for code in CODES.values() for beginning in _BEGINNING.findall(code))

    assert not keys - CATALOGUE.keys()
    assert all(any(key.startswith(beginning) for key in CATALOGUE) for beginning in beginnings)
    assert not [key for key in CATALOGUE if key not in keys and not key.startswith(beginnings)]


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


def test_scripts_and_markup_have_no_words_of_their_own() -> None:
    """A sentence in a script is one that nobody can translate."""
    for name, code in CODES.items():
        sentences = [text for _, text in _SENTENCE.findall(re.sub(r"(?:console\.\w+|new Error)\([^\n]*", "", code))]
        assert not [text for text in sentences if re.search(r"(?<![\w#.-])[A-Z][a-z]+ [a-z]{2,}", text)], name
    assert not [text for text in re.findall(r">([^<]*)<", MARKUP.partition("<head>")[2]) if text.strip()]


def test_nothing_is_written_that_the_policy_of_the_page_forbids() -> None:
    """Scripts and styles come from files: no handler, no style attribute, no markup made of texts, no other host."""
    forbidden = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function"
    for name, code in {**CODES, "index.html": MARKUP}.items():
        assert not re.search(forbidden, code), name
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", code), name
    assert not re.search(r"<[^>]+\s(?:style|on\w+)=", MARKUP)
