"""Another model takes over between two parts, another product with its first frame: on the inspect thread."""

import queue
from collections.abc import Callable

from edge_inspector.errors import InspectorError
from edge_inspector.pipeline.change_over import ProductInspected
from edge_inspector.pipeline.hanging import InHand
from edge_inspector.pipeline.inspector import Inspector, Model
from edge_inspector.pipeline.presence import Presence
from edge_inspector.pipeline.reports import Reports


class Switching:
    """Changes model and product; on the inspect thread, `swap_model` apart."""

    def __init__(
        self, inspector: Inspector, reports: Reports, presence: Presence, product: ProductInspected, in_hand: InHand
    ) -> None:
        """Join whom it concerns.

        Args:
            inspector: Looks.
            reports: Judges, and ends what is open.
            presence: Says which model and product it is.
            product: Knows what is inspected, and what is expected.
            in_hand: Knows whether the detector is free.
        """
        self._inspector, self._reports, self._presence = inspector, reports, presence
        self._product, self._in_hand = product, in_hand
        self._models: queue.SimpleQueue[tuple[Model, Callable[[], None]]] = queue.SimpleQueue()

    def swap_model(self, model: Model, on_switched: Callable[[], None]) -> None:
        """Let another model inspect from the next part on; for any thread, see `Pipeline.swap_model`."""
        self._models.put((model, on_switched))

    def to_product(self, product: str | None) -> None:
        """Let what is for a product inspect from the next frame on, where it is not so already."""
        if product is None or product == self._product.running or (change := self._product.take(product)) is None:
            return
        waiting = self._models.qsize()
        try:
            model = change.use()
        except InspectorError as error:
            change.settle(error)
            return
        for _ in range(waiting):  # they look and judge as for the product before; `use` has asked anew for what counts
            self._models.get()
        if model.identity != self._inspector.model.identity:
            self._in_hand.is_blind = False  # as with another model
        self._reports.change_over(model, product)
        self._product.running = product
        self._presence.changed_over(product, model.identity)
        change.on_switched(model)
        change.settle()

    def to_next_model(self) -> None:
        """Let the model that waits inspect from the next frame on, where no part is in the middle."""
        if self._models.empty() or not self._reports.is_between_parts:
            return
        while not self._models.empty():
            model, on_switched = self._models.get()
        is_other = model.identity != self._inspector.model.identity  # else it is the same one, and judges otherwise
        self._reports.use(model)
        if is_other:
            self._in_hand.is_blind = False  # what may hang is not asked any more
            self._presence.model_changed(model.identity)
        on_switched()
