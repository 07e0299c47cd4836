"""Elements of a page. A text is escaped unless it is an element already, so that data never becomes one."""

import html
from collections.abc import Iterable
from typing import TypeAlias

Content: TypeAlias = "str | Iterable[Content] | None"

_VOID = frozenset({"br", "img", "meta"})
_UNSEEN = {code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n\r"} | {0x7F: 0x2421}
_TURNING = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)), "\N{REPLACEMENT CHARACTER}")


class Markup(str):
    """Text that is markup: made here, or written in this package."""

    __slots__ = ()


def element(name: str, /, *content: Content, **attributes: str | float | None) -> Markup:
    """Return an element.

    Args:
        name: Its tag.
        content: Elements, and texts that are escaped; None is nothing.
        attributes: `class_` stands for class, `aria_label` for aria-label; None leaves one out.
    """
    said = "".join(_attribute(key, value) for key, value in attributes.items() if value is not None)
    return Markup(f"<{name}{said}>" if name in _VOID else f"<{name}{said}>{''.join(_parts(content))}</{name}>")


def _attribute(key: str, value: str | float) -> str:
    text = _number(value) if isinstance(value, int | float) else shown(value)
    return f' {key.rstrip("_").replace("_", "-")}="{html.escape(text)}"'


def shown(text: str) -> str:
    """Return a text whose control characters can be seen, and change nothing of what stands beside them."""
    return text.translate(_UNSEEN).translate(_TURNING).encode("utf-8", "replace").decode()


def _parts(content: Content) -> Iterable[str]:
    if isinstance(content, Markup):
        yield content
    elif isinstance(content, str):
        yield html.escape(shown(content), quote=False)
    elif content is not None:
        for each in content:
            yield from _parts(each)


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
