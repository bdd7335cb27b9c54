"""Images that a cell leaves behind for people, as PNG files."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from ...datasets.files import write_atomically

N_INTERPOLATIONS = 3
N_INTERPOLATION_STEPS = 9


def save(path: Path, rows: np.ndarray) -> None:
    """Write uint8 images (rows, columns, height, width, channels) as one picture."""
    tiled = np.concatenate([np.concatenate(list(row), axis=1) for row in rows])  # (rows * height, columns * width, ...)
    picture = io.BytesIO()
    Image.fromarray(tiled.squeeze(-1) if tiled.shape[-1] == 1 else tiled).save(picture, "PNG")
    write_atomically(path, picture.getvalue())


def load(path: Path) -> np.ndarray:
    """The picture as uint8 (height, width, channels)."""
    with Image.open(path) as image:
        pixels = np.asarray(image)
    return pixels[..., None] if pixels.ndim == 2 else pixels


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
