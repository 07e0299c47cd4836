"""How far the devices of a wave are, forward or on the way back: who has come to the end is not asked again."""

from collections.abc import Callable, Mapping, Sequence

from cloud_side.clients import client
from cloud_side.deployment.judging import Device, Progress
from cloud_side.deployment.keeping import read_devices, write_devices
from cloud_side.deployment.runtime.opening import Opened
from cloud_side.deployment.targets import look_at, things_of


def look(
    begun: Opened,
    group: str,
    deployment: str,
    kept: int | str,
    cameras_of: Callable[[Sequence[str]], Mapping[str, tuple[str, ...]]],
) -> list[Device]:
    """Return how far a deployment is on the devices of a group, and keep on which it is.

    Args:
        begun: The rollout.
        group: Thing group of the wave.
        deployment: Its id.
        kept: Under which these devices are kept, see `write_devices`.
        cameras_of: The cameras of those that have come to the end now, by name.
    """
    things = things_of(client("iot"), group)
    known = read_devices(begun.bucket, begun.record.id, kept)
    found = look_at(
        client("greengrassv2"),
        [thing for thing in things if thing not in known],
        deployment,
        now=begun.now,
        offline_after_s=begun.record.plan.limits.offline_after_s,
        until_s=begun.asks_until_s,
    )
    still = {thing: known[thing] for thing in things if thing in known}
    have_it = {**still, **cameras_of([each.name for each in found if each.progress is Progress.OK])}
    if have_it != known:
        write_devices(begun.bucket, begun.record.id, kept, have_it)
    return [*(Device(name, Progress.OK) for name in still), *found]
