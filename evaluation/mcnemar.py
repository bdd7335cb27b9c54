"""McNemar's exact test: whether two classifiers differ on the same test images (McNemar 1947).

Only discordant images count, those that one classifier gets right and the other does not. If the classifiers were
equally good, each of these would be as likely either's.
"""

import numpy as np
from scipy import stats

LEVEL = 0.05


def discordant(true: np.ndarray, first: np.ndarray, second: np.ndarray) -> tuple[int, int]:
    """How many images only the first and how many only the second of two predictions (n,) gets right."""
    first_right, second_right = first == true, second == true
    return int((first_right & ~second_right).sum()), int((second_right & ~first_right).sum())


def p_value(n_only_first: int, n_only_second: int) -> float:
    """Two-sided, from the binomial distribution; 1 where no image is discordant."""
    n = n_only_first + n_only_second
    return float(stats.binomtest(n_only_first, n).pvalue) if n else 1.0


def most_discordant(difference: int) -> tuple[int, int]:
    """At how many discordant images, at most, a difference of so many right ones is significant at 5 %.

    By the exact test, and by the normal approximation without continuity correction, which allows a few more. Both are
    0 if no number will do, and odd where the difference is.
    """
    n_exact, n_normal = 0, int(difference**2 / stats.norm.isf(LEVEL / 2) ** 2)
    n_normal -= (n_normal - difference) % 2
    for n in range(difference, max(n_normal, difference) + 1, 2):
        if p_value((n - difference) // 2, (n + difference) // 2) < LEVEL:
            n_exact = n
    return n_exact, n_normal if n_normal >= difference else 0
