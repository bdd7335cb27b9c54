"""Images that a cell leaves behind for people, as PNG files."""

from pathlib import Path

import numpy as np

from ...datasets.pictures import save
from ...models.balancer import HasLatents, HasSourceClass
from ...models.learned_transformations import LearnedTransformations
from ...models.style_transfer import StyleTransfer
from . import deformations, styles
from .translated import disturbed_translations, translations

N_SAMPLES_SHOWN = 12
N_INTERPOLATIONS = 3
N_INTERPOLATION_STEPS = 9


def save_all(folder: Path, balancer, images: dict, parts) -> None:
    """The first images, a row per class, as `samples.png`, and what else the balancer (None: there is none) can do.

    That is `interpolations.png` of one with latents, `deformations.npz` of one that learns these, `styles.npz` and
    `influences.npz` of one that transfers styles, `translations.png` and `disturbed.png` of one with a source class,
    whose images come from the test part of `parts`, which nothing has learned from.
    """
    n = min([N_SAMPLES_SHOWN, *map(len, images.values())])
    if n:
        save(folder / "samples.png", np.stack([made[:n] for made in images.values()]))
    if isinstance(balancer, HasLatents):
        label = next(iter(images))
        rows = interpolations(balancer, parts.train.images[parts.train.labels == label], label)
        save(folder / "interpolations.png", rows)
    if isinstance(balancer, LearnedTransformations):
        deformations.save(folder / "deformations.npz", balancer)
    if isinstance(balancer, StyleTransfer):
        styles.save(folder, balancer, next(iter(images)))
    if isinstance(balancer, HasSourceClass):
        sources = parts.test.images[parts.test.labels == balancer.source_label_][:N_SAMPLES_SHOWN]
        save(folder / "translations.png", translations(balancer, sources, list(images)))
        save(folder / "disturbed.png", disturbed_translations(balancer, sources, list(images)))


def save_filtered(path: Path, made: dict, kept: dict) -> None:
    """Two rows per class: the first images made, and the first of those that filters kept, then white."""
    rows = []
    for label, images in made.items():
        passed = images[kept[label]][:N_SAMPLES_SHOWN]
        white = np.full((N_SAMPLES_SHOWN, *images.shape[1:]), 255, np.uint8)
        rows += [np.concatenate([found, white])[:N_SAMPLES_SHOWN] for found in (images[:N_SAMPLES_SHOWN], passed)]
    save(path, np.stack(rows))


def interpolations(balancer, originals: np.ndarray, label) -> np.ndarray:
    """Rows of an original, images made along the line between its latents and another's, and the other original.

    `balancer` is a HasLatents, `originals` uint8 (n, height, width, channels) of class `label`. Returns uint8
    (rows, columns, height, width, channels).
    """
    n_rows = min(N_INTERPOLATIONS, len(originals) // 2)
    first, second = originals[:n_rows], originals[n_rows : 2 * n_rows]
    latents = [balancer.encode(images, label) for images in (first, second)]
    steps = [
        balancer.decode((1 - share) * latents[0] + share * latents[1], label)
        for share in np.linspace(0, 1, N_INTERPOLATION_STEPS)
    ]
    return np.stack([first, *steps, second], axis=1)
