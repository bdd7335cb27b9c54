"""Compression: bytes an image against PSNR, beside JPEG."""

import numpy as np

from . import rivals
from .piece import PSNR, SSIM, Asked, Measured, Metric, Network, closeness
from .settings import NETWORKS

NAME = "compression"
CAPTION = "Test images compressed: bytes an image against PSNR."
NOTES = (
    "Numbers of a code are quantised to 8 bits between their extremes on training images, without entropy coding or "
    "zlib. What the decoder must know (weights, components, ranges) is not counted.",
    "JPEG's bytes are those of the compressed pixels; with the header a file also holds tables and markers, the same "
    "for all images of a quality. Pillow's defaults but for the quality.",
    "JPEG within these bytes: the PSNR of the highest quality whose compressed pixels need no more on average; empty "
    "where none does.",
)
METRICS = (
    Metric("n_bytes", "Bytes", 1, ""),
    Metric("n_bytes_with_header", "Bytes with header", 1, ""),
    PSNR,
    SSIM,
    Metric("psnr_of_jpeg", "JPEG within these bytes, dB", 2, ""),
)
JPEG = "jpeg"


def asked(settings):
    for code_size in settings.code_sizes:
        yield Asked("pca", code_size)
        for kind in NETWORKS:
            yield Asked(kind, code_size, Network(kind, code_size))
    for quality in settings.jpeg_qualities:
        yield Asked(JPEG, quality)


def setting_name(piece) -> str:
    return f"quality {piece.asked.setting}" if piece.asked.method == JPEG else f"{piece.asked.setting} numbers"


def measure(piece, parts, autoencoder, settings) -> Measured:
    images, shown = parts.test.images, parts.shown
    if piece.asked.method == JPEG:
        decoded, n_bytes, n_bytes_of_pixels = rivals.jpeg(images, piece.asked.setting)
        sizes = {"n_bytes": float(n_bytes_of_pixels.mean()), "n_bytes_with_header": float(n_bytes.mean())}
    else:
        model = autoencoder or rivals.PCA(parts.train.images, piece.asked.setting)
        eight_bits = rivals.EightBits(model.encode(parts.train.images))
        quantised = eight_bits.quantise(model.encode(images))
        decoded = model.decode(eight_bits.restore(quantised).astype(np.float32))
        sizes = {"n_bytes": quantised.nbytes / len(images)}
    rows = {"original": images[shown], "decompressed": decoded[shown]}
    return Measured(sizes | closeness(decoded, images), rows)


def further(frame):
    """For each code, JPEG's PSNR with at most as many bytes."""
    import pandas as pd

    keys = ["dataset", "use", "method", "setting", "seed"]
    wide = frame.pivot(index=keys, columns="metric", values="value").reset_index()
    files = wide[wide["method"] == JPEG]
    rows = []
    for code in wide[wide["method"] != JPEG].to_dict("records"):
        within = files[(files["dataset"] == code["dataset"]) & (files["n_bytes"] <= code["n_bytes"])]
        if len(within):
            rows.append({key: code[key] for key in keys} | {"metric": "psnr_of_jpeg", "value": within["psnr"].max()})
    return pd.DataFrame(rows, columns=frame.columns)
