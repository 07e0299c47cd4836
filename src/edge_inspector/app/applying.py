"""Other settings on a line that runs, and what is told of the thresholds among them."""

from datetime import UTC, datetime

from edge_inspector.app.changing import Line
from edge_inspector.decision import Policy
from edge_inspector.settings import Settings


def apply_live(line: Line, settings: Settings, *, product: str | None, by: str | None) -> None:
    """Let other settings decide from the next part on; tell of thresholds that are others now.

    Args:
        line: It runs.
        settings: As they are for the product in force.
        product: That product, where the line changes over.
        by: Who wants it, where somebody has said so.

    Raises:
        ConfigError: If the policy contradicts the model; all is as before then.
    """
    opened = line.looks.opened
    before = {} if opened is None else _limits(opened.model.policy)
    if not line.looks.apply(settings) or opened is None:
        return
    line.relearn_rates()
    now = _limits(opened.model.policy)
    if changed := [label for label, limits in now.items() if limits != before[label]]:
        message = line.writer.thresholds_changed(
            datetime.now(UTC),
            model=opened.identity,
            product=product,
            thresholds={label: now[label] for label in changed},
            previous={label: before[label] for label in changed},
            by=by,
        )
        line.publish(message)


def _limits(policy: Policy) -> dict[str, tuple[float, float]]:
    return {label: (limits.review_at, limits.reject_at) for label, limits in policy.classes.items()}
