"""JSON that a state was given or gave, as much of it as a person reads."""

import re
from dataclasses import dataclass

KEPT_CHARACTERS = 6_000
_PART = re.compile(r'"(?:[^"\\]|\\.)*"?|[{}\[\],:]|[^\s{}\[\],:"]+')
_DEEPEST = 24


@dataclass(frozen=True, slots=True)
class Payload:
    """The beginning of a text, and how long it is."""

    text: str
    characters: int

    @property
    def is_cut(self) -> bool:
        """Return whether there is more than is kept."""
        return self.characters > len(self.text)

    @property
    def size(self) -> str:
        """Return how long the whole is, for a person."""
        return f"{self.characters:,} characters"

    def indented(self) -> str:
        """Return it with line breaks, also where it is cut: numbers and texts stay as they were written."""
        return indented(self.text)

    def on_one_line(self, longest: int) -> str:
        """Return its beginning, without line breaks."""
        text = " ".join(self.text[: 4 * longest].split())
        return text if len(text) <= longest and not self.is_cut else f"{text[: max(0, longest - 1)]}…"


def payload(text: str | None) -> Payload | None:
    """Return what is kept of a text."""
    return None if text is None else Payload(text[:KEPT_CHARACTERS], len(text))


def indented(text: str) -> str:
    """Return JSON, or the beginning of it, with one member a line; empty objects and lists stay on theirs."""
    lines: list[str] = [""]
    depth, opened = 0, False
    for part in _PART.findall(text):
        if part in "}]":
            depth = max(0, depth - 1)
            if not opened:
                lines.append("  " * min(depth, _DEEPEST))
        elif opened:
            lines.append("  " * min(depth, _DEEPEST))
        opened = part in "{["
        depth += opened
        lines[-1] += f"{part} " if part == ":" else part
        if part == ",":
            lines.append("  " * min(depth, _DEEPEST))
    return "\n".join(lines)
