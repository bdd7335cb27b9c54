"""The fits that `check_balancer` looks at: few, because training takes time, so each serves several checks."""

import weakref
from typing import NamedTuple

import numpy as np
from sklearn.base import clone


class Fit(NamedTuple):
    """A fitted clone, the arrays that it was given, those that it returned, and what was noted on the way."""

    balancer: object
    given_images: np.ndarray
    given_labels: np.ndarray
    images: np.ndarray
    labels: np.ndarray
    parameters: dict  # before the fit: name -> (value, its repr)
    kept_global_state: bool


def fit(balancer, images, labels, sampling_strategy="auto") -> Fit:
    """A clone fitted to copies of the arrays."""
    fitted, given = unfitted(balancer).set_params(sampling_strategy=sampling_strategy), (images.copy(), labels.copy())
    parameters = {name: (value, repr(value)) for name, value in fitted.get_params(deep=False).items()}
    before = global_state()
    made = fitted.fit_resample(*given)
    return Fit(fitted, *given, *made, parameters, global_state() == before)


def fit_once(balancer, images, labels) -> Fit:
    """A fit to the images and labels as they are, uint8 and integers."""
    return _remembered(fit, balancer, images, labels)


def fit_to_float32(balancer, images, labels) -> Fit:
    """A fit to float32 images, with strings as labels and a dictionary as strategy, which adds three to one class."""
    return _remembered(_fit_to_float32, balancer, images, labels)


def fit_to_float64(balancer, images, labels) -> Fit:
    """A fit to float64 images, with integers as labels and "minority" as strategy."""
    return _remembered(_fit_to_float64, balancer, images, labels)


def _fit_to_float32(balancer, images, labels):
    classes, indices = np.unique(labels, return_inverse=True)
    words = np.array([f"class {index:03}" for index in range(len(classes))])[indices]
    label, _ = minority(words)
    wanted = counts(words) | {label: counts(words)[label] + 3}
    return fit(balancer, (images / 255).astype(np.float32), words, wanted)


def _fit_to_float64(balancer, images, labels):
    return fit(balancer, images / 255, labels, "minority")


_fits = weakref.WeakKeyDictionary()  # balancer -> {function: (images, labels, Fit)}


def _remembered(function, balancer, images, labels) -> Fit:
    known = _fits.setdefault(balancer, {})
    if function not in known or known[function][0] is not images or known[function][1] is not labels:
        known[function] = images, labels, function(balancer, images, labels)
    return known[function][2]


def forget(balancer) -> None:
    """Fit anew when asked again."""
    _fits.pop(balancer, None)


def unfitted(balancer):
    """A clone that is not fitted, with `random_state` 0 and `sampling_strategy` "auto"."""
    return clone(balancer).set_params(random_state=0, sampling_strategy="auto")


def new_images(fit: Fit, label) -> np.ndarray:
    """The images of a class that were added to the originals."""
    n = len(fit.given_images)
    return fit.images[n:][fit.labels[n:] == label]


def counts(labels: np.ndarray) -> dict:
    """How many images each class has."""
    classes, n = np.unique(labels, return_counts=True)
    return dict(zip(classes.tolist(), n.tolist(), strict=True))


def minority(labels: np.ndarray) -> tuple:
    """The smallest class, and how many images fewer it has than the largest."""
    found = counts(labels)
    label = min(found, key=found.get)
    return label, max(found.values()) - found[label]


def global_state() -> tuple:
    """The state of numpy's global random generator, as something that can be compared."""
    _, keys, *rest = np.random.get_state()
    return keys.tobytes(), rest
