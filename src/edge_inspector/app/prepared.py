"""What is ready to look at the next product, and what then becomes of what looks now."""

from collections.abc import Callable
from dataclasses import dataclass

from edge_inspector.inspection import ModelIdentity
from edge_inspector.pipeline.inspector import Model


@dataclass(frozen=True, slots=True)
class Prepared:
    """A model that is open and warm, and a policy that fits it; one of `keep` and `drop` must be called.

    Attributes:
        model: Which model it is, as far as is known before the switch.
        use: Called on the inspect thread at the switch: returns what looks and judges from then on. Takes no time.
            Raises ConfigError if the policy no longer fits the model that runs by then.
        keep: Called after the switch: frees what looked before.
        drop: Called where it does not come to that: frees what was opened.
    """

    model: ModelIdentity
    use: Callable[[], Model]
    keep: Callable[[], None]
    drop: Callable[[], None]
