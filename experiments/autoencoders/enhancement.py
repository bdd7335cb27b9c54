"""Enhancement: test images of half the resolution, brought back to the whole."""

from . import rivals
from .differences import over
from .piece import PSNR, SSIM, Asked, Measured, Metric, Network, closeness
from .settings import NETWORKS

NAME = "enhancement"
CAPTION = "Test images of half the resolution, enlarged to the whole."
NOTES = (
    "Each 2 x 2 pixels are averaged; all methods start from the bicubic enlargement of that, and autoencoders learn to "
    "make the original of it.",
)
METRICS = (PSNR, Metric("gain_over_bicubic", "Gain over bicubic, dB", 2, ""), SSIM)
HALF = 2


def asked(settings):
    yield Asked("bicubic", HALF)
    yield Asked("pca", HALF)
    for kind in NETWORKS:
        yield Asked(kind, HALF, Network(kind, settings.restoration_code_size, enlarges=True))


def setting_name(piece) -> str:
    return "half resolution"


def measure(piece, parts, autoencoder, settings) -> Measured:
    images = parts.test.images
    height, width = images.shape[1:3]
    half = rivals.half_resolution(images)
    bicubic = rivals.enlarged(half, height, width)
    if piece.asked.method == "bicubic":
        return Measured(closeness(bicubic, images))
    model = autoencoder or rivals.PCA(parts.train.images, settings.restoration_code_size)
    enhanced = model.reconstruct(bicubic)
    in_squares = half.repeat(2, axis=1).repeat(2, axis=2)[:, :height, :width]
    rows = {"original": images, "half resolution": in_squares, "bicubic": bicubic, "enhanced": enhanced}
    return Measured(closeness(enhanced, images), {name: row[parts.shown] for name, row in rows.items()})


def further(frame):
    """Gain in PSNR over bicubic enlargement."""
    return over(frame, {"bicubic": "gain_over_bicubic"})
