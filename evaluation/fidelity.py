"""How close generated images are to real ones, by features (n, d) of any extractor, and how certain that is.

Each measure takes the features as float arrays of finite numbers, one row per image, and returns Python floats.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from joblib import Parallel, delayed
from scipy.special import rel_entr
from sklearn.metrics import euclidean_distances
from threadpoolctl import threadpool_limits

ROUNDING = 1e-6


def kernel_inception_distance(real: np.ndarray, generated: np.ndarray) -> float:
    """Squared maximum mean discrepancy with the kernel (x·y / d + 1)³; 0 or below if the sets cannot be told apart.

    The unbiased estimate (Gretton et al. 2012) with the kernel of Bińkowski et al. 2018 (arXiv:1801.01401),
    so that its mean does not depend on the number of images. Raises ValueError for fewer than two images in
    a set.
    """
    real, generated = _features(real, generated, n_at_least=2)
    return float(_mean_of_others(real) + _mean_of_others(generated) - 2.0 * _kernel(real, generated).mean())


def _kernel(a, b):
    products = a @ b.T
    products /= a.shape[1]
    products += 1.0
    return products * products * products


def _mean_of_others(features):
    values = _kernel(features, features)
    n = len(features)
    return (values.sum() - np.trace(values)) / (n * (n - 1))


def frechet_distance(real: np.ndarray, generated: np.ndarray) -> float:
    """Fréchet distance of two Gaussians with the sets' means and covariances (Heusel et al. 2017); 0 or above.

    ||μ - ν||² + tr(A + B - 2 (A B)^½), where the last trace is the sum of the square roots of the eigenvalues of the
    symmetric R B Rᵀ with A = Rᵀ R, so that singular covariances (a constant feature) do no harm. The estimate lies
    above the distance of the distributions, the more so the fewer the images (Bińkowski et al. 2018), so only figures
    of equally many images are comparable. Raises ValueError if a set has no more images than features.
    """
    real, generated = _features(real, generated, n_at_least=2)
    n_images, n_features = min(len(real), len(generated)), real.shape[1]
    if n_images <= n_features:
        raise ValueError(
            f"the Fréchet distance needs more images than features, got {n_images} images of {n_features} features: "
            "their covariance is singular and the number of images decides the result"
        )
    means = real.mean(axis=0), generated.mean(axis=0)
    root = np.linalg.qr((real - means[0]) / np.sqrt(len(real) - 1), mode="r")
    other = np.cov(generated, rowvar=False).reshape(n_features, n_features)
    eigenvalues = np.linalg.eigvalsh(root @ other @ root.T)
    spread = np.square(root).sum() + np.trace(other) - 2.0 * np.sqrt(np.maximum(eigenvalues, 0.0)).sum()
    return float(np.square(means[0] - means[1]).sum() + max(spread, 0.0))


def density_and_coverage(real: np.ndarray, generated: np.ndarray, n_neighbors: int = 5) -> tuple[float, float]:
    """Fidelity and diversity by nearest neighbours (Naeem et al. 2020).

    Around each real image lies a ball whose radius is the distance to its `n_neighbors`-th nearest real image. Density
    is the mean number of balls that a generated image lies in, divided by `n_neighbors`: about 1 for equal
    distributions, above 1 for images that keep to the crowded places. Coverage, 0..1, is the share of balls with a
    generated image in them: for equal distributions and equally many images about 1 - 2^-n_neighbors. The balls are
    open, as in the authors' code, so that a set compared with itself has density and coverage 1, unless an image is in
    it more than `n_neighbors` times, whose ball holds nothing. Raises ValueError if a set has no more than
    `n_neighbors` images.
    """
    real, generated = _features(real, generated, n_at_least=n_neighbors + 1)
    centre = real.mean(axis=0)
    real, generated = real - centre, generated - centre
    to_real = euclidean_distances(real, squared=True)
    radii = np.partition(to_real, n_neighbors, axis=1)[:, n_neighbors, None]
    inside = euclidean_distances(real, generated, squared=True) < radii * (1.0 - ROUNDING)
    return float(inside.sum(axis=0).mean() / n_neighbors), float(inside.any(axis=1).mean())


def inception_score(probabilities: np.ndarray) -> float:
    """exp of the mean Kullback-Leibler divergence of a classifier's outputs (n, n_classes) from their mean.

    1 (every image gets the same answer) to n_classes (certain answers, all equally frequent); Salimans et al. 2016.
    Raises ValueError if rows are not probabilities.
    """
    probabilities = np.asarray(probabilities, np.float64)
    if probabilities.ndim != 2 or not len(probabilities):
        raise ValueError(f"probabilities must be (n, n_classes), got {probabilities.shape}")
    if not ((probabilities >= 0).all() and np.allclose(probabilities.sum(axis=1), 1.0, atol=1e-4)):
        raise ValueError("each row of probabilities must be non-negative and sum to 1")
    return float(np.exp(rel_entr(probabilities, probabilities.mean(axis=0)).sum(axis=1).mean()))


def _features(real, generated, n_at_least):
    real, generated = np.asarray(real, np.float64), np.asarray(generated, np.float64)
    if real.ndim != 2 or generated.ndim != 2 or real.shape[1] != generated.shape[1]:
        raise ValueError(f"features must be (n, d) with one d for both sets, got {real.shape} and {generated.shape}")
    if min(len(real), len(generated)) < n_at_least:
        raise ValueError(f"each set needs at least {n_at_least} images, got {len(real)} and {len(generated)}")
    if not (np.isfinite(real).all() and np.isfinite(generated).all()):
        raise ValueError("features must be finite numbers")
    return real, generated


@dataclass(frozen=True)
class Estimate:
    """A measured value and the interval `low`..`high` for its mean over sets of images of the same sizes."""

    value: float
    low: float
    high: float


def with_interval(
    measure: Callable, *samples: np.ndarray, random_state: int, n_draws: int = 200, confidence: float = 0.95
) -> Estimate | tuple[Estimate, ...]:
    """`measure(*samples)` with an interval from half-samples; a measure of several numbers gives a tuple of estimates.

    Each draw takes a random half of every sample, independently and without replacement, so that no image is compared
    with its own twin, as in the bootstrap (twins bias all measures here). The interval is the value plus and minus the
    `confidence` quantile of the draws' absolute deviations from their mean (Politis & Romano 1994, the symmetric form),
    so that the measure's bias at half the images is left out. Halves need no scaling: for a mean over all n images
    their deviations have its variance (Shao & Wu 1989 at m = n / 2), and for any other measure at least its variance,
    if that falls as 1 / n or faster (Hoeffding 1948, applied to the mean over all halves).

    In simulations the intervals at .95 held the mean in .91 to 1.0 of the cases: Gaussian features, 20 to 1000 images,
    4 to 64 features, all measures. Two limits: for equal distributions the intervals of the kernel and of the Fréchet
    distance are 1.7 times too wide, and those of a coverage near 1 on few images too narrow (30 images, mean .98: held
    in .6). Those of the Fréchet distance hold its mean at this number of images, not the distance of the distributions,
    which is smaller. Raises ValueError if the measure refuses half of the images.
    """
    rng = np.random.default_rng(random_state)
    halves = ([rng.permutation(len(sample))[: len(sample) // 2] for sample in samples] for _ in range(n_draws))
    with threadpool_limits(1):  # many small products are slower on several threads each
        value = np.atleast_1d(measure(*samples))
        draws = Parallel(n_jobs=-1, prefer="threads")(delayed(_measured)(measure, samples, rows) for rows in halves)
    reach = np.quantile(np.abs(draws - np.mean(draws, axis=0)), confidence, axis=0)
    estimates = tuple(Estimate(float(v), float(v - r), float(v + r)) for v, r in zip(value, reach, strict=True))
    return estimates if len(estimates) > 1 else estimates[0]


def _measured(measure, samples, halves):
    try:
        return np.atleast_1d(measure(*(sample[rows] for sample, rows in zip(samples, halves, strict=True))))
    except ValueError as error:
        raise ValueError(f"too few images for an interval, which measures halves of them: {error}") from error
