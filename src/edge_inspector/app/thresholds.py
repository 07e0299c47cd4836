"""Thresholds that a person has set on the operator page, remembered over restarts.

They stand above those of the configuration, for one product and one model, until a person takes them back, or the
configuration has a newer word on its own.
"""

import hashlib
import json
import logging
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path

from pydantic import AwareDatetime, TypeAdapter

from edge_inspector.durable import write_lasting
from edge_inspector.errors import InspectorError
from edge_inspector.settings import ClassThresholds, PolicySettings, Settings, ThresholdOverride
from edge_inspector.settings.for_product import with_product
from edge_inspector.settings.section import Section

_log = logging.getLogger(__name__)
_NAME = "thresholds.json"


class SetOnThePage(ThresholdOverride):
    """In the place of the configured thresholds: what a person has set."""

    by: str
    configured: ThresholdOverride | None

    def fits(self, sha256: str, class_names: Collection[str]) -> bool:
        """Return whether they were made for a model."""
        return self.model_sha256 == sha256 and set(self.classes) == set(class_names)


class Entry(Section):
    """What a person has set for one product.

    Attributes:
        product: Its code; None where nothing changes over.
        model_sha256: The model that it is for.
        classes: The thresholds, of each of its classes.
        by: Who.
        at: When.
        configured: Digest of the configured override that it has taken the place of.
    """

    product: str | None
    model_sha256: str
    classes: Mapping[str, ClassThresholds]
    by: str
    at: AwareDatetime
    configured: str


_FILE: TypeAdapter[list[Entry]] = TypeAdapter(list[Entry])


class LocalThresholds:
    """The file of it, and what it makes of the configuration; without a folder nothing outlives the process."""

    def __init__(self, folder: Path | None, *, is_ours: bool = True) -> None:
        """Read what was set; where that cannot be read, the configured thresholds rule.

        Args:
            folder: The daemon's home.
            is_ours: We are that daemon: a file that cannot be read is kept aside.
        """
        self._path = None if folder is None else folder / _NAME
        self._entries: dict[str | None, Entry] = {}  # never changed, but replaced: read by all threads
        if self._path is not None:
            self._entries = _read(self._path, is_ours=is_ours)

    def of(self, product: str | None) -> Entry | None:
        """Return what was set for a product, in force or not."""
        return self._entries.get(product)

    def over(self, settings: Settings, product: str | None) -> Settings:
        """Return the settings of a product with what was set for it, as long as the configuration says what it said.

        Args:
            settings: As the configuration has them for the product.
            product: Its code; None where nothing changes over.
        """
        entry, configured = self._entries.get(product), settings.policy.override
        if entry is None or entry.configured != digest_of(configured):
            return settings
        override = SetOnThePage(
            model_sha256=entry.model_sha256, classes=dict(entry.classes), by=entry.by, configured=configured
        )
        return settings.model_copy(update={"policy": settings.policy.model_copy(update={"override": override})})

    def set(self, product: str | None, entry: Entry | None) -> None:
        """Write down what a person has set for a product, on the disk when this returns; None: nothing any more.

        Raises:
            InspectorError: If that failed; what was set before still is.
        """
        others = {code: each for code, each in self._entries.items() if code != product}
        entries = others if entry is None else {**others, product: entry}
        if self._path is not None:
            try:
                write_lasting(self._path, _FILE.dump_json([*entries.values()], indent=2) + b"\n")
            except OSError as error:
                msg = f"{self._path}: expected to write the thresholds down, found: {error}"
                raise InspectorError(msg) from error
        self._entries = entries

    def forget_outdated(self, settings: Settings) -> None:
        """Forget what was set before the configuration changed its own; call it once that is in force.

        Args:
            settings: The whole configuration, as it was written.
        """
        for product, entry in list(self._entries.items()):
            if product is not None and product not in settings.products:
                continue
            if entry.configured == digest_of(with_product(settings, product).policy.override):
                continue
            named = "" if product is None else f" for product {product!r}"
            _log.warning(
                "the thresholds that %s set on the page%s lapse: policy.override was changed since", entry.by, named
            )
            try:
                self.set(product, None)
            except InspectorError as error:  # they stay outdated all the same
                _log.warning("%s", error)


def digest_of(override: ThresholdOverride | None) -> str:
    """Return what tells configured thresholds from others."""
    document = None if override is None else override.model_dump(mode="json")
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def with_thresholds_in_force(settings: Settings) -> Settings:
    """Return the same settings with what was set on the page as if it were configured, for what must not change it.

    Args:
        settings: The whole configuration, as it was written.
    """
    local = LocalThresholds(settings.home if settings.keeps_on_disk else None, is_ours=False)
    if not settings.products:
        return settings.model_copy(update={"policy": _as_configured(local.over(settings, None).policy)})
    products = {}
    for code, product in settings.products.items():
        before = with_product(settings, code)
        after = local.over(before, code)
        is_set = after is not before
        products[code] = product.model_copy(update={"policy": _as_configured(after.policy)}) if is_set else product
    return settings.model_copy(update={"products": products})


def _as_configured(policy: PolicySettings) -> PolicySettings:
    override = policy.override
    if not isinstance(override, SetOnThePage):
        return policy
    plain = ThresholdOverride(model_sha256=override.model_sha256, classes=override.classes)
    return policy.model_copy(update={"override": plain})


def _read(path: Path, *, is_ours: bool) -> dict[str | None, Entry]:
    try:
        return {entry.product: entry for entry in _FILE.validate_json(path.read_bytes())}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        found = " ".join(str(error).split())
        _log.error(
            "%s: expected thresholds that were set on the page, found: %s; the configured ones rule", path, found
        )
        if is_ours:
            with suppress(OSError):
                path.replace(path.with_name(f"{path.name}.unreadable"))
        return {}
