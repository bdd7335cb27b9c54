"""Binary classification: is an image of this class? Learned from images of the class alone."""

import numpy as np

from .data import DATASETS
from .piece import Asked, Measured, Metric, Network
from .rivals import PCA

NAME = "one_class"
CAPTION = "Is an image of this class? Area under the ROC curve of the error, learned from the class alone."
NOTES = (
    "Test images of the class against those of all others; 0.5 is chance. Each column is the class learned from.",
    "PCA has as many numbers as the autoencoders. The distance to the class mean is the squared one.",
)
METRICS = (Metric("auc", "Area under the ROC curve", 4),)
MEAN = "mean"  # over the classes


def asked(settings):
    for label in settings.classes:
        for method in ("class_mean", "pca"):
            yield Asked(method, label)
        yield Asked("dense", label, Network("dense", settings.one_class_code_size, label=label))


def setting_name(piece) -> str:
    return DATASETS[piece.dataset].class_names[piece.asked.setting]


def measure(piece, parts, autoencoder, settings) -> Measured:
    from sklearn.metrics import roc_auc_score

    label = piece.asked.setting
    of_class = parts.train.images[parts.train.labels == label]
    if piece.asked.method == "class_mean":
        distances = np.square(parts.test.images - of_class.mean(axis=0)).mean(axis=(1, 2, 3))
    else:
        model = autoencoder or PCA(of_class, settings.one_class_code_size)
        distances = model.errors(parts.test.images)
    return Measured({"auc": float(roc_auc_score(parts.test.labels != label, distances))})


def further(frame):
    """The mean over the classes of each method and seed."""
    means = frame.groupby(["dataset", "use", "method", "seed", "metric"], sort=False)["value"].mean().reset_index()
    return means.assign(setting=MEAN)[frame.columns]
