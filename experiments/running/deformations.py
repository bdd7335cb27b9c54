"""What learned transformations found, kept for figures: pairs of images, the fields between them, and typical ones."""

from pathlib import Path

import numpy as np

from ...datasets.files import write_archive
from ...models.learned_transformations import LearnedTransformations, deformed
from ...models.spatial_transformers import pixel_centres

N_AXES = 3
STEPS = (-2.0, -1.0, 0.0, 1.0, 2.0)  # standard deviations along an axis
ARROWS = 10  # along each side of a field


def save(path: Path, balancer: LearnedTransformations) -> None:
    """Write an npz archive of uint8 images and float32 fields, for each class that has a pair one row of each.

    "image", "target" and "deformed" (n, height, width, channels): the pair that came closest, and what came of it;
    "field" (n, 10, 10, 2): how far x and y move, in fractions of a side; "axes" (n, 3, 5, height, width, channels): the
    image deformed by -2 to 2 standard deviations along the main axes of its class's deformations; "labels" (n,).
    """
    transformer = balancer.transformer(balancer.image_shape_)
    rows = {name: [] for name in ("image", "target", "deformed", "field", "axes", "labels")}
    for index, (pairs, thetas) in enumerate(zip(balancer.pairs_, balancer.thetas_, strict=True)):
        if not len(pairs):
            continue
        moving, fixed = (balancer.images_[pairs[:, side]] for side in (0, 1))
        errors = [_squares(made, fixed) for made in (deformed(transformer, moving, thetas), moving)]
        best = int(np.argmin(errors[0] / errors[1]))
        image, theta = moving[best : best + 1], thetas[best : best + 1]
        points = pixel_centres(ARROWS, ARROWS)
        values, vectors = np.linalg.eigh(balancer.covariances_[index])
        axes = np.sqrt(values[::-1][:N_AXES, None]) * vectors.T[::-1][:N_AXES]  # (n_axes, d), longest first
        along = np.float32([[step * axis for step in STEPS] for axis in axes])
        repeated = np.repeat(image, along.shape[0] * along.shape[1], axis=0)
        typical = deformed(transformer, repeated, along.reshape(len(repeated), -1))
        rows["image"].append(image[0])
        rows["target"].append(fixed[best])
        rows["deformed"].append(deformed(transformer, image, theta)[0])
        rows["field"].append(
            (transformer.transform(theta, points[None])[0] - points).numpy().reshape(ARROWS, ARROWS, 2)
        )
        rows["axes"].append(typical.reshape(*along.shape[:2], *typical.shape[1:]))
        rows["labels"].append(index)
    write_archive(path, {name: np.array(found) for name, found in rows.items()})


def _squares(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Mean squared difference (n,) of uint8 images."""
    return np.square(first.astype(np.float32) - second).mean(axis=(1, 2, 3))
