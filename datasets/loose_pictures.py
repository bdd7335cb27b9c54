"""Pictures of any size and mode in one folder, without classes, made alike."""

from pathlib import Path

import numpy as np
from PIL import Image

from .image_dataset import DatasetError
from .photographs import SUFFIXES, decode, is_photograph, read


def load_pictures(folder: str | Path, image_shape: tuple[int, int, int]) -> tuple[np.ndarray, list[str]]:
    """All pictures directly in a folder as uint8 (n, height, width, channels), and their names, sorted.

    They are resized to the shape, with antialiasing and without keeping aspect ratios. With one channel they become
    grey, with three RGB; transparent parts are white. Raises DatasetError if there are none, for one that is not
    readable or has more than 50 million pixels, and for other numbers of channels.
    """
    folder = Path(folder)
    height, width, n_channels = image_shape
    names = sorted(path.name for path in folder.iterdir() if is_photograph(path.name))
    if not names:
        raise DatasetError(f"{folder} itself holds no pictures ({', '.join(SUFFIXES)}); folders in it are not read")
    images = np.empty((len(names), *image_shape), np.uint8)
    for image, name in zip(images, names, strict=True):
        picture = load_picture(folder / name, n_channels).resize((width, height), Image.Resampling.BILINEAR)
        image[:] = np.asarray(picture).reshape(image_shape)
    return images, names


def load_picture(path: Path, n_channels: int) -> Image.Image:
    """A picture at its own size, grey for one channel, RGB for three; DatasetError as for `load_pictures`."""
    if n_channels not in (1, 3):
        raise DatasetError(f"pictures have one channel or three, but the images have {n_channels}")
    try:
        return decode(read(path, path.parent)).convert("L" if n_channels == 1 else "RGB")
    except OSError as error:
        raise DatasetError(f"{path} cannot be read ({error.strerror})") from error
    except DatasetError as error:
        raise error if str(path) in str(error) else DatasetError(f"{path}: {error}") from error
