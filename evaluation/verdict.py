"""Whether a method helped a classifier, or seeds and test images were just lucky.

Every method is compared with the same baseline by the predictions of classifiers on the same test images, trained from
the same seeds. The squared standard error of a difference is the sum of two variances: that of the seeds' differences
over their number, and that of the mean difference over bootstrap samples of test images, which all seeds and both
methods share. One image (or group) fewer than there are is drawn from each class, weighted to make up for it, so that
the variance is not too small (Rao and Wu 1988). Both include the noise of single predictions, so the sum is too large
rather than too small. Quantiles are Student's, weighted by the two variances, with as many degrees of freedom as there
are seeds, and test images (or groups) of the smallest class, less one (Cochran and Cox 1950), since few seeds say
little about their own variance. In simulations of identical methods, less than 5 % of tables have a wrong verdict, for
3, 5 and 10 seeds; with the degrees of freedom of Welch and Satterthwaite it would be up to 10 % for 3 seeds, with
percentiles of a bootstrap over seeds and images together up to 16 %. A class of fewer than five test images is refused:
all seeds may get all of them right or wrong at once, which happens to identical methods in up to half of the cases.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy import optimize, stats

METRIC_LABELS = {"f1_minority": "minority F1", "balanced_accuracy": "balanced accuracy", "accuracy": "accuracy"}
METRICS = tuple(METRIC_LABELS)
VERDICTS = ("helped", "no evidence", "hurt")
ERROR_RATE = 0.05
POWER = 0.8
MIN_SEEDS = 2
MIN_UNITS = 5  # test images, or groups of them, of each class
N_DRAWS = 1000
N_DRAWS_AT_A_TIME = 100


def compare(
    true: np.ndarray,
    predicted: dict[str, np.ndarray],
    baseline: str,
    minority: int,
    random_state: int,
    groups: np.ndarray | None = None,
    metrics: tuple[str, ...] = METRICS,
) -> pd.DataFrame:
    """A row for each method but the baseline and each of `metrics`: method, metric, difference, low, high, verdict...

    `true` int (n,) are the classes of the test images, all of 0..n_classes-1 among them, `predicted` holds int
    (n_seeds, n) for each method; `groups` (n,) names images that belong together and are drawn together. `difference`
    is the mean over seeds of method less baseline, `low` and `high` its confidence interval, "helped" and "hurt" mean
    that zero lies outside. Intervals are corrected for their number (Bonferroni): if no method differs from the
    baseline, the probability of any wrong verdict in the table is at most ERROR_RATE. `smallest_effect` is the true
    difference that would have been found with probability POWER, if the variances measured here are the true ones; in
    simulations that probability is .7 to .8. All numbers are capped at 1, as differences are. Raises ValueError for
    fewer than two seeds and for a class with fewer than five test images or, if there are groups, groups.
    """
    methods = [name for name in predicted if name != baseline]
    if any(len(labels) < MIN_SEEDS for labels in predicted.values()):
        raise ValueError(f"a verdict needs at least {MIN_SEEDS} seeds of every method")
    order = np.argsort(true, kind="stable")
    true, predicted = true[order], {name: labels[:, order] for name, labels in predicted.items()}
    units = np.arange(len(true)) if groups is None else np.unique(groups[order], return_inverse=True)[1]
    n_classes = 1 + max(int(labels.max()) for labels in (true, *predicted.values()))
    n_units = [len(np.unique(units[true == label])) for label in range(n_classes)]
    if min(n_units) < MIN_UNITS:
        unit = "test images" if groups is None else "groups of test images"
        raise ValueError(f"class {np.argmin(n_units)} has {min(n_units)} {unit}, a verdict needs {MIN_UNITS}")

    def differences(weights) -> dict[tuple[str, str], np.ndarray]:
        """By method and metric, (draws, n_seeds)."""
        values = {name: metric_values(true, labels, weights, minority) for name, labels in predicted.items()}
        return {(name, m): values[name][m] - values[baseline][m] for name in methods for m in metrics}

    measured = differences(np.ones((1, len(true))))
    draws = [differences(weights) for weights in _bootstrap_weights(true, units, random_state)]
    n_comparisons = len(methods) * len(metrics)
    rows = []
    for (name, metric), (of_seeds,) in measured.items():
        of_draws = np.concatenate([part[name, metric].mean(axis=1) for part in draws])
        interval = _interval(of_seeds, of_draws.var(ddof=1), min(n_units), ERROR_RATE / n_comparisons)
        rows.append({"method": name, "metric": metric} | interval)
    return pd.DataFrame(rows)


def metric_values(true, predicted, weights, minority: int) -> dict[str, np.ndarray]:
    """Each of METRICS, (draws, n_seeds), where test image i counts `weights[draw, i]` times; `true` is sorted."""
    starts = np.searchsorted(true, np.arange(true[-1] + 1))
    sizes = np.maximum(np.add.reduceat(weights, starts, axis=1), 1e-9)  # (draws, n_classes)
    values = {name: np.empty((len(weights), len(predicted))) for name in METRICS}
    for seed, labels in enumerate(predicted):
        hits = np.add.reduceat(weights * (labels == true), starts, axis=1)  # (draws, n_classes)
        called = weights @ (labels == minority)
        values["accuracy"][:, seed] = hits.sum(axis=1) / sizes.sum(axis=1)
        values["balanced_accuracy"][:, seed] = (hits / sizes).mean(axis=1)
        values["f1_minority"][:, seed] = 2 * hits[:, minority] / (sizes[:, minority] + called)
    return values


def _bootstrap_weights(true, units, random_state: int) -> Iterator[np.ndarray]:
    """How much each test image counts, (draws, n): whole units are drawn, one fewer from each class than there are."""
    rng = np.random.default_rng(random_state)
    _, first = np.unique(units, return_index=True)
    class_of_unit = true[first]
    for _ in range(0, N_DRAWS, N_DRAWS_AT_A_TIME):
        drawn = np.empty((N_DRAWS_AT_A_TIME, len(first)))
        for label in np.unique(class_of_unit):
            members = np.flatnonzero(class_of_unit == label)
            n = len(members)
            drawn[:, members] = rng.multinomial(n - 1, np.full(n, 1 / n), len(drawn)) * n / (n - 1)
        yield drawn[:, units]


def _interval(of_seeds: np.ndarray, image_variance: float, n_units: int, error_rate: float) -> dict:
    n_seeds, difference = len(of_seeds), float(of_seeds.mean())
    seed_variance = of_seeds.var(ddof=1) / n_seeds
    variance = seed_variance + image_variance
    error = np.sqrt(variance)
    shares = np.array([seed_variance, image_variance]) / max(variance, np.finfo(float).tiny)
    freedoms = np.array([n_seeds - 1, n_units - 1])
    critical = float(shares @ stats.t.ppf(1 - error_rate / 2, freedoms))
    low, high = difference - critical * error, difference + critical * error
    return {
        "difference": difference,
        "low": float(max(low, -1.0)),
        "high": float(min(high, 1.0)),
        "verdict": VERDICTS[0] if low > 0 else VERDICTS[2] if high < 0 else VERDICTS[1],
        "smallest_effect": float(min(_found_with_power(critical, freedoms, error_rate) * error, 1.0)),
    }


def _found_with_power(critical: float, freedoms: np.ndarray, error_rate: float) -> float:
    """The true difference, in standard errors, that lies beyond the critical value with probability POWER.

    By the noncentral t distribution with the degrees of freedom that the critical value belongs to.
    """

    def excess(freedom):
        return stats.t.ppf(1 - error_rate / 2, freedom) - critical

    low, high = freedoms.min(), freedoms.max()
    freedom = optimize.brentq(excess, low, high) if excess(low) * excess(high) <= 0 else low
    return optimize.brentq(lambda effect: stats.nct.sf(critical, freedom, effect) - POWER, 0.0, 3.0 * critical + 3.0)


def recommendation(table: pd.DataFrame, minutes: dict[str, float], baseline_f1: float) -> str:
    """The method to use, or none, and why, in a sentence, from a table of `compare`.

    A method is worth using if it hurt nothing and helped minority F1 or, if none did, balanced accuracy; the choice is
    the one that costs the fewest minutes among those whose interval reaches the largest difference found. `baseline_f1`
    is the baseline's minority F1, which limits what can be gained.
    """
    verdicts = table.pivot(index="method", columns="metric", values="verdict")
    harmless = ~(verdicts == VERDICTS[2]).any(axis=1)
    for metric in ("f1_minority", "balanced_accuracy"):
        worth = verdicts.index[harmless & (verdicts[metric] == VERDICTS[0])]
        if not worth.empty:
            of_metric = table[table["metric"] == metric].set_index("method").loc[worth]
            near_the_best = of_metric[of_metric["high"] >= of_metric["difference"].max()]
            chosen = min(near_the_best.index, key=lambda method: minutes[method])
            row = of_metric.loc[chosen]
            return (
                f"Use {chosen}: {METRIC_LABELS[metric]} {row['difference']:+.3f} "
                f"({row['low']:+.3f} to {row['high']:+.3f}) for {minutes[chosen]:.1f} minutes of computing."
            )
    advice = "Train on the images as they are: no method was shown to help without hurting."
    effects = table.loc[table["metric"] == "f1_minority", "smallest_effect"]
    if not (effects > 0).any():
        return f"{advice} All classifiers gave the same answers on these test images."
    smallest = effects[effects > 0].median()
    if smallest > 1 - baseline_f1:
        return (
            f"{advice} But these test images and seeds could hardly have shown it: minority F1 is {baseline_f1:.3f} "
            "without any method, and the possible gain is smaller than what can be seen (median over methods)."
        )
    return (
        f"{advice} An improvement of minority F1 by less than {smallest:.3f} could hardly have been seen (median over "
        "methods); more test images or seeds show smaller ones."
    )
