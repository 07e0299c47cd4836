"""What a station remembers of its models over restarts: which runs, which is good, which were refused. Pure."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from edge_inspector.events import ModelProof
from edge_inspector.inspection import ModelIdentity
from edge_inspector.models.probation import Counts

_MOST_REJECTED = 200
_MOST_STARTS = 2  # a model under which the process has died so often is not tried again


@dataclass(frozen=True, slots=True)
class Rejection:
    """A model that was refused.

    Attributes:
        model: Which one. Of a package that says nothing, name and version are those of its folder.
        reason: What was found and what was expected.
        at: When, aware UTC.
        ran: It had taken over, and was taken back.
    """

    model: ModelIdentity
    reason: str
    at: datetime
    ran: bool = False


@dataclass(frozen=True, slots=True)
class Probation:
    """That the model that runs has still to prove itself.

    Attributes:
        since: When it took over, aware UTC.
        starts: Runs of the process with it that did not end well, and the one that goes on.
        before: What came of the latest parts under the model before it.
    """

    since: datetime
    starts: int = 1
    before: Counts = field(default_factory=Counts)


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered; None for a model means the one that the configuration names.

    Attributes:
        running: The model that runs, or does with the next part.
        previous: The last good one before it.
        probation: None when `running` is good.
        rejected: Refused ones, the latest last.
        proof: What `running` had done when its probation ended well; of a model that had none, nothing.
    """

    running: ModelIdentity | None = None
    previous: ModelIdentity | None = None
    probation: Probation | None = None
    rejected: tuple[Rejection, ...] = ()
    proof: ModelProof = field(default_factory=ModelProof)

    @property
    def kept(self) -> tuple[ModelIdentity, ...]:
        """The models whose packages are needed."""
        return tuple(model for model in (self.running, self.previous) if model is not None)

    @property
    def is_hopeless(self) -> bool:
        """Whether the process has died so often under the model on probation that it is not started again."""
        return self.probation is not None and self.probation.starts >= _MOST_STARTS

    def rejection_of(self, model: ModelIdentity) -> Rejection | None:
        """Return why a model was refused; None when it was not."""
        return next((rejection for rejection in self.rejected if rejection.model == model), None)

    def switched(self, model: ModelIdentity, probation: Probation | None) -> "Memory":
        """Let a model run; what is gone back to is the last good one, never one that had still to prove itself."""
        if model == self.running:
            return self
        if self.probation is not None and model == self.previous:
            return self.fallen_back(model)
        previous = self.running if self.probation is None else self.previous
        return replace(self, running=model, previous=previous, probation=probation, proof=ModelProof())

    def trusted(self, proof: ModelProof) -> "Memory":
        """End the probation well, with what the model has done in it."""
        return replace(self, probation=None, proof=proof)

    def refused(self, rejection: Rejection) -> "Memory":
        """Remember a candidate that did not get to run."""
        others = tuple(other for other in self.rejected if other.model != rejection.model)
        return replace(self, rejected=(*others, rejection)[-_MOST_REJECTED:])

    def taken_back(self, rejection: Rejection) -> "Memory":
        """Go back to the last good model, and remember what ran as refused."""
        return self.fallen_back(self.previous).refused(replace(rejection, ran=True))

    def fallen_back(self, model: ModelIdentity | None) -> "Memory":
        """Let a good model run, whose own predecessor is not known any more."""
        return replace(self, running=model, previous=None, probation=None, proof=ModelProof())

    def forgetting(self, sha256: str) -> "Memory":
        """Forget the refusals of the models whose sha256 begins so."""
        kept = tuple(rejection for rejection in self.rejected if not rejection.model.sha256.startswith(sha256))
        return replace(self, rejected=kept)

    def started(self) -> "Memory":
        """Count a start under a model on probation."""
        return self._with_starts(1)

    def ended(self) -> "Memory":
        """Take a start back that has ended well."""
        return self._with_starts(-1)

    def _with_starts(self, more: int) -> "Memory":
        if self.probation is None:
            return self
        starts = max(0, self.probation.starts + more)
        return replace(self, probation=replace(self.probation, starts=starts))
