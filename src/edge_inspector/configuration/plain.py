"""Settings made of what a file holds, so that they can be written, compared and shown."""

from collections.abc import Mapping
from enum import Enum
from pathlib import Path

from edge_inspector.settings.section import Section


def plain(value: object) -> object:
    """Return a value of the settings made of mappings, lists, text, numbers, booleans and None, as a file has it."""
    match value:
        case Section():
            return {name: plain(inner) for name, inner in value}
        case Mapping():
            return {str(name): plain(inner) for name, inner in value.items()}
        case tuple() | list():
            return [plain(inner) for inner in value]
        case Enum():
            return plain(value.value)
        case Path():
            return str(value)
        case _:
            return value
