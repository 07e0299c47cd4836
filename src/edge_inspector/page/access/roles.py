"""Roles: what a person may do, each including the one before."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal, Self, TypeAlias

SignedInBy: TypeAlias = Literal["page", "proxy"]


class Role(IntEnum):
    """What a person may do."""

    NOTHING = 0  # but sign in
    VIEWER = 1  # look
    OPERATOR = 2  # judge results too
    ADMIN = 3  # change what judges too

    @classmethod
    def named(cls, name: str) -> Self:
        """Return the role of a name as the settings spell it."""
        return cls[name.upper()]

    @property
    def label(self) -> str:
        """Its name as the settings and the API spell it."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks.

    Attributes:
        user: Name of the person; None where nobody has signed in.
        role: What they may do.
        csrf: What a request that changes something must repeat in the header `X-CSRF-Token`; None where nobody has
            signed in, who may change nothing.
        by: Who has signed the person in.
    """

    user: str | None
    role: Role
    csrf: str | None = None
    by: SignedInBy | None = None
