"""Splits as index arrays, stratified over classes and seeded."""

import numpy as np


def split(labels: np.ndarray, fraction: float, random_state: int) -> tuple[np.ndarray, np.ndarray]:
    """Sorted indices of the larger part and of the smaller, whose share is `fraction`.

    The same labels and random_state give the same parts on every machine. Raises ValueError if a class has one
    image, or a part would have fewer images than there are classes; of a class of two or three one part may get none.
    """
    from sklearn.model_selection import train_test_split

    kept, held_out = train_test_split(
        np.arange(len(labels)), test_size=fraction, random_state=random_state, stratify=labels
    )
    return np.sort(kept), np.sort(held_out)


def fold(
    labels: np.ndarray, which: int, n_folds: int, random_state: int, groups: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Sorted indices of all but one of `n_folds` folds, and of this one, `which` from 0.

    Over all folds each index is in the second part once; classes are spread as evenly as can be, and images of the same
    of `groups` (n,) stay together. Raises ValueError if there are more folds than images or groups of a class.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    units = np.arange(len(labels)) if groups is None else groups
    fewest = min(len(np.unique(units[labels == label])) for label in np.unique(labels))
    if n_folds > fewest:
        unit = "images" if groups is None else "groups of images"
        raise ValueError(f"{n_folds} folds need as many {unit} of every class, but one has {fewest}")
    kind = StratifiedKFold if groups is None else StratifiedGroupKFold
    splitter = kind(n_folds, shuffle=True, random_state=random_state)
    others, chosen = list(splitter.split(labels, labels, groups))[which]
    return np.sort(others), np.sort(chosen)
