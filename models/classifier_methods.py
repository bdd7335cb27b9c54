"""Methods that make no images: the classifier is trained on the images as they are, or in another way."""

import numbers
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.class_weight import compute_class_weight

ABOVE_ZERO, AT_LEAST_ZERO = "a number above 0", "a number of at least 0"


class ClassifierMethod(BaseEstimator, ABC):
    """What a classifier is trained with instead of new images; its parameters are in every record.

    `corrects_prior`: it makes up for classes of unequal size, which must not be done twice.
    """

    corrects_prior = False

    @abstractmethod
    def classifier_arguments(self, labels: np.ndarray) -> dict:
        """Keyword arguments of `evaluation.classifiers.train_classifier` for training images with labels int (n,).

        Raises ValueError for a parameter that is not valid.
        """

    def _check(self, parameter: str, is_valid: Callable[[float], bool], what: str) -> None:
        value = getattr(self, parameter)
        if not (isinstance(value, numbers.Real) and is_valid(value)):
            raise ValueError(f"{parameter} must be {what}, got {value!r}")


class Unbalanced(ClassifierMethod):
    """The baseline: the images as they are."""

    def classifier_arguments(self, labels):
        return {}


@dataclass(kw_only=True, eq=False, repr=False)
class ClassWeights(ClassifierMethod):
    """The loss of each image is weighted; with "balanced" each class weighs as much as any other.

    The mean weight of an image is then 1. `class_weight` is scikit-learn's: "balanced" or {label: weight}.
    """

    class_weight: str | dict = "balanced"

    corrects_prior = True

    def classifier_arguments(self, labels):
        classes = np.unique(labels)
        weights = compute_class_weight(self.class_weight, classes=classes, y=labels)
        return {"class_weight": dict(zip(classes.tolist(), weights.tolist(), strict=True))}


@dataclass(kw_only=True, eq=False, repr=False)
class EffectiveNumbers(ClassifierMethod):
    """Class-balanced weights (1 - beta) / (1 - beta^n) of a class of n images (Cui et al. 2019, arXiv:1901.05555).

    The more images a class has, the less each further one adds. Weights sum to the number of classes.
    """

    beta: float = 0.9999

    corrects_prior = True

    def classifier_arguments(self, labels):
        self._check("beta", lambda beta: 0 < beta < 1, "between 0 and 1, and neither")
        classes, counts = np.unique(labels, return_counts=True)
        weights = (1.0 - self.beta) / -np.expm1(counts * np.log(self.beta))
        weights *= len(classes) / weights.sum()
        return {"class_weight": dict(zip(classes.tolist(), weights.tolist(), strict=True))}


def class_counts(labels: np.ndarray) -> np.ndarray:
    """Int64 (n_classes,): how many of the labels are each class 0..n_classes-1, of which the last is the largest.

    Raises ValueError if none is one of the others.
    """
    counts = np.bincount(labels)
    if not counts.all():
        raise ValueError(f"class {counts.argmin()} has no image to learn from")
    return counts


def class_shares(labels: np.ndarray) -> np.ndarray:
    """Float32 (n_classes,): the share of each class among the labels, as `class_counts`."""
    counts = class_counts(labels)
    return (counts / counts.sum()).astype(np.float32)
