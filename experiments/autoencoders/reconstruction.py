"""Reconstruction: test images from as few numbers, and images between two of them."""

from dataclasses import replace

import numpy as np

from ...evaluation import restoration
from .piece import PSNR, SSIM, Asked, Measured, Metric, Network, closeness
from .rivals import PCA, rounded
from .settings import NETWORKS

NAME = "reconstruction"
CAPTION = "Test images reconstructed from as few numbers."
NOTES = (
    "PSNR, SSIM and errors are means over test images; errors are means over the values of an image, 0..255.",
    "The mean image is that of the training images, the same for every test image.",
)
METRICS = (
    PSNR,
    SSIM,
    Metric("squared_error", "Squared error", 1, "min"),
    Metric("absolute_error", "Absolute error", 2, "min"),
)
DISTANCES = ("squared", "absolute")
CAREFUL_LEARNING_RATE = 5e-4  # of `DenseAutoencoder`, which says why


def asked(settings):
    for method in ("mean_image", "pca"):
        yield Asked(method, settings.code_size)
    for kind in NETWORKS:
        for distance in DISTANCES:
            network = Network(kind, settings.code_size, distance)
            if (kind, distance) == ("dense", "absolute"):
                network = replace(network, learning_rate=CAREFUL_LEARNING_RATE)
            yield Asked(f"{kind}_{distance}", settings.code_size, network)


def setting_name(piece) -> str:
    return f"{piece.asked.setting} numbers"


def measure(piece, parts, autoencoder, settings) -> Measured:
    images = parts.test.images
    if piece.asked.method == "mean_image":
        mean = rounded(parts.train.images.mean(axis=0))
        return Measured(_values(np.broadcast_to(mean, images.shape), images))
    model = autoencoder or PCA(parts.train.images, piece.asked.setting)
    reconstructed, shown = model.reconstruct(images), parts.shown
    first, last = model.encode(images[shown[[0, -1]]])
    between = model.decode(np.linspace(first, last, len(shown)).astype(first.dtype))
    rows = {"original": images[shown], "reconstructed": reconstructed[shown], "between": between}
    return Measured(_values(reconstructed, images), rows)


def _values(reconstructed, images) -> dict[str, float]:
    return closeness(reconstructed, images) | {
        "squared_error": float(restoration.squared_error(reconstructed, images).mean()),
        "absolute_error": float(restoration.absolute_error(reconstructed, images).mean()),
    }


def further(frame):
    return frame.iloc[:0]
