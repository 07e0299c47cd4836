"""What the line is set up for: by product code, what differs from the rest of the configuration."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field

from edge_inspector.settings.any_source import SourceSettings
from edge_inspector.settings.cameras import Features, IndustrialSettings, RegionOfSensor
from edge_inspector.settings.judgement import ModelSettings, PolicySettings, TilingSettings
from edge_inspector.settings.section import Section
from edge_inspector.settings.station import LONGEST_NAME


class ProductModel(Section):
    """The model that looks at a product."""

    path: Path
    precision: Literal["float32", "int8"] = "float32"
    tiling: TilingSettings | None = Field(None, description="absent: the frame is resized to this model's input")


class ProductCamera(Section):
    """How an industrial camera is set for a product; what is absent is as in section `source`."""

    region: RegionOfSensor = None
    exposure_us: float | None = Field(None, gt=0)
    gain: float | None = Field(None, ge=0)
    features: Features = Field(default_factory=dict, description="added to those of section `source`")


class ProductSettings(Section):
    """One product; what is absent is as in the sections `model`, `policy` and `source`."""

    model: ProductModel | None = None
    policy: PolicySettings | None = None
    camera: ProductCamera | None = None


def product_problems(
    products: Mapping[str, ProductSettings], source: SourceSettings, model: ModelSettings
) -> Iterator[str]:
    """Yield what contradicts the rest of the configuration, or would be left of one product when the next one comes.

    Args:
        products: By code.
        source: Where frames come from.
        model: What looks at a product that names no model.
    """
    for code, product in products.items():
        if not (code and code.isprintable() and len(code.encode()) <= LONGEST_NAME):
            yield f"products: expected codes of 1 to {LONGEST_NAME} bytes of printable text, found {code!r}"
        if product.model is not None and model.updates.folder is not None:
            yield f"products.{code}.model: one model at a time is updated; leave it out, or model.updates.folder"
        if product.model is not None and model.remote is not None:
            yield f"products.{code}.model: an endpoint serves one model; leave it out, or model.remote"
        if product.camera is not None and not isinstance(source, IndustrialSettings):
            yield f"products.{code}.camera: only a genicam or pylon camera has features, the source is {source.type}"
    if isinstance(source, IndustrialSettings):
        yield from _left_behind(products, source)


def camera_of(product: ProductSettings, source: IndustrialSettings) -> ProductCamera:
    """Return how the camera is set for a product, whole."""
    own = product.camera or ProductCamera()
    return ProductCamera(
        region=source.region if own.region is None else own.region,
        exposure_us=source.exposure_us if own.exposure_us is None else own.exposure_us,
        gain=source.gain if own.gain is None else own.gain,
        features={**source.features, **own.features},
    )


def _left_behind(products: Mapping[str, ProductSettings], source: IndustrialSettings) -> Iterator[str]:
    """Yield what one product sets of the camera and another leaves as it finds it."""
    keys = {code: _keys(camera_of(product, source)) for code, product in products.items()}
    for code, has in keys.items():
        for other, others in keys.items():
            if missing := next((key for key in others if key not in has), None):
                yield (
                    f"products.{code}.camera.{missing}: missing; product {other} sets it, and nothing would set it "
                    "back: give it here, or once for all in section source"
                )
                break


def _keys(camera: ProductCamera) -> list[str]:
    plain = [name for name in ("region", "exposure_us", "gain") if getattr(camera, name) is not None]
    return plain + [f"features.{name}" for name in camera.features]
