"""Learned diffeomorphisms: flows along continuous piecewise-affine velocity fields (poster; Freifeld et al. 2017)."""

from dataclasses import dataclass
from functools import cache

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

    seconds_per_1000_pairs = 20.0

    def transformer(self, image_shape):
        height, width, _ = image_shape
        if len(self.n_cells) != 2 or not all(isinstance(n, int) and n >= 1 for n in self.n_cells):
            raise ValueError(f"n_cells must be two whole numbers of at least 1, got {self.n_cells!r}")
        n_x, n_y = self.n_cells
        if n_x > width or n_y > height:
            raise ValueError(f"a grid of {n_x} x {n_y} cells is finer than images of {width} x {height} pixels")
        transformer = _transformer(tuple(self.n_cells), self.zero_boundary, self.volume_preserving)
        if not transformer.n_parameters:
            raise ValueError(f"the constraints of a grid of {n_x} x {n_y} cells leave nothing that could move")
        return transformer


_transformer = cache(CPABTransformer)  # which compiles what it does only once
