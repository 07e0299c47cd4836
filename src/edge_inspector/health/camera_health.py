"""How a camera's pictures are against what is usual at this station: out of focus, too dark, too bright, moved.

What is usual is learned at every start, from the first 50 pictures that are measured; nothing that is amiss is learned.
A single odd part proves nothing: the median of the last pictures speaks.
"""

from collections import deque
from collections.abc import Sequence
from statistics import median

import numpy as np

from edge_inspector.frame import Frame
from edge_inspector.health.image_quality import Profile, Quality, measure, shift
from edge_inspector.settings import ImageQualitySettings

LEARNED_FROM = 50  # pictures
LATEST = 5
_DRIFT = 1 / 2000  # weight of one more picture in the usual sharpness: half an hour at one a second
_MOST_DRIFT = 0.8  # the usual sharpness may sink to this share of the best: a lens that slips over weeks is told
_ALIKE = 0.9  # of the pictures that are learned from must lie alike, or position means nothing here


class CameraHealth:
    """Measures the newest picture when asked, and answers probes about the last few."""

    def __init__(self, settings: ImageQualitySettings, *, is_triggered: bool) -> None:
        """Know nothing yet.

        Args:
            settings: The limits.
            is_triggered: Parts lie at the same place in every picture; else nothing is said about position.
        """
        self._settings = settings
        self._is_triggered = is_triggered
        self._wants_frame = settings.enabled
        self._frame: Frame | None = None
        self._latest: deque[Quality] = deque(maxlen=LATEST)
        self._sharpness = _UsualSharpness(settings.sharpness_share)
        self._place = _UsualPlace(settings.shift_share)

    def look(self, frame: Frame) -> None:
        """Take a frame if one is wanted; costs an attribute or two. It is kept until it is measured."""
        if self._wants_frame and frame.part_frame == 0:  # a part's further frames may be taken under other light
            self._wants_frame = False
            self._frame = frame

    def measure(self) -> None:
        """Measure the frame that was left here, if any, and want another; on the health thread, once a second."""
        if (frame := self._frame) is None:
            return
        self._frame = None
        self._wants_frame = True
        quality = measure(frame.image)
        self._latest.append(quality)
        if self.too_dark() is None and self.too_bright() is None:  # else edges are lost in the dark or the light
            self._sharpness.add(quality.sharpness)
            if self._is_triggered:
                self._place.add(quality)

    def relearn(self) -> None:
        """Learn anew what is usual, as for another product."""
        self._latest.clear()
        self._sharpness = _UsualSharpness(self._settings.sharpness_share)
        self._place = _UsualPlace(self._settings.shift_share)

    def out_of_focus(self) -> str | None:
        """Return in words that pictures are less sharp than usual, or None."""
        return self._sharpness.problem()

    def too_dark(self) -> str | None:
        """Return in words that pictures are underexposed, or None."""
        mean, limit = self._mean(), self._settings.dark_mean
        return None if mean is None or mean >= limit else f"mean gray value {mean:.0f}; expected at least {limit:g}"

    def too_bright(self) -> str | None:
        """Return in words that pictures are overexposed, or None."""
        mean, limits = self._mean(), self._settings
        if mean is None:
            return None
        if mean > limits.bright_mean:
            return f"mean gray value {mean:.0f}; expected at most {limits.bright_mean:g}"
        clipped = median(quality.clipped for quality in self._latest)
        if clipped > limits.clipped_share:
            return f"{clipped:.0%} of the picture is at its upper limit; expected at most {limits.clipped_share:.0%}"
        return None

    def position_off(self) -> str | None:
        """Return in words how far parts lie from where they usually do, or None."""
        return self._place.problem()

    def _mean(self) -> float | None:
        if len(self._latest) < LATEST:
            return None
        return median(quality.mean for quality in self._latest)


class _UsualSharpness:
    def __init__(self, least_share: float) -> None:
        self._least_share = least_share
        self._first: list[float] = []
        self._latest: deque[float] = deque(maxlen=LATEST)
        self._usual = self._best = 0.0  # not known yet

    def add(self, sharpness: float | None) -> None:
        if sharpness is None:
            return
        self._latest.append(sharpness)
        if not self._usual:
            self._first.append(sharpness)
            if len(self._first) == LEARNED_FROM:
                self._usual = self._best = median(self._first)
        elif self.problem() is None:
            self._best = max(self._best, self._usual)
            self._usual = max(self._usual + (sharpness - self._usual) * _DRIFT, self._best * _MOST_DRIFT)

    def problem(self) -> str | None:
        if not self._usual:
            return None
        sharpness = median(self._latest)
        if sharpness >= self._usual * self._least_share:
            return None
        return f"edges are {self._usual / sharpness:.1f} times as wide as they usually are here"


class _UsualPlace:
    def __init__(self, most: float) -> None:
        self._most = most
        self._first: deque[Quality] = deque(maxlen=LEARNED_FROM)
        self._latest: deque[tuple[float, float] | None] = deque(maxlen=LATEST)
        self._usual: tuple[Profile, Profile] | None = None

    def add(self, quality: Quality) -> None:
        if self._usual is not None and len(quality.down) == len(self._usual[1]):
            self._latest.append(shift(quality, self._usual))
            return
        self._usual = None
        self._first.append(quality)
        if len(self._first) == LEARNED_FROM:
            self._usual = _common_place(list(self._first), self._most)
            if self._usual is None:
                for _ in range(LEARNED_FROM // 2):
                    self._first.popleft()
            else:
                self._first.clear()

    def problem(self) -> str | None:
        if self._usual is None or len(self._latest) < LATEST:
            return None
        known = [found for found in self._latest if found is not None]
        if len(known) <= LATEST // 2:
            return "the pictures look like the usual ones at no shift: the camera or the part is elsewhere, or another"
        right, down = (median(shares) for shares in zip(*known, strict=True))
        if max(abs(right), abs(down)) <= self._most:
            return None
        return f"parts lie {_in_words(right, down)} from where they usually do, as share of the picture's width"


def _common_place(pictures: Sequence[Quality], most: float) -> tuple[Profile, Profile] | None:
    """Return the mean profiles of pictures, None where too few of them lie alike."""
    if len({len(picture.down) for picture in pictures}) > 1:
        return None
    usual = (
        np.mean([picture.across for picture in pictures], axis=0),
        np.mean([picture.down for picture in pictures], axis=0),
    )
    shifts = [shift(picture, usual) for picture in pictures]
    alike = sum(found is not None and max(abs(found[0]), abs(found[1])) <= most / 2 for found in shifts)
    return usual if alike >= _ALIKE * len(pictures) else None


def _in_words(right: float, down: float) -> str:
    across = f"{abs(right):.0%} to the {'right' if right > 0 else 'left'}"
    along = f"{abs(down):.0%} {'down' if down > 0 else 'up'}"
    return across if abs(right) >= abs(down) else along
