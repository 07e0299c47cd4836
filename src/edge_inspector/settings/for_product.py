"""The configuration in force while the line is set up for a product."""

from edge_inspector.settings import Settings
from edge_inspector.settings.cameras import IndustrialSettings
from edge_inspector.settings.products import ProductCamera, camera_of


def with_product(settings: Settings, code: str | None) -> Settings:
    """Return the settings as they are for a product; the same where there are no products.

    Args:
        settings: The configuration as it was written, not one that this function has returned for another product.
        code: One of `settings.products`.

    Raises:
        KeyError: If there is no such product.
    """
    if not settings.products or code is None:
        return settings
    product = settings.products[code]
    sections: dict[str, object] = {"station": settings.station.model_copy(update={"product": code})}
    if product.model is not None:
        sections["model"] = settings.model.model_copy(update=dict(product.model))
    if product.policy is not None:
        sections["policy"] = product.policy
    if (camera := product_camera(settings, code)) is not None:
        sections["source"] = settings.source.model_copy(update=dict(camera))
    return settings.model_copy(update=sections)


def product_camera(settings: Settings, code: str) -> ProductCamera | None:
    """Return how the camera is set for a product, whole; None for a source without features.

    Raises:
        KeyError: If there is no such product.
    """
    product = settings.products[code]
    return camera_of(product, settings.source) if isinstance(settings.source, IndustrialSettings) else None
