"""A running station, and what may change of it while it runs."""

import threading
from collections.abc import Callable

from edge_inspector.app.products import Products
from edge_inspector.app.threshold_desk import StationThresholds
from edge_inspector.pipeline.flow import Pipeline
from edge_inspector.pipeline.options import Totals
from edge_inspector.ports import AlarmPanel
from edge_inspector.settings import Settings


class Station:
    """A pipeline, and what may change of it while it runs; `build` opens it.

    Attributes:
        thresholds: Looked at, tried, changed.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        products: Products,
        thresholds: StationThresholds,
        *,
        relearn: Callable[[], None] | None,
    ) -> None:
        """Join what `build` has opened.

        Args:
            pipeline: Not yet running.
            products: What the line is set up for.
            thresholds: What a person may set of it.
            relearn: Called when another source shows other pictures.
        """
        self.thresholds = thresholds
        self._pipeline = pipeline
        self._products = products
        self._relearn = relearn

    @property
    def alarms(self) -> AlarmPanel:
        """Where alarms are raised and cleared."""
        return self._pipeline.alarms

    def run(self, stop: threading.Event) -> Totals:
        """Run until `stop` is set or the source ends; see `Pipeline.run`."""
        return self._pipeline.run(stop)

    def totals(self) -> Totals:
        """Return the accounts as they are now."""
        return self._pipeline.totals()

    def apply(self, settings: Settings) -> None:
        """Use other settings from the next frame, or the next part on, as far as they are applied while the flow runs.

        Raises:
            ConfigError: If the policy contradicts the model.
        """
        self._products.apply(settings)

    def reopen_source(self, settings: Settings) -> None:
        """Close the source and open it as other settings say; the rest of the station goes on.

        Raises:
            SourceError: If it cannot be opened; the old one is read on.
            ConfigError: If a file that it names cannot be used.
        """
        self._products.reopen_source(settings)
        if self._relearn is not None:
            self._relearn()
