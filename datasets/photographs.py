"""Image files of any format and mode."""

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from datasets.image_dataset import DatasetError

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif", ".tif", ".tiff")


def decode(content: bytes) -> Image.Image:
    """One encoded image as a Pillow image of mode RGB, in its own size.

    Grey, palette and CMYK images become RGB, transparent parts white; a camera's orientation is applied. Raises
    DatasetError where the content is no image that Pillow can read as a whole.
    """
    try:
        with Image.open(io.BytesIO(content)) as image:
            upright = ImageOps.exif_transpose(image)
            if upright.has_transparency_data:
                upright = upright.convert("RGBA")
                upright = Image.alpha_composite(Image.new("RGBA", upright.size, "white"), upright)
            elif upright.mode.startswith("I;16"):
                upright = Image.fromarray((np.asarray(upright) >> 8).astype(np.uint8))
            return upright.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DatasetError(f"not a readable image ({error})") from error


def is_photograph(name: str) -> bool:
    """Whether a file's name ends like an image's and is not hidden."""
    path = Path(name)
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
