"""What people are told of a run: one subject, and a text that says what happened and what to do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cloud_side.training.triggers.records import Outcome, Record

_LONGEST_SUBJECT = 100  # SNS


@dataclass(frozen=True, slots=True)
class Told:
    """What became of a run.

    Attributes:
        outcome: Of it; None where nothing was to be done.
        subject: One line.
        message: All of it.
        package: ARN of the model package that was registered.
    """

    outcome: Outcome | None
    subject: str
    message: str
    package: str | None = None

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        outcome = "nothing" if self.outcome is None else self.outcome.value
        return {
            "outcome": outcome,
            "subject": self.subject[:_LONGEST_SUBJECT],
            "message": self.message,
            "package": self.package,
        }


def nothing_to_do(why: str) -> Told:
    """Return what is told where nothing is trained."""
    return Told(None, "Nothing to train", f"No model was trained: {why}.")


@dataclass(frozen=True, slots=True)
class Found:
    """What is there of a run once its pipeline has ended.

    Attributes:
        status: Of the pipeline's execution, as SageMaker says it; "" where it never began.
        gate: What `gate.json` says; None where there is none.
        registered: What `registered.json` says; None where there is none.
        failures: Why steps failed.
        report: Address of the gate's report.
    """

    status: str
    gate: Mapping[str, Any] | None
    registered: Mapping[str, Any] | None
    failures: Sequence[str]
    report: str


def told_of(record: Record, found: Found) -> Told:
    """Return what is told of a run, by what there is of it."""
    gate, registered, report = found.gate, found.registered, found.report
    about = f"{record.model}, trained on {record.dataset}@{record.version[:12]}"
    if found.status == "Succeeded" and registered is not None and registered.get("package"):
        package = str(registered["package"])
        message = (
            f"{about}: it passed the gate and waits for approval.\n{package}\n{_summary(gate)}The report: {report}\n"
            "Approve it with `edge-inspector-cloud model approve`, or reject it with a reason."
        )
        return Told(Outcome.WAITING, f"{record.model}: a model waits for approval", message, package)
    if gate is not None and gate.get("passed") is False:
        failed = (each.get("text") or each.get("name") for each in gate.get("checks", ()) if not each.get("passed"))
        reasons = "".join(f"- {text}\n" for text in failed)
        message = f"{about}: the gate refused it, the line keeps its model.\n{reasons}The report: {report}"
        return Told(Outcome.REFUSED, f"{record.model}: the gate refused the new model", message)
    why = "; ".join(found.failures) or f"the pipeline {f'ended as {found.status}' if found.status else 'never began'}"
    return Told(Outcome.FAILED, f"{record.model}: training failed", f"{about}: failed: {why}")


def _summary(gate: Mapping[str, Any] | None) -> str:
    summary = "" if gate is None else str(gate.get("summary", ""))
    return f"{summary}\n" if summary else ""
