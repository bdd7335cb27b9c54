"""CIFAR-10 (Krizhevsky 2009): 60,000 photographs of ten kinds of things, 32 x 32 x 3."""

import hashlib
import io
import os
import pickle
import tarfile
from pathlib import Path

import numpy as np

from .download import cached
from .image_dataset import DatasetError, ImageDataset

FOLDER = "cifar-10-batches-py"
# name -> MD5 of the official file
BATCH_FILES = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
}
ARCHIVE_ADDRESS = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
ARCHIVE_SHA256 = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
ARCHIVE_FILE = "cifar-10-batches-py-target_archive"  # Keras' name for it
CLASS_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def load(data_dir: str | None = None) -> ImageDataset:
    """All 60,000 images: the 50,000 for training, then the 10,000 for testing, in the files' order.

    Reads the six official Python batches under `data_dir` or `data_dir/cifar-10-batches-py` (default: the
    environment variable DATASETS_DIR), else Keras' cached archive, else downloads that. Checksums are verified before
    anything is unpickled. Raises DatasetError if a file is missing, damaged or cannot be downloaded; no file is
    deleted or replaced.
    """
    folder = data_dir or os.environ.get("DATASETS_DIR")
    if folder:
        candidates = [Path(folder), Path(folder) / FOLDER]
        found = [candidate for candidate in candidates if any((candidate / name).exists() for name in BATCH_FILES)]
        if found:
            return _from_batches(found[0])
        if data_dir or not Path(folder).is_dir():
            raise DatasetError(
                f"no CIFAR-10 file found in {folder} or {folder}/{FOLDER}; put {', '.join(BATCH_FILES)} from "
                f"{ARCHIVE_ADDRESS} there or set neither --data-dir nor DATASETS_DIR to have them downloaded"
            )
    return _from_archive()


def _from_batches(folder: Path) -> ImageDataset:
    batches = []
    for name, md5 in BATCH_FILES.items():
        path = folder / name
        try:
            content = path.read_bytes()
        except OSError as error:
            raise DatasetError(f"cannot read {path}: {error.strerror}; all six batches are needed there") from error
        if hashlib.md5(content, usedforsecurity=False).hexdigest() != md5:
            raise DatasetError(f"{path} is damaged or incomplete (its MD5 is not {md5}); fetch it again and replace it")
        batches.append(pickle.loads(content, encoding="bytes"))
    return _merged(batches)


def _from_archive() -> ImageDataset:
    otherwise = f"name a folder that holds {FOLDER} with --data-dir or DATASETS_DIR"
    content = cached(ARCHIVE_FILE, ARCHIVE_ADDRESS, "sha256", ARCHIVE_SHA256, otherwise).read_bytes()
    if hashlib.sha256(content).hexdigest() != ARCHIVE_SHA256:  # of the very bytes that are unpickled
        raise DatasetError(f"{ARCHIVE_FILE} changed while it was read")
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        members = [archive.extractfile(f"{FOLDER}/{name}") for name in BATCH_FILES]
        return _merged([pickle.loads(member.read(), encoding="bytes") for member in members])


def _merged(batches: list[dict]) -> ImageDataset:
    """Each batch holds `data` uint8 (n, 3072), channel by channel, and `labels`, a list."""
    pixels = np.concatenate([batch[b"data"] for batch in batches])
    images = np.ascontiguousarray(pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))  # (n, 32, 32, 3)
    labels = np.concatenate([batch[b"labels"] for batch in batches])
    parts = np.repeat(["train"] * (len(batches) - 1) + ["test"], [len(batch[b"labels"]) for batch in batches])
    return ImageDataset("cifar10", images, labels.astype(np.int64), CLASS_NAMES, parts)
