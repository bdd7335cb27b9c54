"""Vehicles: Caltech's photographs of airplanes and motorcycles (side) and cars (rear), resized to 64 x 64 x 3."""

import io
import os
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from .download import cache_folder, cached, digest
from .image_dataset import DatasetError, ImageDataset
from .photographs import check_size, decode_all, is_photograph, listed, read

CLASS_NAMES = ("airplanes", "cars", "motorcycles")
SIDE_PIXELS = 64
N_THESIS_IMAGES = 2552
FOLDER = "vehicles"
MAX_INNER_ARCHIVE_BYTES = 2_000_000_000
# what the standard library raises on archives that are damaged, encrypted or of an unknown kind
DAMAGE = (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError)


@dataclass(frozen=True)
class Archive:
    """One of Caltech's collections. `names` are those under which its file circulates; without a published MD5 it is
    not downloaded."""

    class_name: str
    names: tuple[str, ...]
    address: str
    md5: str | None


ARCHIVES = (
    Archive(
        "airplanes",
        ("airplanes_side.tar", "airplanes_side.zip"),
        "https://www.robots.ox.ac.uk/~vgg/data/airplanes_side/airplanes_side.tar",
        None,
    ),
    Archive(
        "cars",
        ("Cars_2001.zip", "cars_brad.tar"),
        "https://data.caltech.edu/records/dvx6b-vsc46/files/Cars_2001.zip?download=1",
        "e68efb9197ed6a9bc94ce46c79378d29",
    ),
    Archive(
        "cars",
        ("Cars_1999.zip", "cars_markus.tar"),
        "https://data.caltech.edu/records/fmbpr-ezq86/files/Cars_1999.zip?download=1",
        "79b12e08cf5f711f27bbd3e9c6bf371f",
    ),
    Archive(
        "motorcycles",
        ("motorbikes_side.zip", "motorbikes_side.tar"),
        "https://data.caltech.edu/records/pxb2q-1e144/files/motorbikes_side.zip?download=1",
        "ac51dc40c8df085c6663f38307685079",
    ),
)


def load(data_dir: str | None = None) -> ImageDataset:
    """All photographs found, class by class, sorted by name.

    Looks under `data_dir` or `data_dir/vehicles` (default: the environment variable DATASETS_DIR) for the folders
    airplanes, cars and motorcycles, else for the four archives, else in `vehicles` below Keras' cache, where missing
    archives with a published checksum are downloaded. Says on standard error how many images were found; the thesis
    had 2552. Unreadable files are left out and named. Raises DatasetError if a class or an archive is missing or has no
    readable image, and for links and members that lead elsewhere or are too large. No file is deleted or replaced.
    """
    return _decoded(_photographs(_folders(data_dir)))


def _folders(data_dir: str | None) -> list[Path]:
    folder = data_dir or os.environ.get("DATASETS_DIR")
    if not folder:
        return []
    if not Path(folder).is_dir():
        raise DatasetError(f"there is no folder {folder} (--data-dir, DATASETS_DIR)")
    return [Path(folder) / FOLDER, Path(folder)]


def _photographs(folders: list[Path]) -> Iterator[tuple[int, str, bytes]]:
    """(class index, name, content) of each file that is named like an image."""
    for folder in folders:
        if any((folder / name).is_dir() for name in CLASS_NAMES):
            yield from _from_folders(folder)
            return
    for archive, path in zip(ARCHIVES, _archive_paths(folders), strict=True):
        with open(path, "rb") as file:
            for name, content in _members(file, path.name):
                yield CLASS_NAMES.index(archive.class_name), f"{path}:{name}", content


def _from_folders(folder: Path) -> Iterator[tuple[int, str, bytes]]:
    for index, name in enumerate(CLASS_NAMES):
        paths = sorted(path for path in (folder / name).rglob("*") if path.is_file() and is_photograph(path.name))
        if not paths:
            raise DatasetError(
                f"no image found in {folder / name}; Vehicles needs the folders {', '.join(CLASS_NAMES)} in {folder}"
            )
        for path in paths:
            yield index, str(path), read(path, folder / name)


