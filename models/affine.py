"""Learned affine transformations: rotation, scale, shear and shift as images of a class show them (the poster)."""

from dataclasses import dataclass

from .learned_transformations import LearnedTransformations
from .spatial_transformers import AffineTransformer


@dataclass(kw_only=True, eq=False, repr=False)
class Affine(LearnedTransformations):
    """Learned transformations that are affine: the exponential of a 3 x 3 matrix, six numbers (`AffineTransformer`)."""

    seconds_per_1000_pairs = 4.5

    def transformer(self, image_shape):
        height, width, _ = image_shape
        return AffineTransformer(width / height)
