"""Runs the programs of a job and stops them in time; tells how that makes the job end."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cloud_side.local.calling import Caller
from cloud_side.local.jobs import environment, failures
from cloud_side.local.jobs.folder import JobFolder
from cloud_side.local.jobs.plan import Plan
from cloud_side.local.jobs.programs import EntryPointError, Programs
from cloud_side.local.jobs.report import Ending, JobStatus, Stage


@dataclass(frozen=True)
class Pace:
    """How often a supervisor looks, and how patient it is.

    Attributes:
        look_s: At the programs and for a wish to stop.
        mirror_s: For new checkpoints and other outputs that are taken meanwhile.
        grace_s: Between SIGTERM and SIGKILL; SageMaker gives 120.
    """

    look_s: float = 0.2
    mirror_s: float = 10.0
    grace_s: float = 120.0


@dataclass(frozen=True)
class Watch:
    """What is done while programs run.

    Attributes:
        why_stop: Returns why the programs must stop now; None while they may run.
        stopping: Called once, before they are asked to.
        meanwhile: Called now and then.
    """

    pace: Pace
    why_stop: Callable[[], Stage | None]
    stopping: Callable[[], None]
    meanwhile: Callable[[], None]


def run(plan: Plan, folder: JobFolder, caller: Caller | None, watch: Watch) -> Ending:
    """Run the programs of all hosts to their end, and return how the job ends.

    Raises:
        OSError: If a log cannot be written.
    """
    with Programs(folder.path) as programs:
        try:
            _start(plan, folder, caller, programs)
        except EntryPointError as error:
            return Ending(JobStatus.FAILED, Stage.FAILED, f"AlgorithmError: {error}, exit code: 127")
        stopped = _wait(programs, watch)
        codes = dict(programs.codes)  # without those that are killed now because another failed
    return _ending(plan, folder, stopped, codes)


def _start(plan: Plan, folder: JobFolder, caller: Caller | None, programs: Programs) -> None:
    if not plan.command:
        msg = (
            f"the request names the image {plan.image!r} and no ContainerEntrypoint, expected one: "
            "this machine runs no images"
        )
        raise EntryPointError(msg)
    base = environment.base(folder.home, caller) | environment.meeting_place(plan)
    for host in plan.hosts:
        root = folder.host(host.name)
        programs.start(
            host.name,
            environment.command(plan, root),
            root=root,
            log=folder.log(host.name),
            environment=environment.of_host(base, host.environment, root),
        )


def _wait(programs: Programs, watch: Watch) -> Stage | None:
    """Wait until the programs have ended or one ended badly, and return why they were stopped, if they were."""
    meanwhile_s, kill_s = time.monotonic() + watch.pace.mirror_s, float("inf")
    stopped: Stage | None = None
    while programs.is_running and (stopped is not None or not programs.has_failed):
        programs.wait(watch.pace.look_s)
        if not programs.is_running:
            break
        if stopped is None and (stopped := watch.why_stop()) is not None:
            watch.stopping()
            programs.terminate()
            kill_s = time.monotonic() + watch.pace.grace_s
        if time.monotonic() >= kill_s:
            programs.kill()
        if time.monotonic() >= meanwhile_s:
            watch.meanwhile()
            meanwhile_s = time.monotonic() + watch.pace.mirror_s
    return stopped


def _ending(plan: Plan, folder: JobFolder, stopped: Stage | None, codes: Mapping[str, int]) -> Ending:
    message = failures.written(folder.host(plan.hosts[0].name) / "output" / "message")
    if stopped is not None:
        return Ending(JobStatus.STOPPED, stopped, exit_message=message)
    failed = next((host for host, code in codes.items() if code), None)
    if failed is None:
        return Ending(JobStatus.COMPLETED, Stage.COMPLETED, exit_message=message)
    named = failed if len(plan.hosts) > 1 else ""
    reason = failures.algorithm_error(folder.host(failed), folder.log(failed), codes[failed], host=named)
    return Ending(JobStatus.FAILED, Stage.FAILED, reason, message)
