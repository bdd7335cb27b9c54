"""The rules that every balancer follows, as checks to run on one of your own."""

import tempfile
from pathlib import Path

import numpy as np
from sklearn.base import clone

from ...datasets import digits
from . import capabilities
from .fits import (
    Fit,
    counts,
    fit_once,
    fit_to_float32,
    fit_to_float64,
    forget,
    global_state,
    minority,
    new_images,
    unfitted,
)
from .requirements import N_SAMPLED, require, require_refused, same


def check_balancer(balancer, images=None, labels=None, expected_failures=None) -> None:
    """Check every rule on clones of an unfitted balancer; raises one AssertionError that names all broken rules.

    `images` uint8 (n, height, width, channels) and integer `labels` (n,) are by default a hundred of scikit-learn's
    digits; the smallest class must have at least two images fewer than the largest. Clones get a `random_state` and
    `sampling_strategy` of their own. Four are trained, so give few epochs, and no folder for checkpoints.
    `expected_failures` maps the names of checks that do not hold, such as "check_no_copies", to the reasons why; one
    that holds after all is an error. Raises ValueError for a name that no check has, and for data of another kind.
    """
    if isinstance(balancer, type):
        raise ValueError(f"check_balancer takes an unfitted balancer, such as {balancer.__name__}(), not its class")
    expected_failures = expected_failures or {}
    unknown = expected_failures.keys() - {check.__name__ for check in CHECKS}
    if unknown:
        raise ValueError(f"no check is called {', '.join(sorted(unknown))}")
    images, labels = _data(images, labels)
    forget(balancer)  # its parameters may have changed since
    errors = {}
    for check in CHECKS:
        try:
            check(balancer, images, labels)
        except Exception as error:  # whatever it raises, the other rules are checked too
            errors[check.__name__] = error
    lines = [f"{name}: {_told(error)}" for name, error in errors.items() if name not in expected_failures]
    for name, reason in expected_failures.items():
        if name not in errors:
            lines.append(f"{name}: holds, though expected to fail because {reason}")
    if lines:
        raise AssertionError("\n- ".join([f"{type(balancer).__name__} breaks rules:", *lines]))


def check_constructor(balancer, images, labels):
    values = {name: object() for name in balancer.get_params(deep=False)}
    for name in ("sampling_strategy", "random_state"):
        require(name in values, f"the constructor must take {name}")
    made = vars(type(balancer)(**values))
    require(made.keys() == values.keys(), "the constructor must set its parameters as attributes and nothing else")
    require(all(made[name] is values[name] for name in values), "the constructor must store parameters as given")
    clone(balancer)


def check_parameters_after_fit(balancer, images, labels):
    fit = fit_once(balancer, images, labels)
    found = fit.balancer.get_params(deep=False)
    for name, (value, text) in fit.parameters.items():
        require(found[name] is value and repr(value) == text, f"fit must not change the parameter {name}")


def check_originals(balancer, images, labels):
    fit, n = fit_once(balancer, images, labels), len(images)
    require(same(fit.images[:n], images), "fit_resample must return the original images first, unchanged, in order")
    require(same(fit.labels[:n], labels), "fit_resample must return the original labels first, unchanged, in order")


def check_input_arrays(balancer, images, labels):
    fit = fit_once(balancer, images, labels)
    require(same(fit.given_images, images), "fit_resample must not change the array of images that it is given")
    require(same(fit.given_labels, labels), "fit_resample must not change the array of labels that it is given")


def check_counts(balancer, images, labels):
    fit, expected = fit_once(balancer, images, labels), counts(labels)
    largest = max(expected.values())
    strategy = fit.balancer.sampling_strategy_
    for label, n in expected.items():
        added = strategy.get(label, 0)
        require(added == largest - n, f"sampling_strategy_ must give class {label} {largest - n} images, not {added}")
    found = counts(fit.labels)
    require(found == dict.fromkeys(expected, largest), f"there must be {largest} images of each class, not {found}")
    require(len(fit.images) == len(fit.labels), f"there are {len(fit.images)} images but {len(fit.labels)} labels")


def check_float32_images(balancer, images, labels):
    _require_floating(fit_to_float32(balancer, images, labels))


def check_float64_images(balancer, images, labels):
    _require_floating(fit_to_float64(balancer, images, labels))


def check_string_labels(balancer, images, labels):
    fit = fit_to_float32(balancer, images, labels)
    words = fit.given_labels
    require(fit.labels.dtype == words.dtype, f"labels of {words.dtype} must stay so, not become {fit.labels.dtype}")
    require(same(fit.labels[: len(words)], words), "original strings must come first, unchanged, in order")
    kinds = {type(label) for label in fit.balancer.sampling_strategy_}
    require(kinds == {str}, "the keys of sampling_strategy_ must be Python's strings where labels are strings")
    name, _ = minority(words)
    require(len(fit.balancer.sample(name, 2)) == 2, "sample must take a string where labels are strings")


def check_random_state(balancer, images, labels):
    fit, (label, n) = fit_once(balancer, images, labels), minority(labels)
    sample = fit.balancer.sample
    require(same(sample(label, n), new_images(fit, label)), "sample must give the images that fit_resample added")
    first, again, other = (sample(label, N_SAMPLED, random_state=seed) for seed in (7, 7, 8))
    require(same(first, again), "sample must give the same images for the same random_state")
    require(not same(first, other), "sample must give other images for another random_state")


