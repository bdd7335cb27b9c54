"""The pictures that `style` reads and writes."""

import io
import os
from pathlib import Path

import numpy as np
from PIL import Image

from ...datasets.files import write_atomically
from ...datasets.loose_pictures import load_picture
from ..command_line import UsageError

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}
JPEG_QUALITY = 95


def load(path: str, max_side_pixels: int) -> Image.Image:
    """The picture in RGB, shrunk until its longer side is at most so long; raises UsageError if it is no file."""
    if Path(path).is_dir():
        raise UsageError(f"{path} is a folder; name a picture")
    if not Path(path).is_file():
        raise UsageError(f"there is no file {path}")
    picture = load_picture(Path(path).resolve(), n_channels=3)
    picture.thumbnail((max_side_pixels, max_side_pixels), Image.Resampling.LANCZOS)
    return picture


def pixels(picture: Image.Image, n_channels: int) -> np.ndarray:
    """uint8 (height, width, channels), grey for one channel."""
    return np.asarray(picture.convert("L"))[..., None] if n_channels == 1 else np.asarray(picture)


def save(picture: np.ndarray, path: Path) -> None:
    """Write uint8 (height, width, channels) in the format of the path's suffix."""
    encoded = io.BytesIO()
    image = Image.fromarray(picture.squeeze(-1) if picture.shape[-1] == 1 else picture)
    image.save(encoded, FORMATS[path.suffix.lower()], quality=JPEG_QUALITY, subsampling=0)
    write_atomically(path, encoded.getvalue())


def strip_of(out: Path) -> Path:
    """Where the intermediate pictures go."""
    return out.with_name(f"{out.stem}-strip.png")


def check_out(out: Path, inputs: list[Path], force: bool) -> None:
    """Raise UsageError if the picture or its strip cannot be written or would replace what must be kept."""
    if out.suffix.lower() not in FORMATS:
        raise UsageError(f"--out {out} must end in {', '.join(FORMATS)}")
    if not out.parent.is_dir() or not os.access(out.parent, os.W_OK | os.X_OK):
        raise UsageError(f"{out.parent} is no folder that can be written to; make it, or choose another --out")
    for path in (out, strip_of(out)):
        if path.is_dir():
            raise UsageError(f"{path} is a folder; choose another --out")
        if any(path.exists() and given.exists() and path.samefile(given) for given in inputs):
            raise UsageError(f"{path} is read, so it cannot be written; choose another --out")
        if path.exists() and not force:
            raise UsageError(f"{path} already exists; choose another --out or give --force")
