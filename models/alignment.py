"""Find the deformations that turn images into others: Adam on many pairs of images at once."""

from collections.abc import Iterator
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
from scipy import ndimage

from ..datasets.pixels import n_at_once
from .spatial_transformers import SpatialTransformer, pixel_centres, values_at

PAIRS_AT_ONCE = 250
POINTS_AT_ONCE = 256  # pixels that a step looks at, other ones each time
BLUR_PIXELS = 1.0
LARGEST_CONDITION = 1e4  # of a covariance whose inverse is of use; CPAB on 3 x 3 cells has 50
NEGLIGIBLE_GRADIENT = 1e-4  # rounding's, which Adam would enlarge to whole steps


@dataclass(frozen=True)
class Aligned:
    """theta (n, n_parameters) of n pairs; squared differences (n,) without and with it; largest move of a pixel (n,).

    Differences are means over pixels of values in 0..1, moves are fractions of a side.
    """

    thetas: np.ndarray
    before: np.ndarray
    after: np.ndarray
    largest_move: np.ndarray


class Alignment:
    """Minimises J(theta) = mean_p |fixed(p) - moving(T(p))|^2 + prior_weight / 2 theta' C^-1 theta for each pair.

    C is the transformer's prior covariance. Adam takes `n_iterations` steps of `learning_rate`, which falls to 0, the
    first half on blurred images; each step looks at up to 256 pixels drawn from `random_state`. Raises ValueError for a
    C that can hardly be inverted, as that of fine grids.
    """

    def __init__(
        self,
        transformer: SpatialTransformer,
        n_iterations: int = 100,
        learning_rate: float = 1e-2,
        prior_weight: float = 1e-3,
        random_state: int = 0,
    ):
        self.transformer = transformer
        self.n_iterations, self.learning_rate = n_iterations, learning_rate
        self.random_state = random_state
        covariance = transformer.prior_covariance()
        if np.linalg.cond(covariance) > LARGEST_CONDITION:
            raise ValueError("deformations with so many parameters cannot be learned; take a coarser grid")
        self.precision = tf.constant(prior_weight * np.linalg.inv(covariance), tf.float32)

    def parts(self, images: np.ndarray, pairs: np.ndarray) -> Iterator[Aligned]:
        """Results for uint8 `images` and `pairs` (n, 2) of their indices, (moving, fixed), 250 pairs at a time, of
        large images fewer."""
        size = min(n_at_once(PAIRS_AT_ONCE, images.shape[1:]), len(pairs))
        theta = tf.Variable(tf.zeros((size, self.transformer.n_parameters)))
        rate = keras.optimizers.schedules.CosineDecay(self.learning_rate, self.n_iterations)
        optimizer = keras.optimizers.Adam(rate, epsilon=NEGLIGIBLE_GRADIENT)
        optimizer.build([theta])
        step, measure = tf.function(self._step), tf.function(self._measure)
        chosen = [self._points(*images.shape[1:3], iteration) for iteration in range(self.n_iterations)]
        for start in range(0, len(pairs), max(1, size)):
            part = pairs[start : start + size]
            filled_up = np.resize(part, (size, 2))  # by repetition, so that the graph is traced once
            sharp = [images[filled_up[:, side]].astype(np.float32) / 255.0 for side in (0, 1)]
            blurred = [ndimage.gaussian_filter(side, (0, BLUR_PIXELS, BLUR_PIXELS, 0)) for side in sharp]
            theta.assign(tf.zeros_like(theta))
            for variable in optimizer.variables:
                variable.assign(tf.zeros_like(variable))
            sharp, blurred = (tuple(map(tf.constant, sides)) for sides in (sharp, blurred))
            for iteration in range(self.n_iterations):
                step(theta, optimizer, blurred if 2 * iteration < self.n_iterations else sharp, chosen[iteration])
            found = [theta.numpy(), *(values.numpy() for values in measure(theta, sharp))]
            yield Aligned(*(values[: len(part)] for values in found))

    def _points(self, height: int, width: int, iteration: int):
        """Which pixels an iteration looks at, int32 (n_points,), counted row by row."""
        seed = tf.constant([self.random_state, iteration], tf.int64)
        return tf.argsort(tf.random.stateless_uniform((height * width,), seed))[:POINTS_AT_ONCE]

    def _step(self, theta, optimizer, images, chosen):
        moving, fixed = images
        n_images, height, width, n_channels = fixed.shape
        points = tf.repeat(tf.gather(pixel_centres(height, width), chosen)[None], n_images, axis=0)
        wanted = tf.gather(tf.reshape(fixed, (n_images, height * width, n_channels)), chosen, axis=1)
        with tf.GradientTape() as tape:
            difference = tf.reduce_mean(
                tf.square(wanted - values_at(moving, self.transformer.transform(theta, points))), (1, 2)
            )
            length = tf.reduce_sum(theta * tf.matmul(theta, self.precision), axis=1)
            loss = tf.reduce_sum(difference + 0.5 * length)  # pairs do not touch each other
        optimizer.apply([tape.gradient(loss, theta)], [theta])

    def _measure(self, theta, images):
        moving, fixed = images
        n_images, height, width, _ = fixed.shape
        points = tf.repeat(pixel_centres(height, width)[None], n_images, axis=0)
        moved = self.transformer.transform(theta, points)
        after = tf.reshape(values_at(moving, moved), fixed.shape)
        squares = [tf.reduce_mean(tf.square(fixed - values), (1, 2, 3)) for values in (moving, after)]
        return *squares, tf.reduce_max(tf.norm(moved - points, axis=-1), axis=1)
