"""What the commands print of registered models: lines for people, and documents for programs."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, Final

from cloud_side.catalog.telling import SHORT, table
from cloud_side.training.evaluation.bootstrap import Interval
from cloud_side.training.evaluation.evaluation_file import EvaluationFile
from cloud_side.training.registry.comparing import Comparison
from cloud_side.training.registry.packages import Registered
from cloud_side.training.registry.requests import Approval
from cloud_side.training.registry.scores import GateFile

_WORDS: Final = {
    Approval.PENDING: "waits for approval",
    Approval.APPROVED: "approved",
    Approval.REJECTED: "rejected",
}
_LINEAGE: Final = (
    ("data", "dataset"),
    ("data version", "dataset_version"),
    ("run", "run"),
    ("commit", "git_commit"),
    ("trained at", "trained_at"),
    ("seed", "seed"),
    ("size", "size"),
    ("hyperparameters", "hyperparameters_sha256"),
    ("container", "image"),
    ("training job", "training_job"),
    ("weights", "weights"),
    ("INT8 file", "int8"),
)
_SHARES: Final = frozenset({"escapes", "overkill"})


def listed(packages: Sequence[Registered], champions: Sequence[str]) -> list[str]:
    """Return a line a package.

    Args:
        packages: In the order to be shown.
        champions: ARNs of those that are on the line, or may go there.
    """
    heads = ("model", "version", "state", "registered", "data", "mAP50", "escapes", "int8")
    rows = [
        (
            each.name or each.arn,
            each.version,
            _WORDS[each.approval] + (", champion" if each.arn in champions else ""),
            f"{each.created:%Y-%m-%d %H:%M}",
            each.properties.get("dataset_version", "")[:SHORT],
            each.properties.get("metric:map50", ""),
            each.properties.get("metric:escapes", ""),
            each.properties.get("int8", ""),
        )
        for each in packages
    ]
    return table(heads, rows)


def shown(package: Registered, scores: EvaluationFile | None, gate: GateFile | None) -> Iterator[str]:
    """Yield what a package is: its state, its scores, what the gate said, and where it comes from."""
    yield _fact("model", f"{package.name} {package.version}")
    yield _fact("state", _state(package))
    yield _fact("package", package.arn)
    yield _fact("archive", package.model_uri or "none")
    for name, key in _LINEAGE:
        if key in package.properties:
            yield _fact(name, package.properties[key])
    yield ""
    yield from _scores(scores) if scores is not None else ["scores: none are kept"]
    yield ""
    if gate is None:
        yield "gate: what it said is not kept"
        return
    yield _fact("gate", gate.summary)
    yield from (f"  {'passed' if check.passed else 'FAILED'}  {check.text}" for check in gate.checks)
    yield from (f"  note    {note}" for note in gate.notes)


def _scores(scores: EvaluationFile) -> Iterator[str]:
    model, tested = scores.candidate, scores.tested
    verdicts = model.verdicts
    yield f"scores on {tested.images:,} images of {tested.groups:,} groups, with 95 % ranges:"
    rows = [
        ("mAP50", ranged(model.map50)),
        ("mAP50-95", ranged(model.map50_95)),
        (f"escapes of {verdicts.defective:,} defective parts", ranged(verdicts.escapes, is_share=True)),
        (f"overkill of {verdicts.clean:,} good parts", ranged(verdicts.overkill, is_share=True)),
        ("cost of a part, in overkills", ranged(model.cost)),
        *((f"time of a frame, {name}", f"{each.median_ms:.1f} ms") for name, each in model.latency.items()),
        *(
            (f"class {name}, {each.defects:,} defects", f"AP50 {'none' if each.ap50 is None else f'{each.ap50:.3f}'}")
            for name, each in sorted(model.classes.items())
        ),
    ]
    yield from (f"  {name:<34} {said}" for name, said in rows)


def compared(first: Registered, second: Registered, found: Comparison) -> Iterator[str]:
    """Yield two models side by side, and what can be said of their difference."""
    columns = [_columns(each) for each in (found.first, found.second)]
    rows = [
        (name, *(column.get(name, "not kept") for column in columns))
        for name in ("mAP50", "mAP50-95", "escapes", "overkill")
    ]
    yield from table(("", first.title, second.title), rows)
    yield ""
    if found.problem is not None:
        yield f"not comparable: {found.problem}"
        return
    yield f"both tested on the same {found.images:,} images of {found.groups:,} groups"
    yield f"{first.title} less {second.title}, with 95 % ranges:"
    for name, each in found.differences.items():
        yield f"  {name:<10} {ranged(each, is_share=name in _SHARES, sign='+')}  {_sure(name, each)}"


def _columns(scores: EvaluationFile | None) -> dict[str, str]:
    if scores is None:
        return {}
    model = scores.candidate
    return {
        "mAP50": ranged(model.map50),
        "mAP50-95": ranged(model.map50_95),
        "escapes": ranged(model.verdicts.escapes, is_share=True),
        "overkill": ranged(model.verdicts.overkill, is_share=True),
    }


def _sure(name: str, difference: Interval) -> str:
    is_good_up = name.startswith("map")
    if difference.low > 0:
        return "surely better" if is_good_up else "surely worse"
    if difference.high < 0:
        return "surely worse" if is_good_up else "surely better"
    return "no certain difference"


def ranged(interval: Interval, *, is_share: bool = False, sign: str = "") -> str:
    """Return a number with its range."""
    scale, form = (100, f"{sign}.1f") if is_share else (1, f"{sign}.3f")
    value, low, high = (f"{scale * each:{form}}" for each in (interval.value, interval.low, interval.high))
    return f"{value} % ({low} to {high})" if is_share else f"{value} ({low} to {high})"


def document(package: Registered) -> dict[str, Any]:
    """Return a package as JSON."""
    return {
        "package": package.arn,
        "model": package.name,
        "version": package.version,
        "approval": package.approval.value,
        "why": package.why,
        "registered_at": package.created.isoformat(),
        "model_uri": package.model_uri,
        "properties": dict(package.properties),
    }


def comparison_document(first: Registered, second: Registered, found: Comparison) -> dict[str, Any]:
    """Return a comparison as JSON."""
    return {
        "first": first.title,
        "second": second.title,
        "problem": found.problem,
        "images": found.images,
        "groups": found.groups,
        "differences": {name: asdict(each) for name, each in found.differences.items()},
    }


def _state(package: Registered) -> str:
    said = _WORDS[package.approval]
    who, at = package.properties.get("judged_by"), package.properties.get("judged_at")
    by = f" by {who}" if who else ""
    when = f", {at}" if at else ""
    return f"{said}{by}{when}{f': {package.why}' if package.why else ''}"


def _fact(name: str, said: str) -> str:
    return f"{name + ':':<17} {said}"
