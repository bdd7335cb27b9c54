"""Filters that drop new images before a classifier learns from them."""

import numpy as np

from ...evaluation import classifiers
from ...evaluation.nearest import near_copies


def confidence(images: np.ndarray, label: int, originals: np.ndarray, classifier) -> np.ndarray:
    """bool (n,): whether the classifier of the original images takes each image for its class."""
    return classifiers.predict(classifier, images) == label


def duplicates(images: np.ndarray, label: int, originals: np.ndarray, classifier) -> np.ndarray:
    """bool (n,): whether each image is not a near copy of an original of its class."""
    return ~near_copies(images, originals)


FILTERS = {"confidence": confidence, "duplicates": duplicates}
NEED_CLASSIFIER = {"confidence"}
