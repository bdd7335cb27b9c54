"""Denoising: test images with Gaussian noise, restored."""

from . import rivals
from .differences import over
from .piece import PSNR, SSIM, Asked, Measured, Metric, Network, closeness
from .settings import NETWORKS

NAME = "denoising"
CAPTION = "Test images with Gaussian noise, restored."
NOTES = (
    "Noise has this standard deviation in pixel values; noisy images are rounded and clipped to 0..255. Autoencoders "
    "learn from noise of the same level.",
    f"The median filter's window ({', '.join(map(str, rivals.WINDOW_SIDES_PIXELS))} pixels) is the best on training "
    "images; PCA has as many numbers as the autoencoders.",
)
METRICS = (
    PSNR,
    Metric("gain_over_noisy", "Gain over noisy, dB", 2, ""),
    Metric("gain_over_median", "Gain over median, dB", 2, ""),
    SSIM,
)
TEST_NOISE_RANDOM_STATE = 0
TRAINING_NOISE_RANDOM_STATE = 1


def asked(settings):
    for level in settings.noise_levels:
        for method in ("noisy", "median", "pca"):
            yield Asked(method, level)
        for kind in NETWORKS:
            yield Asked(kind, level, Network(kind, settings.restoration_code_size, noise=float(level)))


def setting_name(piece) -> str:
    return f"noise {piece.asked.setting}"


def measure(piece, parts, autoencoder, settings) -> Measured:
    method, level, images = piece.asked.method, piece.asked.setting, parts.test.images
    noisy = rivals.with_noise(images, level, TEST_NOISE_RANDOM_STATE)
    if method == "noisy":
        return Measured(closeness(noisy, images))
    if method == "median":
        originals = parts.train.images[: rivals.N_IMAGES_TO_CHOOSE]
        side = rivals.best_median_side(rivals.with_noise(originals, level, TRAINING_NOISE_RANDOM_STATE), originals)
        restored = rivals.median_filtered(noisy, side)
    else:
        model = autoencoder or rivals.PCA(parts.train.images, settings.restoration_code_size)
        restored = model.reconstruct(noisy)
    rows = {"original": images, "noisy": noisy, "restored": restored}
    return Measured(closeness(restored, images), {name: row[parts.shown] for name, row in rows.items()})


def further(frame):
    """Gains in PSNR over the noisy image and over the median filter."""
    return over(frame, {"noisy": "gain_over_noisy", "median": "gain_over_median"})
