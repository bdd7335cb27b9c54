"""The parts of a folder of images that `judge.py` learns from, validates and tests with."""

from dataclasses import dataclass

import numpy as np

from datasets.groups import split_groups
from datasets.image_dataset import ImageDataset
from datasets.split import split
from evaluation.verdict import MIN_UNITS
from experiments.hyperparameters import TEST_FRACTION, VALIDATION_FRACTION


@dataclass(frozen=True)
class Parts:
    """Real images; networks and classifiers learn from `train`, choose their epoch by `validation`."""

    train: ImageDataset
    validation: ImageDataset
    test: ImageDataset
    test_groups: np.ndarray | None
    indices: dict[str, np.ndarray]


def parts(dataset: ImageDataset, groups: np.ndarray | None, indices: dict[str, np.ndarray]) -> Parts:
    """The images that `split_indices` chose; `groups` (n,) names images that stay together."""
    images = {name: dataset.take(chosen) for name, chosen in indices.items()}
    return Parts(**images, test_groups=None if groups is None else groups[indices["test"]], indices=indices)


def split_indices(
    labels: np.ndarray, groups: np.ndarray | None, class_names, random_state: int
) -> dict[str, np.ndarray]:
    """70 % of the images to learn from, of which a quarter validates, and 30 % to test; groups stay together.

    Raises ValueError where a class is too small for that or for a verdict.
    """

    def cut(labels, groups, fraction):
        if groups is None:
            return split(labels, fraction, random_state)
        return split_groups(labels, groups, fraction, random_state, class_names)

    learning, test = cut(labels, groups, TEST_FRACTION)
    inner = cut(labels[learning], None if groups is None else groups[learning], VALIDATION_FRACTION)
    train, validation = learning[inner[0]], learning[inner[1]]
    for label, name in enumerate(class_names):
        found = test[labels[test] == label]
        if not (labels[train] == label).any() or not len(found):
            raise ValueError(f"{name} has too few images to be learned from and tested")
        n_units, unit = (len(found), "") if groups is None else (len(np.unique(groups[found])), " groups of")
        if n_units < MIN_UNITS:
            raise ValueError(
                f"{name} would have {n_units}{unit} test images, and a verdict needs {MIN_UNITS}; that takes about "
                f"{round(MIN_UNITS / TEST_FRACTION)}{unit} images of each class"
            )
    return {"train": train, "validation": validation, "test": test}
