"""Batches: which images a step sees, and how each is varied.

Image number i of step s is drawn by a generator of its own, from (seed, s, i): what a step sees does not depend on how
many processes share it, which of them prepare it, or whether the run was interrupted before.
"""

import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from cloud_side.training.dataset import Example, Images, LabeledImage
from cloud_side.training.learning.plan import Plan
from cloud_side.training.learning.stopping import SIGNALS
from cloud_side.training.network.around import PAD_VALUE
from cloud_side.training.network.loss import Targets
from cloud_side.training.variation.augment import Augmentation, augmented, cropped, rearranged, relight
from cloud_side.training.variation.defect_bank import Defect, lift_defects
from edge_inspector.letterbox import Letterbox, Resize

# A forked child would inherit the locks of OpenCV's and torch's threads as they were.
START_METHOD: Final = "spawn"
PREFETCHED: Final = 2  # batches of each worker
MOST_LIFTED_FROM: Final = 2000  # images whose defects are kept to be put elsewhere

Batch = tuple[Tensor, Targets]


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """Images of one kind; each group is drawn by the square root of its number of images.

    Attributes:
        examples: In memory, or read when they are drawn.
        limits: (n,) float64, rising to 1: a number in [0, 1) draws the first image whose limit is above it.
        bank: Defects to put on them.
    """

    examples: Sequence[Example]
    limits: NDArray[np.float64]
    bank: Sequence[Defect] = field(default=())

    def draw(self, rng: np.random.Generator) -> Example:
        """Return one of the images."""
        return self.examples[int(np.searchsorted(self.limits, rng.random(), side="right"))]


def pool_of(examples: Sequence[Example], bank: Sequence[Defect] = ()) -> Pool:
    """Return images with their weights; none of them is read for that."""
    groups = [each.group for each in (examples.rows if isinstance(examples, Images) else examples)]
    counts = Counter(groups)
    limits = np.cumsum([counts[group] ** -0.5 for group in groups], dtype=np.float64)
    return Pool(examples, limits / limits[-1] if len(limits) else limits, bank)


def defective(examples: Sequence[Example], most: int = MOST_LIFTED_FROM) -> Iterator[Example]:
    """Yield the images that have defects, or every so many of them; no other is read.

    Args:
        examples: In memory, or read when they are taken.
        most: How many; more would fill the memory with defects of which a run sees few.
    """
    rows: Sequence[Example | LabeledImage] = examples.rows if isinstance(examples, Images) else examples
    places = [place for place, row in enumerate(rows) if len(row.boxes)]
    return (examples[place] for place in places[:: max(1, -(-len(places) // most))])


class Batches(Dataset[Batch]):
    """The batches of a run, or one process's share of each."""

    def __init__(
        self,
        photographs: Sequence[Example],
        simulated: Sequence[Example],
        plan: Plan,
        *,
        rank: int = 0,
        processes: int = 1,
    ) -> None:
        """Lift the defects that are to be put elsewhere.

        Args:
            photographs: Real images; may be empty.
            simulated: May be empty, but not both.
            plan: How they are varied.
            rank: Which process this is, from 0.
            processes: How many share a batch; each has the same number of its images.

        Raises:
            ValueError: If there is no image.
        """
        if not photographs and not simulated:
            msg = "train: expected photographs or simulated tags, found neither"
            raise ValueError(msg)
        self._plan = plan
        self._indices = range(rank, plan.batch, processes)
        settings = plan.augmentation
        # Photographs get defects of photographs only; simulated tags bring their own.
        wanted = settings.paste_share or settings.faint_share
        bank = lift_defects(defective(photographs), settings.lifting) if wanted else []
        self._pools = pool_of(photographs, bank), pool_of(simulated)
        self._simulated_share = plan.simulated_share if photographs and simulated else float(bool(simulated))

    def __len__(self) -> int:
        return self._plan.iterations

    def __getitem__(self, step: int) -> Batch:
        """Return (n, c, h, w) uint8 of this process's share of a step, and the truth in model-input pixels."""
        settings = self._plan.augmentation_at(step)
        drawn = [self._one(np.random.default_rng([self._plan.seed, step, index]), settings) for index in self._indices]
        images = np.stack([image for image, _, _ in drawn])
        images = images[:, None] if images.ndim == 3 else images.transpose(0, 3, 1, 2)
        truth = pad_targets([boxes for _, boxes, _ in drawn], [classes for _, _, classes in drawn])
        return torch.from_numpy(np.ascontiguousarray(images)), truth

    def _one(
        self, rng: np.random.Generator, settings: Augmentation
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.int64]]:
        plan = self._plan
        pool = self._pools[int(rng.random() < self._simulated_share)]
        example = pool.draw(rng)
        if plan.crop_wh is None:
            example = _fitted(augmented(example, pool.bank, settings, rng), plan)
            return example.image, example.boxes, example.class_ids
        # Light comes last here: most of the pixels are never seen.
        part = cropped(_fitted(rearranged(example, pool.bank, settings, rng), plan), plan.crop_wh, rng)
        return relight(part.image, settings, rng), part.boxes, part.class_ids


def loaded(batches: Batches, first_step: int, *, pinned: bool) -> Iterator[Batch]:
    """Yield the batches from a step on, prepared ahead by other processes where the plan has them.

    Args:
        batches: Of the run.
        first_step: From 0.
        pinned: In memory that a GPU fetches by itself.
    """
    workers = batches._plan.workers  # noqa: SLF001 - the same room
    yield from DataLoader(
        batches,
        batch_size=None,
        sampler=range(first_step, len(batches)),
        num_workers=workers,
        worker_init_fn=_begin_worker if workers else None,
        multiprocessing_context=START_METHOD if workers else None,
        prefetch_factor=PREFETCHED if workers else None,
        pin_memory=pinned,
    )


def pad_targets(boxes: Sequence[NDArray[np.float32]], class_ids: Sequence[NDArray[np.int64]]) -> Targets:
    """Return the truth of a batch, padded to the image with most defects."""
    most = max((len(each) for each in boxes), default=0)
    targets = Targets(
        torch.zeros(len(boxes), most, 4),
        torch.zeros(len(boxes), most, dtype=torch.int64),
        torch.zeros(len(boxes), most, dtype=torch.bool),
    )
    for index, (each, classes) in enumerate(zip(boxes, class_ids, strict=True)):
        targets.boxes[index, : len(each)] = torch.from_numpy(each)
        targets.class_ids[index, : len(each)] = torch.from_numpy(classes)
        targets.present[index, : len(each)] = True
    return targets


def letterbox_of(plan: Plan) -> Letterbox:
    """Return the device's way to fit an image into the model's input."""
    return Letterbox(plan.shape.model_wh, channels=plan.shape.channels, resize=Resize.LETTERBOX, pad_value=PAD_VALUE)


def _fitted(example: Example, plan: Plan) -> Example:
    letterbox = letterbox_of(plan)
    fit = letterbox.write(example.image)
    return Example(letterbox.canvas, fit.to_model(example.boxes), example.class_ids, example.group, example.name)


def _begin_worker(_number: int) -> None:
    cv2.setNumThreads(1)
    # The signal is for the one that trains: it still needs a batch to end its step.
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
