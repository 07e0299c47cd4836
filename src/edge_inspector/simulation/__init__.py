"""Metal tags with known scratches: a plan drawn from a seed says what is on a part before anyone paints it.

`plan_tag` gives the plan and its truth, `render_tag` the frame of a triggered camera, `render_belt` the frame
of one that runs freely. `style` says how much a line varies, `plan` draws what happens,
`paint` what that looks like. No photograph is read or copied.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from edge_inspector.simulation.paint import Box, Scene, paint_scene
from edge_inspector.simulation.plan import plan_scene
from edge_inspector.simulation.strokes import happens
from edge_inspector.simulation.style import DEMO_STYLE, REFERENCE_WH, TRAINING_STYLE, LineStyle, require

__all__ = [
    "DEMO_STYLE",
    "SCRATCH",
    "TRAINING_STYLE",
    "BeltPart",
    "Defect",
    "LineStyle",
    "Tag",
    "plan_tag",
    "render_belt",
    "render_tag",
]

SCRATCH = "scratch"
_SMALLEST_WH = (45, 30)
_VISIBLE_SHARE = 0.4


@dataclass(frozen=True, slots=True)
class Defect:
    """The truth about one defect.

    Attributes:
        label: Its class.
        xyxy: Box in frame pixels.
        contrast: In (0, 1], where 1 is a white stroke, or a black one if it is dark.
        is_dark: Whether it is darker than the metal, broad and soft, and not a bright line.
    """

    label: str
    xyxy: Box
    contrast: float
    is_dark: bool = False

    def __post_init__(self) -> None:
        """Refuse an empty box and a stroke that cannot be seen."""
        x0, y0, x1, y1 = self.xyxy
        if not (x0 < x1 and y0 < y1):
            msg = f"xyxy: expected x0 < x1 and y0 < y1, found {self.xyxy}"
            raise ValueError(msg)
        require("contrast", "within (0, 1]", self.contrast, ok=0 < self.contrast <= 1)


@dataclass(frozen=True, slots=True)
class Tag:
    """The plan of one part: all that is needed to render it, and the truth about it.

    Attributes:
        number: Counts the parts of the line, from 0.
        image_wh: Width and height of its frame in pixels.
        defects: Its scratches; empty for a clean part, which may still carry harmless marks.
        scene: What `render_tag` paints.
    """

    number: int
    image_wh: tuple[int, int]
    defects: tuple[Defect, ...]
    scene: Scene


@dataclass(frozen=True, slots=True)
class BeltPart:
    """A part in the frame of a belt camera.

    Attributes:
        number: The part's number.
        offset_px: How far right of its own triggered frame it lies; negative once it has moved left.
        visible: Share of its width inside the frame, in (0, 1].
        defects: Truth boxes in frame pixels, clipped; those of which less than 40 % is visible are left out.
    """

    number: int
    offset_px: int
    visible: float
    defects: tuple[Defect, ...]


def plan_tag(  # noqa: PLR0913 - two that name the part, the others have defaults
    seed: int,
    number: int,
    *,
    image_wh: tuple[int, int] = REFERENCE_WH,
    defect_rate: float = 0.3,
    dark_share: float = 0.0,
    lot: int = 0,
    exposure: float = 1.0,
    style: LineStyle = DEMO_STYLE,
) -> Tag:
    """Plan one part: a pure function of its arguments, the same in any process and in any order.

    Args:
        seed: Chooses the line, from 0.
        number: Chooses the part of that line, from 0.
        image_wh: Width and height of the frame in pixels, at least 45 x 30.
        defect_rate: Probability that the part has scratches (1 to 3 of them), in [0, 1].
        dark_share: Of the parts that have scratches, those whose scratches are dark, broad and soft, in [0, 1].
            The others stay as they are.
        lot: Chooses fixture and finish, shared by the parts of a lot, from 0.
        exposure: Factor on the light: lower it to play a dying lamp. Changes nothing else about the part.
        style: How much the line varies.

    Returns:
        The plan with its truth.

    Raises:
        ValueError: If an argument is outside its range; says what was expected and found.
    """
    for name, value in (("seed", seed), ("number", number), ("lot", lot)):
        require(name, "0 or more", value, ok=value >= 0)
    big_enough = image_wh[0] >= _SMALLEST_WH[0] and image_wh[1] >= _SMALLEST_WH[1]
    require("image_wh", f"at least {_SMALLEST_WH}", image_wh, ok=big_enough)
    require("defect_rate", "within [0, 1]", defect_rate, ok=0 <= defect_rate <= 1)
    require("dark_share", "within [0, 1]", dark_share, ok=0 <= dark_share <= 1)
    require("exposure", "more than 0", exposure, ok=exposure > 0)
    rng = np.random.default_rng([seed, number])
    lot_rng = np.random.default_rng([seed, lot, 1]) if style.one_lot else rng
    defective = rng.random() < defect_rate
    # Drawn apart from all else, so that no other part changes with the share.
    is_dark = defective and dark_share > 0 and happens(np.random.default_rng([seed, number, 2]), dark_share)
    if is_dark:
        style = replace(style, is_dark=True)
    scene, scratches = plan_scene(rng, lot_rng, image_wh, defective=defective, exposure=exposure, style=style)
    defects = tuple(Defect(SCRATCH, scratch.xyxy, scratch.contrast, style.is_dark) for scratch in scratches)
    return Tag(number, image_wh, defects, scene)


def render_tag(tag: Tag) -> NDArray[np.uint8]:
    """Paint the frame that a camera triggered by this part takes.

    Returns:
        (height, width) uint8 grey frame of `tag.image_wh`, byte for byte the same on the same machine.
    """
    return paint_scene(tag.scene, tag.image_wh)


def render_belt(  # noqa: PLR0913 - two that name the view, the others have defaults
    seed: int,
    position_px: float,
    *,
    image_wh: tuple[int, int] = REFERENCE_WH,
    pitch_px: int | None = None,
    defect_rate: float = 0.3,
    dark_share: float = 0.0,
    lot: int = 0,
    exposure: float = 1.0,
    style: LineStyle = DEMO_STYLE,
) -> tuple[NDArray[np.uint8], tuple[BeltPart, ...]]:
    """Paint what a free-running camera sees: parts enter on the right and leave on the left.

    Part 0 fills the frame at position 0, part n at `n * pitch_px`, each as `plan_tag` plans it when given the
    same arguments. Calls that follow each other in position are fast, because the last 4 parts are kept.

    Args:
        seed: Chooses the line, from 0.
        position_px: How far the belt has moved in frame pixels, from 0; rounded to whole pixels.
        image_wh: Width and height of the frame in pixels.
        pitch_px: Distance from part to part, at least the frame's width; None is a quarter more than that.
        defect_rate: Probability that a part has scratches, in [0, 1].
        dark_share: Of the parts that have scratches, those whose scratches are dark, in [0, 1].
        lot: Chooses fixture and finish.
        exposure: Factor on the light.
        style: How much the line varies.

    Returns:
        The (height, width) uint8 grey frame, and the parts in it from left to right.

    Raises:
        ValueError: If an argument is outside its range; says what was expected and found.
    """
    width, height = image_wh
    pitch = pitch_px if pitch_px is not None else width + width // 4
    require("position_px", "0 or more", position_px, ok=position_px >= 0)
    require("pitch_px", f"at least the frame's width {width}", pitch, ok=pitch >= width)
    position = round(position_px)
    backdrop = min(255, round(np.mean(style.backdrop_level) * exposure))
    frame = np.full((height, width), backdrop, dtype=np.uint8)
    parts = []
    for number in range(position // pitch, (position + width - 1) // pitch + 1):
        offset = number * pitch - position
        if offset <= -width:
            continue
        tag, tile = _tile(seed, number, image_wh, defect_rate, dark_share, lot, exposure, style)
        left, right = max(0, offset), min(width, offset + width)
        frame[:, left:right] = tile[:, left - offset : right - offset]
        visible = _visible_share(tag.scene.part_xyxy, offset, width)
        if visible > 0:
            defects = (_seen(defect, offset, width) for defect in tag.defects)
            parts.append(BeltPart(number, offset, visible, tuple(d for d in defects if d is not None)))
    return frame, tuple(parts)


@lru_cache(maxsize=4)
def _tile(  # noqa: PLR0913, PLR0917 - what plan_tag takes, as a cache key
    seed: int,
    number: int,
    image_wh: tuple[int, int],
    defect_rate: float,
    dark_share: float,
    lot: int,
    exposure: float,
    style: LineStyle,
) -> tuple[Tag, NDArray[np.uint8]]:
    knobs = {"defect_rate": defect_rate, "dark_share": dark_share, "exposure": exposure}
    tag = plan_tag(seed, number, image_wh=image_wh, lot=lot, style=style, **knobs)
    tile = render_tag(tag)
    tile.setflags(write=False)
    return tag, tile


def _seen(defect: Defect, offset: int, width: int) -> Defect | None:
    """Return the defect as it is seen by a frame `offset` away, or None when too little of it is visible."""
    x0, y0, x1, y1 = defect.xyxy
    if _visible_share(defect.xyxy, offset, width) < _VISIBLE_SHARE:
        return None
    return replace(defect, xyxy=(max(0.0, x0 + offset), y0, min(float(width), x1 + offset), y1))


def _visible_share(xyxy: Box, offset: int, width: int) -> float:
    left, right = xyxy[0] + offset, xyxy[2] + offset
    return max(0.0, min(right, width) - max(left, 0)) / (right - left)
