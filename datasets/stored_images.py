"""Images in files, of which only those that are asked for are in memory."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .files import appearing
from .pixels import n_at_once

N_IMAGES_AT_ONCE = 1000


@dataclass(frozen=True)
class _File:
    """An npy file of uint8 images; `offset` is where their bytes begin."""

    path: Path
    offset: int
    shape: tuple[int, ...]

    def read(self, positions: np.ndarray) -> np.ndarray:
        """Mapped for so long only, since what stays mapped counts as memory of the process."""
        return np.memmap(self.path, np.uint8, "r", self.offset, self.shape)[positions]


class StoredImages:
    """uint8 images (n, height, width, channels) in npy files, in any order and number.

    To index them reads: `images[3]`, `images[10:20]`, `images[indices]`, `images[mask]` and `images[indices, :, ::-1]`
    are numpy arrays, and `numpy.asarray(images)` is all of them. `take` reads nothing. The files must stay as they are.
    """

    dtype = np.dtype(np.uint8)
    ndim = 4

    def __init__(self, files: tuple[_File, ...], indices: np.ndarray):
        """`indices` int64 (n,) count the images of all files, one file after the other."""
        self.files = files
        self.indices = indices

    @classmethod
    def of_file(cls, path: Path) -> StoredImages:
        """All images of a file that `write` or `numpy.save` wrote; raises ValueError for another file."""
        with open(path, "rb") as file:
            version = np.lib.format.read_magic(file)
            header = np.lib.format.read_array_header_1_0(file) if version == (1, 0) else ((), False, None)
            shape, is_by_columns, dtype = header
            offset = file.tell()
        if len(shape) != cls.ndim or dtype != cls.dtype or is_by_columns:
            raise ValueError(f"{path} holds no uint8 images (n, height, width, channels)")
        return cls((_File(path, offset, shape),), np.arange(shape[0]))

    @property
    def shape(self) -> tuple[int, ...]:
        return len(self.indices), *self.files[0].shape[1:]

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, key) -> np.ndarray:
        if isinstance(key, tuple):
            first, *others = key
            if not all(isinstance(other, slice | int) for other in others):
                raise IndexError("arrays choose among stored images along the first axis only")
            found = self[first]
            return found[(*[slice(None)] * (found.ndim - self.ndim + 1), *others)]
        chosen = self.indices[key]
        flat = chosen.ravel()
        if len(self.files) == 1:
            return self.files[0].read(flat).reshape(*chosen.shape, *self.shape[1:])
        images, start = np.empty((len(flat), *self.shape[1:]), self.dtype), 0
        for file in self.files:
            here = (flat >= start) & (flat < start + file.shape[0])
            if here.any():
                images[here] = file.read(flat[here] - start)
            start += file.shape[0]
        return images.reshape(*chosen.shape, *self.shape[1:])

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return self[:] if dtype is None else self[:].astype(dtype, copy=False)

    def take(self, indices: np.ndarray) -> StoredImages:
        """Those at the indices (or of a mask), in their order."""
        return StoredImages(self.files, self.indices[indices])


def write(path: Path, image_shape: tuple[int, ...], parts: Iterable[np.ndarray]) -> StoredImages:
    """Write uint8 images (n, *image_shape), of which `parts` gives some at a time, to an npy file; whole or not."""
    n_images = 0
    with appearing(path) as file:
        write_header(file, (0, *image_shape))
        for part in parts:
            file.write(np.ascontiguousarray(part))
            n_images += len(part)
        file.seek(0)
        write_header(file, (n_images, *image_shape))
    return StoredImages.of_file(path)


def write_header(file, shape: tuple[int, ...]) -> None:
    """Write what stands before the bytes of uint8 images in an npy file; as long for any number of images."""
    np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})


def taken(images: np.ndarray | StoredImages, indices: np.ndarray) -> np.ndarray | StoredImages:
    """The images at the indices (or of a mask), in their order; of stored ones none is read."""
    return images.take(indices) if isinstance(images, StoredImages) else images[indices]


def joined(parts: list[np.ndarray | StoredImages]) -> np.ndarray | StoredImages:
    """All images of all parts, which are arrays or else all stored; of stored ones none is read."""
    if not any(isinstance(part, StoredImages) for part in parts):
        return np.concatenate(parts)
    files, indices, start = [], [], 0
    for part in parts:
        files += part.files
        indices.append(part.indices + start)
        start += sum(file.shape[0] for file in part.files)
    return StoredImages(tuple(files), np.concatenate(indices))


def in_parts(images: np.ndarray | StoredImages, description: str | None = None) -> Iterator[np.ndarray]:
    """The images as arrays, some at a time; with a description a bar shows the time left.

    Arrays of another kind come a thousand rows at a time.
    """
    from tqdm import tqdm

    size = n_at_once(N_IMAGES_AT_ONCE, images.shape[1:]) if images.ndim == 4 else N_IMAGES_AT_ONCE
    starts = range(0, len(images), size)
    bar = tqdm(total=len(images), desc=description, unit="image", disable=description is None, delay=2, mininterval=1)
    with bar:
        for start in starts:
            part = images[start : start + size]
            yield part
            bar.update(len(part))


def n_bytes(n_images: int, image_shape: tuple[int, ...]) -> int:
    """Of so many uint8 images of a shape."""
    return n_images * math.prod(image_shape)
