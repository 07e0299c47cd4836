"""Whether a new configuration has proved itself: pure, from the accounts of its flow."""

from dataclasses import dataclass
from enum import StrEnum

PROOF_S = 30.0  # where no part comes, a flow that has run for so long is good


class Proof(StrEnum):
    """What is known of a configuration on trial."""

    PENDING = "pending"
    GOOD = "good"
    FAILED = "failed"  # no frame could be inspected


@dataclass(frozen=True, slots=True)
class Trial:
    """A configuration on trial.

    Attributes:
        digest: What it is known by.
        began_s: When it came into force, monotonic.
        inspected_before: Frames that the same flow had inspected by then.
        failed_before: Frames on which the inspection had failed by then.
    """

    digest: str
    began_s: float
    inspected_before: int = 0
    failed_before: int = 0

    def judge(self, *, now_s: float, inspected: int, failed: int) -> Proof:
        """Return what its flow's accounts say: one frame that was inspected is proof enough."""
        if inspected > self.inspected_before:
            return Proof.GOOD
        if now_s - self.began_s < PROOF_S:
            return Proof.PENDING
        return Proof.FAILED if failed > self.failed_before else Proof.GOOD
