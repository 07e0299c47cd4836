"""How much a line of metal tags varies: the ranges a plan draws from, for the demo and for training."""

from dataclasses import dataclass, fields

Range = tuple[float, float]

REFERENCE_WH = (450, 300)


def require(name: str, expected: str, found: object, *, ok: bool) -> None:
    """Raise ValueError with what was expected and found unless `ok`."""
    if not ok:
        msg = f"{name}: expected {expected}, found {found}"
        raise ValueError(msg)


@dataclass(frozen=True, slots=True)
class LineStyle:
    """How much a line varies: a pair is a range, a `_share` the probability that a part has the thing.

    Lengths are pixels of a 450 x 300 frame, levels are grey levels, contrasts and strengths are shares of the
    way from the metal to white, or to black for what is dark. The defaults are the demo's line: there the weakest
    scratch is stronger and wider than any hairline. For training they come close but do not meet: labels would
    contradict themselves.
    """

    one_lot: bool = True  # Fixture and finish belong to the lot; otherwise every part draws its own.
    scratch_length: Range = (40, 190)
    scratch_width: Range = (1.5, 2.7)
    scratch_contrast: Range = (0.5, 1.0)
    faint_share: float = 0.0  # Of scratches: those drawn from the two ranges below.
    faint_width: Range = (1.3, 1.8)
    faint_contrast: Range = (0.28, 0.55)
    broken_share: float = 0.4  # Of the scratches that are not faint: dashed or speckled.
    tail_share: float = 0.3  # Of scratches: those that run out in a hairline, which is not in the box.
    shadow_share: float = 0.1  # Of scratches: those with a dark line beside them.
    is_dark: bool = False  # Scratches are dark, broad and soft, of the two ranges below, and in one piece.
    dark_width: Range = (14, 22)
    dark_contrast: Range = (0.22, 0.36)
    hairlines: Range = (0, 4)
    hairline_width: Range = (0.4, 0.9)
    hairline_strength: Range = (0.08, 0.3)
    specks: Range = (5, 60)
    speck_strength: Range = (0.1, 0.6)
    scuff_share: float = 0.7
    residue_share: float = 0.04
    edge_shadow_share: float = 0.4
    reflection_share: float = 0.5
    turned_share: float = 0.05
    shift: Range = (-4, 4)
    angle_deg: Range = (-0.1, 0.9)
    metal_level: Range = (84, 106)
    light_slope: Range = (-0.06, 0.14)
    brushed_level: Range = (0.4, 2.0)
    mottle_level: Range = (0.4, 1.6)
    noise_level: Range = (1.5, 2.3)
    defocus: Range = (0.55, 0.75)
    motion: Range = (0, 1.5)
    exposure: Range = (0.97, 1.04)
    gamma: Range = (0.97, 1.03)
    backdrop_level: Range = (275, 310)

    def __post_init__(self) -> None:
        """Refuse ranges that run backwards and shares outside [0, 1]."""
        for field in fields(self):
            match getattr(self, field.name):
                case (low, high):
                    require(field.name, "lowest value first", (low, high), ok=low <= high)
                case float(share):
                    require(field.name, "within [0, 1]", share, ok=0 <= share <= 1)


DEMO_STYLE = LineStyle()
TRAINING_STYLE = LineStyle(
    one_lot=False,
    scratch_length=(30, 220),
    scratch_width=(1.4, 3.4),
    faint_share=0.22,
    broken_share=0.5,
    tail_share=0.4,
    shadow_share=0.25,
    hairlines=(0, 8),
    hairline_width=(0.35, 0.74),
    hairline_strength=(0.06, 0.34),
    specks=(0, 140),
    speck_strength=(0.1, 1.0),
    scuff_share=0.75,
    residue_share=0.25,
    reflection_share=0.7,
    turned_share=0.2,
    shift=(-12, 12),
    angle_deg=(-1.5, 1.8),
    metal_level=(62, 122),
    light_slope=(-0.2, 0.25),
    brushed_level=(0.0, 2.8),
    mottle_level=(0.2, 2.5),
    noise_level=(0.8, 3.5),
    defocus=(0.45, 1.1),
    motion=(0, 3),
    exposure=(0.85, 1.15),
    gamma=(0.85, 1.18),
    backdrop_level=(256, 320),
)
