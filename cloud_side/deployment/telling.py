"""What people are told of a rollout."""

from collections.abc import Iterator
from typing import Any, Final

from cloud_side.deployment.records import NOT_BACK, OPEN, Outcome, Record, Stage, Wave, Wish

_LONGEST_SUBJECT: Final = 100  # SNS
_LONGEST: Final = 4000  # letters of a message


def told_of(record: Record) -> dict[str, Any]:
    """Return what became of a rollout: `outcome`, `subject`, `message`, `rollout`."""
    about = f"{record.title} as {record.plan.component} {record.component_version or 'without a version'}"
    match record.outcome:
        case Outcome.DONE:
            subject, message = f"{record.title}: rolled out", f"{about} is on {_groups(record)}."
        case Outcome.ROLLED_BACK:
            subject = f"{record.title}: rolled back"
            message = f"{about} was taken back: {record.reason}.\n{_back(record)}"
        case Outcome.OVERTAKEN:
            subject, message = f"{record.title}: not rolled out", f"{about} was not rolled out: {record.reason}."
        case _ if record.rollback_of is not None:
            subject = f"{record.title}: not taken back"
            message = f"{_left(record)}{about} was to be taken back: {record.reason}.\n{_back(record)}"
        case _:
            subject = (
                f"{record.title}: the rollout failed{', and it is not back everywhere' if left_of(record) else ''}"
            )
            message = f"{_left(record)}{about} was not rolled out: {record.reason}.\n{_back(record)}"
    return _told(record.outcome.value, subject, message, record.id)


def told_of_nothing(rollout: str, reason: str) -> dict[str, Any]:
    """Return what is told of a rollout that has no record."""
    return _told(Outcome.FAILED.value, "The rollout failed", f"Rollout {rollout}: {reason}", rollout)


def lines_of(record: Record, wish: Wish | None) -> Iterator[str]:
    """Yield a rollout for people."""
    yield f"{record.id}  {record.outcome.value}  {record.title}{f'  {record.reason}' if record.reason else ''}"
    yield f"  begun {record.begun_at:%Y-%m-%d %H:%M:%S} by {record.by}: {record.why}"
    if record.component_version is not None:
        yield f"  {record.plan.component} {record.component_version}"
    if wish is not None and record.outcome in OPEN:
        yield f"  {wish.wish} by {wish.by}{f': {wish.why}' if wish.why else ''}"
    for wave in record.waves:
        yield f"  {wave.group:<28} {wave.stage.value:<10} {_counted(wave)}{f'  {wave.told}' if wave.told else ''}"


def left_of(record: Record) -> list[Wave]:
    """Return the waves of a rollout that has begun, and failed, that do not have what they had before."""
    return [] if record.outcome is Outcome.WAITING else [wave for wave in record.waves if wave.stage in NOT_BACK]


def ended_on_the_way(record: Record) -> str:
    """Return why a rollout has failed whose execution is gone."""
    told = "its execution ended on the way"
    return f"{told}; `rollout rollback {record.id}` takes it back" if left_of(record) else told


def _counted(wave: Wave) -> str:
    devices, seen = wave.counts, wave.seen
    parts = [
        f"{number} {name}"
        for name, number in (
            ("ok", devices.ok),
            ("failed", devices.failed),
            ("offline", devices.offline),
            ("waiting", devices.waiting),
            ("proved", seen.proved),
            ("bad", seen.bad),
            ("silent", seen.silent),
            ("alarms", seen.alarms),
        )
        if number
    ]
    return ", ".join(parts)


def _groups(record: Record) -> str:
    return ", ".join(wave.group for wave in record.waves)


def _left(record: Record) -> str:
    """Return what must be read first, and cut off last: where the model still is."""
    if not (left := left_of(record)):
        return ""
    told = "".join(f" {wave.group}: {wave.told}." for wave in left if wave.told)
    groups = ", ".join(wave.group for wave in left)
    return f"NOT BROUGHT BACK: {groups}. `rollout rollback {record.rollback_of or record.id}` tries again.{told}\n"


def _back(record: Record) -> str:
    back = [wave for wave in record.waves if wave.stage is Stage.RESTORED]
    if not back and left_of(record):
        return ""
    if not back and not record.waves:
        is_back = record.rollback_of is not None
        return "It was not its turn yet: nothing was changed." if is_back else "Nothing was deployed."
    if not back:
        return "Nothing had to be brought back."
    unsure = "".join(f" {wave.group}: {wave.told}." for wave in back if wave.told)
    return f"What was there before is back on {', '.join(wave.group for wave in back)}.{unsure}"


def _told(outcome: str, subject: str, message: str, rollout: str) -> dict[str, Any]:
    return {
        "outcome": outcome,
        "subject": subject[:_LONGEST_SUBJECT],
        "message": message[:_LONGEST].rstrip(),
        "rollout": rollout,
    }
