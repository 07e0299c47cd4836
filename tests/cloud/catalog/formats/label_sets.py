"""Sets of labels as hypothesis draws them: all that a set may say, and what forms find hard to say."""

from pathlib import PurePosixPath

from hypothesis import strategies as st

from cloud_side.catalog.interchange import ImageLabels, LabelSet
from cloud_side.catalog.labels import Box, LabelError, check_inside

_CHARACTERS = st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp"), exclude_characters="\ufffe\uffff")
_WORDS = st.text(_CHARACTERS, min_size=1, max_size=6).filter(lambda text: text == text.strip())
# What YAML, XML, or a splitter of lines would take for something else.
_HARD_WORDS = st.sampled_from(
    ["no", "1e3", "null", "~", "0", "a: b", "# x", "- y", "&a", "*b", "<b>", "ü ß", "傷 1", "'", '"']
)
_CLASSES = st.lists(_WORDS | _HARD_WORDS, min_size=1, max_size=4, unique=True)
_STEMS = (_WORDS | _HARD_WORDS).filter(lambda text: not set(text) & set("/\\:") and not text.startswith("."))
_FOLDERS = st.sampled_from(["images/", "JPEGImages/", "images/a/", "", "two words/", "images/images/"])
_SUFFIXES = st.sampled_from([".jpg", ".JPG", ".jpeg", ".png"])
_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 10**12)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
_EXTRA = st.dictionaries(st.sampled_from(["lineage", "elsewhere"]), _JSON, max_size=2)


def label_of(name: str) -> str:
    """Return what of a name forms with a file an image tell images apart by."""
    return str(PurePosixPath(name).with_suffix("")).removeprefix("images/").removeprefix("JPEGImages/")


@st.composite
def boxes(draw: st.DrawFn, class_names: list[str], width: int, height: int) -> Box:
    """Draw a box inside an image: of whole pixels, of parts of them, of very small parts."""
    label = draw(st.sampled_from(class_names))
    if draw(st.booleans()):
        left, top = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
        return Box(label, left, top, draw(st.integers(1, width - left)), draw(st.integers(1, height - top)))
    sides = []
    for size in (width, height):
        start = draw(st.floats(0, size, exclude_max=True))
        length = draw(st.floats(0, size - start, exclude_min=True))
        sides.append((start, min(length, size - start)))
    (x, wide), (y, high) = sides
    box = Box(label, x, y, wide, high)
    try:
        check_inside([box], width, height)
    except LabelError:  # by the rounding of a sum
        return Box(label, 0, 0, width, height)
    return box


@st.composite
def images(draw: st.DrawFn, name: str, class_names: list[str]) -> ImageLabels:
    """Draw an image of a set."""
    width, height = draw(st.integers(1, 9_000)), draw(st.integers(1, 9_000))
    is_labeled = draw(st.booleans() | st.just(value=True))
    return ImageLabels(
        name,
        width,
        height,
        tuple(draw(st.lists(boxes(class_names, width, height), max_size=3))) if is_labeled else (),
        draw(st.none() | _WORDS),
        draw(st.sampled_from([None, "train", "val", "test", "fold-1", "Validation"])),
        is_labeled,
        draw(_EXTRA),
    )


@st.composite
def label_sets(draw: st.DrawFn) -> LabelSet:
    """Draw a set of at least one image."""
    class_names = draw(_CLASSES)
    names = draw(
        st.lists(st.builds("{}{}{}".format, _FOLDERS, _STEMS, _SUFFIXES), min_size=1, max_size=4, unique_by=label_of)
    )
    return LabelSet(tuple(class_names), tuple(draw(images(name, class_names)) for name in names), draw(_EXTRA))
