"""Splits as index arrays, stratified over classes and seeded."""

import numpy as np


def split(labels: np.ndarray, fraction: float, random_state: int) -> tuple[np.ndarray, np.ndarray]:
    """Sorted indices of the larger part and of the smaller, whose share is `fraction`.

    The same labels and random_state give the same parts on every machine. Raises ValueError if a class is too small to
    be in both parts.
    """
    from sklearn.model_selection import train_test_split

    kept, held_out = train_test_split(
        np.arange(len(labels)), test_size=fraction, random_state=random_state, stratify=labels
    )
    return np.sort(kept), np.sort(held_out)
