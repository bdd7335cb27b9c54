"""The study's images: some of each class of a dataset, in a part to learn from and one to test on.

They are few and at most 32 x 32 pixels, so that memory, computing and stored predictions stay small, and the same on
every machine. Digits and Vehicles, which come without parts, are split here; all their images of the smaller part test.
"""

from dataclasses import replace

import numpy as np
from PIL import Image

from ...datasets import cifar10 as cifar10_files
from ...datasets import digits as digits_files
from ...datasets import fer2013 as fer2013_files
from ...datasets import mnist as mnist_files
from ...datasets import vehicles as vehicles_files
from ...datasets.image_dataset import DatasetError, ImageDataset
from ...datasets.split import split

N_KEPT = {"digits": 100, "mnist": 200, "cifar10": 300, "vehicles": 300, "fer2013": 300}  # training images of each class
FER2013_SHARE = 8  # of its training images one in so many, if its imbalance stays as it is
FER2013_KEPT = tuple(n // FER2013_SHARE for n in fer2013_files.OFFICIAL_COUNTS["train"])
N_OTHERS = 30  # further training images of each class, if there are, which validate as those that are dropped do
N_TESTED = 100  # of each class, where there are as many
TEST_FRACTION = 0.3
SIDE_PIXELS = 32  # of photographs


def digits(data_dir: str | None = None) -> ImageDataset:
    return _some(digits_files.load(data_dir), N_KEPT["digits"])


def mnist(data_dir: str | None = None) -> ImageDataset:
    return _some(mnist_files.load(data_dir), N_KEPT["mnist"], N_TESTED)


def cifar10(data_dir: str | None = None) -> ImageDataset:
    return _some(cifar10_files.load(data_dir), N_KEPT["cifar10"], N_TESTED)


def vehicles(data_dir: str | None = None) -> ImageDataset:
    return _smaller(_some(vehicles_files.load(data_dir), N_KEPT["vehicles"]))


def fer2013(data_dir: str | None = None) -> ImageDataset:
    needed = [max(N_KEPT["fer2013"], n) for n in FER2013_KEPT]
    return _smaller(_some(fer2013_files.load(data_dir), needed, N_TESTED))


def _some(dataset: ImageDataset, needed: int | list[int], n_tested: int | None = None) -> ImageDataset:
    """Of each class `needed` images in the part "train", and some others, and at most `n_tested` in the part "test".

    Raises DatasetError if a class has fewer training images.
    """
    labels, parts = dataset.labels, _parts(dataset)
    rng, chosen = np.random.default_rng(0), []
    for label, n in enumerate(np.broadcast_to(needed, dataset.n_classes)):
        train, test = (np.flatnonzero((labels == label) & (parts == part)) for part in ("train", "test"))
        if len(train) < n:
            name = dataset.class_names[label]
            raise DatasetError(f"{dataset.name}: the study needs {n} training images of {name}, found {len(train)}")
        chosen += [rng.permutation(train)[: n + N_OTHERS], rng.permutation(test)[:n_tested]]
    indices = np.sort(np.concatenate(chosen))
    return ImageDataset(dataset.name, dataset.images[indices], labels[indices], dataset.class_names, parts[indices])


def _smaller(dataset: ImageDataset) -> ImageDataset:
    """The dataset with square images of SIDE_PIXELS, antialiased."""
    shape = SIDE_PIXELS, SIDE_PIXELS, dataset.images.shape[-1]
    pictures = (Image.fromarray(image.squeeze()) for image in dataset.images)
    resized = [np.asarray(picture.resize(shape[:2], Image.Resampling.BILINEAR)) for picture in pictures]
    return replace(dataset, images=np.reshape(resized, (-1, *shape)))


def _parts(dataset: ImageDataset) -> np.ndarray:
    """The official part of each image, or one that is drawn."""
    if dataset.official_parts is not None:
        return dataset.official_parts
    parts = np.full(len(dataset.labels), "train")
    parts[split(dataset.labels, TEST_FRACTION, random_state=0)[1]] = "test"
    return parts
