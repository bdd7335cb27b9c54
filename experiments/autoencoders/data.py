"""The datasets and their parts."""

import pkgutil
from dataclasses import dataclass

import numpy as np

from ...datasets import split
from ...datasets.cifar10 import CLASS_NAMES
from ...datasets.image_dataset import ImageDataset
from .piece import Parts

DIGITS = tuple("0123456789")
TEST_FRACTION = 0.3
SPLIT_RANDOM_STATE = 0


@dataclass(frozen=True)
class Source:
    """A dataset: `load` is the path of its loader; the last `n_official_test` images are for testing, or if None a
    drawn part.
    """

    label: str
    load: str
    class_names: tuple[str, ...]
    image_shape: tuple[int, int, int]
    n_official_test: int | None = None

    def dataset_in(self, data_dir: str | None) -> ImageDataset:
        """The images, from `data_dir` or wherever the loader finds them."""
        return pkgutil.resolve_name(self.load)(data_dir)


DATASETS = {
    "digits": Source("digits", "class_balancing.datasets.digits:load", DIGITS, (28, 28, 1)),
    "mnist": Source("MNIST", "class_balancing.datasets.mnist:load", DIGITS, (28, 28, 1), 10_000),
    "cifar10": Source("CIFAR-10", "class_balancing.datasets.cifar10:load", CLASS_NAMES, (32, 32, 3), 10_000),
}


def parts_of(source: Source, dataset: ImageDataset, n_train: int | None, n_test: int | None) -> Parts:
    """Images to learn from and to test on, drawn from the parts if there are more than so many."""
    if source.n_official_test is None:
        train, test = split.split(dataset.labels, TEST_FRACTION, SPLIT_RANDOM_STATE)
    else:
        train, test = np.split(np.arange(len(dataset.labels)), [len(dataset.labels) - source.n_official_test])
    return Parts(*(dataset.take(_some(indices, n)) for indices, n in ((train, n_train), (test, n_test))))


def _some(indices: np.ndarray, n: int | None) -> np.ndarray:
    if n is None or n >= len(indices):
        return indices
    return np.sort(np.random.default_rng(SPLIT_RANDOM_STATE).choice(indices, n, replace=False))
