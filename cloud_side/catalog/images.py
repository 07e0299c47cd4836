"""Images of datasets by their content: `datasets/images/ab/abcd….jpg`, where no sample's expiry reaches them."""

import hashlib
import io
import warnings
from dataclasses import dataclass
from typing import Final

from PIL import ExifTags, Image, UnidentifiedImageError

from cloud_side.catalog.shelf import ROOT
from edge_inspector.errors import InspectorError

IMAGES: Final = f"{ROOT}images/"
_SUFFIXES: Final = {"JPEG": "jpg", "MPO": "jpg", "TIFF": "tif"}
_TURNED: Final = (5, 6, 7, 8)  # of EXIF: a viewer shows it with width and height swapped


class BrokenImageError(InspectorError):
    """An image that is not whole, or is none; says what was found."""


@dataclass(frozen=True, slots=True)
class Picture:
    """What an image file is.

    Attributes:
        sha256: Of the file.
        width, height: In pixels, as a viewer shows it.
        suffix: Of its form: `jpg`, `png` and so on.
    """

    sha256: str
    width: int
    height: int
    suffix: str

    @property
    def key(self) -> str:
        """Where it is kept."""
        return f"{IMAGES}{self.sha256[:2]}/{self.sha256}.{self.suffix}"

    @property
    def media(self) -> str:
        """Its content type."""
        return f"image/{self.suffix.replace('jpg', 'jpeg')}"


def picture_of(content: bytes, *, was_kept: bool = False) -> Picture:
    """Return what an image file is, all of it decoded.

    Args:
        content: Of the file.
        was_kept: It was decoded before it was kept: if its hash is still the same, it is whole.

    Raises:
        BrokenImageError: If it cannot be decoded to its end.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # large is not broken
            with Image.open(io.BytesIO(content)) as image:
                if not was_kept:
                    image.load()
                form, (width, height) = str(image.format), image.size
                is_turned = image.getexif().get(ExifTags.Base.Orientation) in _TURNED
    except UnidentifiedImageError as error:  # its text has an address in memory
        msg = f"expected an image that is whole, found {len(content)} bytes that are none"
        raise BrokenImageError(msg) from error
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        msg = f"expected an image that is whole, found {len(content)} bytes: {' '.join(str(error).split())}"
        raise BrokenImageError(msg) from error
    if is_turned:
        width, height = height, width
    return Picture(hashlib.sha256(content).hexdigest(), width, height, _SUFFIXES.get(form, form.lower()))
