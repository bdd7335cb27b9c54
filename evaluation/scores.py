"""Scores of a classifier on real test images."""

import numpy as np
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, recall_score

N_BOOTSTRAP = 1000


def scores(true: np.ndarray, predicted: np.ndarray, measured: tuple[int, ...], n_classes: int) -> dict:
    """Scores of predicted against true labels (n,).

    accuracy (eq. 5.4), f1_minority (eq. 5.5, of the measured class; the mean if there are several), balanced_accuracy
    (mean recall), g_mean (geometric mean of recalls), recalls (one per class) and confusion (rows: true).
    `standard_errors` says how much the first two vary over test sets of this size: by the binomial formula and by 1000
    bootstrap draws.
    """
    classes = list(range(n_classes))
    recalls = recall_score(true, predicted, labels=classes, average=None, zero_division=0.0)
    accuracy = accuracy_score(true, predicted)
    return {
        "accuracy": float(accuracy),
        "f1_minority": float(np.mean([f1_score(true == k, predicted == k, zero_division=0.0) for k in measured])),
        "balanced_accuracy": float(recalls.mean()),
        "g_mean": float(np.prod(recalls) ** (1.0 / n_classes)),
        "recalls": [float(recall) for recall in recalls],
        "confusion": confusion_matrix(true, predicted, labels=classes).tolist(),
        "standard_errors": {
            "accuracy": float(np.sqrt(accuracy * (1.0 - accuracy) / len(true))),
            "f1_minority": _f1_standard_error(true, predicted, measured),
        },
    }


def _f1_standard_error(true, predicted, measured):
    """Bootstrap over test images, drawn as counts of the four outcomes; several classes count as independent."""
    variances = []
    for label in measured:
        of_class, taken = true == label, predicted == label
        outcomes = np.array([(of_class & taken).sum(), (of_class & ~taken).sum(), (~of_class & taken).sum()])
        n = len(true)
        probabilities = np.append(outcomes, n - outcomes.sum()) / n
        hit, missed, false_alarm, _ = np.random.default_rng(0).multinomial(n, probabilities, N_BOOTSTRAP).T
        variances.append(np.std(2 * hit / np.maximum(2 * hit + missed + false_alarm, 1)) ** 2)
    return float(np.sqrt(sum(variances))) / len(measured)
