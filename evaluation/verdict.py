"""Whether a method helped a classifier, or seeds and test images were just lucky.

Every method is compared with the same baseline by the predictions of classifiers on the same test images, trained from
the same seeds. As in studies of many readers and many cases (Dorfman, Berbaum and Metz 1992; Hillis 2005), the squared
standard error of the mean difference is the sum of two variances. That of the seeds is the spread of their differences
over their number. That of the test images comes from what each image (or group of images) adds to the mean difference,
class by class; the part that differs from seed to seed is in the spread of the seeds already and is taken off. Where
both are next to nothing beside that part, few seeds agree by luck, and it takes their place.

Few seeds may agree by luck, the more so the more methods there are, so no method's seeds are taken to spread less than
those of all methods on average in a fold. Quantiles are Student's, weighted by the variances (Cochran and Cox 1950),
with the degrees of freedom of that average, for what a method's seeds spread more than it those of its own seeds, and
for test images those of the smallest class. Where every image is a test image once (folds), training images are shared
by the folds, so that the test images' variance is multiplied by `fold_factor` (Nadeau and Bengio 2003). Methods are
corrected for their number by Holm's procedure. `tests/evaluation/simulated_verdicts.csv` holds how often tables on
equal methods are wrong: 1 in 20 or less, but for the chance of simulations, for few and many seeds, methods and test
images. A class of fewer than five test images is refused, and so are fewer than three seeds, or two if there are folds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy import optimize, stats

METRIC_LABELS = {"balanced_accuracy": "balanced accuracy", "f1_minority": "minority F1", "accuracy": "accuracy"}
METRICS = tuple(METRIC_LABELS)
VERDICTS = HELPED, NO_EVIDENCE, HURT = ("helped", "no evidence", "hurt")
ERROR_RATE = 0.05
POWER = 0.8
MIN_UNITS = 5  # test images, or groups of them, of each class
CORRELATION = 0.5  # of two methods' differences from the same baseline, if all spread alike
BY_LUCK = 0.01  # of the variance that independent mistakes of single images alone would have
SMALLEST_LOG_P = -60.0
NOT_PREDICTED = -1
COLUMNS = (
    "method", "metric", "difference", "low", "high", "verdict", "smallest_effect", "p", "error_of_seeds",
    "error_of_images",
)  # fmt: skip


def compare(
    true: np.ndarray,
    predicted: Mapping[str, np.ndarray],
    baseline: str,
    minority: int,
    metric: str,
    groups: np.ndarray | None = None,
    folds: np.ndarray | None = None,
    n_trainings: Mapping[str, int] | None = None,
    error_rate: float = ERROR_RATE,
) -> pd.DataFrame:
    """A row for each method but the baseline, with COLUMNS.

    `true` int (n,) are the classes of the test images, all of 0..n_classes-1 among them, `predicted` holds int
    (n_seeds, n) for each method, of which the baseline has the most seeds; `groups` (n,) names images that belong
    together. `folds` int (n,) names the fold of each image, if every image was predicted by classifiers that learned
    from the other folds; a method that was not tried on all folds has NOT_PREDICTED for the others and is compared on
    its own. Seeds of different folds are independent of each other.
    `n_trainings` of a method says how often its networks were trained: seed s has those of training s modulo that
    number, and the trainings then count as its seeds.

    `difference` is the mean over seeds of method less baseline. "helped" and "hurt" mean that zero lies outside of
    `low` to `high`; if no method differs from the baseline, the probability of any such verdict is at most
    `error_rate`. `smallest_effect` is the true difference that would have been found with probability POWER, if the
    variances measured here are the true ones. Differences, limits and effects are capped at 1. `error_of_seeds` and
    `error_of_images` are the two parts of the standard error. Raises ValueError for fewer than three seeds or
    trainings (two if there are folds), for a class with fewer than five test images or groups, and for arrays that do
    not fit each other.
    """
    methods = [name for name in predicted if name != baseline]
    trainings = n_trainings or {}
    if not methods:
        return pd.DataFrame(columns=COLUMNS)
    _check(true, predicted, baseline, minority, groups, folds, trainings, error_rate)
    differences = {}
    for name in methods:
        chosen = predicted[name][0] != NOT_PREDICTED
        units, of_folds = (None if of_image is None else of_image[chosen] for of_image in (groups, folds))
        images = _TestImages(true[chosen], units, of_folds, minority, metric)
        measured = (images.measured(predicted[which][:, chosen]) for which in (name, baseline))
        differences[name] = _Difference(images, *measured, trainings.get(name))
    pooled = float(np.mean([found.variance_of_a_seed * found.n_folds for found in differences.values()]))
    n_free = sum(found.n_free for found in differences.values())
    freedom = n_free / (1 + (len(methods) - 1) * CORRELATION**2)
    factor, tests = fold_factor(1 if folds is None else len(np.unique(folds))), {}
    for name, found in differences.items():
        of_all = pooled / (found.n_folds * found.n_seeds)
        seed_variances = of_all, max(found.seed_variance - of_all, 0.0)
        freedoms = freedom, found.n_free, found.n_units - 1
        tests[name] = _Test(found.difference, seed_variances, factor * found.image_variance, freedoms)
    levels = _levels_of_holm({name: test.p for name, test in tests.items()}, error_rate)
    rows = [{"method": name, "metric": metric} | tests[name].row(levels[name]) for name in methods]
    return pd.DataFrame(rows, columns=COLUMNS)


def fold_factor(n_folds: int) -> float:
    """By what the variance of test images is multiplied, since the folds' training images are nearly the same.

    1 + n_folds n_tested / n_trained, as in Nadeau and Bengio 2003 (their 1/n + n_tested/n_trained, times n); 1 for a
    single split, whose verdict holds for its own training images.
    """
    return 1.0 if n_folds == 1 else 1.0 + n_folds / (n_folds - 1)


def min_seeds(n_folds: int) -> int:
    """Fewer seeds of a method that was tried on so many folds are refused."""
    return 3 if n_folds == 1 else 2


def scores(true: np.ndarray, predicted: np.ndarray, metric: str, minority: int) -> np.ndarray:
    """The metric (n_seeds,) of predictions int (n_seeds, n) of test images with classes `true` (n,)."""
    return _values_and_additions(true, predicted, metric, minority)[0]


def _values_and_additions(true, predicted, metric: str, minority: int) -> tuple[np.ndarray, np.ndarray]:
    """A metric of each seed, (n_seeds,), and what each test image adds to it, (n_seeds, n), but for a constant.

    Of the F1 score, which is no sum over images, the linear part around the mean over seeds.
    """
    hit = predicted == true
    if metric == "accuracy":
        added = hit / len(true)
        return added.sum(axis=1), added
    if metric == "balanced_accuracy":
        sizes = np.bincount(true)
        added = hit / (np.count_nonzero(sizes) * sizes[true])
        return added.sum(axis=1), added
    if metric == "f1_minority":
        called, found = predicted == minority, hit & (true == minority)
        both = np.maximum(called.sum(axis=1) + np.count_nonzero(true == minority), 1)
        values = 2 * found.sum(axis=1) / both
        return values, (2 * found - values.mean() * called) / both.mean()
    raise ValueError(f"metric must be one of {', '.join(METRICS)}, got {metric!r}")


def _check(true, predicted, baseline: str, minority: int, groups, folds, trainings, error_rate: float) -> None:
    """Raise ValueError for arguments of `compare` that do not fit each other."""
    if not 0 < error_rate < 1:
        raise ValueError(f"error_rate must lie between 0 and 1, got {error_rate}")
    if baseline not in predicted:
        raise ValueError(f"there are no predictions of the baseline {baseline!r}, only of {', '.join(predicted)}")
    if not (true == minority).any():
        raise ValueError(f"no test image is of the minority class {minority}")
    if any(of_image is not None and len(of_image) != len(true) for of_image in (groups, folds)):
        raise ValueError(f"groups and folds must name those of {len(true)} test images")
    for name, of_seeds in predicted.items():
        if np.ndim(of_seeds) != 2 or len(of_seeds) == 0 or np.shape(of_seeds)[1] != len(true):
            raise ValueError(f"predictions of {name} must be (n_seeds, {len(true)}), got {np.shape(of_seeds)}")
        is_missing = np.asarray(of_seeds) == NOT_PREDICTED
        of_folds = False if folds is None else np.isin(folds, folds[is_missing.any(axis=0)])
        if (is_missing != of_folds).any() or (name == baseline and is_missing.any()):
            raise ValueError(f"predictions of {name} are missing; only a method may lack them, those of whole folds")
        if len(of_seeds) > len(predicted[baseline]):
            raise ValueError(f"{name} has {len(of_seeds)} seeds, the baseline {len(predicted[baseline])}")
        if trainings.get(name, 1) > len(of_seeds):
            raise ValueError(f"{name} has {len(of_seeds)} seeds, which cannot be of {trainings[name]} trainings")


class _TestImages:
    """The test images and what each adds to a metric; raises ValueError if a class has too few."""

    def __init__(self, true, groups, folds, minority: int, metric: str):
        self.true, self.minority, self.metric = true, minority, metric
        self.units = np.arange(len(true)) if groups is None else np.unique(groups, return_inverse=True)[1]
        _, first = np.unique(self.units, return_index=True)
        self.class_of_unit = true[first]
        self.fold_of_unit = np.zeros(len(first), int) if folds is None else folds[first]
        n_units = [len(np.unique(self.units[true == label])) for label in range(1 + int(true.max()))]
        self.fewest = min(n_units)
        if self.fewest < MIN_UNITS:
            unit = "test images" if groups is None else "groups of test images"
            raise ValueError(f"class {np.argmin(n_units)} has {self.fewest} {unit}, a verdict needs {MIN_UNITS}")

    def measured(self, predicted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The metric of each seed, (n_seeds,), and what each unit adds to it, (n_seeds, n_units)."""
        values, added = _values_and_additions(self.true, predicted, self.metric, self.minority)
        return values, np.array([np.bincount(self.units, of_seed) for of_seed in added])

    def variance(self, added: np.ndarray) -> float:
        """Of the sum of what units add, (..., n_units), were others of the same classes drawn; summed over the rest."""
        total = 0.0
        for label in np.unique(self.class_of_unit):
            of_class = added[..., self.class_of_unit == label]
            n = of_class.shape[-1]
            total += n / max(n - 1, 1) * ((of_class - of_class.mean(axis=-1, keepdims=True)) ** 2).sum()
        return float(total)

    def seed_variance(self, added: np.ndarray) -> tuple[float, int]:
        """Of the sum of what units add, (n_seeds, n_units), from seed to seed, and its degrees of freedom."""
        folds = [added[:, self.fold_of_unit == fold].sum(axis=1) for fold in np.unique(self.fold_of_unit)]
        return float(sum(of_seeds.var(ddof=1) for of_seeds in folds)), len(folds) * (len(added) - 1)


