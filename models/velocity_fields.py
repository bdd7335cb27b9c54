"""CPAB transformations: diffeomorphisms that flow along continuous piecewise-affine velocity fields.

Freifeld et al. 2015 and 2017. The unit square is cut into rectangular cells, each cell into four triangles that meet in
its centre, and the velocity is affine in each triangle: v(p) = A (p, 1). Such a field is continuous and fixed by its
velocities at the vertices of the triangles. T(p) is where p flows to in unit time.

Deviation: the authors take an orthonormal basis of all matrices A that meet at the edges; here the parameters are the
velocities of the vertices that are free to move, which span the same fields, and an orthonormal basis of these only
where there are further constraints (`vertex_basis`).
"""

from numbers import Integral

import keras
import numpy as np
import tensorflow as tf
from scipy.linalg import null_space

from .spatial_transformers import SpatialTransformer

MAX_CELLS = 256  # more take minutes to prepare
N_TRIANGLES = 4  # of a cell, in this order: right, bottom, left, top; y points down
CORNERS = {"right": (1, 3), "bottom": (3, 2), "left": (2, 0), "top": (0, 1)}  # of a cell: 0 1 above 2 3
RELATIVE_TOLERANCE = 1e-6


@keras.saving.register_keras_serializable("class_balancing")
class CPABTransformer(SpatialTransformer):
    """Deforms images by the flow of a velocity field on a grid of `n_cells` (along x, along y), integrated numerically.

    With `zero_boundary` nothing flows across the border of the square: points of the border stay on it, corners stay.
    Without, fields go on outside of the square as in the triangle nearest to it and are continuous there too. With
    `volume_preserving` areas do not change. The midpoint rule takes `n_steps` steps: 8 are within 0.02 of 28 pixels.
    """

    def __init__(
        self,
        n_cells: tuple[int, int] = (3, 3),
        zero_boundary: bool = True,
        volume_preserving: bool = False,
        n_steps: int = 8,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if np.shape(n_cells) != (2,) or not all(isinstance(n, Integral) and n >= 1 for n in n_cells):
            raise ValueError(f"n_cells must be two whole numbers of at least 1, got {n_cells!r}")
        if n_cells[0] * n_cells[1] > MAX_CELLS:
            raise ValueError(f"a grid may have {MAX_CELLS} cells, got {n_cells[0]} x {n_cells[1]}")
        if not isinstance(n_steps, Integral) or n_steps < 1:
            raise ValueError(f"n_steps must be a whole number of at least 1, got {n_steps!r}")
        self.n_cells = tuple(n_cells)
        self.zero_boundary = zero_boundary
        self.volume_preserving = volume_preserving
        self.n_steps = n_steps
        basis = vertex_basis(self.n_cells, zero_boundary, volume_preserving)
        if not basis.size:
            raise ValueError(
                f"the constraints of a grid of {n_cells[0]} x {n_cells[1]} cells leave nothing that could move"
            )
        self.vertex_basis = basis  # (2 * n_vertices, n_parameters)
        self.matrix_basis = np.float32(np.einsum("tijv,vk->ktij", _matrices_of_vertices(self.n_cells), basis))
        self.n_parameters = basis.shape[1]
        # one compiled loop over points instead of some 150 operations: three times as fast
        self._flow = tf.function(self._integrated, jit_compile=True, reduce_retracing=True)

    def get_config(self):
        names = ("n_cells", "zero_boundary", "volume_preserving", "n_steps")
        return super().get_config() | {name: getattr(self, name) for name in names}

    def velocity(self, theta, points):
        """The velocities (n, n_points, 2) of points (n, n_points, 2) in the fields of theta (n, n_parameters)."""
        return self._velocity(self._matrices(theta), points)

    def transform(self, theta, points):
        return self._flow(self._matrices(theta), points)

    def prior_covariance(self, vertex_deviation: float = 0.05, length: float = 0.2):
        """Velocities of `vertex_deviation` (of a side) at each vertex, alike at vertices within `length`."""
        places = vertices(self.n_cells)
        squares = np.square(places[:, None] - places[None]).sum(axis=-1)
        kernel = vertex_deviation**2 * np.exp(-squares / (2 * length**2))
        return self.vertex_basis.T @ np.kron(kernel, np.eye(2)) @ self.vertex_basis

    def _matrices(self, theta):
        """A of every triangle of every field, (n, n_triangles, 6)."""
        n_parameters, n_triangles = self.matrix_basis.shape[:2]
        flat = tf.matmul(theta, self.matrix_basis.reshape(n_parameters, -1))
        return tf.reshape(flat, (-1, n_triangles, 6))

    def _integrated(self, matrices, points):
        step = 1.0 / self.n_steps
        for _ in range(self.n_steps):
            halfway = points + 0.5 * step * self._velocity(matrices, points)
            points = points + step * self._velocity(matrices, halfway)
        return points

    def _velocity(self, matrices, points):
        a, b, c, d, e, f = tf.unstack(tf.gather(matrices, self._triangles(points), batch_dims=1), axis=-1)
        x, y = tf.unstack(points, axis=-1)
        return tf.stack([a * x + b * y + c, d * x + e * y + f], axis=-1)

    def _triangles(self, points):
        """Index (n, n_points) of the triangle of each point; beyond the square that of the nearest cell goes on."""
        n_cells = tf.constant(self.n_cells, points.dtype)
        cells = tf.clip_by_value(tf.floor(points * n_cells), 0.0, n_cells - 1.0)
        right, down = tf.unstack(points * n_cells - cells - 0.5, axis=-1)  # from the centre of the cell
        is_vertical = tf.abs(down) > tf.abs(right)
        is_behind = tf.where(is_vertical, down, right) < 0.0  # left or top
        column, row = tf.unstack(cells, axis=-1)
        first = (row * self.n_cells[0] + column) * N_TRIANGLES
        return tf.cast(first, tf.int32) + tf.cast(is_vertical, tf.int32) + 2 * tf.cast(is_behind, tf.int32)


def vertices(n_cells: tuple[int, int]) -> np.ndarray:
    """Points (n_vertices, 2) of the corners of all cells, row by row, then of their centres."""
    n_x, n_y = n_cells
    y, x = np.mgrid[: n_y + 1, : n_x + 1]
    centre_y, centre_x = np.mgrid[:n_y, :n_x] + 0.5
    corners, centres = (np.stack([x, y], -1).reshape(-1, 2) for x, y in ((x, y), (centre_x, centre_y)))
    return np.concatenate([corners, centres]) / [n_x, n_y]


def vertex_basis(n_cells: tuple[int, int], zero_boundary: bool, volume_preserving: bool) -> np.ndarray:
    """(2 * n_vertices, n_parameters): the velocities, x and y of each vertex in turn, that a parameter stands for."""
    places = vertices(n_cells)
    basis = np.eye(2 * len(places))
    constraints = []
    if zero_boundary:
        on_border = (places == 0.0) | (places == 1.0)  # its velocity across the border, x or y
        basis = basis[:, ~on_border.reshape(-1)]
    else:
        constraints += _equal_beyond_the_border(n_cells)
    if volume_preserving:
        matrices = _matrices_of_vertices(n_cells)
        constraints += list(matrices[:, 0, 0] + matrices[:, 1, 1])  # the trace of every triangle
    if not constraints or not basis.size:
        return basis
    return basis @ null_space(np.array(constraints) @ basis, rcond=RELATIVE_TOLERANCE)


def _triangles_of_cells(n_cells) -> np.ndarray:
    """Indices (n_triangles, 3) of each triangle's vertices: two corners and the centre of its cell."""
    n_x, n_y = n_cells
    found = []
    for row in range(n_y):
        for column in range(n_x):
            first = row * (n_x + 1) + column
            corners = (first, first + 1, first + n_x + 1, first + n_x + 2)
            centre = (n_x + 1) * (n_y + 1) + row * n_x + column
            found += [(corners[one], corners[other], centre) for one, other in CORNERS.values()]
    return np.array(found)


def _matrices_of_vertices(n_cells) -> np.ndarray:
    """(n_triangles, 2, 3, 2 * n_vertices): A of each triangle from the velocities of all vertices."""
    places, triangles = vertices(n_cells), _triangles_of_cells(n_cells)
    homogeneous = np.concatenate([places[triangles], np.ones((len(triangles), 3, 1))], axis=-1)  # (n_triangles, 3, 3)
    weights = np.linalg.inv(homogeneous)  # (n_triangles, 3 columns of A, 3 vertices)
    found = np.zeros((len(triangles), 2, 3, len(places), 2))
    for index, corners in enumerate(triangles):
        for axis in (0, 1):
            found[index, axis, :, corners, axis] = weights[index].T
    return found.reshape(len(triangles), 2, 3, -1)


def _equal_beyond_the_border(n_cells) -> list[np.ndarray]:
    """Constraints (2 * n_vertices,) of fields that are continuous outside of the square too.

    Where two cells meet at the border, their outermost triangles share one vertex; beyond it they meet in a ray, along
    which both have to change alike.
    """
    (n_x, n_y), sides = n_cells, list(CORNERS)
    matrices = _matrices_of_vertices(n_cells).reshape(n_y, n_x, N_TRIANGLES, 2, 3, -1)
    outermost = (("left", matrices[:, 0], 0), ("right", matrices[:, -1], 0))
    outermost += (("top", matrices[0], 1), ("bottom", matrices[-1], 1))
    found = []
    for side, of_cells, axis in outermost:
        along_rays = of_cells[:, sides.index(side), :, axis]  # (n cells of this side, 2, 2 * n_vertices)
        found += list(np.diff(along_rays, axis=0).reshape(-1, along_rays.shape[-1]))
    return found
