"""What each step of the workflow begins with: its rollout, and what people want of it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from botocore.exceptions import ClientError

from cloud_side.clients import open_bucket
from cloud_side.deployment.judging import Failed, Verdict, Wait, judge_time, pause_s
from cloud_side.deployment.keeping import Kept, check_lock, read_record, read_wish, the, waited_s, write_record
from cloud_side.deployment.records import Record, Wish
from cloud_side.deployment.runtime import clock
from cloud_side.objects import Bucket, Client, code_of

_ASKS_S: Final = 400.0  # of the 900 s that a function may take


@dataclass(slots=True)
class Opened:
    """A rollout in the hands of a step.

    Attributes:
        now: When the step began.
        wish: What people want.
        asks_until_s: Time on the monotonic clock at which it asks no more devices.
    """

    bucket: Bucket
    kept: Kept
    now: datetime
    wish: Wish | None
    asks_until_s: float = field(default_factory=lambda: time.monotonic() + _ASKS_S)

    @property
    def record(self) -> Record:
        """As it is kept."""
        return self.kept.record

    @property
    def is_paused(self) -> bool:
        """Nothing new is begun."""
        return self.wish is not None and self.wish.wish == "pause"

    @property
    def abort(self) -> str | None:
        """Why a person aborts it; None where nobody does."""
        if self.wish is None or self.wish.wish != "abort":
            return None
        return f"aborted by {self.wish.by}: {self.wish.why}"

    def end(self) -> dict[str, Any] | None:
        """Return the answer that ends it: a person aborts it, or its time is over; None where it goes on."""
        if self.abort is not None:
            return answer("fail", self.abort, blames=True)
        late = judge_time(self.record, self.now)
        return None if late is None else answer("fail", late.reason)

    def keep(self, record: Record) -> None:
        """Keep another record in place of this one, unless it is the same.

        Raises:
            RecordLostError: If somebody else has written it.
        """
        if record != self.kept.record:
            self.kept = write_record(self.bucket, record, self.kept.etag)

    def check_turn(self) -> None:
        """Let it pass that it is this rollout's turn, before anything is deployed.

        Raises:
            ConfigError: If it is not: its execution was stopped, and another one goes on.
        """
        check_lock(self.bucket, self.record.id)

    def waited_s(self, since: datetime) -> float:
        """Return how long something is waited for, without pauses."""
        return waited_s(self.now, since, self.wish)

    def wait(self, since: datetime, reason: str = "") -> dict[str, Any]:
        """Return the answer that the same is to be looked at again."""
        stage_s = (self.now - since).total_seconds()
        all_s = (self.now - self.record.begun_at).total_seconds()
        return answer("wait", reason, pause=pause_s(stage_s=stage_s, all_s=all_s))

    def after(self, verdict: Verdict, since: datetime) -> dict[str, Any]:
        """Return the answer to a verdict; nothing new is begun in a pause, and an abort goes before all."""
        if (end := self.end()) is not None:
            return end
        if isinstance(verdict, Failed):
            return answer("fail", verdict.reason, blames=verdict.blames)
        if isinstance(verdict, Wait):
            return self.wait(since, verdict.told)
        return self.wait(since, "paused") if self.is_paused else answer("go")


def opened(event: Mapping[str, Any]) -> Opened:
    """Return the rollout of an execution.

    Args:
        event: `bucket` and `execution`: its name.

    Raises:
        ConfigError: If it has no record, or that cannot be read.
    """
    bucket, rollout = open_bucket(event["bucket"]), str(event["execution"])
    return Opened(bucket, the(read_record(bucket, rollout), rollout), clock.now(), read_wish(bucket, rollout))


def has_ended(states: Client, execution: str) -> bool:
    """Tell whether an execution has ended, or is forgotten by now.

    Args:
        states: Client of Step Functions.
        execution: ARN.
    """
    try:
        said = states.describe_execution(executionArn=execution)
    except ClientError as error:
        if code_of(error) != "ExecutionDoesNotExist":
            raise
        return True
    return said["status"] not in {"RUNNING", "PENDING_REDRIVE"}


def answer(following: str, reason: str = "", *, pause: int = 1, blames: bool = False) -> dict[str, Any]:
    """Return what a step tells the workflow; always all of it, as what is missing is an error there.

    Args:
        following: What comes next.
        reason: Why.
        pause: How long to wait, in seconds.
        blames: The model is to blame, or a person says no to it.
    """
    return {"next": following, "reason": reason, "blames": blames, "pause_s": pause, "told": None}
