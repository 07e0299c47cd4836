"""Thresholds on the operator page: looked at, tried on the last parts, and changed while the line runs."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol

from edge_inspector.app.detector import OpenModel
from edge_inspector.app.last_parts import LastParts
from edge_inspector.app.models import StationModel
from edge_inspector.app.products import Products
from edge_inspector.app.thresholds import Entry, SetOnThePage, digest_of
from edge_inspector.decision import Policy
from edge_inspector.errors import InspectorError, RefusedError
from edge_inspector.page.desk import ClassLimits, ThresholdsInForce, Tried
from edge_inspector.settings import ClassThresholds


class _Limits(Protocol):
    @property
    def review_at(self) -> float: ...
    @property
    def reject_at(self) -> float: ...


class StationThresholds:
    """The thresholds of a station, for the page; as `ThresholdDesk`."""

    def __init__(self, products: Products, looks: StationModel, last: LastParts) -> None:
        """Join what it asks.

        Args:
            products: Knows what is in force, and changes it.
            looks: The model that runs.
            last: The last parts.
        """
        self._products, self._looks, self._last = products, looks, last

    def in_force(self) -> ThresholdsInForce | None:
        """As the port."""
        opened = self._looks.opened
        if opened is None:
            return None
        identity, product = opened.identity, self._products.marks
        override = self._products.settings.policy.override
        is_set = isinstance(override, SetOnThePage) and override.fits(identity.sha256, opened.thresholds)
        entry = self._products.thresholds.of(product) if is_set else None
        return ThresholdsInForce(
            model=identity,
            product=product,
            classes=_limits(opened.model.policy.classes),
            of_model=_limits(opened.thresholds),
            floor=max(opened.model.floor, self._last.floor(identity)),
            set_by=None if entry is None else entry.by,
            set_at=None if entry is None else entry.at,
            parts=self._last.count(identity),
        )

    def preview(self, classes: Mapping[str, ClassLimits], parts: int) -> Sequence[Tried]:
        """As the port."""
        opened = self._opened(classes)
        return self._last.tried(opened.model, _with_limits(opened.model.policy, classes), parts)

    def change(
        self, classes: Mapping[str, ClassLimits], *, model_sha256: str, product: str | None = None, by: str
    ) -> None:
        """As the port."""
        with self._at_rest(product):
            opened = self._opened(classes)
            if opened.identity.sha256 != model_sha256:
                msg = f"model {opened.identity.sha256[:12]} runs; expected {model_sha256[:12]}, which they were set for"
                raise RefusedError(msg)
            entry = Entry(
                product=self._products.marks,
                model_sha256=model_sha256,
                classes={
                    label: ClassThresholds(review_at=limits.review_at, reject_at=limits.reject_at)
                    for label, limits in classes.items()
                },
                by=by,
                at=datetime.now(UTC),
                configured=digest_of(self._products.configured.policy.override),
            )
            self._put(entry, by=by)

    def reset(self, *, product: str | None = None, by: str) -> None:
        """As the port."""
        with self._at_rest(product):
            self._put(None, by=by)

    @contextmanager
    def _at_rest(self, product: str | None) -> Iterator[None]:
        """Hold change-overs up, and check the product: two may share a model, which does not tell them apart.

        Raises:
            RefusedError: If one takes place, or the line is set up for another product than this one.
        """
        with self._products.changes.now():
            marks = self._products.marks
            if product not in {None, marks}:
                msg = f"the line is set up for {marks or 'no product'}; expected {product}, which they were set for"
                raise RefusedError(msg)
            yield

    def _opened(self, classes: Mapping[str, ClassLimits]) -> OpenModel:
        """Return the model that runs.

        Raises:
            RefusedError: If none does, or these are no thresholds of it.
        """
        opened = self._looks.opened
        if opened is None:
            msg = "no model runs: frames are gathered for the first one"
            raise RefusedError(msg)
        if set(classes) != set(opened.thresholds):
            expected, found = ", ".join(sorted(opened.thresholds)), ", ".join(sorted(classes))
            msg = f"expected thresholds of each class of the model, {expected}; found {found or 'none'}"
            raise RefusedError(msg)
        for label, limits in classes.items():
            if not 0 <= limits.review_at <= limits.reject_at <= 1:
                found = f"{limits.review_at} and {limits.reject_at}"
                msg = f"{label}: expected 0 <= review_at <= reject_at <= 1, found {found}"
                raise RefusedError(msg)
        return opened

    def _put(self, entry: Entry | None, *, by: str) -> None:
        """Write it down, then let it decide."""
        local, product = self._products.thresholds, self._products.marks
        before = local.of(product)
        local.set(product, entry)
        try:
            self._products.reapply(by=by)
        except InspectorError:
            local.set(product, before)
            raise


def _limits(classes: Mapping[str, _Limits]) -> dict[str, ClassLimits]:
    return {label: ClassLimits(limits.review_at, limits.reject_at) for label, limits in classes.items()}


def _with_limits(policy: Policy, classes: Mapping[str, ClassLimits]) -> Policy:
    limits = {
        label: replace(before, review_at=classes[label].review_at, reject_at=classes[label].reject_at)
        for label, before in policy.classes.items()
    }
    return replace(policy, classes=limits)
