"""Whether a printed figure, a single run, agrees with ours, the mean over seeds: agrees, differs, or cannot tell.

The difference has a 95 % interval. Its variance has two parts: the spread over seeds, which the printed run is taken to
have as well, and the sampling error of both test sets. The first is known from few seeds, so its quantile is Student's;
quantiles are weighted by the variances (Cochran and Cox 1950). Of SSIM every seed draws other images and pairs, so the
spread over seeds contains the error over pairs, which is known well; only what it exceeds that by is Student's.

- agrees: the whole interval lies within the metric's tolerance, so that a wide interval cannot agree.
- differs: it does not, and zero lies outside of the interval.
- cannot tell: neither.

Tolerances are what separates methods in the printed tables: their accuracies on one dataset lie within about .01 of the
next one, F1 scores, which depend on fewer images, and SSIM within .02. One seed says nothing about the spread, so it
cannot tell.
"""

import numpy as np
import pandas as pd
from scipy import stats

AGREES, DIFFERS, CANNOT_TELL = "agrees", "differs", "cannot tell"
MARKS = {AGREES: "✓", DIFFERS: "✗", CANNOT_TELL: "?"}
CONFIDENCE = 0.95
TOLERANCES = {"accuracy": 0.01, "balanced_accuracy": 0.01}
USUAL_TOLERANCE = 0.02
NOTE = (
    "✓ agrees: the 95 % interval of the difference from the printed figure, a single run, lies within "
    f"{TOLERANCES['accuracy']:g} of accuracy or {USUAL_TOLERANCE:g} of anything else. ✗ differs: it does not, and "
    "excludes zero. ? cannot tell: neither. Intervals combine the spread over seeds (Student's t) with the sampling "
    "error of both test sets or, for SSIM, of the pairs; what training the networks again would change is not in them."
)


def half_width(values: np.ndarray, standard_errors: np.ndarray, metric: str) -> float:
    """Of the interval of mean over seeds less printed figure; infinite for one seed, NaN for none.

    `values` (n_seeds,) with the sampling error of each.
    """
    n = len(values)
    if n < 2:
        return np.inf if n else np.nan
    spread, sampling = values.var(ddof=1), float(np.mean(np.square(standard_errors)))
    if metric.startswith("ssim"):
        well_known = sampling * (1 + 1 / n)
        of_seeds = max(spread - sampling, 0.0) * (1 + 1 / n)
    else:
        well_known = 2 * sampling
        of_seeds = spread * (1 + 1 / n)
    variance = well_known + of_seeds
    if variance == 0:
        return 0.0
    level = (1 + CONFIDENCE) / 2
    critical = (well_known * stats.norm.ppf(level) + of_seeds * stats.t.ppf(level, n - 1)) / variance
    return float(critical * np.sqrt(variance))


def mark(difference: float, half: float, metric: str) -> str:
    """One of MARKS for a difference whose interval is `difference` ± `half`."""
    if abs(difference) + half <= TOLERANCES.get(metric, USUAL_TOLERANCE):
        return AGREES
    return DIFFERS if abs(difference) > half else CANNOT_TELL


def neighbours_marked(rows: pd.DataFrame) -> float:
    """Share of the printed figures of other rows that would get the mark "agrees" beside ours; NaN for a single row.

    `rows` are those of one table, dataset and metric, with the columns mean, half_width, printed and metric. The larger
    the share, the less an agreement says about a row.
    """
    marks = [
        mark(row.mean - printed, row.half_width, row.metric) == AGREES
        for row in rows.itertuples()
        for other, printed in rows["printed"].items()
        if other != row.Index
    ]
    return float(np.mean(marks)) if marks else np.nan


def shift(differences: np.ndarray) -> str:
    """In words, on which side of the printed figures ours lie, if it is more often the same than chance would have it.

    A two-sided sign test at 5 %; rows share a split and, among them, training images, so it is a hint.
    """
    n, n_above = len(differences), int((differences > 0).sum())
    if stats.binomtest(n_above, n).pvalue >= 1 - CONFIDENCE:
        return ""
    side, n_there = ("above", n_above) if 2 * n_above > n else ("below", int((differences < 0).sum()))
    return f"{n_there} of {n} of ours lie {side} the print, {differences.mean():+.3f} on average"