class _Difference:
    """Method less baseline over the seeds that both have, or over trainings of its networks."""

    def __init__(self, images: _TestImages, of_method, of_baseline, n_trainings: int | None):
        self.n_seeds, self.n_units = len(of_method[0]), images.fewest
        self.n_folds = len(np.unique(images.fold_of_unit))
        values, added = (mine - other[: self.n_seeds] for mine, other in zip(of_method, of_baseline, strict=True))
        n = n_trainings or self.n_seeds
        needed = min_seeds(self.n_folds)
        if n < needed:
            raise ValueError(f"a verdict needs at least {needed} seeds of every method, and as many trainings")
        of_trainings = np.array([added[first::n].mean(axis=0) for first in range(n)])  # (n, n_units)
        self.difference = float(np.mean([values[first::n].mean() for first in range(n)]))
        self.variance_of_a_seed, _ = images.seed_variance(added)
        variance, self.n_free = images.seed_variance(of_trainings)
        self.seed_variance = variance / n
        mean = of_trainings.mean(axis=0)
        of_seeds = images.variance(of_trainings - mean) / (n * (n - 1))
        self.image_variance = max(images.variance(mean) - of_seeds, 0.0)
        if self.seed_variance + self.image_variance < BY_LUCK * of_seeds:
            self.image_variance = of_seeds


