"""Making a dataset imbalanced on purpose (thesis section 5.2)."""

import numpy as np


def drop_fraction(labels: np.ndarray, label: int, percent: int, random_state: int) -> np.ndarray:
    """Sorted indices that remain after `percent` per cent of one class, drawn at random, are dropped.

    Raises ValueError for a percentage outside 1..99, a class that does not occur, or if no image of it would remain.
    """
    if not 1 <= percent <= 99:
        raise ValueError(f"the percentage to drop must lie in 1-99, got {percent}")
    members = np.flatnonzero(labels == label)
    if not len(members):
        raise ValueError(f"class {label} does not occur, so none of it can be dropped")
    n_dropped = round(len(members) * percent / 100)
    if n_dropped == len(members):
        raise ValueError(f"dropping {percent} % of the {len(members)} images of class {label} would leave none")
    dropped = np.random.default_rng(random_state).choice(members, n_dropped, replace=False)
    return np.setdiff1d(np.arange(len(labels)), dropped)
