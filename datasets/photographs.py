"""Image files of any common format and mode, even from strangers: nothing too large or outside the folder is read."""

import contextlib
import io
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from .image_dataset import DatasetError

FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "GIF", "TIFF")  # none that runs a program to decode
MAX_BYTES = 100_000_000
MAX_PIXELS = 50_000_000
DARK_OF_16_BITS = 4096
N_TEXTS_LISTED = 5
SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif", ".tif", ".tiff")

warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)  # `decode` refuses smaller ones already


def decode(content: bytes) -> Image.Image:
    """One encoded image as a Pillow image of mode RGB, at its own size.

    Grey, palette and CMYK images become RGB, transparent parts white; a camera's orientation is applied. Raises
    DatasetError if the content, whatever its name says, is not a complete image in one of FORMATS, has more than 50
    million pixels, or has 16 bits but no value that needs more than 12, which many cameras give.
    """
    with _opened(io.BytesIO(content)) as image:
        upright = ImageOps.exif_transpose(image)
        if upright.mode.startswith("I;16"):
            values = np.asarray(upright)
            if values.max() < DARK_OF_16_BITS:
                raise DatasetError(
                    f"refused: grey of 16 bits whose largest value is {values.max()} of 65535, so nearly black; if "
                    "white is another value than 65535, scale it"
                )
            return Image.fromarray((values >> 8).astype(np.uint8)).convert("RGB")
        if upright.has_transparency_data:
            upright = upright.convert("RGBA")
            upright = Image.alpha_composite(Image.new("RGBA", upright.size, "white"), upright)
        return upright.convert("RGB")


def shape_of(path: Path, folder: Path, max_side_pixels: int) -> tuple[int, int]:
    """(height, width) that `decode` gives the file, by its header; where a side is longer, as they are stored.

    Whether an image is turned may be known only after decoding it, which large ones are not worth here. Raises
    DatasetError if `read` or `decode` will refuse the file, as far as the header tells; OSError as `read`.
    """
    check_place(path, folder)
    with path.open("rb") as file, _opened(file) as image:
        return upright_shape(image) if max(image.size) <= max_side_pixels else image.size[::-1]


@contextlib.contextmanager
def _opened(file: BinaryIO) -> Iterator[Image.Image]:
    """An image whose header was read; whatever goes wrong with it within the block raises DatasetError."""
    try:
        with Image.open(file, formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise DatasetError(f"refused: {image.width} x {image.height} are more than {MAX_PIXELS} pixels")
            if image.mode in ("I", "F"):
                raise DatasetError("refused: 32 bits per pixel, with no known value for white; convert it")
            yield image
    except (DatasetError, MemoryError):
        raise
    except UnidentifiedImageError as error:
        raise DatasetError(f"not a readable image (none of {', '.join(FORMATS)})") from error
    except Exception as error:  # damaged metadata makes Pillow raise nearly anything
        raise DatasetError(f"not a readable image ({error})") from error


def upright_shape(image: Image.Image) -> tuple[int, int]:
    """(height, width) that `decode` gives an opened image; only for PNG files may Pillow decode the pixels."""
    is_turned = image.getexif().get(ExifTags.Base.Orientation) in (5, 6, 7, 8)
    if is_turned and image.format != "TIFF":  # Pillow swaps a TIFF's sides itself
        return image.width, image.height
    return image.height, image.width


def decode_all(
    photographs: Iterable[tuple[int, str, bytes | DatasetError]], resize: Callable[[Image.Image], np.ndarray]
) -> Iterator[tuple[int, str, np.ndarray | DatasetError]]:
    """(class index, name, what `resize` makes of the image) for each (class index, name, content), in order.

    For an unreadable image the third item is the DatasetError that says why; one given as content is passed on. Several
    images are decoded at a time.
    """
    from joblib import Parallel, delayed

    def decode_one(index, name, content):
        if isinstance(content, DatasetError):
            return index, name, content
        try:
            return index, name, resize(decode(content))
        except DatasetError as error:
            return index, name, error

    return Parallel(n_jobs=-1, prefer="threads", return_as="generator")(
        delayed(decode_one)(*photograph) for photograph in photographs
    )


def read(path: Path, folder: Path) -> bytes:
    """Content of a file below the folder; raises DatasetError if it is over 100 MB or a link to somewhere else."""
    check_place(path, folder)
    return path.read_bytes()


def check_place(path: Path, folder: Path) -> None:
    """Raise DatasetError if a file is over 100 MB or a link out of the folder."""
    try:
        place = path.resolve()
    except RuntimeError as error:
        raise DatasetError(f"{path} is refused: it is a symbolic link that leads back to itself") from error
    if not place.is_relative_to(folder.resolve()):
        raise DatasetError(f"{path} is refused: it is a symbolic link out of {folder}; put the file itself there")
    check_size(str(path), path.stat().st_size)


def check_size(name: str, n_bytes: int) -> None:
    """Raise DatasetError if a file is larger than a photograph can be."""
    if n_bytes > MAX_BYTES:
        raise DatasetError(f"{name} is refused: a photograph of {n_bytes} bytes, more than {MAX_BYTES}")


def listed(texts: list[str], separator: str = "; ") -> str:
    """The first five, and how many more there are."""
    more = [f"and {len(texts) - N_TEXTS_LISTED} more"] if len(texts) > N_TEXTS_LISTED else []
    return separator.join([*texts[:N_TEXTS_LISTED], *more])


def is_photograph(name: str) -> bool:
    """Whether a file's name has the ending of an image's and is not hidden."""
    path = Path(name)
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
