"""Images that a `Translation` translates back, and pictures of what it translates: as it is, and disturbed."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ...datasets.batches import drawn_equally
from ...datasets.image_dataset import ImageDataset

NOISE_DEVIATION = 15.0
TURNED_DEGREES = 25.0
WATERMARK = "SAMPLE"
WATERMARK_SHARE = 0.6
N_DISTURBED = 2


def of_source_class(balancer, train: ImageDataset, n: int, random_state: int) -> np.ndarray:
    """`n` images of the source class: training images of the others, equally often of each, recovered by their pairs.

    `balancer` is a HasSourceClass fitted to `train`. Returns uint8 (n, height, width, channels).
    """
    rng, made = np.random.default_rng(random_state), []
    labels = [label for label, n_added in balancer.sampling_strategy_.items() if n_added]
    for label, n_of_class in zip(labels, np.bincount(np.arange(n) % len(labels), minlength=len(labels)), strict=True):
        members = np.flatnonzero(train.labels == label)
        chosen = members[drawn_equally(len(members), n_of_class, rng)]
        made.append(balancer.recover(train.images[chosen], label))
    return np.concatenate(made)


def translations(balancer, sources: np.ndarray, labels) -> np.ndarray:
    """Rows of images of the source class and, for each label, of their translations and what is recovered of these.

    Takes and returns uint8: `sources` (n, height, width, channels), rows (1 + 2 * number of labels, n, height, ...).
    """
    rows = [sources]
    for label in labels:
        translated = balancer.translate(sources, label)
        rows += [translated, balancer.recover(translated, label)]
    return np.stack(rows)


def disturbed_translations(balancer, sources: np.ndarray, labels) -> np.ndarray:
    """Two rows for each of DISTURBANCES and of the first images: what becomes of a disturbed image.

    The first row begins with the disturbed image and goes on with its translation for each label, the second one with
    the undisturbed image and what is recovered of each translation.
    """
    originals = np.concatenate([sources[:N_DISTURBED]] * len(DISTURBANCES))
    disturbed = np.stack([disturb(each) for disturb in DISTURBANCES.values() for each in sources[:N_DISTURBED]])
    translated = [balancer.translate(disturbed, label) for label in labels]
    recovered = [balancer.recover(images, label) for images, label in zip(translated, labels, strict=True)]
    columns = np.stack([[disturbed, *translated], [originals, *recovered]])  # (2, 1 + number of labels, rows / 2, ...)
    return columns.transpose(2, 0, 1, 3, 4, 5).reshape(-1, *columns.shape[1:2], *sources.shape[1:])


def noisy(image: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, NOISE_DEVIATION, image.shape)
    return np.clip(np.round(image + noise), 0, 255).astype(np.uint8)


def watermarked(image: np.ndarray) -> np.ndarray:
    """With a half transparent word across its middle."""
    height, width = image.shape[:2]
    mask = Image.new("L", (width, height))
    font = ImageFont.load_default(max(6, width // 5))
    ImageDraw.Draw(mask).text((width / 2, height / 2), WATERMARK, fill=255, font=font, anchor="mm")
    share = WATERMARK_SHARE * np.asarray(mask, float)[..., None] / 255
    return np.round((1 - share) * image + share * 255).astype(np.uint8)


def turned(image: np.ndarray) -> np.ndarray:
    """Around its middle; corners are filled with the border's pixels."""
    from scipy import ndimage

    return ndimage.rotate(image, TURNED_DEGREES, reshape=False, order=1, mode="nearest")


def mirrored(image: np.ndarray) -> np.ndarray:
    return image[:, ::-1]


DISTURBANCES = {"with noise": noisy, "with a watermark": watermarked, "turned": turned, "mirrored": mirrored}
