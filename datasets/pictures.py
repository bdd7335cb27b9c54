"""Images side by side in a PNG file."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from .files import read_sound, write_atomically


def save(path: Path, rows: np.ndarray) -> None:
    """Write uint8 images (rows, columns, height, width, channels) as one picture."""
    tiled = np.concatenate([np.concatenate(list(row), axis=1) for row in rows])  # (rows * height, columns * width, ...)
    picture = io.BytesIO()
    Image.fromarray(tiled.squeeze(-1) if tiled.shape[-1] == 1 else tiled).save(picture, "PNG")
    write_atomically(path, picture.getvalue())


def load(path: Path) -> np.ndarray | None:
    """The picture as uint8 (height, width, channels), or None if there is no file; a damaged one is set aside."""
    return read_sound(path, _pixels, "figures are drawn without it")


def _pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        pixels = np.asarray(image)
    return pixels[..., None] if pixels.ndim == 2 else pixels


def load_rows(path: Path, height: int, width: int) -> np.ndarray | None:
    """The images of this size in the picture, uint8 (rows, columns, height, width, channels); None as for `load`."""
    picture = load(path)
    if picture is None:
        return None
    tiled = picture.reshape(len(picture) // height, height, -1, width, picture.shape[-1])
    return tiled.swapaxes(1, 2)
