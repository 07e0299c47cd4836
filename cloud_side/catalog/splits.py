"""Which images are for training, for validation and for the test: a hash of their group says, and nothing else.

So a group never moves, however many others come: it stays where its name, the salt and the shares put it.
"""

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from cloud_side.catalog.labels import strict_json
from edge_inspector.errors import ConfigError

_BITS: Final = 64
_MOST_HASHES: Final = 2_000_000  # what looking for a better salt may cost


class Split(StrEnum):
    """What images of a version are for."""

    TRAIN = "train"
    VAL = "val"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class Shares:
    """How groups are shared out, as parts of their sum.

    Raises:
        ConfigError: If a share is below 0, or there is nothing to train on.
    """

    train: int = 70
    val: int = 15
    test: int = 15

    def __post_init__(self) -> None:
        if min(self.train, self.val, self.test) < 0 or self.train == 0:
            msg = f"shares: expected three whole numbers, 0 or more and the first above 0, found {self}"
            raise ConfigError(msg)

    def __str__(self) -> str:
        return f"{self.train}/{self.val}/{self.test}"

    def document(self) -> dict[str, int]:
        """Return them as JSON."""
        return {Split.TRAIN.value: self.train, Split.VAL.value: self.val, Split.TEST.value: self.test}

    def of(self, split: Split) -> int:
        """Return the share of one split."""
        return self.document()[split.value]


def parse_shares(text: str) -> Shares:
    """Return the shares that `TRAIN/VAL/TEST` says, such as `70/15/15`.

    Raises:
        ConfigError: If it says something else.
    """
    parts = text.split("/")
    if len(parts) != len(Split) or not all(part.isascii() and part.isdigit() for part in parts):
        msg = f"shares: expected TRAIN/VAL/TEST as whole numbers, for example 70/15/15, found {text!r}"
        raise ConfigError(msg)
    return Shares(*map(int, parts))


@dataclass(frozen=True, slots=True)
class SplitRule:
    """How a dataset is split, the same for all of its versions.

    Attributes:
        salt: Another one shuffles all groups anew.
        shares: Of the splits.
    """

    salt: str
    shares: Shares = Shares()

    def split_of(self, group: str) -> Split:
        """Return where a group is, now and in every later version."""
        digest = hashlib.sha256(strict_json([self.salt, group]).encode()).digest()
        total = self.shares.train + self.shares.val + self.shares.test
        point = int.from_bytes(digest[: _BITS // 8]) * total >> _BITS
        if point < self.shares.test:
            return Split.TEST
        return Split.VAL if point < self.shares.test + self.shares.val else Split.TRAIN

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {"salt": self.salt, "shares": self.shares.document()}

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> "SplitRule":
        """Read what `document` wrote."""
        return cls(str(document["salt"]), Shares(**{str(name): int(part) for name, part in document["shares"].items()}))


def check_groups(groups: Collection[str], rule: SplitRule, least: int) -> None:
    """Let a split pass in which every part that has a share has enough groups.

    Args:
        groups: Each once.
        rule: How they are split.
        least: Groups that a split must have.

    Raises:
        ConfigError: If one has fewer; says what helps.
    """
    counts = _counts(groups, rule)
    if short := _short(counts, rule.shares, least):
        found = ", ".join(f"{counts[split]} in {split.value}" for split in Split)
        msg = (
            f"expected at least {least} of the {len(groups)} groups in {' and '.join(short)}, found {found} "
            f"with salt {rule.salt!r} and shares {rule.shares}; {_advice(groups, rule, least)}"
        )
        raise ConfigError(msg)


def _counts(groups: Collection[str], rule: SplitRule) -> Counter[Split]:
    return Counter(map(rule.split_of, groups))


def _short(counts: Mapping[Split, int], shares: Shares, least: int) -> list[Split]:
    return [split for split in Split if shares.of(split) and counts.get(split, 0) < least]


def _advice(groups: Collection[str], rule: SplitRule, least: int) -> str:
    needed = least * sum(1 for split in Split if rule.shares.of(split))
    if len(groups) < needed:
        return f"label parts of at least {needed} groups, or give a split no share: --shares 100/0/0"
    for number in range(1, 1 + min(1000, _MOST_HASHES // len(groups))):
        other = SplitRule(f"{rule.salt}-{number}", rule.shares)
        counts = _counts(groups, other)
        if not _short(counts, rule.shares, least):
            parts = "/".join(str(counts[split]) for split in Split)
            return f"--salt {other.salt} gives {parts} groups, or choose other --shares"
    return "choose other --shares, a lower --least-groups, or a --salt of your own"
