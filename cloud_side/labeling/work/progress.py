"""How far the work on an order is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the work on an order is, for one person.

    Attributes:
        items: All.
        answered: Those that have all of their answers.
        mine: Those that this person has answered.
        waiting: Those that others hold now.
        excluded: Those that this person must not verify.
    """

    items: int
    answered: int
    mine: int
    waiting: int
    excluded: int

    def document(self) -> dict[str, int]:
        """Return it as JSON."""
        return {name: getattr(self, name) for name in self.__slots__}