def check_refit(balancer, images, labels):
    fit = fit_once(balancer, images, labels)
    again, _ = unfitted(balancer).fit_resample(images.copy(), labels.copy())
    require(same(again, fit.images), "the same data and random_state must give the same images, to the bit")


def check_empty_sample(balancer, images, labels):
    label, _ = minority(labels)
    made = fit_once(balancer, images, labels).balancer.sample(label, 0)
    require(same(made, images[:0]), "asking for no images must give none, of the originals' shape and dtype")


def check_no_copies(balancer, images, labels):
    label, _ = minority(labels)
    originals = {image.tobytes() for image in images[labels == label]}
    new = new_images(fit_once(balancer, images, labels), label)
    n_copies = sum(image.tobytes() in originals for image in new)
    require(n_copies == 0, f"{n_copies} of {len(new)} new images are copies of originals of the class")


def check_variety(balancer, images, labels):
    new = new_images(fit_once(balancer, images, labels), minority(labels)[0])
    require((new != new[:1]).any(), "new images of a class must not all be alike")


def check_strategy_dictionary(balancer, images, labels):
    fit = fit_to_float32(balancer, images, labels)
    wanted, found = fit.balancer.sampling_strategy, counts(fit.labels)
    require(found == wanted, f"sampling_strategy {wanted} must give as many images, not {found}")


def check_strategy_minority(balancer, images, labels):
    label, n = minority(labels)
    found = fit_to_float64(balancer, images, labels).balancer.sampling_strategy_
    require(found == {label: n}, f'sampling_strategy "minority" must become { ({label: n}) }, not {found}')


def check_wrong_input(balancer, images, labels):
    with_nan = (images / 255).astype(np.float32)
    with_nan[-1, -1, -1, -1] = np.nan
    for what, wrong_images, wrong_labels in (
        ("images of three dimensions", images[..., 0], labels),
        ("images of int64", images.astype(np.int64), labels),
        ("floating images above 1", images.astype(np.float32), labels),
        ("floating images below 0", images / -255, labels),
        ("images with NaN", with_nan, labels),
        ("labels of two dimensions", images, labels[:, None]),
        ("floating labels", images, labels + 0.5),
        ("fewer labels than images", images, labels[:-1]),
        ("a single class", images, np.zeros_like(labels)),
    ):
        require_refused(what, unfitted(balancer).fit, wrong_images, wrong_labels)


def check_unknown_class(balancer, images, labels):
    fitted = fit_once(balancer, images, labels).balancer
    require_refused("a class that was not fitted", fitted.sample, int(labels.max()) + 1, 1)


def check_unfitted(balancer, images, labels):
    label, _ = minority(labels)
    require_refused("sampling before fitting", unfitted(balancer).sample, label, 1)
    with tempfile.TemporaryDirectory() as folder:
        require_refused("saving before fitting", unfitted(balancer).save, Path(folder) / "balancer.npz")


def check_global_random_state(balancer, images, labels):
    fit = fit_once(balancer, images, labels)
    require(fit.kept_global_state, "fit_resample must leave numpy's global random state alone")
    before = global_state()
    fit.balancer.sample(minority(labels)[0], N_SAMPLED)
    require(global_state() == before, "sample must leave numpy's global random state alone")


def check_saving(balancer, images, labels):
    fitted, (label, n) = fit_once(balancer, images, labels).balancer, minority(labels)
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("first.npz", "second.npz")]
        for path in paths:
            fitted.save(path)
        require(paths[0].read_bytes() == paths[1].read_bytes(), "saving twice must write the same bytes")
        loaded = type(balancer).load(paths[0])
    for seed in (None, 7):
        both = (balancer.sample(label, n, random_state=seed) for balancer in (loaded, fitted))
        require(same(*both), "a loaded balancer must give the same images as the saved one, to the bit")


CHECKS = [
    *(value for name, value in list(globals().items()) if name.startswith("check_") and name != "check_balancer"),
    *capabilities.CHECKS,
]


def _data(images, labels):
    if images is None and labels is None:
        few = digits.load()
        images, labels = few.images, few.labels
        chosen = [np.flatnonzero(labels == label)[:n] for label, n in ((0, 30), (1, 30), (2, 30), (4, 10))]
        chosen = np.sort(np.concatenate(chosen))
        return images[chosen], labels[chosen]
    images, labels = np.asarray(images), np.asarray(labels)
    if images.dtype != np.uint8 or labels.dtype.kind not in "iu":
        raise ValueError(f"check_balancer needs uint8 images and integer labels, got {images.dtype}, {labels.dtype}")
    if minority(labels)[1] < 2:
        raise ValueError("check_balancer needs a class with at least two images fewer than the largest has")
    return images, labels


def _told(error) -> str:
    return str(error) if isinstance(error, AssertionError) else f"{type(error).__name__}: {error}"


def _require_floating(fit: Fit) -> None:
    name, n = fit.given_images.dtype.name, len(fit.given_images)
    require(fit.images.dtype.name == name, f"{name} images must give {name} images, not {fit.images.dtype}")
    require(same(fit.images[:n], fit.given_images), f"{name} originals must come first, unchanged, in order")
    new = fit.images[n:]
    require(new.min() >= 0 and new.max() <= 1, f"new {name} images must lie in [0, 1]")
    require(new.max() > 1 / 255, f"new {name} images must not be black")
