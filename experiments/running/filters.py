"""Filters that new images pass one after the other: each sees only what passed those before it.

A filter is a function of uint8 images (n, height, width, channels), their class, the `Originals` of this class, and the
classifier of the originals or None. It returns bool (n,): which images it passes. How many these are means something
only beside how many real images it passes that nothing has learned from.
"""

from collections.abc import Iterable
from functools import cache, cached_property

import numpy as np

from ...datasets.stored_images import StoredImages, taken
from ...evaluation.nearest import copy_limit, near_copies
from ..command_line import UsageError

MAX_REAL_IMAGES = 1000  # of a class
Counts = dict[str, tuple[int, int]]  # filter -> how many images it saw, and how many passed


class Originals:
    """The original images of a class, and how close to one of them a copy lies, which is found once for all rounds."""

    def __init__(self, images: np.ndarray | StoredImages):
        self.images = images

    @cached_property
    def copy_limit(self) -> float:
        return copy_limit(self.images)


def faces(images, label, originals, classifier):
    """Images in which a face is found."""
    from ...evaluation.faces import has_face

    return has_face(images)


def confidence(images, label, originals, classifier):
    """Images that the classifier of the originals takes for their class."""
    from ...evaluation import classifiers

    return classifiers.predict(classifier, images) == label


def duplicates(images, label, originals, classifier):
    """Images that are not near copies of an original of their class."""
    return ~near_copies(images, originals.images, originals.copy_limit)


FILTERS = {"faces": faces, "confidence": confidence, "duplicates": duplicates}
NEED_CLASSIFIER = {"confidence"}
HELP = (
    "new images must pass these filters, in this order: faces (a face is found), confidence (the classifier of the "
    "originals takes it for its class), duplicates (it is no near copy of an original)"
)


def check_packages(names: Iterable[str]) -> None:
    """Raise UsageError if the package that a filter needs is missing."""
    if "faces" in names:
        from ...evaluation.faces import cascade

        try:
            cascade()
        except ImportError as error:
            raise UsageError(f"the filter faces cannot work: {error}") from error


def useful(names: Iterable[str], balancer) -> tuple[str, ...]:
    """The filters without duplicates if all that the balancer makes is copies, of which nothing would be left."""
    return tuple(name for name in names if not (name == "duplicates" and balancer.makes_copies))


def passing(names: Iterable[str], images: np.ndarray, label: int, originals, classifier) -> tuple[np.ndarray, Counts]:
    """Sorted indices of the images that pass all filters, and what each filter did."""
    kept, counts = np.arange(len(images)), {}
    for name in names:
        n_seen = len(kept)
        if n_seen:
            kept = kept[FILTERS[name](images[kept], label, originals, classifier)]
        counts[name] = (n_seen, len(kept))
    return kept, counts


def drawn(images: np.ndarray | StoredImages, max_images: int) -> np.ndarray:
    """At most so many of the images, as an array, always the same ones and in their order."""
    if len(images) <= max_images:
        return images[:]
    return images[np.sort(np.random.default_rng(0).choice(len(images), max_images, replace=False))]


class Chain:
    """Filters in their order for the images of a task, whose `Parts` are given.

    `original_classifier()` gives the classifier of the originals, if a filter needs it.
    """

    def __init__(self, names: tuple[str, ...], parts, original_classifier):
        self.names = names
        self.parts = parts
        self.classifier = original_classifier() if NEED_CLASSIFIER & set(names) else None
        self.originals = cache(self._originals)
        self.real_counts = cache(self._real_counts)

    def passing(self, images: np.ndarray, label: int) -> tuple[np.ndarray, Counts]:
        """As `passing`, with the training images as the originals."""
        return passing(self.names, images, label, self.originals(label), self.classifier)

    def rates(self, new: dict[int, Counts]) -> dict[str, dict[str, dict[str, int]]]:
        """What the filters did to new images of each class, beside what they do to test images of it.

        Filter -> name of the class -> "n_new", "n_new_passed", "n_real", "n_real_passed".
        """
        return {
            name: {self.parts.train.class_names[k]: _rate(of[name], self.real_counts(k)[name]) for k, of in new.items()}
            for name in self.names
        }

    def _originals(self, label: int) -> Originals:
        train = self.parts.train
        return Originals(taken(train.images, train.labels == label))

    def _real_counts(self, label: int) -> Counts:
        test = self.parts.test
        return self.passing(drawn(taken(test.images, test.labels == label), MAX_REAL_IMAGES), label)[1]


def _rate(new: tuple[int, int], real: tuple[int, int]) -> dict[str, int]:
    return {"n_new": new[0], "n_new_passed": new[1], "n_real": real[0], "n_real_passed": real[1]}


def in_words(rate: dict[str, int]) -> tuple[str, str]:
    """How many new and how many real images passed, as "3 of 40 (8 %)"."""
    return _share(rate["n_new_passed"], rate["n_new"]), _share(rate["n_real_passed"], rate["n_real"])


def _share(n_passed: int, n_seen: int) -> str:
    return f"{n_passed} of {n_seen} ({100 * n_passed / n_seen:.0f} %)" if n_seen else "0 of 0"
