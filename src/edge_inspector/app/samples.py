"""Which samples are kept, where they wait, and where they go."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from edge_inspector.events import EventWriter, Json
from edge_inspector.samples.folder import SampleFolder
from edge_inspector.samples.given_up import NotKept
from edge_inspector.samples.judged import JudgedSamples
from edge_inspector.samples.keeper import Keeper
from edge_inspector.samples.recent import Recent, discard
from edge_inspector.samples.spool import Spool, quotas
from edge_inspector.samples.target import Target, address
from edge_inspector.samples.uploader import Uploader
from edge_inspector.sampling import Evicted
from edge_inspector.settings import FolderTarget, S3Target, Settings

_MEANT = {NotKept.OVER_BUDGET, NotKept.STOPPED}  # of these nobody has to be told
_STORING_S = 2.0  # longest wait of a judgement for pictures that are just being stored


@dataclass(frozen=True, slots=True)
class Samples:
    """The samples of one station: chosen and stored by the keeper, taken away by the uploader.

    Attributes:
        recent: Pictures for the operator page; None where there is none.
        judged: Makes samples of what a person judges.
    """

    keeper: Keeper
    spool: Spool
    uploader: Uploader
    recent: Recent | None
    judged: JudgedSamples

    def not_kept(self) -> Mapping[str, int]:
        """Return how many samples were chosen and not kept although they should have been, by cause."""
        return {cause: count for cause, count in self.keeper.state().not_kept.items() if cause not in _MEANT}

    def evicted(self) -> int:
        """Return how many samples were given up for want of room."""
        return self.spool.state().evicted

    def upload_problem(self) -> str | None:
        """Return why samples cannot be uploaded now, in words."""
        return self.uploader.state().problem

    def document(self) -> dict[str, Json]:
        """Return what the statistics tell of them."""
        kept, stored, uploads = self.keeper.state(), self.spool.state(), self.uploader.state()
        problem = kept.problem or stored.problem or uploads.problem
        return {
            "kept": dict(kept.kept),
            "not_kept": dict(kept.not_kept),
            "waiting": sum(stored.waiting.values()),
            "waiting_bytes": stored.waiting_bytes,
            "uploaded": uploads.uploaded,
            "evicted": stored.evicted,
            "problem": problem and problem[:300],
        }


@contextmanager
def open_samples(
    settings: Settings, home: Path, writer: EventWriter, *, on_evicted: Callable[[Mapping[Evicted, int]], None]
) -> Iterator[Samples | None]:
    """Start to keep and to upload samples, and end it afterwards; None where the settings want none any more.

    Args:
        settings: What is kept, and where it goes.
        home: The daemon's home.
        writer: Says where the station is.
        on_evicted: Told what was given up to make room.
    """
    wanted, folder = settings.samples, home / "samples"
    is_on = wanted.mode != "off"
    recent = _recent(settings, home)
    if not is_on and not folder.exists():
        yield None
        return
    min_free_bytes = int(settings.health.min_free_mb * 1e6)
    spool = Spool(folder, quota_bytes=quotas(wanted), min_free_bytes=min_free_bytes, cache=recent)
    final_address = partial(address, wanted.upload.target)
    with ExitStack() as stack:
        target = stack.enter_context(_target(wanted.upload.target, home, min_free_bytes))
        uploader = stack.enter_context(Uploader(spool, target, wanted.upload, address=final_address))
        if not is_on:  # those of earlier runs are still taken away
            yield None
            return
        keeper = stack.enter_context(
            Keeper(wanted, spool, writer, address=final_address, on_evicted=on_evicted, recent=recent)
        )
        judged = JudgedSamples(spool, recent, wait_for=partial(keeper.wait_for, within_s=_STORING_S))
        yield Samples(keeper, spool, uploader, recent, judged)


def _recent(settings: Settings, home: Path) -> Recent | None:
    """Return who keeps pictures for the operator page; where there is none, those of earlier runs go."""
    folder, page = home / "pictures", settings.served_page
    if page is None or settings.samples.mode == "off":
        discard(folder)
        return None
    min_free_bytes = int(settings.health.min_free_mb * 1e6)
    return Recent(folder, quota_bytes=int(page.pictures_mb * 1e6), min_free_bytes=min_free_bytes)


@contextmanager
def _target(settings: FolderTarget | S3Target, home: Path, min_free_bytes: int) -> Iterator[Target]:
    if isinstance(settings, FolderTarget):
        # Twice the floor: copies on the same disk end while samples can still be kept.
        yield SampleFolder(settings.path or home / "uploads", min_free_bytes=2 * min_free_bytes)
        return
    from edge_inspector.samples.s3 import SampleBucket  # noqa: PLC0415 - awscrt, only where it is used

    with SampleBucket(settings) as bucket:
        yield bucket