@dataclass(frozen=True)
class _Test:
    """A difference with the variances of its mean, and the degrees of freedom that belong to these.

    `seed_variances` are that of all methods' seeds on average, and what this one's spread more.
    """

    difference: float
    seed_variances: tuple[float, float]
    image_variance: float
    freedoms: tuple[float, float, float]

    @property
    def variances(self) -> np.ndarray:
        return np.array([*self.seed_variances, self.image_variance])

    @cached_property
    def error(self) -> float:
        return float(np.sqrt(self.variances.sum()))

    def critical(self, level: float) -> float:
        """How many standard errors the difference must exceed, if that shall happen to equal methods with `level`."""
        shares = self.variances / max(self.error**2, np.finfo(float).tiny)
        return float(shares @ stats.t.isf(level / 2, self.freedoms))

    @cached_property
    def p(self) -> float:
        """The level at which the difference just exceeds the critical one."""
        if self.difference == 0:
            return 1.0
        if self.error == 0:
            return float(np.exp(SMALLEST_LOG_P))

        def excess(log_level):
            return self.critical(np.exp(log_level)) - abs(self.difference) / self.error

        return float(
            np.exp(SMALLEST_LOG_P if excess(SMALLEST_LOG_P) < 0 else optimize.brentq(excess, SMALLEST_LOG_P, 0))
        )

    def row(self, level: float) -> dict:
        critical = self.critical(level)
        low, high = self.difference - critical * self.error, self.difference + critical * self.error
        return {
            "difference": self.difference,
            "low": max(low, -1.0),
            "high": min(high, 1.0),
            "verdict": HELPED if low > 0 else HURT if high < 0 else NO_EVIDENCE,
            "smallest_effect": min(self._found_with_power(critical, level) * self.error, 1.0),
            "p": self.p,
            "error_of_seeds": float(np.sqrt(sum(self.seed_variances))),
            "error_of_images": float(np.sqrt(self.image_variance)),
        }

    def _found_with_power(self, critical: float, level: float) -> float:
        """The true difference, in standard errors, that lies beyond the critical value with probability POWER.

        By the noncentral t distribution with the degrees of freedom that the critical value belongs to.
        """

        def excess(freedom):
            return stats.t.isf(level / 2, freedom) - critical

        low, high = min(self.freedoms), max(self.freedoms)
        freedom = optimize.brentq(excess, low, high) if excess(low) * excess(high) <= 0 else low
        return optimize.brentq(lambda effect: stats.nct.sf(critical, freedom, effect) - POWER, 0.0, 3.0 * critical + 3)


def _levels_of_holm(p: dict[str, float], error_rate: float) -> dict[str, float]:
    """The level at which each method is tested: the smallest p first, the others once it was below its level."""
    levels, level, is_stopped = {}, error_rate / len(p), False
    for place, name in enumerate(sorted(p, key=p.get)):
        if not is_stopped:
            level = error_rate / (len(p) - place)
            is_stopped = p[name] >= level
        levels[name] = level
    return levels
