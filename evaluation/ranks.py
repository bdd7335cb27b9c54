"""Whether several methods differ over several tasks, by their ranks on each (Friedman 1937, Nemenyi 1963, Demšar 2006).

Scores are a pandas.DataFrame with a row for each independent case, here called task, and a column for each method,
without gaps; more is better.
"""

import numpy as np
import pandas as pd
from scipy import stats

ERROR_RATE = 0.05


def average_ranks(scores: pd.DataFrame) -> pd.Series:
    """The mean over tasks of each method's rank, 1 for the best, the best first; equal scores share their ranks."""
    return scores.rank(axis=1, ascending=False).mean().sort_values(kind="stable")


def friedman_p(scores: pd.DataFrame) -> float:
    """The probability of ranks that differ as much if all methods are equal; 1 if all scores of a task are the same.

    Takes tasks as independent of each other. Raises ValueError for fewer than three methods.
    """
    if (scores.nunique(axis=1) == 1).all():
        return 1.0
    return float(stats.friedmanchisquare(*(scores[name] for name in scores)).pvalue)


def critical_difference(n_methods: int, n_tasks: int, error_rate: float = ERROR_RATE) -> float:
    """Average ranks of two methods differ if they are further apart than this; by Nemenyi's test of all pairs."""
    quantile = stats.studentized_range.isf(error_rate, n_methods, np.inf) / np.sqrt(2)
    return float(quantile * np.sqrt(n_methods * (n_methods + 1) / (6 * n_tasks)))


def not_told_apart(ranks: pd.Series, difference: float) -> list[list[str]]:
    """The largest groups of at least two methods all of whose `ranks` lie within a critical difference."""
    ranks = ranks.sort_values(kind="stable")
    groups, end = [], 0
    for first in range(len(ranks)):
        last = int(np.searchsorted(ranks.to_numpy(), ranks.iloc[first] + difference, side="right"))
        if last > end and last - first > 1:
            groups.append(ranks.index[first:last].tolist())
            end = last
    return groups
