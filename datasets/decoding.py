"""Decoding of many image files into one file, which a killed command continues and a later one reads again."""

import json
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from .files import read_json, write_atomically
from .image_dataset import DatasetError
from .stored_images import N_IMAGES_AT_ONCE, StoredImages, in_parts, n_bytes, write, write_header

NAMES = re.compile(r"images-[0-9a-f]{12}\.(npy|json|decoding)(\.partial|\.damaged)?")


def decoded(
    place: Path,
    identity: str,
    shape: tuple[int, int, int, int],
    images_of: Callable[[int, int], Iterable[np.ndarray | DatasetError]],
    description: str | None = None,
) -> tuple[StoredImages, dict[int, str]]:
    """The images of a file in the folder `place`, which is made, continued or read, and why others could not be read.

    `images_of(start, stop)` gives the images at these positions of `shape` (n, height, width, 3), uint8, or why there
    is none. If all are grey, the file has one channel. Its name holds a part of the hash `identity`, of all that
    decides what is in it. Reasons are by position. With a description a bar shows the time left. Only one process at a
    time may decode into a folder.
    """
    whole, unfinished, note = (place / f"images-{identity[:12]}.{kind}" for kind in ("npy", "decoding", "json"))
    known = read_json(note)
    if known is None or known["identity"] != identity:
        known = {"identity": identity, "n_tried": 0, "is_grey": True, "reasons": {}}
        whole.unlink(missing_ok=True)
    if not whole.exists():
        known = _continued(unfinished, note, known, shape, images_of, description)
        if known["is_grey"]:
            coloured = in_parts(StoredImages.of_file(unfinished), description)
            write(whole, (*shape[1:3], 1), (part[..., :1] for part in coloured))
        else:
            unfinished.replace(whole)
    unfinished.unlink(missing_ok=True)
    return StoredImages.of_file(whole), {int(position): reason for position, reason in known["reasons"].items()}


def _continued(unfinished: Path, note: Path, known: dict, shape, images_of, description) -> dict:
    """Decode what is missing in the file; what is then known of it.

    The note beside the file says how far it can be trusted: it is written after the images are on the disk.
    """
    n_images, *image_shape = shape
    with open(unfinished, "r+b" if unfinished.exists() else "w+b") as file:
        write_header(file, shape)
        offset = file.tell()
        end = offset + n_bytes(known["n_tried"] - len(known["reasons"]), image_shape)
        if os.fstat(file.fileno()).st_size < end:
            known, end = known | {"n_tried": 0, "is_grey": True, "reasons": {}}, offset
        file.seek(end)
        file.truncate()
        with _bar(description, n_images, known["n_tried"]) as bar:
            for start in range(known["n_tried"], n_images, N_IMAGES_AT_ONCE):
                stop = min(start + N_IMAGES_AT_ONCE, n_images)
                for position, image in enumerate(images_of(start, stop), start):
                    if isinstance(image, DatasetError):
                        known["reasons"][str(position)] = str(image)
                    else:
                        known["is_grey"] = known["is_grey"] and bool((image == image[..., :1]).all())
                        file.write(np.ascontiguousarray(image))
                    bar.update()
                _flush(file)
                known["n_tried"] = stop
                write_atomically(note, json.dumps(known))
        file.seek(0)
        write_header(file, (n_images - len(known["reasons"]), *image_shape))
        _flush(file)
    return known


def _bar(description: str | None, n_images: int, n_done: int):
    from tqdm import tqdm

    hidden = description is None
    return tqdm(None, description, n_images, initial=n_done, unit="image", disable=hidden, delay=2, mininterval=1)


def _flush(file) -> None:
    file.flush()
    os.fsync(file.fileno())


def is_decoded(path: Path) -> bool:
    """Whether the file has a name that `decoded` gives."""
    return NAMES.fullmatch(path.name) is not None


def remove_others(place: Path, images: StoredImages) -> None:
    """Remove from the folder what was decoded into it, but for these images."""
    kept = {file.path.stem for file in images.files}
    for path in filter(is_decoded, place.iterdir()):
        if path.name.partition(".")[0] not in kept:
            path.unlink()
