"""Which methods need more seeds: seeds are added only where they can still decide something.

All methods start with as many seeds as a verdict needs; after that, and at a few larger numbers, one looks at what was
found. A method is decided there if it helped or hurt at an error rate far below the usual one (Haybittle 1971, Peto et
al. 1976): all looks before the last share INTERIM_ERROR_RATE, which is taken from that of the last. It is hopeless if
even all seeds that are planned would hardly make its difference larger than test images and seeds leave room for.
Stopping a hopeless method can cause no wrong verdict.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from scipy import stats

from .verdict import ERROR_RATE, NO_EVIDENCE

INTERIM_ERROR_RATE = 0.005
GROWTH = 1.6  # of the number of seeds from one look to the next
HOPE = 0.8  # probability with which the mean over all seeds will lie within the range that is looked at


def looks(n_seeds: int, first: int) -> list[int]:
    """Numbers of seeds after which one looks: the first, such as 3, then 5, 8, 13... and `n_seeds` at last."""
    found = [first]
    while found[-1] < n_seeds:
        found.append(min(round(found[-1] * GROWTH), n_seeds))
    return found


def error_rate(n_seeds: int, all_looks: list[int]) -> float:
    """What all verdicts together may err by at the look after `n_seeds`, so that it is ERROR_RATE over all looks."""
    n_interim = len(all_looks) - 1
    if n_interim and n_seeds < all_looks[-1]:
        return INTERIM_ERROR_RATE / n_interim
    return ERROR_RATE - (INTERIM_ERROR_RATE if n_interim else 0.0)


def undecided(table: pd.DataFrame, n_seeds: int, n_planned: int, n_compared: int) -> list[str]:
    """Methods that need more seeds, of rows of `verdict.compare` made with `n_seeds` of `n_planned` seeds.

    `n_compared` is how many methods are compared in all.
    """
    row = table.set_index("method")
    share = n_seeds / n_planned
    reach = stats.norm.ppf((1 + HOPE) / 2) * row["error_of_seeds"] * np.sqrt(1 - share)
    smallest_margin = stats.norm.isf(ERROR_RATE / n_compared / 2) * np.hypot(
        row["error_of_seeds"] * np.sqrt(share), row["error_of_images"]
    )
    is_open = (row["verdict"] == NO_EVIDENCE) & (row["difference"].abs() + reach > smallest_margin)
    return list(row.index[is_open])


def race(all_looks: list[int], methods: Iterable[str], look_at) -> dict[str, int]:
    """How many seeds each method gets; the baseline gets as many as any.

    `look_at(seeds, error_rate)` runs what is missing of the seeds of each method and gives the table of
    `verdict.compare` at that error rate.
    """
    seeds = dict.fromkeys(methods, 0)
    running = list(seeds)
    for n in all_looks:
        seeds |= dict.fromkeys(running, n)
        table = look_at(seeds, error_rate(n, all_looks))
        running = undecided(table[table["method"].isin(running)], n, all_looks[-1], len(table))
        if not running:
            break
    return seeds
