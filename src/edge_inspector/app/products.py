"""Change-over: the line is set up for another product as one, model, policy and camera, or stays as it is.

The order is what makes it one: the next model is open, warm and checked before anything changes; the camera is set up
between two frames and marks every frame with what it is of; the inspect thread changes with the first frame so marked.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from edge_inspector.alarms import PRODUCT_REFUSED, Alarm, Severity
from edge_inspector.app.applying import apply_live
from edge_inspector.app.changing import Line, Product, carry_out
from edge_inspector.app.one_change import OneChange
from edge_inspector.app.product_memory import Begun, ProductMemory, Remembered
from edge_inspector.app.thresholds import LocalThresholds
from edge_inspector.errors import InspectorError, RefusedError, SourceError
from edge_inspector.events import EventWriter, Json, ProductChange, model_document
from edge_inspector.inspection import ModelIdentity
from edge_inspector.pipeline.change_over import ChangeOver
from edge_inspector.pipeline.inspector import Model
from edge_inspector.ports import FrameSource
from edge_inspector.settings import Settings
from edge_inspector.settings.for_product import with_product
from edge_inspector.sources.marked import RecordedProducts
from edge_inspector.topics import Message

_log = logging.getLogger(__name__)


class Products:
    """What the line is set up for, and how it comes to be set up for something else; for all threads.

    Attributes:
        code: The product in force; None where there are none.
        thresholds: What was set on the operator page; it stands above the configuration.
        changes: Whoever changes something of this holds up all others.
    """

    def __init__(self, settings: Settings, folder: Path | None, stop: threading.Event) -> None:
        """Find out with which product the station starts.

        Args:
            settings: The whole configuration, as it was written.
            folder: The daemon's home; without one the configured product starts.
            stop: Ends every wait.
        """
        self._base, self._stop = settings, stop
        self._memory = ProductMemory(folder)
        self.thresholds = LocalThresholds(folder)
        self.changes = OneChange(stop)
        self._is_unwritten = False  # what is in force
        self._joined: Line | None = None
        configured = settings.station.product
        self._begun: Begun | None = None
        self.code = configured
        if settings.products and configured is not None:
            self._begun = self._memory.begin(configured=configured, known=settings.products)
            self.code = self._begun.product

    @property
    def settings(self) -> Settings:
        """The configuration as it is for the product in force, with what was set on the operator page."""
        return self._as_for(self.code)

    @property
    def configured(self) -> Settings:
        """The same without what was set there."""
        return with_product(self._base, self.code)

    @property
    def marks(self) -> str | None:
        """What frames are marked with; None where nothing changes over."""
        return self.code if self._base.products else None

    def every(self) -> list[Settings]:
        """Return the configuration as it is for each product."""
        return [self._as_for(code) for code in self._base.products]

    def busy(self) -> str | None:
        """Return in words what a restart would disturb now, or None."""
        if self.changes.takes_place:
            return "the line is being changed over"
        return None if self._joined is None else self._joined.looks.busy()

    def alarms(self) -> tuple[Alarm, ...]:
        """Return what a person should know of the start."""
        if self._begun is None or self._begun.problem is None:
            return ()
        text = f"The line does not start as it ended: {self._begun.problem}. It is set up for {self.code!r}."
        _log.warning("%s", text)
        return (_alarm(text),)

    def first_messages(self, writer: EventWriter, model: ModelIdentity) -> tuple[Message, ...]:
        """Return what is told of the product at the start."""
        if self._begun is None:
            return ()
        begun = self._begun
        now, previous = datetime.now(UTC), begun.previous
        message = writer.product_changed(
            now, product=begun.product, previous=previous, cause=begun.cause, by=begun.by, model=model
        )
        return (message,)

    def around_recording(self, source: FrameSource) -> FrameSource:
        """Return a recording around which the line changes over as its frames say."""
        return source if self.marks is None else RecordedProducts(source, self.code, begin=self.follow_recorded)

    def join(self, line: Line) -> None:
        """Change this line over from now on: all is open, and what it starts with is in force."""
        self._joined = line
        if self._begun is not None and not self._begun.is_remembered:
            self._remember(line, self._begun.by, datetime.now(UTC))
        self.thresholds.forget_outdated(self._base)

    @property
    def follows_plc(self) -> bool:
        """Whether the PLC says what the line makes."""
        identity = self._base.identity
        has_register = identity is not None and identity.product is not None and identity.changes_over
        return has_register and self.marks is not None

    def apply(self, settings: Settings) -> None:
        """Use other settings from the next frame, or the next part on, as they are for the product in force.

        Raises:
            ConfigError: If the policy contradicts the model.
            SourceError: If a change-over takes place that does not end.
        """
        with self.changes.soon():
            base, self._base = self._base, settings
            try:
                self.reapply()
            except InspectorError:
                self._base = base
                raise
            self.thresholds.forget_outdated(settings)

    def reapply(self, *, by: str | None = None) -> None:
        """Let what is in force by now decide from the next part on; only while other changes are held up.

        Args:
            by: Who wants it, where somebody has said so.

        Raises:
            ConfigError: If the policy contradicts the model.
        """
        apply_live(self._flow(), self.settings, product=self.marks, by=by)

    def reopen_source(self, settings: Settings) -> None:
        """Close the source and open it as other settings say, for the product in force.

        Raises:
            SourceError, ConfigError: As `OpenSource.instead`; the old one is read on.
        """
        with self.changes.soon():
            flow = self._flow()
            source, close_old = flow.source.instead(with_product(settings, self.code), self.marks)
            self._base = settings
            flow.pipeline.swap_source(source, close_old=close_old)

    def follow_recorded(self, code: str) -> Callable[[float], bool]:
        """Change over with the next frame, which a recording says is of another product; call it on its thread.

        Returns:
            What waits so many seconds for that, and returns whether it is done.

        Raises:
            InspectorError: If what looks at the product cannot be opened.
        """
        flow = self._flow()
        if code not in self._base.products:
            msg = f"the recording has frames of product {code!r}; expected {', '.join(sorted(self._base.products))}"
            raise SourceError(msg)
        prepared = flow.looks.prepare(self._as_for(code))

        def on_switched(_: Model) -> None:
            self.code = code

        change = ChangeOver(code, prepared.use, on_switched)
        flow.pipeline.expect(change)

        def is_done(timeout_s: float) -> bool:
            if not change.wait(timeout_s):
                return False
            if change.failure is not None:
                prepared.drop()
                raise change.failure
            prepared.keep()
            return True

        return is_done

    def command(self, arguments: Mapping[str, object]) -> Mapping[str, Json]:
        """Run the command `product`.

        Raises:
            RefusedError: If it cannot run now, or there is no such product.
            InspectorError: If it failed; the line is as before.
        """
        code, by = arguments.get("code"), arguments.get("by")
        if not isinstance(code, str):
            msg = "code: expected the code of a product, found nothing"
            raise RefusedError(msg)
        return self.change(code, by=by if isinstance(by, str) else None, cause=ProductChange.COMMAND)

    def change(self, code: str, *, by: str | None, cause: ProductChange) -> dict[str, Json]:
        """Set the line up for a product; returns once its frames are inspected as such, in bounded time.

        Args:
            code: The product.
            by: Who wants it.
            cause: What wants it.

        Returns:
            `product`, `previous` and `model`, as the event has them.

        Raises:
            BusyError: If another change-over takes place.
            RefusedError: If there is no such product, or the station stops.
            InspectorError: If it failed; the line is as before.
        """
        with self.changes.now():
            try:
                return self._change(code, by=by, cause=cause)
            except InspectorError as error:
                if self._joined is not None and not self._stop.is_set():
                    text = f"The line stays set up for {self.code!r}, it was not changed over to {code!r}: {error}"
                    self._joined.pipeline.alarms.clear(PRODUCT_REFUSED)  # else what it says is that of the one before
                    self._joined.pipeline.alarms.raise_(_alarm(text))
                raise

    def _change(self, code: str, *, by: str | None, cause: ProductChange) -> dict[str, Json]:
        flow, previous = self._flow(), self.code
        if code not in self._base.products or previous is None:
            msg = f"code: expected one of {', '.join(sorted(self._base.products))}, found {code!r}"
            raise RefusedError(msg)
        if code == previous:
            if not self._is_unwritten or self._remember(flow, by, datetime.now(UTC)):
                flow.pipeline.alarms.clear(PRODUCT_REFUSED, text=f"the line is set up for {code!r}")
            return {"product": code, "previous": previous, "model": model_document(flow.pipeline.model)}
        prepared = flow.looks.prepare(self._as_for(code))
        at: list[datetime] = []

        def on_switched(model: Model) -> None:
            at.append(datetime.now(UTC))
            self.code = code
            flow.publish(
                flow.writer.product_changed(
                    at[0], product=code, previous=previous, cause=cause, by=by, model=model.identity
                )
            )

        change = ChangeOver(code, prepared.use, on_switched)
        try:
            wanted, before = Product(code, self._as_for(code)), Product(previous, self.settings)
            carry_out(change, flow, wanted=wanted, before=before, stop=self._stop)
        except BaseException:
            prepared.drop()
            raise
        flow.pipeline.alarms.clear(PRODUCT_REFUSED, text=f"the line was changed over to {code!r}")
        self._remember(flow, by, at[0])  # first of all: a process that ends now starts so again
        prepared.keep()
        flow.relearn()
        _log.info("the line is set up for product %r", code)
        return {"product": code, "previous": previous, "model": model_document(flow.pipeline.model)}

    def _remember(self, flow: Line, by: str | None, at: datetime) -> bool:
        """Write down what is in force, or tell that a restart would not know it."""
        code, configured = self.code, self._base.station.product
        if code is None or configured is None:
            return True
        self._is_unwritten = False
        try:
            self._memory.write(Remembered(code, by, at, configured))
        except OSError as error:
            self._is_unwritten = True
            text = f"The line is set up for {code!r}, but a restart would not know it: {error}"
            what_to_do = f"Make room on the disk, then send the command `product` with {code!r} again."
            flow.pipeline.alarms.raise_(Alarm(PRODUCT_REFUSED, Severity.CRITICAL, text, what_to_do), lasting=True)
        return not self._is_unwritten

    def _as_for(self, code: str | None) -> Settings:
        return self.thresholds.over(with_product(self._base, code), code if self._base.products else None)

    def _flow(self) -> Line:
        if self._joined is None:
            msg = "the station is not open yet"
            raise RefusedError(msg)
        return self._joined


def _alarm(text: str) -> Alarm:
    what_to_do = "Look at what it says, then change over with the command `product`; check that the right parts come."
    return Alarm(PRODUCT_REFUSED, Severity.CRITICAL, text, what_to_do)
