"""For which product the line is set up, remembered over restarts."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from edge_inspector.durable import write_lasting
from edge_inspector.events.kinds import ProductChange
from edge_inspector.settings import Settings

_NAME = "product.json"


@dataclass(frozen=True, slots=True)
class Remembered:
    """A product that was in force.

    Attributes:
        product: Its code.
        by: Who changed over to it, where somebody has said so.
        at: When, aware UTC.
        configured: What `station.product` was then.
    """

    product: str
    by: str | None
    at: datetime
    configured: str


@dataclass(frozen=True, slots=True)
class Begun:
    """The product that a station starts with.

    Attributes:
        product: Its code.
        previous: What was in force before; None where nobody knows.
        cause: Why it is this one.
        by: Who changed over to it.
        problem: Why it is not the one that was in force, where no person wanted that.
        is_remembered: It is written down already that this one is in force.
    """

    product: str
    previous: str | None
    cause: ProductChange
    by: str | None = None
    problem: str | None = None
    is_remembered: bool = False


class ProductMemory:
    """The file of it; without a folder nothing outlives the process."""

    def __init__(self, folder: Path | None) -> None:
        self._path = None if folder is None else folder / _NAME

    def write(self, remembered: Remembered) -> None:
        """Remember a product; whole, and on the disk when this returns.

        Raises:
            OSError: If that failed; what was remembered still is.
        """
        if self._path is not None:
            document = {
                "product": remembered.product,
                "by": remembered.by,
                "at": remembered.at.isoformat(),
                "configured": remembered.configured,
            }
            write_lasting(self._path, json.dumps(document, indent=2).encode() + b"\n")

    def read(self) -> Remembered | None:
        """Return what is remembered, if anything is.

        Raises:
            OSError, ValueError: If it cannot be read.
        """
        try:
            return None if self._path is None else _parse(json.loads(self._path.read_bytes()))
        except FileNotFoundError:
            return None

    def begin(self, *, configured: str, known: Collection[str]) -> Begun:
        """Return with which product a station starts, as `begin`; the configured one if it cannot be read."""
        try:
            return begin(self.read(), configured=configured, known=known)
        except (OSError, ValueError) as error:
            problem = f"{self._path}: expected the product in force, found: {error}"
            return Begun(configured, None, ProductChange.START, problem=problem)


def begin(remembered: Remembered | None, *, configured: str, known: Collection[str]) -> Begun:
    """Return with which product a station starts.

    What was in force stays in force, unless a person has since configured another one to start with, or it is not
    configured any more.

    Args:
        remembered: What was in force.
        configured: What `station.product` is now.
        known: Every product there is.
    """
    if remembered is None:
        return Begun(configured, None, ProductChange.START)
    was = remembered.product
    if remembered.configured != configured:
        cause = ProductChange.START if was == configured else ProductChange.CONFIGURATION
        return Begun(configured, was, cause)
    if was not in known:
        problem = f"it was set up for product {was!r}, which is not configured any more"
        return Begun(configured, was, ProductChange.CONFIGURATION, problem=problem)
    return Begun(was, was, ProductChange.START, remembered.by, is_remembered=True)


def starting_with(settings: Settings) -> Settings:
    """Return the same settings with the product that a station would start with now as the configured one."""
    configured = settings.station.product
    if not settings.products or configured is None:
        return settings
    memory = ProductMemory(settings.home if settings.keeps_on_disk else None)
    begun = memory.begin(configured=configured, known=settings.products)
    return settings.model_copy(update={"station": settings.station.model_copy(update={"product": begun.product})})


def _parse(document: object) -> Remembered:
    match document:
        case {"product": str(product), "by": None | str() as by, "at": str(at), "configured": str(configured)}:
            return Remembered(product, by, datetime.fromisoformat(at), configured)
    msg = f"expected product, by, at and configured, found {str(document)[:80]}"
    raise ValueError(msg)
