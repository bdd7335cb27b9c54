"""Features: a linear classifier on codes, on pixels and on principal components."""

import warnings

import numpy as np

from .piece import Asked, Measured, Metric, Network
from .rivals import PCA
from .settings import NETWORKS

NAME = "features"
CAPTION = "Accuracy of a linear classifier on as many features."
NOTES = (
    "Logistic regression (scikit-learn, its defaults but for at most 1000 iterations) with so many labelled training "
    "images; autoencoders and PCA are fitted to all of them without labels. Codes are standardised, pixels divided by "
    "255.",
    "Labelled images are drawn anew for each seed, as many of each class as its share.",
)
METRICS = (Metric("accuracy", "Accuracy", 4),)
MAX_ITERATIONS = 1000


def asked(settings):
    for n_labels in settings.numbers_of_labels:
        for method in ("pixels", "pca"):
            yield Asked(method, n_labels, is_random=n_labels != 0)
        for kind in NETWORKS:
            yield Asked(kind, n_labels, Network(kind, settings.code_size))


def setting_name(piece) -> str:
    return f"{piece.asked.setting} labels" if piece.asked.setting else "all labels"


def measure(piece, parts, autoencoder, settings) -> Measured:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    train, test = parts.train, parts.test
    labelled = _labelled(train.labels, piece.asked.setting, piece.seed)
    classifier = LogisticRegression(max_iter=MAX_ITERATIONS)
    if piece.asked.method == "pixels":
        features = [part.reshape(len(part), -1) / 255.0 for part in (train.images[labelled], test.images)]
    else:
        model = autoencoder or PCA(train.images, settings.code_size)
        features = [model.encode(part) for part in (train.images[labelled], test.images)]
        classifier = make_pipeline(StandardScaler(), classifier)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the notes name the limit
        classifier.fit(features[0], train.labels[labelled])
    return Measured({"accuracy": float(classifier.score(features[1], test.labels))})


def _labelled(labels, n_labels: int, random_state: int) -> np.ndarray:
    """Indices of so many training images, or of all for 0 or where there are no more."""
    from ...datasets.split import split

    if n_labels == 0 or n_labels >= len(labels):
        return np.arange(len(labels))
    return split(labels, n_labels / len(labels), random_state)[1]


def further(frame):
    return frame.iloc[:0]
