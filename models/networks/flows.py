"""Networks of flow matching: velocities u([x, t, condition]) of the shape of x.

Times t (batch, 1) lie in [0, 1]. Before training they are those of Gaussian data, whose deviations `set_deviations`
tells. There are no normalisation layers: every residual block starts as the identity, and condition and time scale and
shift its features.
"""

import keras
from keras import layers

from ..layers import AroundGaussianVelocity, Modulation, SinusoidalEmbedding, UnitVariance

N_TIME_FEATURES = 64
N_BLOCKS = 2  # at each resolution, on the way down and on the way up
EMBEDDING_SIZE = 256


def unet(positions_shape: tuple[int, int, int], n_conditions: int, widths: tuple[int, ...]) -> keras.Model:
    """A U-Net: [x (batch, height, width, n), t (batch, 1), condition (batch, n_conditions)] -> velocity.

    `widths` are the features at each resolution; each is half the one before. x is padded with zeros so that the sides
    can be halved so often.
    """
    height, width, n_features = positions_shape
    positions = keras.Input(positions_shape, name="positions")
    time, condition = _time_and_condition(n_conditions)
    embedding = _embedded(time, condition)
    multiple = 2 ** (len(widths) - 1)
    below, right = -height % multiple, -width % multiple
    x = layers.ZeroPadding2D(((0, below), (0, right)))(UnitVariance()([positions, time]))
    x = layers.Conv2D(widths[0], 3, padding="same")(x)  # (batch, padded height, padded width, widths[0])
    kept = []
    for n_filters in widths[:-1]:
        x = _blocks(x, n_filters, embedding)
        kept.append(x)
        x = layers.Conv2D(n_filters, 3, 2, "same")(x)
    x = _blocks(x, widths[-1], embedding)
    for n_filters in reversed(widths[:-1]):
        x = layers.Conv2DTranspose(n_filters, 2, 2)(x)
        x = _blocks(layers.Concatenate()([x, kept.pop()]), n_filters, embedding)
    x = layers.Conv2D(n_features, 3, padding="same", kernel_initializer="zeros")(layers.Activation("silu")(x))
    x = layers.Cropping2D(((0, below), (0, right)))(x)
    velocity = AroundGaussianVelocity()([positions, time, x])
    return keras.Model([positions, time, condition], velocity, name="flow_unet")


def dense(n_features: int, n_conditions: int, width: int, n_blocks: int) -> keras.Model:
    """Dense layers: [x (batch, n_features), t (batch, 1), condition (batch, n_conditions)] -> velocity."""
    latent = keras.Input((n_features,), name="latent")
    time, condition = _time_and_condition(n_conditions)
    embedding = _embedded(time, condition)
    x = layers.Dense(width)(UnitVariance()([latent, time]))
    for _ in range(n_blocks):
        added = layers.Dense(width)(layers.Activation("silu")(x))
        added = layers.Activation("silu")(Modulation()([added, embedding]))
        x = layers.Add()([x, layers.Dense(width, kernel_initializer="zeros")(added)])
    x = layers.Dense(n_features, kernel_initializer="zeros")(layers.Activation("silu")(x))
    velocity = AroundGaussianVelocity()([latent, time, x])
    return keras.Model([latent, time, condition], velocity, name="flow_dense")


def set_deviations(network: keras.Model, deviations) -> None:
    """Tell the network the standard deviation of each feature of its data (n_features,)."""
    for layer in network.layers:
        if isinstance(layer, UnitVariance | AroundGaussianVelocity):
            layer.deviations.assign(deviations)


def _time_and_condition(n_conditions: int):
    return keras.Input((1,), name="time"), keras.Input((n_conditions,), name="condition")


def _embedded(time, condition):
    """(batch, EMBEDDING_SIZE) of both together."""
    x = layers.Dense(EMBEDDING_SIZE)(SinusoidalEmbedding(N_TIME_FEATURES)(time))
    x = layers.Add()([x, layers.Dense(EMBEDDING_SIZE)(condition)])
    x = layers.Dense(EMBEDDING_SIZE)(layers.Activation("silu")(x))
    return layers.Activation("silu")(x)


def _blocks(x, n_filters: int, embedding):
    for _ in range(N_BLOCKS):
        x = _residual(x, n_filters, embedding)
    return x


def _residual(x, n_filters: int, embedding):
    added = layers.Conv2D(n_filters, 3, padding="same")(layers.Activation("silu")(x))
    added = layers.Activation("silu")(Modulation()([added, embedding]))
    added = layers.Conv2D(n_filters, 3, padding="same", kernel_initializer="zeros")(added)
    kept = x if x.shape[-1] == n_filters else layers.Conv2D(n_filters, 1)(x)
    return layers.Add()([kept, added])


def usual_patch_pixels(image_shape: tuple[int, int, int]) -> int:
    """1 for sides up to 17 pixels, 2 up to 34, 3 up to 51, 4 up to 68: 14 positions a side for 28 pixels, then 16."""
    return max(1, -(-min(image_shape[:2]) // 17))