def _archive_paths(folders: list[Path]) -> list[Path]:
    """Path of each archive; downloads what is missing once all that must be fetched by hand is there."""
    places = [*folders, cache_folder() / FOLDER]
    found = [next((p / n for p in places for n in archive.names if (p / n).is_file()), None) for archive in ARCHIVES]
    for archive, path in zip(ARCHIVES, found, strict=True):
        if path and archive.md5 and path.name == archive.names[0] and digest(path, "md5") != archive.md5:
            raise DatasetError(f"{path} is damaged or incomplete (its MD5 is not {archive.md5}); fetch it again")
    by_hand = [archive for archive, path in zip(ARCHIVES, found, strict=True) if path is None and not archive.md5]
    layout = f"{places[0]}/{{{','.join(CLASS_NAMES)}}}/*.jpg"
    for archive in by_hand:
        raise DatasetError(
            f"Vehicles: {archive.names[0]} is missing and has no published checksum; fetch {archive.address} and put "
            f"it into {places[0]}, or put the photographs there as {layout}"
        )
    for index, archive in enumerate(ARCHIVES):
        if found[index] is None:
            otherwise = f"put {archive.names[0]} into {places[0]}, or the photographs there as {layout}"
            name = f"{FOLDER}/{archive.names[0]}"
            found[index] = cached(name, archive.address, "md5", archive.md5, otherwise)
    return found


def _members(file, name: str) -> Iterator[tuple[str, bytes]]:
    """(name, content) of the photographs in a .tar or .zip file, or in a .tar inside a .zip, sorted by name."""
    try:
        if name.endswith(".zip"):
            with zipfile.ZipFile(file) as archive:
                for inner in sorted(archive.namelist()):
                    n_bytes = archive.getinfo(inner).file_size
                    if inner.endswith(".tar") and not Path(inner).name.startswith("."):
                        if n_bytes > MAX_INNER_ARCHIVE_BYTES:
                            raise DatasetError(f"{inner} in {name} is refused: {n_bytes} bytes")
                        yield from _members(io.BytesIO(archive.read(inner)), inner)
                    elif is_photograph(inner):
                        _check_member(inner, n_bytes, name)
                        yield inner, archive.read(inner)
        else:
            with tarfile.open(fileobj=file, mode="r:") as archive:  # a compressed one could unpack to any size
                files = [member for member in archive.getmembers() if member.isfile() and is_photograph(member.name)]
                for member in sorted(files, key=lambda member: member.name):
                    _check_member(member.name, member.size, name)
                    yield member.name, archive.extractfile(member).read()
    except DatasetError:
        raise
    except (*DAMAGE, OSError) as error:
        raise DatasetError(f"{getattr(file, 'name', name)} is damaged ({error}); fetch it again") from error


def _check_member(member: str, n_bytes: int, archive: str) -> None:
    if member.startswith(("/", "\\")) or ".." in member.replace("\\", "/").split("/"):
        raise DatasetError(f"{archive} is refused: its member {member} names a place outside of it")
    check_size(f"{member} in {archive}", n_bytes)


def _decoded(photographs: Iterator[tuple[int, str, bytes]]) -> ImageDataset:
    images, labels, unreadable = [], [], []
    for index, name, image in decode_all(photographs, _resized):
        if isinstance(image, DatasetError):
            unreadable.append(f"{name}: {image}")
        else:
            images.append(image)
            labels.append(index)
    counts = np.bincount(np.array(labels, np.int64), minlength=len(CLASS_NAMES))
    if not counts.all():
        raise DatasetError(f"Vehicles: no readable image of {CLASS_NAMES[counts.argmin()]} ({listed(unreadable)})")
    found = ", ".join(f"{count} {name}" for count, name in zip(counts, CLASS_NAMES, strict=True))
    print(f"Vehicles: {len(images)} images ({found}); the thesis had {N_THESIS_IMAGES}.", file=sys.stderr)
    if unreadable:
        print(f"Vehicles: {len(unreadable)} file(s) left out: {listed(unreadable)}", file=sys.stderr)
    return ImageDataset("vehicles", np.stack(images), np.array(labels, np.int64), CLASS_NAMES)


def _resized(image: Image.Image) -> np.ndarray:
    """uint8 (64, 64, 3), whatever the aspect ratio; bilinear between the four nearest pixels.

    Other pixels are skipped, not averaged, as by default in OpenCV and TensorFlow (DEVIATIONS.md).
    """
    whole = (0, 0, *image.size)
    size = (SIDE_PIXELS, SIDE_PIXELS)
    return np.asarray(image.transform(size, Image.Transform.EXTENT, whole, Image.Resampling.BILINEAR))
