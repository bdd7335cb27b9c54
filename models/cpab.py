"""Learned diffeomorphisms: flows along continuous piecewise-affine velocity fields (poster; Freifeld et al. 2017)."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from .learned_transformations import LearnedTransformations
from .velocity_fields import CPABTransformer


@dataclass(kw_only=True, eq=False, repr=False)
class CPAB(LearnedTransformations):
    """Learned transformations that are CPAB on a grid of `n_cells` along x and along y (`CPABTransformer`).

    With `zero_boundary` nothing flows across the border of the image; `volume_preserving` keeps areas.
    """

    n_cells: tuple[int, int] = (3, 3)
    zero_boundary: bool = True
    volume_preserving: bool = False

    seconds_per_1000_pairs = 16.5

    def transformer(self, image_shape):
        n_cells = tuple(np.ravel(self.n_cells).tolist())  # to be hashed, whatever was given
        transformer = _transformer(n_cells, self.zero_boundary, self.volume_preserving)
        (height, width, _), (n_x, n_y) = image_shape, self.n_cells
        if n_x > width or n_y > height:
            raise ValueError(
                f"a grid of {n_x} x {n_y} cells (along x, along y) is finer than images {width} pixels wide and "
                f"{height} high"
            )
        return transformer


_transformer = cache(CPABTransformer)  # which compiles what it does only once
