"""MNIST (LeCun, Cortes, Burges): 70,000 handwritten digits, 28 x 28 x 1, CC BY-SA 3.0."""

import gzip
import hashlib
import os
from pathlib import Path

import numpy as np

from .download import cached
from .image_dataset import DatasetError, ImageDataset

# name -> (MD5 of the official file, bytes before the data)
IDX_FILES = {
    "train-images-idx3-ubyte.gz": ("f68b3c2dcbeaaa9fbdd348bbdeb94873", 16),
    "t10k-images-idx3-ubyte.gz": ("9fb629c4189551a2d022fa330f9573f3", 16),
    "train-labels-idx1-ubyte.gz": ("d53e105ee54ea40749a09fcbcd1e9432", 8),
    "t10k-labels-idx1-ubyte.gz": ("ec29112dd5afa0611ce80d1b7f02629c", 8),
}
KERAS_FILE = "mnist.npz"
KERAS_ADDRESS = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
KERAS_SHA256 = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"


def load(data_dir: str | None = None) -> ImageDataset:
    """All 70,000 images: the 60,000 for training, then the 10,000 for testing, in the files' order.

    Reads the four official IDX files under `data_dir` or `data_dir/mnist` (default: the environment variable
    DATASETS_DIR), else Keras' cached `mnist.npz`, else downloads that. Checksums are verified first. Raises
    DatasetError if a file is missing, damaged or cannot be downloaded; no file is deleted or replaced.
    """
    folder = data_dir or os.environ.get("DATASETS_DIR")
    if folder:
        candidates = [Path(folder), Path(folder) / "mnist"]
        found = [candidate for candidate in candidates if any((candidate / name).exists() for name in IDX_FILES)]
        if found:
            return _from_idx(found[0])
        if data_dir or not Path(folder).is_dir():
            raise DatasetError(
                f"no MNIST file found in {folder} or {folder}/mnist; put {', '.join(IDX_FILES)} there "
                "or set neither --data-dir nor DATASETS_DIR to use Keras' download"
            )
    return _from_keras()


def _from_idx(folder: Path) -> ImageDataset:
    images, test_images, labels, test_labels = (_read_idx(folder / name, *check) for name, check in IDX_FILES.items())
    return _dataset(images.reshape(-1, 28, 28), test_images.reshape(-1, 28, 28), labels, test_labels)


def _read_idx(path: Path, md5: str, header_bytes: int) -> np.ndarray:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DatasetError(f"cannot read {path}: {error.strerror}; all four MNIST files are needed there") from error
    if hashlib.md5(content, usedforsecurity=False).hexdigest() != md5:
        raise DatasetError(f"{path} is damaged or incomplete (its MD5 is not {md5}); fetch it again and replace it")
    return np.frombuffer(gzip.decompress(content), np.uint8, offset=header_bytes)


def _from_keras() -> ImageDataset:
    otherwise = f"name a folder that holds {', '.join(IDX_FILES)} with --data-dir or DATASETS_DIR"
    with np.load(cached(KERAS_FILE, KERAS_ADDRESS, "sha256", KERAS_SHA256, otherwise)) as arrays:
        return _dataset(*(arrays[name] for name in ("x_train", "x_test", "y_train", "y_test")))


def _dataset(images, test_images, labels, test_labels) -> ImageDataset:
    return ImageDataset(
        "mnist",
        np.concatenate([images, test_images])[..., None],
        np.concatenate([labels, test_labels]).astype(np.int64),
        tuple("0123456789"),
        np.repeat(["train", "test"], [len(labels), len(test_labels)]),
    )
